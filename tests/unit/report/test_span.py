"""Which instants a day holds, and which texts are one."""

from datetime import UTC, datetime

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.report.span import span_of
from tests.day_builders import NEXT_MORNING, ZONE, at, the_day


def utc(text: str) -> Instant:
    return Instant(round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S)


def test_a_day_of_seoul_ends_at_three_in_the_afternoon_of_utc():
    day = the_day()

    assert (day.start, day.end) == (utc("2024-03-04T15:00"), utc("2024-03-05T15:00"))
    assert day.holds(day.start)
    assert not day.holds(day.end)


@pytest.mark.parametrize(
    ("asked", "day", "is_over"),
    [("", "2024-03-06", False), ("today", "2024-03-06", False), ("yesterday", "2024-03-05", True)],
)
def test_a_day_may_be_named_from_today(asked, day, is_over):
    span = span_of(asked, ZONE, NEXT_MORNING)

    assert (span.day, span.is_over) == (day, is_over)


def test_a_day_that_runs_reaches_until_now():
    assert span_of("", ZONE, NEXT_MORNING).until == NEXT_MORNING


def test_a_day_on_which_the_clocks_go_back_has_25_hours():
    day = span_of("2023-10-29", "Europe/Berlin", NEXT_MORNING)

    assert day.end - day.start == 25 * 3_600 * NS_PER_S


@pytest.mark.parametrize("text", ["tomorrow", "05.03.2024", "2024-13-01", "2024-03-05x", "\x1b[31m", " "])
def test_what_is_no_day_is_refused_in_one_line(text):
    with pytest.raises(ConfigurationError, match=r"^--day: must be a day such as 2026-11-22, or yesterday$"):
        span_of(text, ZONE, NEXT_MORNING)


@pytest.mark.parametrize("text", ["2024-03-07", "1999-01-01"])
def test_a_day_that_has_not_been_is_refused(text):
    with pytest.raises(ConfigurationError, match=f"{text} is not a day that has been; today is 2024-03-06"):
        span_of(text, ZONE, NEXT_MORNING)


def test_the_builders_agree_with_the_calendar():
    assert at("12:00") == utc("2024-03-05T03:00")
