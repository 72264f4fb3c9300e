"""The watch over both accounts on venues that only answer questions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from arbitrage.domain.events import (
    BalancesSeen,
    Event,
    Inspected,
    OpenOrdersSeen,
    PrivateUp,
    UniverseChanged,
    VenueTrouble,
    Wake,
)
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Pair, Side, Universe, Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.execution.numbering import opening_orders
from arbitrage.live_shell.account_watch import AccountWatch
from arbitrage.live_shell.alarm import Alarm
from arbitrage.live_shell.in_flight import InFlight
from arbitrage.live_shell.links import Terms
from arbitrage.virtual_loop import run as run_virtually
from arbitrage.wire.http import VenueFailed
from tests import builders as make
from tests.background import beside
from tests.plan_builders import a_plan


class Answering:
    """A venue link that answers what it is told to."""

    orders: Any = None
    stream: Any = None
    key_expires_at: Instant | None = None

    def __init__(self, venue: Venue, clock: "HandClock") -> None:
        self.venue = venue
        self.clock = clock
        self.listed: list[ListedOrder] = []
        self.past: list[ListedOrder] = []
        self.failure: VenueFailed | None = None
        self.takes_s = 0
        self.asked_at: list[float] = []

    async def balances(self) -> Mapping[str, Balance]:
        self.asked_at.append(asyncio.get_running_loop().time())
        self.clock.wait(self.takes_s)
        if self.failure:
            raise self.failure
        return {"KRW": Balance(Decimal(1), Decimal(2))}

    async def open_orders(self) -> Sequence[ListedOrder]:
        if self.failure:
            raise self.failure
        return self.listed

    async def orders_since(self, symbols: Sequence[str], since: Instant) -> Sequence[ListedOrder]:
        return [order for order in self.past if order.symbol in symbols and order.created_at >= since]

    async def terms(self, symbol: str) -> Terms:
        return Terms(Decimal("0.0004"))

    def in_one_question(self, symbols: Sequence[str]) -> Sequence[Sequence[str]]:
        return [symbols]

    async def room(self) -> None:
        pass

    async def key_problems(self) -> Sequence[str]:
        return ()

    def work(self) -> Any:
        return iter(())


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = make.NOON

    def now(self) -> Instant:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at = Instant(self.at + int(seconds * NS_PER_S))


class Desk:
    """Both venues, the watch over them, and what it told."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.heard: list[Event] = []
        self.upbit = Answering(Venue.UPBIT, self.clock)
        self.binance = Answering(Venue.BINANCE, self.clock)
        self.watch = AccountWatch((self.upbit, self.binance), self.clock, self.heard.append)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with beside(*(work for _, work in self.watch.work())):
            yield


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def settled(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not holds():  # noqa: ASYNC110 - it may be anything, and has no event of its own
            await asyncio.sleep(0)


def an_order() -> Order:
    return opening_orders(a_plan())[0]


def as_listed(order: Order, *, is_open: bool = False) -> ListedOrder:
    return ListedOrder(
        venue=order.venue,
        symbol=order.symbol,
        order_id="1",
        client_id=order.client_id,
        side=Side.SELL,
        quantity=order.quantity,
        executed=Decimal(0),
        is_open=is_open,
        created_at=order.decided_at,
    )


async def test_both_accounts_are_looked_at_from_the_start(desk: Desk) -> None:
    async with desk.watching():
        await settled(lambda: len(desk.of(BalancesSeen)) == 2 and len(desk.of(OpenOrdersSeen)) == 2)

    assert desk.of(BalancesSeen)[0].balances == {"KRW": Decimal(3)}
    assert all(event.is_whole for event in desk.of(BalancesSeen))


async def test_a_private_stream_that_comes_back_is_followed_by_a_look(desk: Desk) -> None:
    async with desk.watching():
        await settled(lambda: len(desk.of(BalancesSeen)) == 2)
        desk.watch.hear(PrivateUp(make.NOON, Venue.UPBIT))
        await settled(lambda: len(desk.of(BalancesSeen)) == 3 and len(desk.of(OpenOrdersSeen)) == 3)

    assert desk.of(BalancesSeen)[-1].venue is Venue.UPBIT


def test_a_start_does_not_wait_a_round_where_the_first_look_came_too_soon_after_a_plan() -> None:
    async def looks() -> list[float]:
        desk, began = Desk(), asyncio.get_running_loop().time()
        async with desk.watching():
            await asyncio.sleep(40)
            desk.watch.hear(PrivateUp(make.NOON, Venue.UPBIT))
            await asyncio.sleep(9)
        return [asked_at - began for asked_at in desk.upbit.asked_at]

    assert [round(second) for second in run_virtually(looks(), seed=1)] == [0, 3, 6, 26, 40, 43, 46]


async def test_balances_that_took_too_long_are_not_told(desk: Desk) -> None:
    desk.upbit.takes_s = 2
    async with desk.watching():
        await settled(lambda: len(desk.of(OpenOrdersSeen)) == 2 and desk.of(BalancesSeen))

    assert {event.venue for event in desk.of(BalancesSeen)} == {Venue.BINANCE}


async def test_a_venue_that_fails_is_trouble_and_a_refused_key_is_not(desk: Desk) -> None:
    desk.upbit.failure = VenueFailed("upbit", "down", 502)
    desk.binance.failure = VenueFailed("binance", "the key", 401)
    async with desk.watching():
        await settled(lambda: len(desk.of(VenueTrouble)) == 2)

    assert {event.venue for event in desk.of(VenueTrouble)} == {Venue.UPBIT}


@pytest.mark.parametrize("where", ["listed", "past"])
async def test_an_order_is_found_in_either_list(desk: Desk, where: str) -> None:
    order = an_order()
    getattr(desk.upbit, where).append(as_listed(order))
    async with desk.watching():
        desk.watch.inspect(order)
        await settled(lambda: desk.of(Inspected))

    assert desk.of(Inspected)[0].is_listed


async def test_an_order_in_no_list_is_told_after_fresh_balances(desk: Desk) -> None:
    order = an_order()
    async with desk.watching():
        await settled(lambda: len(desk.of(BalancesSeen)) == 2)
        desk.watch.inspect(order)
        desk.watch.inspect(order)
        await settled(lambda: desk.of(Inspected))

    assert [type(event) for event in desk.heard[-2:]] == [BalancesSeen, Inspected]
    assert not desk.of(Inspected)[0].is_listed
    assert len(desk.of(Inspected)) == 1


async def test_only_our_own_open_orders_are_taken_back(desk: Desk) -> None:
    ours = as_listed(an_order(), is_open=True)
    desk.upbit.listed = [ours]

    assert await desk.watch.take_back() == [ours.client_id]
    assert [order.client_id for order in desk.of(OpenOrdersSeen)[0].orders] == [ours.client_id]


async def test_balances_are_looked_at_again_when_other_markets_are_traded_and_not_for_other_fees(desk: Desk) -> None:
    async with desk.watching():
        await settled(lambda: len(desk.of(BalancesSeen)) == 2)
        desk.watch.hear(UniverseChanged(make.NOON, make.universe("BTC")))
        await settled(lambda: len(desk.of(BalancesSeen)) == 4)
        dearer = Pair("BTC", make.upbit(taker_fee=Decimal("0.0004")), make.binance())
        desk.watch.hear(UniverseChanged(make.NOON, Universe((dearer,), make.universe().fx)))
        desk.watch.hear(PrivateUp(make.NOON, Venue.UPBIT))
        await settled(lambda: len(desk.of(BalancesSeen)) == 5)

    assert [event.venue for event in desk.of(BalancesSeen)[4:]] == [Venue.UPBIT]


async def test_an_alarm_rings_at_the_soonest_instant_only() -> None:
    clock, heard = HandClock(), list[Event]()
    alarm = Alarm(clock, heard.append)
    alarm.set(make.after_ms(60_000))
    alarm.set(make.after_ms(5))
    alarm.set(make.after_ms(20))
    await settled(lambda: heard)

    assert heard == [Wake(make.after_ms(5))]


def test_what_is_in_flight_has_landed_when_the_last_plan_ends() -> None:
    flying = InFlight()
    flying.add("a")

    assert not flying.landed.is_set()
    assert flying.plans == ["a"]
