"""The guard: every check is asked, nothing passes that is not within its limit, and asking changes nothing."""

from dataclasses import replace
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.domain.verdicts import Approved, Refused
from liveguard.facts import Facts
from tests import builders as make
from tests.safety_builders import CALM, guard, plan

PLAN = plan()


def codes(facts: Facts = CALM, judged: TwoLegPlan = PLAN, started: int = 0) -> set[str]:
    safety = guard(started=tuple(make.after_ms(-1_000 * (n + 1)) for n in range(started)))
    verdict = safety.review(judged, facts, make.NOON)
    return {refusal.code.value for refusal in verdict.refusals} if isinstance(verdict, Refused) else set()


def test_a_plan_within_every_limit_is_approved() -> None:
    assert guard().review(PLAN, CALM, make.NOON) == Approved(PLAN)


@pytest.mark.parametrize(
    ("case", "judged", "facts", "started", "expected"),
    [
        ("worth half a won", plan("0.5"), CALM, 0, set()),
        ("worth nothing", plan("0"), CALM, 0, {"plan_too_large"}),
        ("worth less than nothing", plan("-1"), CALM, 0, {"plan_too_large"}),
        ("one won too large", plan("1000000.0001"), CALM, 0, {"plan_too_large"}),
        ("NaN large", plan("NaN"), CALM, 0, {"plan_too_large"}),
        ("infinitely large", plan("Infinity"), CALM, 0, {"plan_too_large"}),
        ("edge at the minimum", plan(edge_bps=10.0), CALM, 0, set()),
        ("edge below the minimum", plan(edge_bps=9.999), CALM, 0, {"edge_too_small"}),
        ("edge at the cap", plan(edge_bps=500.0), CALM, 0, set()),
        ("edge above the cap", plan(edge_bps=500.001), CALM, 0, {"edge_implausible"}),
        ("edge NaN", plan(edge_bps=nan), CALM, 0, {"edge_too_small", "edge_implausible"}),
        ("edge infinite", plan(edge_bps=inf), CALM, 0, {"edge_implausible"}),
        ("books at their age", PLAN, replace(CALM, upbit_age=from_ms(5_000), binance_age=from_ms(5_000)), 0, set()),
        ("books of this instant", PLAN, replace(CALM, upbit_age=Nanos(0), binance_age=Nanos(0)), 0, set()),
        ("fx at its age", PLAN, replace(CALM, fx_age=from_ms(30_000)), 0, set()),
        ("fx of this instant", PLAN, replace(CALM, fx_age=Nanos(0)), 0, set()),
        ("books just not too far apart", PLAN, replace(CALM, upbit_age=from_ms(3_100)), 0, set()),
        (
            "book too old",
            PLAN,
            replace(CALM, upbit_age=from_ms(5_001), binance_age=from_ms(5_000)),
            0,
            {"book_too_old"},
        ),
        ("book from the future", PLAN, replace(CALM, binance_age=Nanos(-1)), 0, {"book_too_old"}),
        ("the other from the future", PLAN, replace(CALM, upbit_age=Nanos(-1)), 0, {"book_too_old"}),
        ("fx too old", PLAN, replace(CALM, fx_age=from_ms(30_001)), 0, {"fx_too_old"}),
        ("fx from the future", PLAN, replace(CALM, fx_age=Nanos(-1)), 0, {"fx_too_old"}),
        ("books apart", PLAN, replace(CALM, upbit_age=from_ms(3_101)), 0, {"books_too_far_apart"}),
        ("third trade", PLAN, CALM, 2, set()),
        ("fourth trade in the hour", PLAN, CALM, 3, {"too_many_trades_hour"}),
        ("sixth trade of the day", PLAN, CALM, 5, {"too_many_trades_hour", "too_many_trades_day"}),
        ("three plans in flight", PLAN, replace(CALM, plans_in_flight=3), 0, {"too_many_positions"}),
        ("halted", PLAN, replace(CALM, halted="BREAK"), 0, {"instrument_halted"}),
    ],
)
def test_each_check_holds_at_its_limit(
    case: str, judged: TwoLegPlan, facts: Facts, started: int, expected: set[str]
) -> None:
    assert codes(facts=facts, judged=judged, started=started) == expected


def test_a_refusal_names_every_broken_limit() -> None:
    safety = guard()
    safety.unavailable = "away"
    verdict = safety.review(plan("2000000", 5.0), replace(CALM, fx_age=from_ms(40_000)), make.NOON)
    assert isinstance(verdict, Refused)

    assert [str(refusal) for refusal in verdict.refusals] == [
        "state_unavailable: away",
        "fx_too_old: fx 40000 ms (limit 30000 ms)",
        "plan_too_large: 2,000,000 KRW (limit 1000000 KRW)",
        "edge_too_small: 5.00 bps (limit 10.00 bps)",
    ]


def test_review_changes_nothing() -> None:
    safety = guard()
    verdicts = [safety.review(PLAN, CALM, make.NOON) for _ in range(10)]

    assert verdicts == [Approved(PLAN)] * 10


numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([Decimal(0), Decimal("-0"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e-400")]),
)
times = st.integers(-(10**13), 10**13).map(Nanos)


@given(numbers, st.floats(allow_nan=True, allow_infinity=True), times, times, times, st.integers(0, 10))
def test_nothing_escapes_past_a_limit(
    notional: Decimal, edge_bps: float, upbit_age: Nanos, binance_age: Nanos, fx_age: Nanos, flying: int
) -> None:
    facts = replace(CALM, upbit_age=upbit_age, binance_age=binance_age, fx_age=fx_age, plans_in_flight=flying)
    judged = replace(PLAN, notional_krw=notional, net_edge_bps=edge_bps)
    approved = isinstance(guard().review(judged, facts, Instant(10**18)), Approved)

    assert approved == (
        notional.is_finite()
        and 0 < notional <= 1_000_000
        and 10.0 <= edge_bps <= 500.0
        and 0 <= upbit_age <= from_ms(5_000)
        and 0 <= binance_age <= from_ms(5_000)
        and 0 <= fx_age <= from_ms(30_000)
        and abs(upbit_age - binance_age) <= from_ms(3_000)
        and flying < 3
    )
