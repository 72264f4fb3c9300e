"""Sums over plans and fills of a day: results, fees, times. Pure; it judges nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Final, Self

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import KRW, USDT, won
from arbitrage.domain.plans import Fill, Outcome, PlanEnd
from arbitrage.telemetry.cleaning import clean_text

NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What some plans came to, in KRW. What nobody saw (`unscored`) is counted as a plan, and worth nothing."""

    plans: int
    outcomes: dict[str, int]
    notional_krw: Decimal
    expected_krw: Decimal
    result_krw: Decimal

    @classmethod
    def of(cls, ends: Sequence[PlanEnd]) -> Self:
        """Count some ended plans."""
        seen = [end for end in ends if end.outcome is not Outcome.UNSCORED]
        outcomes = Counter(end.outcome.value for end in ends)
        return cls(
            plans=len(ends),
            outcomes={outcome.value: outcomes[outcome.value] for outcome in Outcome if outcomes[outcome.value]},
            notional_krw=sum((end.plan.notional_krw for end in ends), NOTHING),
            expected_krw=sum((end.plan.expected_krw for end in seen), NOTHING),
            result_krw=won(sum(end.result for end in seen)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """Fees paid to a venue in one currency, and what they were worth in KRW at the fx of their plans."""

    venue: str
    currency: str
    amount: Decimal
    krw: Decimal


def fees(ends: Iterable[PlanEnd]) -> tuple[FeeLine, ...]:
    """Return the fees of all fills, hedges too, by venue and currency."""
    amounts: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for end in ends:
        for venue, fill in _fills(end):
            amount, krw = amounts.get((venue, fill.fee_currency), (NOTHING, NOTHING))
            amounts[venue, fill.fee_currency] = (amount + fill.fee, krw + _fee_krw(fill, end))
    return tuple(
        FeeLine(venue=venue, currency=clean_text(currency), amount=amount, krw=krw)
        for (venue, currency), (amount, krw) in sorted(amounts.items())
        if amount
    )


def _fills(end: PlanEnd) -> Iterator[tuple[str, Fill]]:
    yield Venue.UPBIT.value, end.upbit_fill
    yield Venue.BINANCE.value, end.binance_fill
    yield from ((hedge.venue.value, hedge.fill) for hedge in end.hedges)


def _fee_krw(fill: Fill, end: PlanEnd) -> Decimal:
    if fill.fee_currency == KRW:
        return fill.fee
    if fill.fee_currency == USDT:
        return fill.fee * end.plan.fx.ask
    # taken out of the coin, which only Binance does: at this fill's own price
    return fill.fee * fill.funds / fill.quantity * end.plan.fx.ask if fill.quantity else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How some times are spread, in ms."""

    count: int
    median_ms: float
    p99_ms: float
    max_ms: float


def time_to_neutral(ends: Iterable[PlanEnd]) -> Spread | None:
    """Return how long plans took from their first fill to neutral; None where nothing filled."""
    times = sorted(end.neutral_after / NS_PER_MS for end in ends if end.neutral_after is not None)
    if not times:
        return None
    return Spread(count=len(times), median_ms=_rank(times, 0.5), p99_ms=_rank(times, 0.99), max_ms=times[-1])


def _rank(ordered: Sequence[float], share: float) -> float:
    # the nearest rank: a time that was really taken, and not one between two of them
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]
