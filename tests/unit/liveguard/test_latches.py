"""Latches: they stay, keep their first reason, and say what may still leave."""

import pytest

from arbitrage.domain.guarding import LatchKind, TradingState
from liveguard.latches import CLEARED_BY_DAY, HALTING, Latches
from tests.builders import after_ms
from tests.safety_builders import a_latch

STATES = {
    LatchKind.DAILY_LOSS: "REDUCING",
    LatchKind.TOTAL_LOSS: "REDUCING",
    LatchKind.IMPLAUSIBLE_EDGE: "REDUCING",
    LatchKind.UNEXPLAINED_EXPOSURE: "HALTED",
    LatchKind.UNEXPLAINED_FUNDS: "REDUCING",
    LatchKind.ORPHAN_ORDER: "REDUCING",
    LatchKind.REFUSED_ORDERS: "REDUCING",
    LatchKind.REPEATED_EXECUTION: "REDUCING",
    LatchKind.FOREIGN_STATE: "HALTED",
    LatchKind.EMPTIED_STATE: "HALTED",
    LatchKind.DAY_STEP: "REDUCING",
    LatchKind.RESTARTS: "REDUCING",
    LatchKind.OPERATOR: "REDUCING",
}


@pytest.mark.parametrize("kind", LatchKind)
def test_each_latch_asks_for_its_state(kind: LatchKind) -> None:
    assert Latches([a_latch(kind)]).state == STATES[kind]
    assert Latches([a_latch(kind, scope="BTC")]).state is TradingState.ACTIVE


def test_without_a_latch_everything_may_leave() -> None:
    assert Latches().state is TradingState.ACTIVE
    assert not Latches()
    assert not list(Latches().stopping("BTC"))


def test_one_halting_latch_among_others_halts() -> None:
    assert Latches([a_latch(LatchKind.OPERATOR), a_latch(LatchKind.FOREIGN_STATE)]).state is TradingState.HALTED
    assert len(HALTING) == 3


def test_the_first_reason_stays() -> None:
    first, later = a_latch(LatchKind.OPERATOR), a_latch(LatchKind.OPERATOR, after_ms(1))
    latches = Latches()

    assert [latches.set(first), latches.set(later)] == [True, False]
    assert list(latches) == [first]
    assert "operator" in latches
    assert "daily_loss" not in latches


def test_a_latch_of_a_pair_stops_that_pair_only() -> None:
    everything, btc = a_latch(LatchKind.OPERATOR), a_latch(LatchKind.IMPLAUSIBLE_EDGE, scope="BTC")
    latches = Latches([everything, btc])

    assert list(latches.stopping("BTC")) == [everything, btc]
    assert list(latches.stopping("ETH")) == list(latches.stopping()) == [everything]
    assert btc.name == "implausible_edge:BTC"


def test_only_the_kinds_that_are_named_are_cleared() -> None:
    day, operator = a_latch(LatchKind.DAILY_LOSS), a_latch(LatchKind.OPERATOR)
    latches = Latches([day, operator])

    assert latches.clear(CLEARED_BY_DAY) == (day,)
    assert list(latches) == [operator]
    assert {LatchKind.DAILY_LOSS} == CLEARED_BY_DAY
