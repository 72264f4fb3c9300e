"""The loss book: exact, by plan, and never made smaller by time alone."""

from decimal import Decimal

import pytest

from arbitrage.domain.guarding import LossMemory
from arbitrage.domain.instants import Instant
from liveguard.losses import DAY_NS, LossBook, worst_case
from tests.builders import NOON, after_ms


def book(**held: object) -> LossBook:
    return LossBook(LossMemory(**held))  # type: ignore[arg-type]  # a builder takes any field


def figures(losses: LossBook) -> tuple[int, int, int, int]:
    return losses.lost_today, losses.lost_24h, losses.lost_in_all, losses.in_flight


@pytest.mark.parametrize(
    ("notional", "collar", "fees", "units"),
    [
        ("1000000", "1", "0.002", 220_000_000),
        ("10000", "1", "0.0025", 2_250_000),
        ("1000000", "3", "0.002", 620_000_000),
        ("0.0001", "1", "0.002", 1),  # rounded up: a risk is never hidden
        ("100.0001", "1", "0", 20_001),
    ],
)
def test_the_worst_case_is_twice_the_collar_and_all_fees(notional: str, collar: str, fees: str, units: int) -> None:
    assert worst_case(Decimal(notional), Decimal(collar), Decimal(fees)) == units


def test_a_loss_counts_in_all_three_and_a_gain_makes_up_for_it() -> None:
    losses = book(day="2026-11-26")
    for plan_id, result in (("a", -50), ("b", -30), ("c", 20)):
        losses.reserve(plan_id, 100)
        losses.settle(plan_id, result, NOON)

    assert figures(losses) == (60, 60, 60, 0)


def test_a_gain_is_no_negative_loss() -> None:
    losses = book(day_units=5, total_units=5, recent=((NOON, 5),))

    assert figures(losses) == (0, 0, 0, 0)


def test_the_worst_case_is_held_until_the_result_is_booked() -> None:
    losses = book(reserved={"old": 7})
    losses.reserve("a", 100)
    held = losses.in_flight
    losses.settle("a", 1, NOON)

    assert (held, losses.in_flight, losses.reserved) == (107, 7, {"old": 7})


def test_a_result_is_booked_once_and_only_for_a_plan_in_flight() -> None:
    losses = book()
    losses.reserve("a", 100)

    assert [losses.settle("a", -10, NOON), losses.settle("a", -10, NOON), losses.settle("b", -10, NOON)] == [
        True,
        False,
        False,
    ]
    assert figures(losses) == (10, 10, 10, 0)


def test_a_plan_that_was_never_sent_costs_nothing() -> None:
    losses = book()
    losses.reserve("a", 100)

    assert (losses.release("a"), losses.release("a")) == (True, False)
    assert figures(losses) == (0, 0, 0, 0)


@pytest.mark.parametrize("units", [0, -1])
def test_a_worst_case_that_risks_nothing_is_refused(units: int) -> None:
    losses = book()
    with pytest.raises(ValueError, match="cannot reserve"):
        losses.reserve("a", units)

    assert losses.in_flight == 0


def test_a_plan_is_reserved_once() -> None:
    losses = book(reserved={"a": 5})
    with pytest.raises(ValueError, match="cannot reserve 9 for plan a"):
        losses.reserve("a", 9)

    assert losses.in_flight == 5


def test_the_day_moves_only_forward() -> None:
    losses = book(day="2026-11-26", day_units=-50, total_units=-50, recent=((NOON, -50),))
    turned = [losses.roll(day) for day in ("2026-11-25", "2026-11-26")]
    before = losses.lost_today
    turned.append(losses.roll("2026-11-27"))

    assert turned == [False, False, True]
    assert (before, figures(losses), losses.day) == (50, (0, 50, 50, 0), "2026-11-27")


def test_a_reservation_outlives_the_day_and_its_loss_is_booked_to_the_day_on_which_it_is_realised() -> None:
    losses = book(day="2026-11-26")
    losses.reserve("a", 100)
    losses.roll("2026-11-27")
    over_night = figures(losses)
    losses.settle("a", -80, NOON)

    assert over_night == (0, 0, 0, 100)
    assert figures(losses) == (80, 80, 80, 0)


def test_the_last_24_hours_end_after_24_hours_and_not_before() -> None:
    losses = book(recent=((NOON, -10), (after_ms(1), -5)))
    losses.forget_old(Instant(NOON + DAY_NS))
    to_the_ns = losses.lost_24h
    losses.forget_old(Instant(NOON + DAY_NS + 1))

    assert (to_the_ns, losses.lost_24h) == (15, 5)
    assert DAY_NS == 86_400 * 10**9


def test_a_clock_that_ran_back_forgets_nothing() -> None:
    losses = book(recent=((NOON, -10),))
    losses.forget_old(Instant(NOON - 10 * DAY_NS))

    assert losses.lost_24h == 10


def test_only_the_total_starts_anew() -> None:
    losses = book(day="2026-11-26", day_units=-3, total_units=-7, recent=((NOON, -3),))
    losses.clear_total()
    cleared = figures(losses)
    losses.reserve("a", 100)
    losses.settle("a", -5, NOON)

    assert cleared == (3, 3, 0, 0)
    assert figures(losses) == (8, 8, 5, 0)


def test_what_is_kept_is_what_was_held() -> None:
    held = LossMemory(
        day="2026-11-26", day_units=-3, total_units=-7, recent=((NOON, -3), (after_ms(5), 1)), reserved={"a": 9}
    )

    assert LossBook(held).memory() == held
    assert figures(LossBook(held)) == (3, 2, 7, 9)
