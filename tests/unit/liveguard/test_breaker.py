"""The breaker: a trip ends when its cause is gone and the whole cool-down has passed, and never otherwise."""

import pytest

from arbitrage.domain.guarding import Trip
from arbitrage.domain.instants import Instant
from liveguard.breaker import CircuitBreaker
from tests.builders import NOON, after_ms

COOLDOWN_MS = 60_000


def breaker() -> CircuitBreaker:
    return CircuitBreaker(COOLDOWN_MS // 1_000)


def test_a_strike_lasts_its_cool_down_to_the_nanosecond() -> None:
    trips = breaker()
    tripped = trips.strike(Trip.SLIPPAGE, NOON, "short")

    assert tripped
    assert trips.clear_over(Instant(after_ms(COOLDOWN_MS) - 1)) == ()
    assert trips.clear_over(after_ms(COOLDOWN_MS)) == (Trip.SLIPPAGE,)
    assert not trips.active


def test_a_cause_that_is_there_never_clears() -> None:
    trips = breaker()
    trips.hold(Trip.CLOCK, NOON, "off")

    assert trips.clear_over(after_ms(10 * COOLDOWN_MS)) == ()


def test_the_cool_down_counts_from_when_the_cause_was_seen_last() -> None:
    trips = breaker()
    again = [trips.hold(Trip.CLOCK, NOON, "off"), trips.hold(Trip.CLOCK, after_ms(30_000), "off more")]
    trips.gone(Trip.CLOCK)
    early = trips.clear_over(after_ms(30_000 + COOLDOWN_MS - 1))

    assert again == [True, False]
    assert (trips.active[Trip.CLOCK].since, trips.active[Trip.CLOCK].why) == (NOON, "off")
    assert early == ()
    assert trips.clear_over(after_ms(30_000 + COOLDOWN_MS)) == (Trip.CLOCK,)


def test_a_backward_clock_clears_nothing_and_makes_no_trip_older() -> None:
    trips = breaker()
    trips.strike(Trip.SLIPPAGE, NOON, "short")
    trips.strike(Trip.SLIPPAGE, after_ms(-3_600_000), "short again")

    assert trips.clear_over(after_ms(-10_000)) == ()
    assert trips.clear_over(after_ms(COOLDOWN_MS - 1)) == ()


def test_a_strike_does_not_end_what_is_held() -> None:
    trips = breaker()
    trips.hold(Trip.VENUE_ERRORS, NOON, "down")
    trips.strike(Trip.VENUE_ERRORS, NOON, "and an error")

    assert trips.clear_over(after_ms(10 * COOLDOWN_MS)) == ()


def test_a_cause_that_struck_first_and_stays_is_held() -> None:
    trips = breaker()
    trips.strike(Trip.VENUE_ERRORS, NOON, "an error")
    trips.hold(Trip.VENUE_ERRORS, NOON, "down")

    assert trips.clear_over(after_ms(10 * COOLDOWN_MS)) == ()


def test_trips_end_one_by_one() -> None:
    trips = breaker()
    trips.strike(Trip.SLIPPAGE, NOON, "short")
    trips.strike(Trip.FILL_RATE, after_ms(1), "few")

    assert trips.clear_over(after_ms(COOLDOWN_MS)) == (Trip.SLIPPAGE,)
    assert list(trips.active) == [Trip.FILL_RATE]


@pytest.mark.parametrize(("seconds", "over"), [(30, True), (90, False)])
def test_a_changed_cool_down_holds_for_trips_that_are_active(seconds: int, over: bool) -> None:
    trips = breaker()
    trips.strike(Trip.SLIPPAGE, NOON, "short")
    trips.set_cooldown(seconds)

    assert bool(trips.clear_over(after_ms(COOLDOWN_MS))) is over


def test_what_is_not_held_can_be_said_to_be_gone() -> None:
    trips = breaker()
    trips.gone(Trip.CLOCK)

    assert not trips.active
