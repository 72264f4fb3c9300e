"""The venues' request limits as counters over time. Time comes in as nanoseconds; no HTTP here."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from arbitrage.domain.instants import NS_PER_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a limiter says to one request: `status` is 200, 429 or 418; `used` and `left` are of this window."""

    status: int
    used: int
    left: int
    retry_after_s: int = 0

    @property
    def passes(self) -> bool:
        """Tell whether the request is served."""
        return self.status == 200


@dataclass(slots=True)
class _Meter:
    window: int = -1
    used: int = 0
    refused: int = 0
    blocked_until_ns: int = 0
    blocks: int = 0


@dataclass(slots=True)
class Limiter:
    """Allows `limit` in each window of `window_s`, by key. Who goes on after refusals is blocked, longer each time.

    `patience` is how many refusals in a row are let pass before the block; neither venue tells its own.
    """

    limit: int
    window_s: int
    first_block_s: int
    patience: int = 10
    _meters: dict[str, _Meter] = field(default_factory=dict)

    def ask(self, key: str, now_ns: int, weight: int = 1) -> Verdict:
        """Count a request and judge it."""
        meter = self._meters.setdefault(key, _Meter())
        if now_ns < meter.blocked_until_ns:
            return Verdict(418, meter.used, 0, _seconds(meter.blocked_until_ns - now_ns))
        window = now_ns // (self.window_s * NS_PER_S)
        if window != meter.window:
            meter.window, meter.used = window, 0
        # what costs nothing needs room all the same, and is no sign that the client has calmed down
        if meter.used + max(weight, 1) <= self.limit:
            meter.used += weight
            meter.refused = 0 if weight else meter.refused
            return Verdict(200, meter.used, self.limit - meter.used)
        return self._refuse(meter, now_ns)

    def _refuse(self, meter: _Meter, now_ns: int) -> Verdict:
        meter.refused += 1
        left_ns = (meter.window + 1) * self.window_s * NS_PER_S - now_ns
        if meter.refused <= self.patience:
            return Verdict(429, meter.used, 0, _seconds(left_ns))
        block_s = min(self.first_block_s * 2**meter.blocks, LONGEST_BLOCK_S)
        meter.blocked_until_ns = now_ns + block_s * NS_PER_S
        meter.blocks = min(meter.blocks + 1, 20)
        meter.refused = 0
        return Verdict(418, meter.used, 0, block_s)


LONGEST_BLOCK_S: Final = 3 * 86_400
"""Binance bans an address for up to three days."""


class Limit(Protocol):
    """Anything that judges requests."""

    def ask(self, key: str, now_ns: int, weight: int = 1) -> Verdict:
        """Count a request and judge it."""
        ...


class Freely:
    """A limiter that lets everything pass, for `Manners(limits=False)`."""

    def ask(self, key: str, now_ns: int, weight: int = 1) -> Verdict:
        """Let the request pass."""
        return Verdict(200, 0, 10_000)


def limiter(limit: int, window_s: int, *, first_block_s: int, on: bool) -> Limit:
    """Make a limiter, or one that never refuses."""
    return Limiter(limit, window_s, first_block_s) if on else Freely()


def _seconds(nanos: int) -> int:
    return max(1, -(-nanos // NS_PER_S))
