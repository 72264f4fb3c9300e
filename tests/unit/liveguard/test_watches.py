"""What the breaker trips on: plans that fail, venues in trouble. Counted exactly at their limits."""

from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import WonUnits
from arbitrage.domain.plans import Outcome, PlanEnd
from liveguard.watches import MINUTE, PLANS_JUDGED, PlanWatch, VenueWatch
from tests import builders as make
from tests.safety_builders import LIMITS, end_of, plan

PLAN = replace(plan(), expected_krw=Decimal(1_500))  # of 1,000,000 KRW


def trips(watch: PlanWatch, *ends: PlanEnd) -> list[str]:
    return [trip.value for end in ends for trip, _ in watch.learn(end, LIMITS)]


def ended(outcome: Outcome = Outcome.BOTH, result_krw: int = 1_500) -> PlanEnd:
    return end_of(PLAN, result_krw, outcome)


BY_A_UNIT = replace(ended(), result=WonUnits(-1))


@pytest.mark.parametrize("failure", [ended(Outcome.ONE_LEG), ended(Outcome.UNEVEN), ended(result_krw=-1), BY_A_UNIT])
def test_the_fifth_failure_in_a_row_trips(failure: PlanEnd) -> None:
    watch = PlanWatch()

    assert trips(watch, *[failure] * 4) == []
    assert trips(watch, failure) == ["failed_plans"]
    assert watch.failed_in_a_row == 0


def test_a_success_ends_the_row_and_what_was_not_traded_does_not() -> None:
    failed, missed = ended(Outcome.ONE_LEG), ended(Outcome.MISSED)
    watch, missing = PlanWatch(), PlanWatch()

    assert trips(watch, *[failed] * 4, ended(), *[failed] * 4) == []
    assert trips(missing, *[failed] * 4, missed, failed) == ["failed_plans"]


def test_a_result_of_nothing_is_no_failure() -> None:
    watch = PlanWatch()

    assert trips(watch, *[ended(Outcome.BOTH, 0)] * 10) == []
    assert watch.failed_in_a_row == 0


@pytest.mark.parametrize(("filled", "tripped"), [(6, []), (5, ["fill_rate"])])
def test_the_fill_rate_trips_below_its_limit_and_not_at_it(filled: int, tripped: list[str]) -> None:
    watch = PlanWatch()
    ends = [ended()] * filled + [ended(Outcome.MISSED)] * (PLANS_JUDGED - filled)

    assert trips(watch, *ends[:-1]) == []
    assert watch.fill_rate() is None
    assert trips(watch, ends[-1]) == tripped
    assert (PLANS_JUDGED, watch.fill_rate()) == (20, None if tripped else Decimal("0.3"))


def test_an_uneven_plan_counts_as_filled_on_both_legs() -> None:
    watch = PlanWatch()
    trips(watch, *[ended(Outcome.UNEVEN), ended(), ended(Outcome.ONE_LEG), ended(Outcome.MISSED)] * 5)

    assert watch.fill_rate() == Decimal("0.5")


def test_after_a_trip_the_fill_rate_is_judged_anew() -> None:
    watch = PlanWatch()
    trips(watch, *[ended(Outcome.MISSED)] * 20)

    assert trips(watch, *[ended(Outcome.MISSED)] * 19) == []
    assert trips(watch, ended(Outcome.MISSED)) == ["fill_rate"]


def test_what_could_not_be_followed_says_nothing() -> None:
    watch = PlanWatch()

    assert trips(watch, *[ended(Outcome.UNSCORED, -1)] * 50) == []
    assert (watch.failed_in_a_row, watch.fill_rate()) == (0, None)


@pytest.mark.parametrize(
    ("short_krw", "outcome", "tripped"),
    [
        (2_000, Outcome.BOTH, []),
        (2_001, Outcome.BOTH, ["slippage"]),
        (2_001, Outcome.UNEVEN, []),
        (-5_000, Outcome.BOTH, []),
    ],
)
def test_slippage_trips_beyond_what_both_limits_allow(short_krw: int, outcome: Outcome, tripped: list[str]) -> None:
    """Each leg may fall short by 0.1 percent: 2,000 KRW together."""
    assert trips(PlanWatch(), ended(outcome, 1_500 - short_krw)) == tripped


def test_a_plan_that_filled_in_part_was_expected_to_bring_that_part() -> None:
    half = end_of(PLAN, 750 - 2_000, part="0.5")
    short = end_of(PLAN, 750 - 2_001, part="0.5")

    assert trips(PlanWatch(), half) == []
    assert trips(PlanWatch(), short) == ["slippage"]


def test_an_expectation_that_is_no_number_was_not_met() -> None:
    assert trips(PlanWatch(), end_of(replace(PLAN, expected_krw=Decimal("NaN")), 1_500)) == ["slippage"]


def troubles(watch: VenueWatch, count: int, at: Instant = make.NOON, venue: Venue = Venue.UPBIT) -> list[str]:
    return [why for _ in range(count) for _, why in watch.learn(venue, at, "a time-out", LIMITS)]


def test_the_twentieth_trouble_of_one_venue_within_a_minute_trips() -> None:
    watch = VenueWatch()

    assert troubles(watch, 19) == troubles(watch, 19, venue=Venue.BINANCE) == []
    assert watch.within_a_minute(make.NOON) == 19
    assert troubles(watch, 1) == ["upbit: 20 troubles within a minute, the last: a time-out"]
    assert troubles(watch, 1) == []  # it counts anew


def test_a_trouble_of_a_minute_ago_is_over() -> None:
    watch = VenueWatch()
    troubles(watch, 19)
    now = Instant(make.NOON + MINUTE)

    assert watch.within_a_minute(Instant(now - 1)) == 19
    assert watch.within_a_minute(now) == 0
    assert troubles(watch, 19, now) == []
    assert len(troubles(watch, 1, Instant(now + MINUTE - 1))) == 1
    assert MINUTE == 60 * 10**9


def test_a_hostile_reason_is_cut() -> None:
    watch = VenueWatch()
    troubles(watch, 19)
    ((_, why),) = watch.learn(Venue.UPBIT, make.NOON, "x" * 10_000, LIMITS)

    assert len(why) < 200
