"""Pace: how many plans were started in an hour, in a day, and of one kind in a minute."""

from dataclasses import replace

import pytest

from arbitrage.domain.instants import Instant
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.verdicts import Refusal
from liveguard.pace import DAY, HOUR, MINUTE, Pace
from tests.builders import NOON, after_ms
from tests.safety_builders import LIMITS, plan


def started(at: Instant, base: str = "BTC", direction: Direction = Direction.SELL_UPBIT) -> TwoLegPlan:
    return replace(plan(), decided_at=at, base=base, direction=direction)


def test_the_windows_are_what_they_say() -> None:
    assert (MINUTE, HOUR, DAY) == (60 * 10**9, 3_600 * 10**9, 86_400 * 10**9)


def test_a_window_holds_its_first_nanosecond() -> None:
    pace = Pace([NOON])

    assert pace.within(HOUR, Instant(NOON + HOUR)) == 1
    assert pace.within(HOUR, Instant(NOON + HOUR + 1)) == 0
    assert pace.within(DAY, Instant(NOON + DAY)) == 1


def test_one_hour_and_ten_seconds_after_a_day_is_counted_right() -> None:
    pace = Pace([NOON, after_ms(1)])
    pace.note(started(Instant(NOON + DAY + 10 * 10**9)))

    assert pace.within(DAY, Instant(NOON + DAY + 10 * 10**9)) == 1


def test_starts_of_an_earlier_run_may_come_in_any_order() -> None:
    pace = Pace([after_ms(2_000), NOON, after_ms(1_000)])

    assert pace.within(HOUR, Instant(NOON + HOUR + 1)) == 2


def test_only_the_same_pair_and_direction_is_alike() -> None:
    pace = Pace(())
    for each in (started(NOON), started(NOON, "ETH"), started(NOON, direction=Direction.BUY_UPBIT), started(NOON)):
        pace.note(each)

    assert pace.alike("BTC", Direction.SELL_UPBIT, NOON) == pace.most_alike(NOON) == 2
    assert pace.alike("SOL", Direction.SELL_UPBIT, NOON) == 0
    assert Pace(()).most_alike(NOON) == 0


def test_what_was_alike_a_minute_ago_is_over() -> None:
    pace = Pace(())
    pace.note(started(NOON))

    assert pace.alike("BTC", Direction.SELL_UPBIT, Instant(NOON + MINUTE - 1)) == 1
    assert pace.alike("BTC", Direction.SELL_UPBIT, Instant(NOON + MINUTE)) == 0
    pace.note(started(Instant(NOON + MINUTE)))
    assert pace.alike("BTC", Direction.SELL_UPBIT, Instant(NOON + MINUTE)) == 1


@pytest.mark.parametrize(
    ("hour", "flying", "alike", "codes"),
    [
        (2, 2, 0, []),
        (3, 2, 0, ["too_many_trades_hour"]),
        (5, 2, 0, ["too_many_trades_hour", "too_many_trades_day"]),
        (0, 3, 0, ["too_many_positions"]),
        (0, 0, 29, ["too_many_trades_hour", "too_many_trades_day"]),
        (0, 0, 30, ["too_many_trades_hour", "too_many_trades_day", "repeated_execution"]),
    ],
)
def test_each_count_is_judged_at_its_limit(hour: int, flying: int, alike: int, codes: list[str]) -> None:
    pace = Pace([NOON] * hour)
    for _ in range(alike):
        pace.note(started(NOON))
    refusals: list[Refusal] = []
    pace.judge(plan(), flying, LIMITS, NOON, refusals)

    assert [refusal.code.value for refusal in refusals] == codes


def test_an_hourly_count_is_no_daily_one() -> None:
    pace = Pace([NOON] * 5)
    refusals: list[Refusal] = []
    pace.judge(plan(), 0, LIMITS, Instant(NOON + HOUR + 1), refusals)

    assert [str(refusal) for refusal in refusals] == ["too_many_trades_day: 5 in 24 hours (limit 5)"]
