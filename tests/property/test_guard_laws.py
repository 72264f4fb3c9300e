"""The guard's laws, held against arithmetic of their own: no plan passes a limit, a way out passes, no loss is lost.

ARBITRAGE_GUARD_EXAMPLES raises the number of examples of each law.
"""

import os
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from math import isfinite

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbitrage.domain.guarding import LossMemory, Trip
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import WonUnits
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.domain.verdicts import Approved
from arbitrage.execution.numbering import opening_orders
from liveguard.breaker import CircuitBreaker
from liveguard.facts import Facts
from liveguard.losses import DAY_NS, LossBook
from liveguard.messages import MessageBucket
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests.guard_oracle import collars, holding, nothing_stops, within
from tests.guard_strategies import PLAN, State, around, facts, limits, plans, states
from tests.safety_builders import CALM, guard, refused, way_out

EXAMPLES = int(os.environ.get("ARBITRAGE_GUARD_EXAMPLES", "0"))


def examples(count: int) -> settings:
    return settings(
        max_examples=EXAMPLES or count, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )


@examples(300)
@given(plans(), facts(), limits(), states())
def test_a_plan_passes_where_every_limit_holds_and_nowhere_else(
    judged: TwoLegPlan, seen: Facts, limits: RiskLimits, state: State
) -> None:
    verdict = state.guard(limits).review(judged, seen, make.NOON)
    holds = list(holding(judged, seen, limits, state))

    if False in holds:
        assert not isinstance(verdict, Approved)
    elif None not in holds:
        assert isinstance(verdict, Approved)


@examples(100)
@given(limits(), states(least=3), st.one_of(st.floats(0.96, 1.04), st.sampled_from([0.97, 1.0, 1.03]), around(1.0)))
def test_a_way_out_passes_in_every_state_with_permit_lease_and_collar_and_never_without(
    limits: RiskLimits, state: State, part: float
) -> None:
    safety = state.guard(limits)
    mid = 84_999.995
    price = Decimal("NaN") if not isfinite(part) else Decimal(part) * Decimal(mid)
    order = way_out(limit_price=price)
    inside = within(mid, price, Fraction(limits.unwind_collar_pct) / 100)
    blocked = refused(safety, order)

    if inside is None:
        return
    assert (blocked == set()) is (inside and state.lease_ns > 0)
    safety.permit = None
    assert refused(safety, order)


@examples(100)
@given(limits(), states())
def test_what_opens_passes_the_last_gate_only_in_a_state_in_which_it_might_be_approved(
    limits: RiskLimits, state: State
) -> None:
    safety = state.guard(limits)
    orders = opening_orders(PLAN)
    safety.start(PLAN, orders, replace(CALM, worst_case=WonUnits(1)))
    losses = state.losses
    risked = 1 + sum(losses.reserved.values())
    may = [
        *nothing_stops(CALM, state),
        state.lease_ns > 0,
        max(0, -losses.day_units) + risked <= int(limits.max_daily_loss * 10_000),
        max(0, -sum(units for _, units in losses.recent)) + risked <= int(limits.max_daily_loss * 10_000),
        max(0, -losses.total_units) + risked <= int(limits.max_total_loss * 10_000),
        *list(collars(PLAN, CALM, limits))[:3],  # of the leg that is asked about
    ]
    passed = all([refused(safety, order) == set() for order in orders])  # both are asked, as the collars are of both

    assert not (passed and False in may)
    assert refused(safety, orders[0])  # never twice


# --- sums


@dataclass
class Ledger:
    """The naive model: every result with its day, added up anew each time it is asked."""

    day: int = 1
    results: list[tuple[int, int, int]] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)

    def lost_today(self) -> int:
        return max(0, -sum(result for day, _, result in self.results if day == self.day))

    def lost_24h(self, now: int) -> int:
        return max(0, -sum(result for _, at, result in self.results if at >= now - DAY_NS))

    def lost_in_all(self) -> int:
        return max(0, -sum(result for _, _, result in self.results))


steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "settle", "release", "roll", "wait"]),
        st.sampled_from("abcde"),
        st.integers(-1_000, 1_000),
    ),
    max_size=40,
)


@examples(100)
@given(steps)
def test_losses_are_what_a_naive_sum_says(steps: list[tuple[str, str, int]]) -> None:
    book, model, now = LossBook(LossMemory(day="2026-01-01")), Ledger(), make.NOON
    for step, name, amount in steps:
        if step == "reserve" and name not in model.held and amount > 0:
            book.reserve(name, amount)
            model.held[name] = amount
        elif step == "settle" and book.settle(name, amount, now):
            del model.held[name]
            model.results.append((model.day, now, amount))
        elif step == "release" and book.release(name):
            del model.held[name]
        elif step == "roll":
            moved = book.roll(f"2026-01-{max(1, model.day + amount % 3 - 1):02d}") if model.day < 30 else False
            model.day += amount % 3 - 1 if moved else 0
        elif step == "wait":
            now = Instant(now + abs(amount) * DAY_NS // 500)
        book.forget_old(now)
        again = LossBook(book.memory())

        for each in (book, again):
            assert each.in_flight == sum(model.held.values())
            assert each.lost_today == model.lost_today()
            assert each.lost_24h == model.lost_24h(now)
            assert each.lost_in_all == model.lost_in_all()


ROOMY = RiskLimits.over_cautious(
    {
        "max_trades_per_hour": 10**6,
        "max_trades_per_day": 10**6,
        "max_repeats_per_minute": 10**6,
        "max_messages_per_s": 10**6,
    }
)


@examples(80)
@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.booleans(), st.integers(-(10**9), 10**8), st.integers(0, 12)), max_size=30
    )
)
def test_what_is_lost_and_what_may_be_lost_never_exceed_a_limit_when_a_plan_is_approved(
    wishes: list[tuple[int, bool, int, int]],
) -> None:
    safety, now, flying = guard(ROOMY), make.NOON, []
    for number, (cost, ends, result, hours) in enumerate(wishes):
        facts = replace(CALM, worst_case=WonUnits(cost))
        wanted = replace(PLAN, plan_id=f"p-{number}", decided_at=now)
        if isinstance(safety.review(wanted, facts, now), Approved):
            losses = safety.keeper.losses
            safety.start(wanted, opening_orders(wanted), facts)
            flying.append((wanted.plan_id, cost))
            assert max(losses.lost_today, losses.lost_24h) + sum(c for _, c in flying) <= 1_000_000_000
            assert losses.lost_in_all + sum(c for _, c in flying) <= 5_000_000_000
        if ends and flying:
            plan_id, most = flying.pop()
            safety.keeper.losses.settle(plan_id, max(result, -most), now)
        now = Instant(now + hours * 3_600 * NS_PER_S)
        safety.keeper.begin_day(f"2026-{1 + (now - make.NOON) // DAY_NS:05d}", now)
        safety.keeper.losses.forget_old(now)

        # no plan lost more than its worst case: so no day and no 24 hours lost more than the limit
        assert max(safety.keeper.losses.lost_today, safety.keeper.losses.lost_24h) <= 1_000_000_000
        assert safety.keeper.losses.lost_in_all <= 5_000_000_000


# --- time


@examples(100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hold", "strike", "gone", "look"]),
            st.sampled_from([*Trip][:3]),
            st.integers(-100_000, 100_000),
        ),
        max_size=30,
    )
)
def test_a_trip_never_clears_before_its_cause_is_gone_and_its_cool_down_over(
    steps: list[tuple[str, Trip, int]],
) -> None:
    breaker = CircuitBreaker(60)
    last: dict[Trip, int] = {}
    present: set[Trip] = set()
    for step, trip, ms in steps:
        at = make.after_ms(ms)
        if step in {"hold", "strike"}:
            getattr(breaker, step)(trip, at, "why")
            last[trip] = max(last.get(trip, at), at)
            present |= {trip} if step == "hold" else set()
        elif step == "gone":
            breaker.gone(trip)
            present -= {trip}
        else:
            over = set(breaker.clear_over(at))
            expected = {each for each, seen in last.items() if each not in present and at - seen >= 60 * NS_PER_S}

            assert over == expected
            for each in over:
                del last[each]
        assert set(breaker.active) == set(last)


@examples(100)
@given(
    st.integers(2, 20),
    st.lists(st.tuples(st.integers(-200, 400), st.booleans(), st.integers(1, 30)), max_size=60),
)
def test_in_no_window_more_messages_open_than_rate_and_burst_allow(
    rate: int, wishes: list[tuple[int, bool, int]]
) -> None:
    bucket, at, latest, opened = MessageBucket(rate), make.NOON, Instant(0), []
    for wait_ms, is_way_out, count in wishes:
        at = Instant(at + wait_ms * 1_000_000)  # which may go back: then it is as late as it was at the last message
        for _ in range(count):
            if not is_way_out and not bucket.left_for_open(at) >= 1:
                break
            bucket.take(at)
            latest = max(latest, at)
            opened += [] if is_way_out else [latest]
    times = sorted(opened)

    for i, first in enumerate(times):
        for j, last in enumerate(times[i:], 1):
            assert j <= rate * (last - first) / NS_PER_S + rate - rate // 3 + 1e-6


def test_ten_times_the_rate_for_a_minute_lets_nothing_past_the_limit_and_every_way_out_through() -> None:
    safety, opened, out = guard(replace(ROOMY, max_messages_per_s=6)), [], 0
    for n in range(60 * 60):  # ten times six a second
        at = make.after_ms(n * 1_000 / 60)
        if safety.buckets[Venue.BINANCE].left_for_open(at) >= 1:
            safety.buckets[Venue.BINANCE].take(at)
            opened.append(at)
        if n % 600 == 0:
            out += sum(refused(safety, way_out(), at) == set() for _ in range(20))
    busiest = max(sum(first <= at < first + NS_PER_S for at in opened) for first in opened)

    assert out == 6 * 20
    assert len(opened) <= 60 * 6 + 4
    assert busiest <= 6 + 4
