"""The checks of a plan against the limits, each told apart by its refusal code. Pure; none of them has an override.

What is wrong is added to a list, because this runs between a frame and its orders.

Every comparison is written so that what is no number fails it: `not (x <= limit)`.
"""

import math
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import Nanos, from_ms, to_ms
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Leg, TwoLegPlan
from arbitrage.domain.verdicts import Refusal, RefusalCode
from liveguard.collar import Collar
from liveguard.facts import Facts
from liveguard.risk_limits import RiskLimits

_BPS_PER_PCT: Final = 100
# The size was worked out from the same levels in another order of additions.
_ROUNDING: Final = 1e-9


class PlanChecks:
    """The checks of one set of limits, with the figures that they need worked out once."""

    def __init__(self, limits: RiskLimits) -> None:
        self.limits = limits
        self.collar = Collar(limits)
        self._book_age = from_ms(limits.max_book_age_ms)
        self._fx_age = from_ms(limits.max_fx_age_ms)
        self._apart = from_ms(limits.max_book_skew_ms)
        self._least_bps = float(limits.min_spread_pct) * _BPS_PER_PCT
        self._most_bps = float(limits.max_edge_pct) * _BPS_PER_PCT
        self._depth_share = float(limits.max_depth_pct) / 100 * (1 + _ROUNDING)

    def ages(self, facts: Facts, refusals: list[Refusal]) -> None:
        """Find what is too old, or too far apart."""
        upbit, binance = facts.upbit_age, facts.binance_age
        if not 0 <= upbit <= self._book_age:
            refusals.append(_aged(RefusalCode.BOOK_TOO_OLD, "upbit book", upbit, self.limits.max_book_age_ms))
        if not 0 <= binance <= self._book_age:
            refusals.append(_aged(RefusalCode.BOOK_TOO_OLD, "binance book", binance, self.limits.max_book_age_ms))
        if not 0 <= facts.fx_age <= self._fx_age:
            refusals.append(_aged(RefusalCode.FX_TOO_OLD, "fx", facts.fx_age, self.limits.max_fx_age_ms))
        apart = Nanos(abs(upbit - binance))
        if not apart <= self._apart:
            refusals.append(_aged(RefusalCode.BOOKS_TOO_FAR_APART, "apart", apart, self.limits.max_book_skew_ms))

    def sizes(self, plan: TwoLegPlan, facts: Facts, refusals: list[Refusal]) -> None:
        """Find what is too large, too good, or not good enough."""
        limits = self.limits
        notional, most = plan.notional_krw, limits.max_position_size
        # a comparison with a Decimal NaN raises, and one with a float NaN is false: neither may pass
        if not (notional.is_finite() and 0 < notional <= most):
            refusals.append(Refusal(RefusalCode.PLAN_TOO_LARGE, f"{notional:,} KRW", f"{plain(most)} KRW"))
        elif not notional + facts.notional_in_flight_krw <= limits.max_naked_notional:
            seen = f"{notional:,} KRW beside {facts.notional_in_flight_krw:,} KRW in flight"
            refusals.append(Refusal(RefusalCode.NAKED_NOTIONAL, seen, f"{plain(limits.max_naked_notional)} KRW"))
        if not plan.net_edge_bps >= self._least_bps:
            refusals.append(Refusal(RefusalCode.EDGE_TOO_SMALL, _in_bps(plan.net_edge_bps), _in_bps(self._least_bps)))
        if not plan.net_edge_bps <= self._most_bps:
            refusals.append(Refusal(RefusalCode.EDGE_IMPLAUSIBLE, _in_bps(plan.net_edge_bps), _in_bps(self._most_bps)))

    def depth(self, plan: TwoLegPlan, facts: Facts, refusals: list[Refusal]) -> None:
        """Find the legs that take more of the visible depth than they may."""
        upbit, binance, share = plan.upbit, plan.binance, self._depth_share
        if not 0 < as_float(upbit.quantity) <= facts.upbit_depth * share:
            refusals.append(self._too_deep(upbit, facts.upbit_depth))
        if not 0 < as_float(binance.quantity) <= facts.binance_depth * share:
            refusals.append(self._too_deep(binance, facts.binance_depth))

    def prices(self, plan: TwoLegPlan, facts: Facts, refusals: list[Refusal]) -> None:
        """Find the legs whose limit price is outside its collar."""
        upbit, binance = plan.upbit, plan.binance
        self.collar.judge_open(as_float(upbit.limit_price), upbit.symbol, facts.upbit_reference, refusals)
        self.collar.judge_open(as_float(binance.limit_price), binance.symbol, facts.binance_reference, refusals)

    def _too_deep(self, leg: Leg, depth: float) -> Refusal:
        limit = f"{plain(self.limits.max_depth_pct)} %"
        return Refusal(RefusalCode.DEPTH_SHARE, f"{leg.symbol} {leg.quantity} of {depth}", limit)


def as_float(value: Decimal) -> float:
    """Return a number as a float to compare; one that is no number becomes NaN, which nothing lets pass."""
    return float(value) if value.is_finite() else math.nan


def _in_bps(value: float) -> str:
    return f"{value:.2f} bps"


def _aged(code: RefusalCode, what: str, age: Nanos, limit_ms: int) -> Refusal:
    return Refusal(code, f"{what} {to_ms(age):.0f} ms", f"{limit_ms} ms")
