"""A clock that moves only when a test moves it."""

from arbitrage.domain.instants import NS_PER_S, Instant

NOON: Instant = Instant(1_795_316_400 * NS_PER_S)
"""2026-11-22 12:00 in Seoul."""


class ManualClock:
    """Stands still at `at` until told otherwise."""

    def __init__(self, at: Instant = NOON) -> None:
        self._at = at

    def now(self) -> Instant:
        """Return the instant that the test has set."""
        return self._at

    def advance(self, seconds: float) -> Instant:
        """Let time pass, and return the new present. Raises ValueError if it would run backwards."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds}")
        self._at = Instant(self._at + round(seconds * NS_PER_S))
        return self._at
