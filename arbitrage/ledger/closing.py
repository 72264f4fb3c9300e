"""The end of a plan: from both legs' reports to an outcome, a left-over and a result. It moves nothing."""

from collections.abc import Mapping
from decimal import Decimal

from arbitrage.domain.events import LegReport
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Pair, Venue
from arbitrage.domain.money import KRW, USDT, WonUnits, decimal_from_float
from arbitrage.domain.plans import Fill, LegEnd, Outcome, PlanEnd, TwoLegPlan
from arbitrage.ledger.result import Marks, marks_from, residual_base, result_of


def close_plan(
    plan: TwoLegPlan,
    pair: Pair,
    reports: Mapping[Venue, LegReport],
    touches: Mapping[Venue, tuple[float, float]],
    at: Instant,
) -> PlanEnd:
    """Return how a plan ended. `touches` are the believable (bid, ask) now: left-over base is valued at them.

    What could not be followed is worth nothing, either way.
    """
    fills = (reports[Venue.UPBIT].fill, reports[Venue.BINANCE].fill)
    residual = residual_base(plan, *fills)
    outcome = _outcome(reports, residual, pair.binance, plan.binance.limit_price)
    followed = outcome is not Outcome.UNSCORED
    return PlanEnd(
        plan=plan,
        at=at,
        outcome=outcome,
        upbit_end=reports[Venue.UPBIT].end,
        binance_end=reports[Venue.BINANCE].end,
        upbit_fill=fills[0],
        binance_fill=fills[1],
        residual_base=residual,
        result=result_of(plan, pair, fills, _marks(plan, pair, touches)) if followed else WonUnits(0),
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


def _outcome(reports: Mapping[Venue, LegReport], residual: Decimal, hedge: Instrument, price: Decimal) -> Outcome:
    # A left-over below what could be hedged is dust: max(lot, 1.1 x the hedging venue's minimum), as designed.
    if any(report.end is LegEnd.UNSEEN for report in reports.values()):
        return Outcome.UNSCORED
    filled = sum(report.fill.quantity > 0 for report in reports.values())
    if filled < len(reports):
        return Outcome.ONE_LEG if filled else Outcome.MISSED
    hedgeable = max(hedge.lot, Decimal("1.1") * hedge.min_notional / price)
    return Outcome.BOTH if abs(residual) < hedgeable else Outcome.UNEVEN


def _marks(plan: TwoLegPlan, pair: Pair, touches: Mapping[Venue, tuple[float, float]]) -> Marks:
    exact = {venue: (decimal_from_float(bid), decimal_from_float(ask)) for venue, (bid, ask) in touches.items()}
    # without any believable book, the prices that the plan was decided on are the last that anyone knew
    at_limits = {leg.venue: (leg.limit_price, leg.limit_price) for leg in plan.legs}
    marks = marks_from(pair, exact, plan.fx) or marks_from(pair, at_limits, plan.fx)
    if marks is None:
        raise ValueError("a plan always has two legs to value it by")
    return marks
