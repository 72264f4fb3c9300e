"""Binance's limits as clients see them: weight by address, unfilled orders by account. Counts only; no HTTP.

Limits and their meaning: exchangeInfo, and the venue's faqs/order_count_decrement.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from arbitrage.domain.instants import NS_PER_S
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import Limit, Verdict, limiter

WEIGHT_A_MINUTE: Final = 6_000

# type, interval, how many of it, limit
RATE_LIMITS: Final = (
    ("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_A_MINUTE),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
    ("RAW_REQUESTS", "MINUTE", 5, 300_000),
)

_KEYS: Final = ("rateLimitType", "interval", "intervalNum", "limit")
_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}


def limit_row(limit: tuple[str, str, int, int]) -> dict[str, Any]:
    """Write a limit as exchangeInfo does."""
    return dict(zip(_KEYS, limit, strict=True))


def weight_row(used: int) -> dict[str, Any]:
    """Write the weight used in this minute, as websocket replies do."""
    return {**limit_row(RATE_LIMITS[0]), "count": used}


def weights(manners: Manners) -> Limit:
    """Make the counter of weight by address; HTTP and websocket share one."""
    return limiter(WEIGHT_A_MINUTE, 60, first_block_s=120, on=manners.limits)


def too_much_weight(verdict: Verdict, now_ms: int) -> BinanceError:
    """Say that an address has used too much weight, or that it is banned and until when."""
    advice = "Please use WebSocket Streams for live updates to avoid"
    message = (
        f"Too much request weight used; current limit is {WEIGHT_A_MINUTE} request weight per 1 MINUTE. "
        f"{advice} polling the API."
    )
    if verdict.status == 418:
        until_ms = now_ms + verdict.retry_after_s * 1_000
        message = f"Way too much request weight used; IP banned until {until_ms}. {advice} bans."
    return BinanceError(-1003, message, verdict.status, verdict.retry_after_s)


@dataclass(slots=True)
class _Window:
    interval: str
    number: int
    limit: int
    index: int = -1
    used: int = 0

    @property
    def length_ns(self) -> int:
        return _SECONDS[self.interval] * self.number * NS_PER_S

    def roll(self, now_ns: int) -> None:
        index = now_ns // self.length_ns
        if index != self.index:
            self.index, self.used = index, 0


def _windows() -> list[_Window]:
    return [_Window(interval, number, limit) for kind, interval, number, limit in RATE_LIMITS if kind == "ORDERS"]


@dataclass(slots=True)
class OrderCounts:
    """How many orders the account has placed that have not traded. `on` false: counts, and never refuses."""

    on: bool
    _counted: list[_Window] = field(default_factory=_windows)

    def take(self, now_ns: int) -> None:
        """Count a new order. Raises BinanceError where one more is too many."""
        for window in self._counted:
            window.roll(now_ns)
            if self.on and window.used >= window.limit:
                wait_s = -(-((window.index + 1) * window.length_ns - now_ns) // NS_PER_S)
                limit = f"{window.limit} orders per {window.number} {window.interval}"
                raise BinanceError(-1015, f"Too many new orders; current limit is {limit}.", 429, wait_s)
        for window in self._counted:
            window.used += 1

    def give_back(self, now_ns: int) -> None:
        """Forget one order: it was refused after all, or it has traded for the first time."""
        for window in self._counted:
            window.roll(now_ns)
            window.used = max(0, window.used - 1)

    def rows(self, now_ns: int) -> list[dict[str, Any]]:
        """Write the counts with their limits."""
        for window in self._counted:
            window.roll(now_ns)
        return [
            {**limit_row(("ORDERS", window.interval, window.number, window.limit)), "count": window.used}
            for window in self._counted
        ]
