"""What a simulated venue is like: its latency, its slippage, our share of a level. Chance is passed in, seeded."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final, Protocol

from arbitrage.domain.instants import Nanos, from_ms
from arbitrage.domain.instruments import Side, TickTable
from arbitrage.exchange.accounts import exactly
from arbitrage.exchange.liquidity import ExactLevel

_ALL: Final = Decimal(1)


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


class Latency(Protocol):
    """How long a request is under way to the venue."""

    def draw(self) -> Nanos:
        """Return the time of the next request; not negative."""
        ...


class Slippage(Protocol):
    """How much worse than it looks a book is once an order is there."""

    def worsen(self, side: Side, levels: list[ExactLevel], ticks: TickTable) -> list[ExactLevel]:
        """Return the levels of a side (BUY: the bids) moved against whoever takes them, on the ticks."""
        ...


class LevelShare(Protocol):
    """How much of each level is left for us when we come: below 1, fills are partial."""

    def draw(self) -> Decimal:
        """Return the share for the next order, from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLatency:
    """The same for every request."""

    ms: float = 0.0

    def __post_init__(self) -> None:
        _check(0 <= self.ms < float("inf"), f"not a latency in ms: {self.ms}")

    def draw(self) -> Nanos:
        """Return it."""
        return from_ms(self.ms)


@dataclass(frozen=True, slots=True)
class JitteredLatency:
    """A least latency and an even jitter on top of it, both in ms."""

    least_ms: float
    jitter_ms: float
    rng: Random

    def __post_init__(self) -> None:
        usable = 0 <= self.least_ms < float("inf") and 0 <= self.jitter_ms < float("inf")
        _check(usable, f"not a latency and a jitter in ms: {self.least_ms}, {self.jitter_ms}")

    def draw(self) -> Nanos:
        """Return one of the latencies."""
        return Nanos(from_ms(self.least_ms) + self.rng.randint(0, from_ms(self.jitter_ms)))


@dataclass(frozen=True, slots=True)
class NoSlippage:
    """The book is as it looks."""

    def worsen(self, side: Side, levels: list[ExactLevel], ticks: TickTable) -> list[ExactLevel]:
        """Return the levels as they are."""
        return levels


@dataclass(frozen=True, slots=True)
class BpsSlippage:
    """Bids are so many bps lower than they look, asks higher; rounded to the tick, away from us."""

    bps: Decimal

    def __post_init__(self) -> None:
        _check(self.bps.is_finite() and 0 <= self.bps < 10_000, f"not a slippage in bps: {self.bps}")

    @exactly()
    def worsen(self, side: Side, levels: list[ExactLevel], ticks: TickTable) -> list[ExactLevel]:
        """Return the levels moved; a bid that would be worth nothing is gone."""
        factor = 1 - side.sign * self.bps / 10_000
        onto_tick = ticks.floor if side is Side.BUY else ticks.ceil
        moved = [(onto_tick(price * factor), quantity) for price, quantity in levels]
        return [level for level in moved if level[0] > 0]


@dataclass(frozen=True, slots=True)
class FixedShare:
    """The same share of every level."""

    share: Decimal = _ALL

    def __post_init__(self) -> None:
        _check(self.share.is_finite() and 0 <= self.share <= 1, f"not a share of a level: {self.share}")

    def draw(self) -> Decimal:
        """Return it."""
        return self.share


@dataclass(frozen=True, slots=True)
class RandomShare:
    """An even share from `least` to all, in hundredths."""

    least: Decimal
    rng: Random

    def __post_init__(self) -> None:
        _check(self.least.is_finite() and 0 <= self.least <= 1, f"not a share of a level: {self.least}")

    def draw(self) -> Decimal:
        """Return one of the shares."""
        return Decimal(self.rng.randint(int(self.least * 100), 100)) / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """All of it together; by default a venue that is there at once and gives what it shows.

    `matching` is how long an order that has arrived waits until it is matched; a cancel does not wait for that.
    """

    latency: Latency = FixedLatency()
    matching: Latency = FixedLatency()
    slippage: Slippage = NoSlippage()
    share: LevelShare = FixedShare()
