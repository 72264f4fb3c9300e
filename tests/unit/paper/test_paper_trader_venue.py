"""What befalls a request to a simulated venue: what is heard of the order, and whether the venue has it."""

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from arbitrage.domain.events import Event, OrderReply, VenueTrouble
from arbitrage.domain.instruments import Venue
from arbitrage.paper.scenario import Scenario
from arbitrage.paper.scenario_time import start_of
from arbitrage.paper.witness import Witness
from arbitrage.paper.world import World
from arbitrage.sandbox.faults import REQUEST_KINDS
from arbitrage.virtual_loop import run
from tests.intent_builders import planned
from tests.paper_builders import CALM, scenario, step

LONG_S = 20.0
"""After so long every request has had its answer, or its time is up."""

NO_FILL = {Venue.UPBIT: Decimal(120_000_000), Venue.BINANCE: Decimal(80_000)}
"""A sale above the market, and a purchase below it."""

PLACE = {Venue.UPBIT: "POST /v1/orders", Venue.BINANCE: "POST /api/v3/order"}


@dataclass
class Heard:
    """What was heard of an order by whoever sent it, and of trouble; `is_there`: its venue has it in the end."""

    kinds: list[str] = field(default_factory=list)
    is_trouble: bool = False
    is_there: bool = False

    def hear(self, event: Event) -> None:
        if isinstance(event, OrderReply):
            self.kinds.append(event.kind.value)
        self.is_trouble |= isinstance(event, VenueTrouble)


def sent(played: Scenario, venue: Venue, asked_after_s: float | None = None) -> Heard:
    """Send an order that finds nothing at its price; listen to the answer, or to that of a question after it."""

    async def play() -> Heard:
        world, heard = World(played, 1, Witness(start_of(played), 60.0)), Heard()
        playing = asyncio.ensure_future(world.play())
        await asyncio.sleep(1)
        there = world.venues[venue]
        order = replace(planned(1).orders[0 if venue is Venue.UPBIT else 1], limit_price=NO_FILL[venue])
        there.place(order, heard.hear)
        if asked_after_s is not None:
            await asyncio.sleep(asked_after_s)
            heard = Heard()
            there.ask(order, heard.hear)
        await asyncio.sleep(LONG_S)
        heard.is_there = there.floor.find(order) is not None
        await playing
        await world.end()
        return heard

    return run(play(), 1)


def with_fault(kind: str, venue: Venue, **more: Any) -> Scenario:
    rule = {"kind": kind, "venue": venue.value, "endpoint": PLACE[venue], **more}
    return scenario(step(0, CALM), faults=[rule], lasts_s=60)


def with_change(venue: Venue, **change: Any) -> Scenario:
    return scenario(step(0, CALM, venues={venue.value: change}), lasts_s=60)


BY_FAULT = [
    # what goes wrong, what Upbit's and Binance's answers prove, whether the order is there in the end
    ("delay_before", {}, "accepted", "ended", True),
    ("delay_after", {}, "accepted", "ended", True),
    ("delay_after", {"s": 30}, "unknown", "unknown", True),
    ("hang_after_execution", {}, "unknown", "unknown", True),
    ("drop_before", {}, "unknown", "unknown", False),
    ("drop_after", {}, "unknown", "unknown", True),
    ("late_execution", {"s": 1}, "unknown", "unknown", True),
    ("error_5xx", {}, "unknown", "unknown", False),
    ("error_5xx", {"executed": True}, "unknown", "unknown", True),
    ("html_502", {}, "unknown", "unknown", False),
    ("empty_200", {}, "unknown", "unknown", True),
    ("truncated_body", {}, "unknown", "unknown", True),
    ("too_many", {}, "busy", "busy", False),
    ("banned", {}, "busy", "busy", False),
    ("maintenance", {}, "busy", "unknown", False),  # Binance's status proves nothing
]


@pytest.mark.parametrize(("kind", "more", "upbit", "binance", "is_there"), BY_FAULT)
def test_what_a_fault_proves_of_an_order(
    kind: str, more: dict[str, Any], upbit: str, binance: str, is_there: bool
) -> None:
    heard = {venue: sent(with_fault(kind, venue, **more), venue) for venue in Venue}

    assert {venue: each.kinds for venue, each in heard.items()} == {Venue.UPBIT: [upbit], Venue.BINANCE: [binance]}
    assert {each.is_there for each in heard.values()} == {is_there}


def test_every_fault_of_requests_is_tried_here() -> None:
    assert {kind for kind, *_ in BY_FAULT} == {kind.value for kind in REQUEST_KINDS}


@pytest.mark.parametrize(("s", "is_there"), [(1.9, True), (2.1, False)])
def test_binance_turns_away_what_comes_too_late(s: float, is_there: bool) -> None:
    """Its window is two seconds; Upbit knows none."""
    assert sent(with_fault("late_execution", Venue.BINANCE, s=s), Venue.BINANCE).is_there is is_there
    assert sent(with_fault("late_execution", Venue.UPBIT, s=s), Venue.UPBIT).is_there


@pytest.mark.parametrize(
    ("change", "upbit", "binance", "is_trouble"),
    [
        ({}, "accepted", "ended", False),
        ({"maintenance": True}, "busy", "unknown", True),  # Binance's status proves nothing
        ({"down": True}, "busy", "busy", False),  # nothing was sent
        ({"tick": {"KRW-BTC": 7_000, "BTCUSDT": 7_000}}, "refused", "refused", False),
        ({"match_after_s": 3}, "accepted", "accepted", False),
    ],
)
def test_what_a_turned_venue_answers(change: dict[str, Any], upbit: str, binance: str, is_trouble: bool) -> None:
    heard = {venue: sent(with_change(venue, **change), venue) for venue in Venue}

    assert {venue: each.kinds for venue, each in heard.items()} == {Venue.UPBIT: [upbit], Venue.BINANCE: [binance]}
    assert {each.is_trouble for each in heard.values()} == {is_trouble}


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize(("asked_after_s", "kind"), [(1.0, "missing"), (4.0, "ended")])
def test_an_order_is_not_found_before_it_can_be_seen(venue: Venue, asked_after_s: float, kind: str) -> None:
    assert sent(with_change(venue, visible_after_s=3), venue, asked_after_s).kinds == [kind]


def test_who_is_banned_is_turned_away_until_it_is_over() -> None:
    banned = with_fault("banned", Venue.UPBIT, s=10)

    assert sent(banned, Venue.UPBIT, asked_after_s=5).kinds == ["unknown"]
    assert sent(banned, Venue.UPBIT, asked_after_s=15).kinds == ["missing"]
