"""What a plan promised and what it was booked as, reckoned again from the design's formulas, exactly. It reports only.

The code that trades reckons in its own way (`opportunity`, `ledger`). Nothing of that is used here, so that a mistake
in it is not repeated.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.money import KRW, UNITS_PER_WON, USDT, won
from arbitrage.domain.plans import Direction, Fill, PlanEnd, TwoLegPlan

QUOTES: Final = {Venue.UPBIT: KRW, Venue.BINANCE: USDT}

_HAIR: Final = Decimal("1e-9")
"""What an edge or a price, which are reckoned in floats, may be off its exact worth."""

_MARKS: Final = (Decimal("0.5"), Decimal(2))
"""Between which parts of its price at decision what is left over may be valued: at what the books showed at the end."""

_A_UNIT: Final = 1 / Decimal(UNITS_PER_WON)

Instruments = Mapping[tuple[Venue, str], Instrument]


@dataclass(frozen=True, slots=True)
class Traded:
    """One order's fill, with where and which way."""

    venue: Venue
    side: Side
    fill: Fill

    def quote(self) -> Decimal:
        """Return what it brought of the quote currency, its fee taken off."""
        fee = self.fill.fee if self.fill.fee_currency == QUOTES[self.venue] else Decimal(0)
        return -self.side.sign * self.fill.funds - fee

    def base(self, base: str) -> Decimal:
        """Return what it brought of the base, its fee taken off."""
        fee = self.fill.fee if self.fill.fee_currency == base else Decimal(0)
        return self.side.sign * self.fill.quantity - fee


def edge_at_limits(plan: TwoLegPlan, instruments: Instruments) -> Decimal:
    """Return the edge, as a fraction, that is left if both legs fill at their limits. Source: the design's formulas."""
    upbit, binance, fx = plan.upbit.limit_price, plan.binance.limit_price, plan.fx
    fee_u, fee_b = _fee(plan, Venue.UPBIT, instruments), _fee(plan, Venue.BINANCE, instruments)
    if plan.direction is Direction.SELL_UPBIT:
        return upbit * (1 - fee_u) / (binance / (1 - fee_b) * fx.ask * (1 + fee_u)) - 1
    return binance * (1 - fee_b) * fx.bid * (1 - fee_u) / (upbit * (1 + fee_u)) - 1


def is_given_away(plan: TwoLegPlan, instruments: Instruments, least_pct: Decimal) -> bool:
    """Tell whether a plan's limits allow fills that leave less than the smallest edge."""
    return edge_at_limits(plan, instruments) < least_pct / 100 - _HAIR


def widened(plan: TwoLegPlan) -> Decimal:
    """Return by which fraction a limit is off the deepest level that its leg walks, of the leg that is further off."""
    deepest = [(leg.limit_price, Decimal(leg.levels[-1][0])) for leg in plan.legs if leg.levels]
    return max((abs(limit / level - 1) - _HAIR for limit, level in deepest), default=Decimal(0))


def flows(ends: Iterable[PlanEnd]) -> dict[Venue, Decimal]:
    """Return what all plans were booked as having brought, in each venue's quote currency."""
    brought = dict.fromkeys(Venue, Decimal(0))
    for end in ends:
        for traded in _traded(end):
            brought[traded.venue] += traded.quote()
    return brought


def misbooked(ends: Iterable[PlanEnd], instruments: Instruments) -> Iterator[str]:
    """Yield each plan whose result is not its KRW flow, its USDT flow at the frozen fx, and its left-over base."""
    for end in ends:
        plan, traded = end.plan, _traded(end)
        krw = sum((each.quote() for each in traded if each.venue is Venue.UPBIT), Decimal(0))
        usdt = sum((each.quote() for each in traded if each.venue is Venue.BINANCE), Decimal(0))
        left = sum((each.base(plan.base) for each in traded), Decimal(0))
        fee = _fee(plan, Venue.UPBIT, instruments)
        flow = krw + usdt * (plan.fx.ask * (1 + fee) if usdt < 0 else plan.fx.bid * (1 - fee))
        booked = won(end.result)
        if left != end.residual_base or not _is_worth(booked - flow, left * plan.upbit.limit_price):
            yield f"{plan.plan_id}: {booked:+,.4f} KRW booked, {flow:+,.4f} KRW and {left} {plan.base} flowed"


def _is_worth(booked: Decimal, left: Decimal) -> bool:
    """Tell whether what was booked beside the flows is what the left-over base may be worth, to a unit of won."""
    bounds = sorted(left * part for part in _MARKS)
    return bounds[0] - _A_UNIT <= booked <= bounds[1] + _A_UNIT


def _traded(end: PlanEnd) -> tuple[Traded, ...]:
    opening = ((Venue.UPBIT, end.upbit_fill), (Venue.BINANCE, end.binance_fill))
    legs = (Traded(venue, end.plan.on(venue).side, fill) for venue, fill in opening)
    return (*legs, *(Traded(each.venue, each.side, each.fill) for each in end.hedges))


def _fee(plan: TwoLegPlan, venue: Venue, instruments: Instruments) -> Decimal:
    return instruments[venue, plan.on(venue).symbol].taker_fee
