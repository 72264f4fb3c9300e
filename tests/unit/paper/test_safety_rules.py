"""The rules of safety: each one is found broken when it is, by its name, and none where all went well."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.domain.events import (
    BootChecked,
    Event,
    PrivateDown,
    PrivateUp,
    StateDown,
    StateUp,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.guarding import GuardAct, GuardEntry, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, ReportGuard, SubmitHedge, SubmitPlan
from arbitrage.domain.money import WonUnits
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.order_requests import request_of
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.venue_orders import TimeInForce
from arbitrage.paper.rules import Rule
from arbitrage.paper.safety_rules import SafetyRules
from arbitrage.paper.scenario_time import start_of
from arbitrage.paper.witness import Witness
from arbitrage.paper.world import World
from arbitrage.virtual_loop import run
from tests import builders as make
from tests.intent_builders import a_latch, ended, guarded, planned, seconds
from tests.paper_builders import once, scenario

LIMITS = make.limits(
    max_position_size=Decimal(1_250_000),
    max_daily_loss=Decimal(10_000),
    max_total_loss=Decimal(12_000),
    max_trades_per_hour=3,
    max_trades_per_day=7,
    max_position_count=2,
)
RISK = 50_000_000
"""What a plan of the builders holds: 5,000 won."""


def broken_by(*told: Intent | Event) -> list[str]:
    """The names of the rules that are found broken after these intents and words."""
    rules = SafetyRules(LIMITS, make.universe("BTC", "ETH"))
    for each in told:
        if isinstance(each, Event):
            rules.hear(each)
        else:
            rules.publish(each)
    return [line.partition(":")[0] for line in rules.broken]


def plan_at(at: Instant, plan_id: str = "p-1") -> SubmitPlan:
    sent = planned(1, plan_id, cost=RISK)
    return replace(sent, approved=replace(sent.approved, what=replace(sent.plan, decided_at=at)))


def with_order(**changes: object) -> SubmitPlan:
    """A plan whose order on Upbit is not as it should be."""
    sent = plan_at(seconds(1))
    upbit, binance = sent.orders
    return replace(sent, orders=(replace(upbit, **changes), binance))  # type: ignore[arg-type]  # any field


def at_a_price(**changes: object) -> SubmitPlan:
    """A plan whose leg on Upbit has another price than its books allow."""
    sent = plan_at(LATER)
    priced = replace(sent.plan, upbit=replace(sent.plan.upbit, **changes))  # type: ignore[arg-type]  # any field
    return replace(sent, approved=replace(sent.approved, what=priced))


def of_ether(plan_id: str) -> SubmitPlan:
    """A plan of another pair."""
    sent = plan_at(LATER, plan_id)
    plan, (upbit, binance) = sent.plan, sent.orders
    legs = replace(plan.upbit, symbol="KRW-ETH"), replace(plan.binance, symbol="ETHUSDT")
    what = replace(plan, base="ETH", upbit=legs[0], binance=legs[1])
    orders = replace(upbit, symbol="KRW-ETH"), replace(binance, symbol="ETHUSDT")
    return replace(sent, approved=replace(sent.approved, what=what), orders=orders)


def one_after_the_other(count: int, apart_s: float) -> tuple[Intent, ...]:
    """Plans that each end before the next one starts."""
    pairs = ((plan_at(seconds(apart_s * n), f"p-{n}"), ended(2 * n, f"p-{n}", result=0)) for n in range(count))
    return tuple(intent for pair in pairs for intent in pair)


def tripped(act: GuardAct) -> ReportGuard:
    entry = GuardEntry(at=seconds(0), act=act, name="stale_data", who="", why="")
    return ReportGuard(seconds(0), 1, "2026-11-26", (entry,), ())


FORGIVEN = guarded(2, total_from_zero=True)
NOON, LATER = seconds(0), seconds(1)
STATE_DOWN, STATE_UP = StateDown(NOON, "gone"), StateUp(NOON)
CHECKED, UNCHECKED = BootChecked(NOON, (), is_final=True), BootChecked(NOON, ("not yet",), is_final=False)
STREAM_DOWN, STREAM_UP = PrivateDown(NOON, Venue.UPBIT, "gone"), PrivateUp(NOON, Venue.UPBIT)
VENUE_DOWN, VENUE_UP = VenueDown(NOON, Venue.UPBIT, "gone"), VenueUp(NOON, Venue.UPBIT)
IMPLAUSIBLE = LatchKind.IMPLAUSIBLE_EDGE


@pytest.mark.parametrize(
    "told",
    [
        (plan_at(LATER),),
        (guarded(1, a_latch()), guarded(2), plan_at(LATER)),
        (guarded(1, a_latch(IMPLAUSIBLE, "ETH")), plan_at(LATER)),
        (tripped(GuardAct.TRIPPED), tripped(GuardAct.CLEARED), plan_at(LATER)),
        (STATE_DOWN, STATE_UP, UNCHECKED, CHECKED, STREAM_DOWN, STREAM_UP, VENUE_DOWN, VENUE_UP, plan_at(LATER)),
        (STATE_DOWN, plan_at(NOON)),  # at the very moment either may have come first
        (guarded(1, a_latch()), SubmitHedge(plan_at(LATER).orders[0])),  # nothing stops a way out
    ],
)
def test_a_plan_that_nothing_forbids_breaks_no_rule(told: tuple[Intent | Event, ...]) -> None:
    assert broken_by(*told) == []


@pytest.mark.parametrize(
    "stop",
    [
        guarded(1, a_latch()),
        guarded(1, a_latch(IMPLAUSIBLE, "BTC")),
        tripped(GuardAct.TRIPPED),
        STATE_DOWN,
        UNCHECKED,
        STREAM_DOWN,
        VENUE_DOWN,
    ],
)
def test_a_plan_after_a_stop_is_found(stop: Intent | Event) -> None:
    assert broken_by(stop, plan_at(LATER)) == [Rule.OPENED_WHILE_STOPPED]


def test_a_trip_does_not_outlive_the_process_but_a_latch_does() -> None:
    rules = SafetyRules(LIMITS, make.universe("BTC"))
    rules.publish(tripped(GuardAct.TRIPPED))
    rules.hear(STATE_DOWN)
    rules.begin_run()
    rules.publish(plan_at(LATER))
    rules.publish(ended(1))
    assert rules.broken == []

    rules.publish(guarded(1, a_latch()))
    rules.begin_run()
    rules.publish(plan_at(LATER, "p-2"))

    assert rules.broken == ["opened_while_stopped: p-2 in spite of operator"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule.SENT_TWICE, (plan_at(LATER), ended(1), plan_at(LATER))),
        (Rule.OFF_GRID, (with_order(limit_price=Decimal(120_000_001)),)),
        (Rule.OFF_GRID, (with_order(quantity=Decimal("0.010000001")),)),
        (Rule.OFF_GRID, (with_order(symbol="KRW-XRP"),)),
        (Rule.BELOW_MINIMUM, (with_order(quantity=Decimal("0.00004166")),)),
        (Rule.BELOW_MINIMUM, (SubmitHedge(with_order(quantity=Decimal("0.00001")).orders[0]),)),
        (Rule.TOO_MANY_TRADES, one_after_the_other(4, 900)),
        (Rule.TOO_MANY_TRADES, one_after_the_other(8, 3 * 3_600)),
        (Rule.TOO_MANY_AT_ONCE, (plan_at(LATER), plan_at(LATER, "p-2"))),
        (Rule.RISKED_TOO_MUCH, (ended(1, "p-0", result=-50_000_001), plan_at(LATER))),
        (Rule.RISKED_TOO_MUCH, (ended(1, "p-0", result=-70_000_001, day="2026-11-21"), plan_at(LATER))),
        (Rule.EDGE_GIVEN_AWAY, (at_a_price(limit_price=Decimal(119_357_000), levels=()),)),
        (Rule.OFF_ITS_LEVEL, (at_a_price(levels=((120_500_000.0, 1.0),)),)),
        (Rule.LOST_TOO_MUCH, (plan_at(LATER), ended(1, result=-150_000_001))),
        (Rule.LOST_TOO_MUCH, (ended(1, "p-1", result=-60_000_000), ended(2, "p-2", result=-60_000_000))),
    ],
)
def test_each_rule_is_found_broken(rule: Rule, told: tuple[Intent, ...]) -> None:
    assert broken_by(*told) == [rule]


@pytest.mark.parametrize(
    "told",
    [
        one_after_the_other(6, 1_201),  # never more than three within an hour
        one_after_the_other(8, 3.5 * 3_600),  # nor more than seven within a day
        (plan_at(LATER), of_ether("p-2")),
        (ended(1, "p-0", result=-50_000_000), plan_at(LATER)),
        (ended(1, "p-0", result=-70_000_000, day="2026-11-21"), plan_at(LATER)),
        (ended(1, "p-0", result=-70_000_001, day="2026-11-21"), FORGIVEN, plan_at(LATER)),
        (at_a_price(limit_price=Decimal(119_358_000), levels=()),),
        (plan_at(LATER), ended(1, result=-150_000_000)),  # all that it may: the day's limit, and what it had at risk
        (ended(1, "p-1", result=-60_000_000), ended(2, "p-2", result=-60_000_000, day="2026-11-23")),
        (with_order(quantity=Decimal("0.00004167")),),
    ],
)
def test_what_is_just_allowed_is_no_breach(told: tuple[Intent, ...]) -> None:
    assert broken_by(*told) == []


def test_a_plan_above_the_largest_size_is_found() -> None:
    sent = plan_at(LATER)
    large = replace(sent.plan, upbit=replace(sent.plan.upbit, quantity=Decimal("0.0105")))

    assert broken_by(replace(sent, approved=replace(sent.approved, what=large))) == [Rule.TOO_LARGE]


# --- held against the venues' truth: the world is meddled with behind the daemon's back


def broken_after(meddle: Callable[[World], None]) -> list[str]:
    """The rules that are found broken at the end of a world with one trade, after somebody had a hand in it."""

    async def play() -> list[str]:
        played = scenario(*once())
        world = World(played, 1, Witness(start_of(played), 32.0))
        await world.play()
        meddle(world)
        await world.end()
        return [line.partition(":")[0] for line in world.rules.broken]

    return run(play(), 1)


class Overdrawn(SimulatedExchange):
    """A venue that lent us a won."""

    def balances(self) -> dict[str, Balance]:
        return {"BTC": Balance(), "KRW": Balance(free=Decimal(-1))}


def nothing(_: World) -> None:
    pass


def a_coin_appears(world: World) -> None:
    world.venues[Venue.BINANCE].floor.exchange.deposit("BTC", Decimal("0.00000001"))


def an_order_is_sent_again(world: World) -> None:
    order = planned(1).orders[0]
    for _ in range(2):
        world.venues[Venue.UPBIT].place(order, world.daemon.tell)


def an_order_rests(world: World) -> None:
    asked = replace(request_of(planned(1).orders[0]), time_in_force=TimeInForce.GTC)
    world.venues[Venue.UPBIT].floor.exchange.place(asked)


def a_won_appears(world: World) -> None:
    world.venues[Venue.UPBIT].floor.exchange.deposit("KRW", Decimal("0.0001"))


def a_result_is_flattered(world: World) -> None:
    """A plan of which we know how it ended is told as if it had brought a unit of won more."""
    (end,) = world.rules.ends
    world.rules.ends[:] = [replace(end, result=WonUnits(end.result + 2))]


def a_won_is_lent(world: World) -> None:
    world.venues[Venue.UPBIT].floor.exchange = lender = Overdrawn(Venue.UPBIT)
    lender.connect()


@pytest.mark.parametrize(
    ("meddle", "found"),
    [
        (nothing, []),
        (a_coin_appears, [Rule.EXPOSURE_DIFFERS]),
        (an_order_is_sent_again, [Rule.SENT_TWICE]),
        (an_order_rests, [Rule.LEFT_OPEN]),
        (a_won_appears, [Rule.CASH_DIFFERS]),
        (a_result_is_flattered, [Rule.RESULT_DIFFERS]),
        (a_won_is_lent, [Rule.NEGATIVE_BALANCE, Rule.CASH_DIFFERS, Rule.EXPOSURE_DIFFERS]),
    ],
)
def test_the_truth_is_the_venues(meddle: Callable[[World], None], found: list[Rule]) -> None:
    assert broken_after(meddle) == found
