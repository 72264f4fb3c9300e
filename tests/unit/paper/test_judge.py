"""The judge: every expectation can hold and can fail, alone, and says what was wanted and what was seen."""

from decimal import Decimal
from typing import Any

import pytest

from arbitrage.paper.judge import judge
from arbitrage.paper.outcome import Check
from arbitrage.paper.scenario import Expectations
from tests.outcome_builders import what_was_seen

SEEN = what_was_seen(
    trades=3,
    orders=7,
    hedges=1,
    outcomes={"both": 2, "one_leg": 1},
    refusals={"latched": 12},
    pnl_krw=Decimal("-1234.5"),
    exposure={"BTC": Decimal("0.00000003")},
    trips=frozenset({"naked_leg"}),
    latches=frozenset({"operator"}),
    trading_state="HALTED",
    times_to_neutral_ms=(40.0, 2_500.25),
    unknown_orders=1,
    restarts=1,
)

HOLDS_AND_FAILS: list[tuple[str, Any, Any]] = [
    ("trades", 3, 2),
    ("trades", {"min": 1, "max": 3}, {"max": 2}),
    ("min_trades", 3, 4),
    ("max_trades", 3, 2),
    ("orders", 7, 6),
    ("hedges", 1, 0),
    ("outcomes", {"one_leg": 1}, {"one_leg": 0}),
    ("outcomes", {"missed": 0}, {"missed": {"min": 1}}),
    ("refusals", {"latched": {"min": 12}}, {"latched": 11}),
    ("refusals", {"daily_loss": 0}, {"daily_loss": 1}),
    ("unknown_orders", 1, 0),
    ("restarts", 1, 0),
    ("pnl_krw", {"min": -1235, "max": -1234}, {"min": -1234}),
    ("min_pnl", "-1234.5", "-1234.4999"),
    ("max_pnl", "-1234.5", "-1234.5001"),
    ("exposure", {"BTC": "0.00000003"}, {"BTC": "0.00000002"}),
    ("exposure", {"ETH": 0}, {"ETH": "0.01"}),
    ("exposure", {"BTC": {"min": 0, "max": 1}}, {"BTC": {"min": 1}}),
    ("exposure", "0.00000003", 0),
    ("circuit_breaker_triggered", True, False),
    ("trips", ["naked_leg"], []),
    ("trips", ["naked_leg"], ["naked_leg", "dust"]),
    ("latches", ["operator"], ["daily_loss"]),
    ("trading_state", "HALTED", "ACTIVE"),
    ("max_time_to_neutral_ms", 2_501, 2_500),
]


def checks(name: str, wanted: Any) -> list[Check]:
    """The checks of one expectation; safety, which is always asked, is left out."""
    expected = Expectations.model_validate({name: wanted})
    return [check for check in judge(expected, SEEN) if check.name != "safety_violations"]


@pytest.mark.parametrize(("name", "holds", "fails"), HOLDS_AND_FAILS)
def test_each_expectation_can_hold_and_can_fail(name: str, holds: Any, fails: Any) -> None:
    (held,), (failed,) = checks(name, holds), checks(name, fails)

    assert held.passed
    assert not failed.passed
    assert held.name == failed.name
    assert held.name.startswith(name)


def test_no_expectation_is_left_out_here() -> None:
    asked = {name for name, _, _ in HOLDS_AND_FAILS} | {"safety_violations"}

    assert asked == set(Expectations.model_fields)


def test_what_is_not_named_is_not_asked() -> None:
    (only,) = judge(Expectations(), SEEN)

    assert only.name == "safety_violations"


@pytest.mark.parametrize(("broken", "wanted", "passed"), [(0, 0, True), (1, 0, False), (1, 1, True), (0, 1, False)])
def test_safety_is_always_asked(broken: int, wanted: int, passed: bool) -> None:
    seen = what_was_seen(violations=("sent_twice: upbit was sent x 2 times",) * broken)

    (check,) = judge(Expectations(safety_violations=wanted), seen)

    assert check.passed is passed


def test_broken_rules_are_named_the_first_three_of_them() -> None:
    (check,) = judge(Expectations(), what_was_seen(violations=("a: 1", "b: 2", "c: 3", "d: 4")))

    assert check.seen == "4: a: 1; b: 2; c: 3; …"


@pytest.mark.parametrize(
    ("trips", "latches", "stopped"),
    [
        ([], [], False),
        (["stale_data"], [], True),
        ([], ["daily_loss"], True),
        ([], ["total_loss"], True),
        ([], ["operator"], False),  # a person is no breaker
    ],
)
def test_the_breaker_is_a_trip_or_a_latch_of_losses(trips: list[str], latches: list[str], stopped: bool) -> None:
    seen = what_was_seen(trips=frozenset(trips), latches=frozenset(latches))

    check, _ = judge(Expectations(circuit_breaker_triggered=stopped), seen)

    assert check.passed


@pytest.mark.parametrize(("wanted", "passed"), [(0, True), (1, False)])
def test_an_exposure_is_asked_for_even_where_nothing_was_left(wanted: int, passed: bool) -> None:
    check, _ = judge(Expectations(exposure=Decimal(wanted)), what_was_seen(exposure={}))

    assert (check.passed, check.seen) == (passed, "0 of anything")


@pytest.mark.parametrize(
    ("times", "still_open", "told"),
    [((), 0, "nothing filled"), ((5.0,), 1, "5.0 ms; 1 still open at the end")],
)
def test_what_is_never_neutral_is_not_neutral_soon_enough(times: tuple[float, ...], still_open: int, told: str) -> None:
    seen = what_was_seen(times_to_neutral_ms=times, still_open=still_open)

    check, _ = judge(Expectations(max_time_to_neutral_ms=9), seen)

    assert (check.passed, check.seen) == (False, told)


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("trades", 2, ("2 trades", "3 trades")),
        ("min_pnl", 1_000_000, ("at least 1,000,000 KRW", "-1,234.5 KRW")),
        ("exposure", {"BTC": {"max": 0}}, ("at most 0 BTC", "0.00000003 BTC")),
        ("orders", {"min": 1, "max": 2}, ("1 to 2 orders", "7 orders")),
        ("latches", [], ("none", "operator")),
        ("max_time_to_neutral_ms", 100, ("neutral within 100 ms", "2,500.2 ms")),
    ],
)
def test_a_check_says_what_was_wanted_and_seen_with_units(name: str, wanted: Any, words: tuple[str, str]) -> None:
    (check,) = checks(name, wanted)

    assert (check.wanted, check.seen) == words
