"""The guard's limits once more, from their own words, in exact arithmetic: what the guard is held against.

Each check yields True, False, or None where a value is so near to a bound that floats may say either.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import inf, isfinite

from arbitrage.domain.plans import TwoLegPlan
from liveguard.facts import Facts
from liveguard.losses import DAY_NS
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests.guard_strategies import HOUR_NS, PLAN, State

SLACK = Fraction(1, 10**8)  # of a bound that is worked out in floats: at it, either answer will do
TINY = Fraction(1, 10**300)  # below this a float is nothing


def exact(value: float | Decimal) -> Fraction | None:
    """The number as a fraction, or None if it is none."""
    finite = value.is_finite() if isinstance(value, Decimal) else isfinite(value)
    return Fraction(value) if finite else None


def is_between(low: Fraction | None, value: Fraction | None, high: Fraction | None) -> bool | None:
    """Whether a value is between two bounds; None where it is so near to one that floats may say either."""
    if low is None or value is None or high is None:
        return False
    if low <= 0:
        return None if low > -SLACK else False
    if any(abs(value - bound) <= SLACK * abs(bound) for bound in (low, high)):
        return None
    return low <= value <= high


def within(centre: float | None, price: Decimal, part: Fraction) -> bool | None:
    return span(centre, centre, price, part)


def span(low: float | None, high: float | None, price: Decimal, part: Fraction) -> bool | None:
    bottom = exact(low) if low is not None else None
    top = exact(high) if high is not None else None
    if high is not None and (high == inf or (top is not None and top > Fraction(10) ** 300)):
        top = Fraction(10) ** 400  # an endless high bounds nothing; the low and the mid still do
    if bottom is None or top is None or not bottom > 0:
        return False
    return is_between(bottom * (1 - part), exact(price), top * (1 + part))


def apart(elsewhere: float | None, price: Decimal, part: Fraction) -> bool | None:
    """As within, for a bound that may be so wide that its low is below zero."""
    centre = exact(elsewhere) if elsewhere is not None else None
    value = exact(price)
    if centre is None or value is None:
        return None if elsewhere == inf else False
    low, high = sorted((centre * (1 - part), centre * (1 + part)))
    if centre <= 0:
        return None  # no price is above zero and below this; the other bounds decide
    if any(abs(value - bound) <= SLACK * abs(bound) for bound in (low, high)):
        return None
    return low <= value <= high


def collars(plan: TwoLegPlan, facts: Facts, limits: RiskLimits) -> Iterator[bool | None]:
    near, far = Fraction(limits.collar_pct) / 100, (Fraction(limits.max_edge_pct) + Fraction(limits.collar_pct)) / 100
    for leg, reference in ((plan.upbit, facts.upbit_reference), (plan.binance, facts.binance_reference)):
        if reference is None:
            yield False
            continue
        yield within(reference.mid, leg.limit_price, near)
        yield apart(reference.elsewhere, leg.limit_price, far)
        yield span(reference.low, reference.high, leg.limit_price, near)


def depths(plan: TwoLegPlan, facts: Facts, limits: RiskLimits) -> Iterator[bool | None]:
    """Yield whether each leg takes a part of the visible depth that it may."""
    for leg, depth in ((plan.upbit, facts.upbit_depth), (plan.binance, facts.binance_depth)):
        quantity, there = exact(leg.quantity), exact(depth)
        if quantity is None or not quantity > 0 or (there is None and depth != inf):
            yield False
            continue
        most = quantity if there is None else there * Fraction(limits.max_depth_pct) / 100
        either = quantity < TINY or there is None or abs(quantity - most) <= SLACK * abs(most)
        yield None if either else quantity <= most


def edges(plan: TwoLegPlan, limits: RiskLimits) -> Iterator[bool | None]:
    least, most = Fraction(limits.min_spread_pct) * 100, Fraction(limits.max_edge_pct) * 100
    yield is_between(least, exact(plan.net_edge_bps), most)


def ages_hold(facts: Facts, limits: RiskLimits) -> Iterator[bool | None]:
    for age, most_ms in (
        (facts.upbit_age, limits.max_book_age_ms),
        (facts.binance_age, limits.max_book_age_ms),
        (facts.fx_age, limits.max_fx_age_ms),
        (abs(facts.upbit_age - facts.binance_age), limits.max_book_skew_ms),
    ):
        yield 0 <= age <= most_ms * 1_000_000


def sums_hold(plan: TwoLegPlan, facts: Facts, limits: RiskLimits, state: State) -> Iterator[bool | None]:
    notional = exact(plan.notional_krw)
    yield notional is not None and 0 < notional <= Fraction(limits.max_position_size)
    yield notional is not None and notional + Fraction(facts.notional_in_flight_krw) <= Fraction(
        limits.max_naked_notional
    )
    losses = state.losses
    risked = facts.worst_case + sum(losses.reserved.values())
    for result, most in (
        (losses.day_units, limits.max_daily_loss),
        (sum(units for _, units in losses.recent), limits.max_daily_loss),
        (losses.total_units, limits.max_total_loss),
    ):
        yield max(0, -result) + risked <= int(Fraction(most) * 10_000)


def counts_hold(facts: Facts, limits: RiskLimits, state: State) -> Iterator[bool | None]:
    agos = [*state.starts, *[make.NOON - PLAN.decided_at] * state.alike]
    # noting a start lets go of what is more than a day old by then: no window reaches that far
    yield facts.plans_in_flight < limits.max_position_count
    yield sum(ago <= HOUR_NS for ago in agos) < limits.max_trades_per_hour
    yield sum(ago <= DAY_NS for ago in agos) < limits.max_trades_per_day
    yield state.alike < limits.max_repeats_per_minute
    for taken in state.messages.values():
        left = Fraction(limits.max_messages_per_s - limits.max_messages_per_s // 3) - taken
        yield None if abs(left - 1) <= SLACK else left >= 1


def nothing_stops(facts: Facts, state: State) -> Iterator[bool]:
    yield not state.unavailable
    yield not facts.halted
    yield not state.trips
    yield not any(scope in {"", PLAN.base} for _, scope in state.latched)


def holding(plan: TwoLegPlan, facts: Facts, limits: RiskLimits, state: State) -> Iterator[bool | None]:
    """Yield whether each limit holds."""
    yield from collars(plan, facts, limits)
    yield from depths(plan, facts, limits)
    yield from edges(plan, limits)
    yield from ages_hold(facts, limits)
    yield from sums_hold(plan, facts, limits, state)
    yield from counts_hold(facts, limits, state)
    yield from nothing_stops(facts, state)
