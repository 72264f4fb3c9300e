"""Order entry at the sandbox's Binance over real connections: what happened there, and what our events say of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from arbitrage.clock import SystemClock
from arbitrage.domain.events import Event, OrderReply, ReplyKind, VenueTrouble
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Order, Purpose
from arbitrage.exchange.binance import BinanceOrders
from arbitrage.exchange.binance_account import BinanceAccount
from arbitrage.exchange.binance_limits import ALLOWANCES, WANTED_HEADERS, WEIGHT
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineHooks, OrderLines
from tests.rehearsal import Rehearsal, a_rehearsal
from tests.upbit_venue import until
from tests.venue_fakes import eventually

POST, GET, DELETE = (f"{method} /api/v3/order" for method in ("POST", "GET", "DELETE"))
FAR_BELOW = Decimal(20_000)


class Trader:
    """Our order entry at a sandbox, and the events that came of it."""

    def __init__(self, rehearsal: Rehearsal, keys: ApiKeys | None = None) -> None:
        self.rehearsal = rehearsal
        self.clock = SystemClock()
        self.limiter = Limiter(ALLOWANCES)
        self.events: list[Event | OrderReply] = []
        url = rehearsal.sandbox.binance_rest_url
        hooks = LineHooks(wanted=WANTED_HEADERS)
        self.lines = OrderLines("binance", url, self.clock, Random(1), hooks)
        ours = keys or ApiKeys(BINANCE_KEYS.access, BINANCE_KEYS.secret)
        self.requests = BinanceRequests(self.lines.address, ours, self.clock)
        self.orders = BinanceOrders(self.lines, self.requests, self.limiter, self.clock, self.events.append)
        self.account = BinanceAccount(self.lines, self.requests, self.limiter, self.clock)

    @property
    def replies(self) -> list[OrderReply]:
        return [event for event in self.events if isinstance(event, OrderReply)]

    async def told(self, call: Callable[[Order], None], order: Order, within_s: float = 3.0) -> OrderReply:
        """Make a call, and return the event that comes of it."""
        before = len(self.replies)
        call(order)
        await eventually(lambda: len(self.replies) > before, within_s)
        assert len(self.replies) == before + 1
        return self.replies[-1]

    async def an_order(self, number: int = 1, quantity: str = "0.001", side: Side = Side.BUY, **more: Any) -> Order:
        """An order that crosses a few levels of the book as it is now."""
        url = f"{self.rehearsal.sandbox.binance_rest_url}/api/v3/ticker/bookTicker?symbol=BTCUSDT"
        touch = (await self.rehearsal.send("GET", url)).json
        price = Decimal(touch["askPrice"]) * 102 / 100 if side is Side.BUY else Decimal(touch["bidPrice"]) * 98 / 100
        made = Order(
            client_id=f"arb-e-1-{number}-b-1",
            plan_id=f"e-1-{number}",
            venue=Venue.BINANCE,
            symbol="BTCUSDT",
            side=side,
            quantity=Decimal(quantity),
            limit_price=price.quantize(Decimal("0.01")),
            purpose=Purpose.OPEN,
            decided_at=self.clock.now(),
            net_edge_bps=10.0,
        )
        return replace(made, **more)


@asynccontextmanager
async def a_trader(keys: ApiKeys | None = None, **options: Any) -> AsyncIterator[Trader]:
    """Trade at a sandbox of one's own while the context lasts."""
    async with a_rehearsal(**options) as rehearsal:
        trader = Trader(rehearsal, keys)
        running = asyncio.create_task(trader.lines.run())
        try:
            await eventually(lambda: trader.lines.idle == 4)
            yield trader
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


# --- a venue that works


@pytest.mark.parametrize(("side", "currency"), [(Side.BUY, "BTC"), (Side.SELL, "USDT")])
async def test_an_order_is_over_with_its_reply_and_a_question_says_the_same(side: Side, currency: str) -> None:
    async with a_trader() as trader:
        order = await trader.an_order(side=side)
        placed = await trader.told(trader.orders.send, order)
        asked = await trader.told(trader.orders.ask, order)
        (true,) = (await trader.rehearsal.truth("orders"))["rows"]
        paid = [Decimal(row["fee"]) for row in (await trader.rehearsal.truth("fills"))["rows"]]

    assert placed.kind is asked.kind is ReplyKind.ENDED
    assert placed.fill is not None
    assert placed.fill == asked.fill
    assert (placed.fill.quantity, placed.fill.fee_currency) == (Decimal("0.001"), currency)
    assert placed.fill.funds == Decimal(true["executed_funds"])
    assert placed.fill.fee == sum(paid)
    assert not [event for event in trader.events if isinstance(event, VenueTrouble)]


async def test_an_order_beside_the_market_is_over_with_nothing() -> None:
    async with a_trader() as trader:
        order = await trader.an_order(limit_price=FAR_BELOW)
        placed = await trader.told(trader.orders.send, order)
        asked = await trader.told(trader.orders.ask, order)

    assert (placed.kind, asked.kind) == (ReplyKind.ENDED, ReplyKind.ENDED)
    assert placed.fill is not None
    assert placed.fill == asked.fill
    assert placed.fill.quantity == placed.fill.funds == placed.fill.fee == 0


async def test_an_order_that_rests_is_cancelled_and_that_is_its_end() -> None:
    async with a_trader() as trader:
        await trader.rehearsal.order(Venue.BINANCE, "arb-e-1-1-b-1")  # one that rests, which ours never do
        order = await trader.an_order(limit_price=Decimal(50_000))
        there = await trader.told(trader.orders.ask, order)
        listed = await trader.account.open_orders()
        cancelled = await trader.told(trader.orders.cancel, order)
        again = await trader.told(trader.orders.cancel, order)
        asked = await trader.told(trader.orders.ask, order)

    assert [reply.kind for reply in (there, cancelled, again, asked)] == [
        ReplyKind.ACCEPTED,
        ReplyKind.ENDED,
        ReplyKind.UNKNOWN,  # to a second cancel it is not known any more, which says nothing
        ReplyKind.ENDED,
    ]
    assert [(one.client_id, one.is_open, one.quantity) for one in listed] == [(order.client_id, True, order.quantity)]


@pytest.mark.parametrize(
    ("case", "changes", "reason"),
    [
        ("too little", {"quantity": Decimal("0.00001"), "limit_price": FAR_BELOW}, "-1013 Filter failure: NOTIONAL"),
        ("off the tick", {"limit_price": Decimal("20000.001")}, "-1013 Filter failure: PRICE_FILTER"),
        ("too much", {"quantity": Decimal(5), "limit_price": Decimal(60_000)}, "-2010 Account has insufficient"),
        ("no such market", {"symbol": "NOPEUSDT"}, "-1121 Invalid symbol."),
    ],
)
async def test_a_refusal_is_proven_and_leaves_no_order(case: str, changes: dict[str, Any], reason: str) -> None:
    async with a_trader() as trader:
        order = await trader.an_order(**changes)
        placed = await trader.told(trader.orders.send, order)
        true = await trader.rehearsal.client_ids()
        asked = await trader.told(trader.orders.ask, replace(order, symbol="BTCUSDT"))

    assert (placed.kind, placed.fill) == (ReplyKind.REFUSED, None), case
    assert reason in placed.reason
    assert true == []
    assert asked.kind is ReplyKind.MISSING


async def test_orders_beyond_the_connections_are_proven_not_sent() -> None:
    async with a_trader() as trader:
        orders = [await trader.an_order(number) for number in range(6)]
        for order in orders:
            trader.orders.send(order)
        at_once = [(reply.client_id, reply.kind) for reply in trader.replies]
        await eventually(lambda: len(trader.replies) == 6)
        true = await trader.rehearsal.client_ids()

    assert at_once == [(order.client_id, ReplyKind.BUSY) for order in orders[4:]]
    assert sorted(true) == [order.client_id for order in orders[:4]]


# --- a venue that does not


@pytest.mark.parametrize(
    ("kind", "more", "told", "executed"),
    [
        ("drop_before", {}, ReplyKind.UNKNOWN, False),
        ("drop_after", {}, ReplyKind.UNKNOWN, True),
        ("error_5xx", {"status": 500}, ReplyKind.UNKNOWN, False),
        ("error_5xx", {"status": 504, "executed": True}, ReplyKind.UNKNOWN, True),
        ("html_502", {"executed": True}, ReplyKind.UNKNOWN, True),
        ("empty_200", {}, ReplyKind.UNKNOWN, True),
        ("truncated_body", {}, ReplyKind.UNKNOWN, True),
        ("hang_after_execution", {"s": 0.2}, ReplyKind.UNKNOWN, True),
        ("delay_after", {"s": 0.2}, ReplyKind.ENDED, True),
        ("maintenance", {}, ReplyKind.UNKNOWN, False),
        ("too_many", {"s": 1}, ReplyKind.BUSY, False),
        ("banned", {"s": 1}, ReplyKind.BUSY, False),
    ],
)
async def test_no_fault_passes_for_proof_and_a_question_finds_the_truth(
    kind: str, more: dict[str, Any], told: ReplyKind, executed: bool
) -> None:
    async with a_trader() as trader:
        await trader.rehearsal.fault(kind, Venue.BINANCE, endpoint=POST, **more)
        order = await trader.an_order()
        placed = await trader.told(trader.orders.send, order)
        true = await trader.rehearsal.client_ids()
        await eventually(lambda: trader.limiter.left(WEIGHT, trader.clock.now()) > 0)
        await eventually(lambda: trader.lines.idle > 1)
        asked = await trader.told(trader.orders.ask, order)
        sent = [row["endpoint"] for row in (await trader.rehearsal.truth("requests"))["rows"]]

    assert (placed.kind, true) == (told, [order.client_id] if executed else [])
    assert asked.kind is (ReplyKind.ENDED if executed else ReplyKind.MISSING)
    assert asked.fill is None or asked.fill.quantity == order.quantity
    assert sent.count(POST) == 1


@pytest.mark.parametrize("kind", ["drop_after", "html_502", "empty_200", "truncated_body", "error_5xx"])
@pytest.mark.parametrize("endpoint", [GET, "GET /api/v3/myTrades"])
async def test_a_question_that_fails_proves_nothing_and_can_be_asked_again(kind: str, endpoint: str) -> None:
    async with a_trader() as trader:
        order = await trader.an_order()
        await trader.told(trader.orders.send, order)
        await trader.rehearsal.fault(kind, Venue.BINANCE, endpoint=endpoint)
        failed = await trader.told(trader.orders.ask, order)
        await eventually(lambda: trader.lines.idle > 1)
        asked = await trader.told(trader.orders.ask, order)

    # once the order was seen, it is there: only its fees are missing
    assert failed.kind is (ReplyKind.UNKNOWN if endpoint == GET else ReplyKind.ACCEPTED)
    assert (failed.fill, asked.kind) == (None, ReplyKind.ENDED)


async def test_an_order_that_executes_late_is_missing_first_and_found_then() -> None:
    async with a_trader() as trader:
        await trader.rehearsal.fault("late_execution", Venue.BINANCE, endpoint=POST, s=0.3)
        order = await trader.an_order()
        placed = await trader.told(trader.orders.send, order)
        early = await trader.told(trader.orders.ask, order)
        await until(lambda: trader.rehearsal.truth("orders"), lambda truth: truth["rows"])
        late = await trader.told(trader.orders.ask, order)

    assert [reply.kind for reply in (placed, early, late)] == [ReplyKind.UNKNOWN, ReplyKind.MISSING, ReplyKind.ENDED]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (ApiKeys("sandbox-binance-api-key", "wrong"), "400 -1022 Signature for this request is not valid."),
        (ApiKeys("wrong", BINANCE_KEYS.secret), "401 -2015 Invalid API-key, IP, or permissions for action."),
    ],
)
async def test_wrong_keys_are_one_clear_line(keys: ApiKeys, reason: str) -> None:
    async with a_trader(keys) as trader:
        order = await trader.an_order()
        placed = await trader.told(trader.orders.send, order)
        asked = await trader.told(trader.orders.ask, order)
        with pytest.raises(VenueFailed) as failed:
            await trader.account.balances()

    assert (placed.kind, placed.reason) == (ReplyKind.REFUSED, reason)
    assert asked.kind is ReplyKind.UNKNOWN
    assert str(failed.value) == f"binance: GET /api/v3/account answered {reason}"


async def test_a_clock_that_is_off_refuses_orders_until_it_is_measured() -> None:
    async with a_trader() as trader:
        change = {"venue": "binance", "set": {"clock_ahead_ms": 10_000}}
        await trader.rehearsal.control("POST", "/knobs", change)
        order = await trader.an_order(1)
        placed = await trader.told(trader.orders.send, order)
        sample = await trader.account.measure_clock()
        again = await trader.told(trader.orders.send, await trader.an_order(2))

    assert (placed.kind, "-1021" in placed.reason) == (ReplyKind.REFUSED, True)
    assert sample.venue is Venue.BINANCE
    assert abs(sample.skew + 10_000 * NS_PER_MS) < 200 * NS_PER_MS
    assert again.kind is ReplyKind.ENDED


# --- what an account says of itself


async def test_an_account_shows_its_balances_orders_fees_and_rights() -> None:
    async with a_trader() as trader:
        began_at = trader.clock.now()
        orders = [await trader.an_order(number) for number in (1, 2)]
        for order in orders:
            await trader.told(trader.orders.send, order)
        balances = await trader.account.balances()
        true = (await trader.rehearsal.truth("balances"))["binance"]
        listed = await trader.account.orders_since("BTCUSDT", Instant(began_at - 48 * 3_600 * NS_PER_S))
        none = await trader.account.orders_since("ETHUSDT", began_at)
        commission = await trader.account.commission("BTCUSDT")
        rights = await trader.account.key_rights()
        used = 6_000 - trader.limiter.left(WEIGHT, trader.clock.now())

    assert [(one.client_id, one.executed, one.is_open) for one in listed] == [
        (order.client_id, order.quantity, False) for order in orders
    ]
    assert none == ()
    assert balances["BTC"].total > 0
    assert balances.keys() <= true["balances"].keys()
    assert (commission.taker, commission.is_paid_in_bnb) == (Decimal("0.001"), False)
    assert (rights.may_trade, rights.may_withdraw, rights.may_transfer) == (True, False, False)
    assert used > 0


async def test_a_key_that_may_withdraw_says_so() -> None:
    async with a_trader() as trader:
        wanted = ["enableReading", "enableSpotAndMarginTrading", "enableWithdrawals", "permitsUniversalTransfer"]
        change = {"venue": "binance", "set": {"permissions": wanted, "key_expires_in_s": 3_600}}
        await trader.rehearsal.control("POST", "/knobs", change)
        rights = await trader.account.key_rights()
        now = trader.clock.now()

    assert (rights.may_withdraw, rights.may_transfer) == (True, True)
    assert rights.expires_at is not None
    assert now < rights.expires_at <= now + 3_600 * NS_PER_S
