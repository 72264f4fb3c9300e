"""What has to be reached, as data: which figure over, or above, which other one, and the bound. It measures nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.bench.rounds import Series, Spread, differences, ratios


class Kind(StrEnum):
    """How two series become one figure: the first over the second, the first less the second, or the first alone."""

    RATIO = "ratio"
    DIFFERENCE = "difference"
    ALONE = "alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One line of what has to be reached. `is_most`: the bound is the most that the figure may be, not the least."""

    text: str
    first: str
    second: str = ""
    kind: Kind = Kind.RATIO
    bound: float
    is_most: bool = False
    unit: str = "×"

    def figures(self, series: Mapping[str, Series]) -> Sequence[float] | None:
        """Return the figure of each round, or None where a part was not measured."""
        if self.first not in series or (self.second and self.second not in series):
            return None
        first = series[self.first]
        match self.kind:
            case Kind.RATIO:
                return ratios(first, series[self.second])
            case Kind.DIFFERENCE:
                return differences(first, series[self.second])
            case Kind.ALONE:
                return first.rounds

    def is_reached(self, spread: Spread) -> bool:
        """Say whether the median of the rounds keeps the bound."""
        return spread.median <= self.bound if self.is_most else spread.median >= self.bound


def _least(text: str, first: str, second: str, bound: float) -> Target:
    return Target(text=text, first=first, second=second, bound=bound)


def _most(text: str, first: str, second: str, bound: float) -> Target:
    return Target(text=text, first=first, second=second, bound=bound, is_most=True)


def _alone(text: str, first: str, bound: float, unit: str) -> Target:
    return Target(text=text, first=first, kind=Kind.ALONE, bound=bound, is_most=True, unit=unit)


OURS: Final = "tick/ours, 4 pairs"

TARGETS: Final = (
    _least(
        "decode + book, 15 levels, against ccxt.pro", "decode/upbit default 15/ccxt", "decode/upbit simple 15/ours", 25
    ),
    _least("the same, bookTicker", "decode/binance bookTicker/ccxt", "decode/binance bookTicker/ours", 45),
    *(
        _most(f"decode + book, {what}, against a C parse", f"decode/{what}/ours", f"decode/{what}/C parse", 3)
        for what in ("upbit simple 15", "binance depth20", "binance bookTicker")
    ),
    _least("websocket, sustained, against ccxt.pro", "websocket/sustained/ours", "websocket/sustained/ccxt", 18),
    _most("websocket, CPU at 2,000 msg/s, against ccxt.pro", "websocket/cpu/ours", "websocket/cpu/ccxt", 0.22),
    *(
        Target(
            text=f"order, {venue}, client time above an echo",
            first=f"orders/{venue}/ours",
            second=f"orders/{venue}/echo",
            kind=Kind.DIFFERENCE,
            bound=20,
            is_most=True,
            unit="µs",
        )
        for venue in ("upbit", "binance")
    ),
    _least("tick to trade against naive ccxt, limiter off", "tick/ccxt, limiter off", OURS, 8),
    _least("tick to trade against naive ccxt, defaults", "tick/ccxt, defaults", OURS, 1_000),
    _most("tick to trade against a blocking C echo", OURS, "tick/C echo, blocking", 1.6),
    _most("the same, both busy polling", "busy/ours, 4 pairs", "busy/C echo", 2.6),
    _most("tick to trade, 200 pairs against 4", "tick/ours, many pairs", OURS, 1.3),
    _alone("burst of 5,000 frames, p99 age of the book, bookTicker", "burst/bookTicker/ours p99", 20, "ms"),
    _alone("the same, depth", "burst/depth20/ours p99", 20, "ms"),
    _alone("200 pairs at 2,000 frames/s, CPU of one core", "footprint/cpu, many pairs", 12, "%"),
    _alone("200 pairs, resident memory", "footprint/rss, many pairs", 260, "MB"),
)
"""The figures that the hot path has to reach (issue and design page); each is made within a round of one run."""
