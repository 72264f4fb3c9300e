"""The guard: every check is asked, nothing passes that is not within its limit, and asking changes nothing."""

from dataclasses import replace
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.domain.verdicts import Approved, RefusalCode, Refused
from liveguard.risk_limits import CAUTIOUS, RiskLimits
from liveguard.safety import Facts, SafetyModule
from tests import builders as make

LIMITS = RiskLimits.over_cautious(
    {"max_position_size": Decimal(1_000_000), "max_trades_per_hour": 3, "max_trades_per_day": 5}
)
FINE = Facts(
    upbit_age=from_ms(100),
    binance_age=from_ms(100),
    fx_age=from_ms(100),
    plans_in_flight=0,
    unavailable="",
    halted="",
)


def plan(notional: str = "1000000", edge_bps: float = 30.0) -> TwoLegPlan:
    (submit,) = make.Story(capital_krw=10_000_000).tell_books(80)
    made = submit.approved.what  # type: ignore[union-attr]  # a story with a premium ends in a plan
    return replace(made, notional_krw=Decimal(notional), net_edge_bps=edge_bps)


PLAN = plan()


def codes(limits: RiskLimits = LIMITS, facts: Facts = FINE, judged: TwoLegPlan = PLAN, started: int = 0) -> set[str]:
    guard = SafetyModule(limits, tuple(make.after_ms(-1_000 * (n + 1)) for n in range(started)))
    verdict = guard.review(judged, facts, make.NOON)
    return {refusal.code.value for refusal in verdict.refusals} if isinstance(verdict, Refused) else set()


def test_a_plan_within_every_limit_is_approved() -> None:
    assert SafetyModule(LIMITS).review(PLAN, FINE, make.NOON) == Approved(PLAN)


@pytest.mark.parametrize(
    ("case", "judged", "facts", "started", "expected"),
    [
        ("one won too large", plan("1000000.0001"), FINE, 0, {"plan_too_large"}),
        ("NaN large", plan("NaN"), FINE, 0, {"plan_too_large"}),
        ("infinitely large", plan("Infinity"), FINE, 0, {"plan_too_large"}),
        ("edge at the minimum", plan(edge_bps=10.0), FINE, 0, set()),
        ("edge below the minimum", plan(edge_bps=9.999), FINE, 0, {"edge_too_small"}),
        ("edge at the cap", plan(edge_bps=500.0), FINE, 0, set()),
        ("edge above the cap", plan(edge_bps=500.001), FINE, 0, {"edge_implausible"}),
        ("edge NaN", plan(edge_bps=nan), FINE, 0, {"edge_too_small", "edge_implausible"}),
        ("edge infinite", plan(edge_bps=inf), FINE, 0, {"edge_implausible"}),
        ("books at their age", PLAN, replace(FINE, upbit_age=from_ms(5_000), binance_age=from_ms(5_000)), 0, set()),
        ("books of this instant", PLAN, replace(FINE, upbit_age=Nanos(0), binance_age=Nanos(0)), 0, set()),
        ("fx at its age", PLAN, replace(FINE, fx_age=from_ms(30_000)), 0, set()),
        ("fx of this instant", PLAN, replace(FINE, fx_age=Nanos(0)), 0, set()),
        ("books just not too far apart", PLAN, replace(FINE, upbit_age=from_ms(3_100)), 0, set()),
        (
            "book too old",
            PLAN,
            replace(FINE, upbit_age=from_ms(5_001), binance_age=from_ms(5_000)),
            0,
            {"book_too_old"},
        ),
        ("book from the future", PLAN, replace(FINE, binance_age=Nanos(-1)), 0, {"book_too_old"}),
        ("fx too old", PLAN, replace(FINE, fx_age=from_ms(30_001)), 0, {"fx_too_old"}),
        ("fx from the future", PLAN, replace(FINE, fx_age=Nanos(-1)), 0, {"fx_too_old"}),
        ("books apart", PLAN, replace(FINE, upbit_age=from_ms(3_101)), 0, {"books_too_far_apart"}),
        ("third trade", PLAN, FINE, 2, set()),
        ("fourth trade in the hour", PLAN, FINE, 3, {"too_many_trades_hour"}),
        ("sixth trade of the day", PLAN, FINE, 5, {"too_many_trades_hour", "too_many_trades_day"}),
        ("three plans in flight", PLAN, replace(FINE, plans_in_flight=3), 0, {"too_many_positions"}),
        ("no state", PLAN, replace(FINE, unavailable="Redis is away"), 0, {"state_unavailable"}),
        ("halted", PLAN, replace(FINE, halted="BREAK"), 0, {"instrument_halted"}),
    ],
)
def test_each_check_holds_at_its_limit(
    case: str, judged: TwoLegPlan, facts: Facts, started: int, expected: set[str]
) -> None:
    assert codes(facts=facts, judged=judged, started=started) == expected


def test_a_refusal_names_every_broken_limit() -> None:
    verdict = SafetyModule(LIMITS).review(
        plan("2000000", 5.0), replace(FINE, fx_age=from_ms(40_000), unavailable="away"), make.NOON
    )
    assert isinstance(verdict, Refused)

    assert [str(refusal) for refusal in verdict.refusals] == [
        "state_unavailable: away",
        "fx_too_old: fx 40000 ms (limit 30000 ms)",
        "plan_too_large: 2,000,000 KRW (limit 1000000 KRW)",
        "edge_too_small: 5.00 bps (limit 10.00 bps)",
    ]


def test_review_changes_nothing() -> None:
    guard = SafetyModule(LIMITS)
    verdicts = [guard.review(PLAN, FINE, make.NOON) for _ in range(10)]

    assert verdicts == [Approved(PLAN)] * 10


def test_an_hour_and_a_day_roll_on() -> None:
    guard = SafetyModule(LIMITS)
    for minute in range(5):
        guard.note_started(make.after_ms(minute * 60_000))
    hour, day = make.after_ms(3_600_000 + 60_001), make.after_ms(24 * 3_600_000 + 60_001)

    assert guard.started_within(Nanos(3_600 * 10**9), hour) == 3
    assert guard.started_within(Nanos(24 * 3_600 * 10**9), day) == 3
    guard.note_started(day)
    assert guard.started_within(Nanos(10**18), day) == 4


numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([Decimal(0), Decimal("-0"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e-400")]),
)
times = st.integers(-(10**13), 10**13).map(Nanos)


@given(numbers, st.floats(allow_nan=True, allow_infinity=True), times, times, times, st.integers(0, 10))
def test_nothing_escapes_past_a_limit(
    notional: Decimal, edge_bps: float, upbit_age: Nanos, binance_age: Nanos, fx_age: Nanos, flying: int
) -> None:
    facts = Facts(
        upbit_age=upbit_age,
        binance_age=binance_age,
        fx_age=fx_age,
        plans_in_flight=flying,
        unavailable="",
        halted="",
    )
    judged = replace(PLAN, notional_krw=notional, net_edge_bps=edge_bps)
    approved = isinstance(SafetyModule(LIMITS).review(judged, facts, Instant(10**18)), Approved)

    assert approved == (
        notional.is_finite()
        and notional <= 1_000_000
        and 10.0 <= edge_bps <= 500.0
        and 0 <= upbit_age <= from_ms(5_000)
        and 0 <= binance_age <= from_ms(5_000)
        and 0 <= fx_age <= from_ms(30_000)
        and abs(upbit_age - binance_age) <= from_ms(3_000)
        and flying < 3
    )


@pytest.mark.parametrize("field", sorted(CAUTIOUS))
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 0, -1])
def test_a_limit_that_limits_nothing_is_no_limit(field: str, value: Decimal | int) -> None:
    with pytest.raises(ValueError, match=field):
        RiskLimits.over_cautious({field: value})


def test_every_bad_limit_is_reported_at_once() -> None:
    with pytest.raises(ValueError, match=r"max_daily_loss = -1.*max_edge_pct = NaN"):
        RiskLimits.over_cautious({"max_daily_loss": Decimal(-1), "max_edge_pct": Decimal("NaN")})


def test_a_code_is_a_closed_word() -> None:
    assert all(code.value == code.name.lower() for code in RefusalCode)
