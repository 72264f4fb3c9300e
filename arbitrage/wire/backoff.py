"""How long to wait before trying again. Pure arithmetic; it never sleeps."""

from random import Random
from typing import Final

MAX_DOUBLINGS: Final = 20  # 2**20 first waits are beyond any longest wait; it keeps the power small


class Backoff:
    """Waits that double from `first_s` up to `longest_s`, each cut by up to half at random."""

    def __init__(self, rng: Random, first_s: float = 0.2, longest_s: float = 30.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries = 0

    def next_s(self) -> float:
        """Return the next wait in seconds: between half of the full wait and all of it."""
        full_s = min(self._longest_s, self._first_s * 2.0 ** min(self._tries, MAX_DOUBLINGS))
        self._tries += 1
        return full_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from the first wait: what was tried has worked for a while."""
        self._tries = 0
