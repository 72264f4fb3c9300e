"""What people see of each limit: how much is used, in the limit's own unit."""

from dataclasses import fields, replace
from decimal import Decimal

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Outcome
from arbitrage.domain.views import LimitUse
from liveguard.risk_limits import RiskLimits
from liveguard.safety import SafetyModule
from liveguard.uses import uses
from tests import builders as make
from tests.safety_builders import end_of, guard, lost, open_plan, plan


def used(safety: SafetyModule, at: Instant = make.NOON, **seen: Decimal) -> dict[str, LimitUse]:
    return {use.name: use for use in uses(safety, at, seen)}


def test_every_limit_is_shown_in_its_order() -> None:
    shown = used(guard())

    assert list(shown) == [field.name for field in fields(RiskLimits)]
    assert shown["collar_pct"] == LimitUse(name="collar_pct", used=None, limit=Decimal(1), share=None)


def test_losses_count_with_what_is_in_flight() -> None:
    safety = guard(past=lost(10_000))
    open_plan(safety)
    shown = used(safety)

    assert (shown["max_daily_loss"].used, shown["max_daily_loss"].share) == (32_500, 0.325)
    assert (shown["max_total_loss"].used, shown["max_total_loss"].share) == (32_500, 0.065)


def test_the_larger_of_the_day_and_the_last_24_hours_is_shown() -> None:
    day, rolling = guard(past=lost(7, recently=False)), guard(past=lost(7, today=False))

    assert used(day)["max_daily_loss"].used == used(rolling)["max_daily_loss"].used == 7


def test_starts_repeats_and_messages_are_counted() -> None:
    safety = guard(started=(make.after_ms(-2 * 3_600_000),))
    open_plan(safety)
    safety.note_message(Venue.UPBIT, make.NOON)
    shown = used(safety)
    counts = {name: shown[name].used for name in shown if name.endswith(("_hour", "_day", "_minute", "_per_s"))}

    assert counts == {
        "max_trades_per_hour": 1,
        "max_trades_per_day": 2,
        "max_repeats_per_minute": 1,
        "max_messages_per_s": 2,
    }


def test_failures_and_the_fill_rate_are_shown() -> None:
    safety, judged = guard(), replace(plan(), expected_krw=Decimal(1))
    for n in range(20):
        end = end_of(judged, -1, Outcome.BOTH if n < 12 else Outcome.ONE_LEG)
        list(safety.plans.learn(end, replace(safety.limits, max_failed_plans=100)))
    shown = used(safety)

    assert shown["max_failed_plans"].used == 20
    assert (shown["min_fill_rate"].used, shown["min_fill_rate"].share) == (Decimal("0.60"), 0.5)


def test_what_only_the_market_knows_is_taken_over() -> None:
    shown = used(guard(), max_position_count=Decimal(2), max_naked_notional=Decimal("NaN"))

    assert (shown["max_position_count"].used, shown["max_position_count"].share) == (2, 0.6667)
    assert (shown["max_naked_notional"].used, shown["max_naked_notional"].share) == (None, None)
    assert used(guard(), min_fill_rate=Decimal(0))["min_fill_rate"].share == 0  # and nothing is divided by it


def test_a_fill_rate_of_nothing_uses_nothing_that_divides() -> None:
    safety = guard()
    missed = end_of(plan(), 0, Outcome.MISSED)
    for _ in range(20):
        list(safety.plans.learn(missed, replace(safety.limits, min_fill_rate=Decimal("1e-9"))))

    assert safety.plans.fill_rate() is None  # it tripped, and is judged anew
    assert used(safety)["min_fill_rate"].share is None
