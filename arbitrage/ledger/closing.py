"""The end of a plan: from both legs' reports to an outcome, a left-over and a result. It moves nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, Venue
from arbitrage.domain.money import KRW, USDT, WonUnits, decimal_from_float
from arbitrage.domain.plans import Fill, LegEnd, OrderFill, Outcome, PlanEnd, TwoLegPlan
from arbitrage.ledger.result import Marks, marks_from, residual_base, result_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """What all orders of a plan came to: how both opening orders ended, and every fill, hedges last.

    `neutral_after` is the time from the first fill until nothing was open.
    """

    ends: Mapping[Venue, LegEnd]
    opening: Mapping[Venue, Fill]
    fills: tuple[OrderFill, ...]
    hedges: tuple[OrderFill, ...]
    neutral_after: Nanos | None


def close_plan(
    plan: TwoLegPlan, pair: Pair, flown: Flown, touches: Mapping[Venue, tuple[float, float]], at: Instant
) -> PlanEnd:
    """Return how a plan ended. `touches` are the believable (bid, ask) now: left-over base is valued at them.

    What could not be followed is worth nothing, either way.
    """
    opened = residual_base(plan.base, tuple(fill for fill in flown.fills if fill not in flown.hedges))
    outcome = _outcome(flown, opened, pair.binance, plan.binance.limit_price)
    followed = outcome is not Outcome.UNSCORED
    return PlanEnd(
        plan=plan,
        at=at,
        outcome=outcome,
        upbit_end=flown.ends[Venue.UPBIT],
        binance_end=flown.ends[Venue.BINANCE],
        upbit_fill=flown.opening[Venue.UPBIT],
        binance_fill=flown.opening[Venue.BINANCE],
        residual_base=residual_base(plan.base, flown.fills) if followed else Decimal(0),
        result=result_of(plan, pair, flown.fills, _marks(plan, pair, touches)) if followed else WonUnits(0),
        hedges=flown.hedges,
        neutral_after=flown.neutral_after,
    )


def unscored(plan: TwoLegPlan, at: Instant) -> PlanEnd:
    """Return the end of a plan that nobody followed: nothing filled, nothing gained, and marked as such."""
    return PlanEnd(
        plan=plan,
        at=at,
        outcome=Outcome.UNSCORED,
        upbit_end=LegEnd.UNSEEN,
        binance_end=LegEnd.UNSEEN,
        upbit_fill=_nothing(KRW),
        binance_fill=_nothing(USDT),
        residual_base=Decimal(0),
        result=WonUnits(0),
    )


def _nothing(currency: str) -> Fill:
    return Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency=currency)


def _outcome(flown: Flown, opened: Decimal, hedge: Instrument, price: Decimal) -> Outcome:
    # What the opening orders left over below what could be hedged is dust: max(lot, 1.1 x the hedging venue's minimum).
    if LegEnd.UNSEEN in flown.ends.values():
        return Outcome.UNSCORED
    filled = sum(fill.quantity > 0 for fill in flown.opening.values())
    if filled < len(flown.opening):
        return Outcome.ONE_LEG if filled else Outcome.MISSED
    hedgeable = max(hedge.lot, Decimal("1.1") * hedge.min_notional / price)
    return Outcome.BOTH if abs(opened) < hedgeable else Outcome.UNEVEN


def _marks(plan: TwoLegPlan, pair: Pair, touches: Mapping[Venue, tuple[float, float]]) -> Marks:
    exact = {venue: (decimal_from_float(bid), decimal_from_float(ask)) for venue, (bid, ask) in touches.items()}
    # without any believable book, the prices that the plan was decided on are the last that anyone knew
    at_limits = {leg.venue: (leg.limit_price, leg.limit_price) for leg in plan.legs}
    marks = marks_from(pair, exact, plan.fx) or marks_from(pair, at_limits, plan.fx)
    if marks is None:
        raise ValueError("a plan always has two legs to value it by")
    return marks
