"""The domain's types: closed words, facts that cannot be changed, money that is rounded against us, ids venues take."""

import re
from dataclasses import FrozenInstanceError, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from inspect import getmembers, isclass
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain import events, guarding, instruments, intents, plans, remembered, verdicts, views
from arbitrage.domain.book_views import Health, Reference
from arbitrage.domain.guarding import GuardAct, LatchKind, TradingState, Trip
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import UNITS_PER_WON, won, won_units
from arbitrage.domain.plans import Direction, LegEnd, Outcome, Purpose
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode, Refused
from arbitrage.execution.numbering import PlanNumbers, opening_orders
from liveguard.facts import Facts
from liveguard.mode_gate import GateEvidence, LivePermit, Mode
from liveguard.risk_limits import RiskLimits
from tests.safety_builders import CALM, LIMITS, a_latch, end_of, evidence, lost, permit, plan, way_out

WORDS: list[type[StrEnum]] = [
    Direction, GuardAct, Health, LatchKind, LegEnd, Mode, Outcome, Purpose, RefusalCode, Side, Trip, Venue,
]  # fmt: skip

FACTS = [
    plan(),
    plan().upbit,
    plan().fx,
    way_out(),
    end_of(plan(), 1),
    end_of(plan(), 1).upbit_fill,
    Approved(plan()),
    Refused(plan(), ()),
    Refusal(RefusalCode.NO_DEPTH, "", ""),
    a_latch(LatchKind.OPERATOR),
    lost(1),
    lost(1).losses,
    CALM,
    Reference(1.0, 1.0, 1.0, 1.0),
    LIMITS,
    evidence(),
    permit(),
]

# they are made once a frame, and nobody keeps them (domain/events.py)
NOT_FROZEN = {"BookSnapshot", "TouchUpdate"}


@pytest.mark.parametrize("words", WORDS)
def test_a_closed_word_is_its_name_in_lower_case(words: type[StrEnum]) -> None:
    assert [word.value for word in words] == [name.lower() for name in words.__members__]
    assert len({word.value for word in words}) == len(words.__members__) == len(words)
    with pytest.raises(ValueError, match="is not a valid"):
        words("something else")


def test_a_trading_state_is_written_large_as_people_know_it() -> None:
    assert [state.value for state in TradingState] == ["ACTIVE", "REDUCING", "HALTED"] == list(TradingState.__members__)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_cannot_be_changed(fact: object) -> None:
    for field in fields(fact):  # type: ignore[arg-type]  # each is a dataclass
        with pytest.raises(FrozenInstanceError):
            setattr(fact, field.name, None)
    # a frozen class with slots says TypeError to a name that it does not have, through a wrinkle of Python 3.11
    with pytest.raises((FrozenInstanceError, TypeError)):
        fact.something_new = 1  # type: ignore[attr-defined]  # that is the point


@pytest.mark.parametrize("module", [events, guarding, instruments, intents, plans, remembered, verdicts, views])
def test_every_fact_of_the_domain_is_frozen_and_has_slots(module: ModuleType) -> None:
    own = [each for _, each in getmembers(module, isclass) if each.__module__ == module.__name__]
    made = {each.__name__: each for each in own if is_dataclass(each)}

    assert {name for name, each in made.items() if not each.__dataclass_params__.frozen} <= NOT_FROZEN
    assert [name for name, each in made.items() if "__slots__" not in vars(each)] == []


@pytest.mark.parametrize("each", [Facts, GateEvidence, LivePermit, RiskLimits])
def test_what_the_guard_judges_by_is_frozen(each: type) -> None:
    assert each.__dataclass_params__.frozen  # type: ignore[attr-defined]  # each is a dataclass


@pytest.mark.parametrize(
    ("krw", "units"),
    [("0.0001", 1), ("0.00019", 1), ("0.00001", 0), ("-0.00001", -1), ("-0.0001", -1), ("-0.00011", -2), ("1", 10_000)],
)
def test_a_gain_is_rounded_down_and_a_loss_up(krw: str, units: int) -> None:
    assert won_units(Decimal(krw)) == units


@given(st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False, places=12))
def test_units_never_flatter_and_never_miss_by_a_unit(krw: Decimal) -> None:
    assert won(won_units(krw)) <= krw < won(won_units(krw) + 1)


@given(st.integers(-(2**53), 2**53))
def test_units_go_there_and_back(units: int) -> None:
    assert won_units(won(units)) == units
    assert won(units) * UNITS_PER_WON == units


def test_the_largest_limit_stays_where_lua_counts_exactly() -> None:
    assert won_units(Decimal(10**11)) < 2**53


@given(st.from_regex(r"\A[a-z0-9]{6}\Z"), st.integers(1, 10**6), st.integers(1, 10**6))
def test_ids_are_what_both_venues_take(epoch: str, fence: int, plans_before: int) -> None:
    numbers = PlanNumbers(epoch, fence)
    numbers._used = plans_before  # so many plans would take too long to make
    judged = plan()
    object.__setattr__(judged, "plan_id", numbers.next_plan_id())
    ids = [order.client_id for order in opening_orders(judged)]

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,36}", each, re.ASCII) for each in ids)
    assert len(set(ids)) == 2


def test_a_number_is_used_up_by_a_plan_and_not_by_a_look() -> None:
    numbers = PlanNumbers("abc123", 7)
    seen = [numbers.next_plan_id(), numbers.next_plan_id()]
    numbers.use()

    assert [*seen, numbers.next_plan_id()] == ["abc123-7-1", "abc123-7-1", "abc123-7-2"]
