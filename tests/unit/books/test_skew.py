"""The least delay of a minute: what our clock is ahead of a venue's, plus the shortest way."""

from arbitrage.books.skew import LeastDelay
from arbitrage.domain.instants import NS_PER_MS, from_ms
from tests import builders as make


def delays(*frames: tuple[float, float]) -> LeastDelay:
    """Frames as (arrival in ms, delay in ms)."""
    estimate = LeastDelay()
    for at_ms, delay_ms in frames:
        arrival = make.after_ms(at_ms)
        estimate.add(arrival, arrival - int(delay_ms * NS_PER_MS))
    return estimate


def test_one_slow_frame_changes_nothing() -> None:
    assert delays((0, 30), (100, 900), (1_500, 31), (2_000, 143_000)).estimate(make.after_ms(2_000)) == from_ms(30)


def test_each_second_keeps_its_own_least() -> None:
    estimate = delays((0, 5), (999, 4), (1_000, 30), (1_999, 40))

    assert estimate.estimate(make.after_ms(59_999)) == from_ms(4)
    assert estimate.estimate(make.after_ms(60_000)) == from_ms(30)


def test_a_clock_that_is_behind_shows_below_zero() -> None:
    assert delays((0, -1_200), (100, -1_150)).estimate(make.after_ms(100)) == from_ms(-1_200)


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    estimate = delays((0, 5), (30_000, 40))

    assert estimate.estimate(make.after_ms(59_000)) == from_ms(5)
    assert estimate.estimate(make.after_ms(60_000)) == from_ms(40)
    assert estimate.estimate(make.after_ms(90_000)) is None
