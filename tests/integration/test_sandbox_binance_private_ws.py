"""Binance's websocket API in the sandbox over a real socket: requests, replies, and the user stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.options import Manners
from tests.binance_venue import PATIENCE_S, BinanceVenue, a_binance, signed_params
from tests.clocks import ManualClock

REPORT_KEYS = list("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQWV")


class Client:
    """Someone on the websocket API, who tells replies from events."""

    def __init__(self, venue: BinanceVenue, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.venue = venue
        self.socket = socket
        self.events: list[Any] = []

    async def frame(self) -> Any:
        message = await self.socket.receive(PATIENCE_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, request: object) -> Any:
        """Send a message and return its reply; events that come before it are kept."""
        await self.socket.send_str(request if isinstance(request, str) else json.dumps(request))
        while "event" in (found := await self.frame()):
            self.events.append(found)
        return found

    async def call(self, method: str, **params: Any) -> Any:
        """Send a signed request."""
        signed = signed_params(self.venue.now_ms(), **params)
        return await self.ask({"id": 7, "method": method, "params": signed})

    async def place(self, **params: Any) -> Any:
        """Place an order: by default one that rests far from the market."""
        usual = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
        return await self.call("order.place", **usual | {"price": "50000"} | params)

    async def told(self, until: str, times: int = 1) -> list[Any]:
        """Wait for the given number of events of a kind, and return all events so far."""
        while [found["event"]["e"] for found in self.events].count(until) < times:
            self.events.append(await self.frame())
        return [found["event"] for found in self.events]


@asynccontextmanager
async def a_client(query: str = "", **venue: Any) -> AsyncIterator[Client]:
    async with a_binance(**venue) as binance, on(binance, query) as client:
        yield client


@asynccontextmanager
async def on(binance: BinanceVenue, query: str = "") -> AsyncIterator[Client]:
    async with binance.session.ws_connect(f"{binance.ws_url}{query}") as socket:
        yield Client(binance, socket)


@asynccontextmanager
async def a_subscriber(**venue: Any) -> AsyncIterator[Client]:
    async with a_client(**venue) as client:
        reply = await client.call("userDataStream.subscribe.signature")
        assert reply["result"] == {"subscriptionId": 0}
        yield client


async def test_public_requests_need_no_key() -> None:
    async with a_client() as client:
        ping = await client.ask({"id": "a", "method": "ping"})
        time = await client.ask({"id": None, "method": "v3/time", "params": {}})
        now_ms = client.venue.now_ms()

    assert (ping["id"], ping["status"], ping["result"]) == ("a", 200, {})
    assert (time["id"], time["result"]) == (None, {"serverTime": now_ms})
    # two for the connection, one for each request
    assert time["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000, "count": 4}
    ]


async def test_an_order_goes_its_way_by_requests() -> None:
    async with a_client() as client:
        tested = await client.call("order.test", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        placed = await client.place(newClientOrderId="ws-1")
        shown = await client.call("order.status", symbol="BTCUSDT", origClientOrderId="ws-1")
        listed = await client.call("openOrders.status", symbol="BTCUSDT")
        canceled = await client.call("order.cancel", symbol="BTCUSDT", orderId=placed["result"]["orderId"])
        account = await client.call("account.status", omitZeroBalances=True)

    assert (tested["result"], placed["status"], placed["result"]["status"]) == ({}, 200, "NEW")
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert [row["intervalNum"] for row in placed["rateLimits"]] == [10, 1, 1]
    assert (shown["result"]["clientOrderId"], len(listed["result"])) == ("ws-1", 1)
    assert (canceled["result"]["origClientOrderId"], canceled["result"]["status"]) == ("ws-1", "CANCELED")
    assert [row["asset"] for row in account["result"]["balances"]] == ["BTC", "USDT"]


async def test_rate_limits_can_be_left_out() -> None:
    async with a_client() as client:
        by_request = await client.call("account.status", returnRateLimits=False)
        with_them = await client.call("account.status", returnRateLimits=True)
    async with a_client("?returnRateLimits=false") as client:
        by_connection = await client.call("account.status")

    assert ["rateLimits" in reply for reply in (by_request, with_them, by_connection)] == [False, True, False]


@pytest.mark.parametrize(
    ("case", "message", "request_id", "code"),
    [
        ("not JSON", "hello", None, -1135),
        ("nested beyond reason", "[" * 60_000, None, -1135),
        ("a list", "[]", None, -1135),
        ("an id that is an object", '{"id":{},"method":"ping"}', None, -1135),
        ("an id beyond 64 bits", '{"id":9223372036854775808,"method":"ping"}', None, -1135),
        ("no method", '{"id":1}', 1, -1135),
        ("params that are a list", '{"id":1,"method":"ping","params":[1]}', 1, -1135),
        ("an unknown method", '{"id":1,"method":"order.guess"}', 1, -1020),
        ("a method of REST", '{"id":1,"method":"account.apiRestrictions"}', 1, -1020),
        ("something unknown", '{"id":1,"method":"ping","params":{"a":1}}', 1, -1104),
        ("no key", '{"id":1,"method":"account.status","params":{"timestamp":1}}', 1, -2014),
        ("no subscription", '{"id":1,"method":"userDataStream.unsubscribe"}', 1, -2036),
    ],
)
async def test_a_broken_request_has_a_code(case: str, message: str, request_id: int | None, code: int) -> None:
    async with a_client() as client:
        reply = await client.ask(message)
        alive = await client.ask({"id": 2, "method": "ping"})

    assert (reply["id"], reply["status"] >= 400, reply["error"]["code"]) == (request_id, True, code), case
    assert alive["status"] == 200


async def test_the_signature_covers_all_parameters_by_name() -> None:
    async with a_client() as client:
        params = signed_params(client.venue.now_ms(), symbol="BTCUSDT", recvWindow=59_999.5, limit=5)
        shuffled = dict(sorted(params.items(), reverse=True))
        good = await client.ask({"id": 1, "method": "myTrades", "params": shuffled})
        bad = await client.ask({"id": 1, "method": "myTrades", "params": {**params, "limit": 6}})
        # numbers are signed with the digits that they are written with
        written = json.dumps(signed_params(client.venue.now_ms(), recvWindow="5000.50")).replace('"5000.50"', "5000.50")
        digits = await client.ask(f'{{"id":1,"method":"account.status","params":{written}}}')
        old = await client.ask(
            {"id": 1, "method": "account.status", "params": signed_params(client.venue.now_ms() - 5_001)}
        )

    assert (good["status"], good["result"], digits["status"]) == (200, [], 200)
    assert [reply["error"]["code"] for reply in (bad, old)] == [-1022, -1021]


async def test_a_refused_order_says_so() -> None:
    async with a_client() as client:
        reply = await client.place(quantity="2.1")

    assert (reply["status"], reply["error"]) == (
        400,
        {"code": -2010, "msg": "Account has insufficient balance for requested action."},
    )


async def test_too_much_weight_tells_when_to_come_back() -> None:
    async with a_client() as client:
        for _ in range(75):
            reply = await client.call("openOrders.status")
        now_ms = client.venue.now_ms()

    assert (reply["status"], reply["error"]["code"]) == (429, -1003)
    assert reply["error"]["data"] == {"serverTime": now_ms, "retryAfter": now_ms - now_ms % 60_000 + 60_000}


# --- the user stream


async def test_an_ioc_order_is_new_trades_and_expires() -> None:
    async with a_subscriber() as client:
        reply = await client.place(
            price=str(client.venue.ask()), quantity="1", timeInForce="IOC", newClientOrderId="my-1"
        )
        *reports, position = await client.told("outboundAccountPosition")
        balance = client.venue.floor.core.account.balance("BTC")
    new, traded, expired = reports
    fill = reply["result"]["fills"][0]

    assert [list(report) for report in reports] == [REPORT_KEYS, REPORT_KEYS, [*REPORT_KEYS, "eR"]]
    assert [(r["x"], r["X"]) for r in reports] == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    assert (new["c"], new["C"], new["z"], new["t"], new["n"], new["N"]) == ("my-1", "", "0.00000000", -1, "0", None)
    assert (traded["l"], traded["L"], traded["z"]) == (fill["qty"], fill["price"], fill["qty"])
    assert (traded["n"], traded["N"], traded["t"]) == (fill["commission"], "BTC", fill["tradeId"])
    assert (traded["Z"], traded["m"], traded["w"]) == (reply["result"]["cummulativeQuoteQty"], False, False)
    assert (expired["z"], expired["l"], expired["eR"]) == (fill["qty"], "0.00000000", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert len({report["I"] for report in reports}) == 3
    assert {"a": "BTC", "f": f"{balance.free:.8f}", "l": "0.00000000"} in position["B"]
    assert [row["a"] for row in position["B"]] == ["BTC", "USDT"]


async def test_a_filled_order_ends_with_its_last_trade() -> None:
    async with a_subscriber() as client:
        reply = await client.place(price="86000", quantity="1")
        reports = (await client.told("outboundAccountPosition"))[:-1]
    fills = reply["result"]["fills"]
    executed = [Decimal(report["z"]) for report in reports]

    assert len(fills) > 1
    assert [r["X"] for r in reports] == ["NEW", *["PARTIALLY_FILLED"] * (len(fills) - 1), "FILLED"]
    assert executed == sorted(set(executed))
    assert executed[-1] == 1
    assert reports[-1]["Z"] == reply["result"]["cummulativeQuoteQty"]


async def test_a_cancel_tells_its_own_id_and_the_orders() -> None:
    async with a_subscriber() as client:
        await client.place(newClientOrderId="mine")
        await client.call("order.cancel", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="cancel-1")
        events = await client.told("outboundAccountPosition", times=2)
        reports = [event for event in events if event["e"] == "executionReport"]

    assert [(r["x"], r["X"], r["c"], r["C"]) for r in reports] == [
        ("NEW", "NEW", "mine", ""),
        ("CANCELED", "CANCELED", "cancel-1", "mine"),
    ]


async def test_orders_over_http_are_told_on_the_socket() -> None:
    async with a_subscriber() as client:
        await client.venue.order(newClientOrderId="by-http")
        events = await client.told("outboundAccountPosition")

    assert (events[0]["c"], events[0]["x"]) == ("by-http", "NEW")
    assert events[1]["B"][1] == {"a": "USDT", "f": "99950.00000000", "l": "50.00000000"}


async def test_a_prevented_self_trade_is_told() -> None:
    async with a_subscriber() as client:
        price = str(client.venue.ask())
        await client.place(side="SELL", price=price, newClientOrderId="maker")
        await client.place(price=price, selfTradePreventionMode="EXPIRE_TAKER", newClientOrderId="taker")
        events = await client.told("outboundAccountPosition", times=2)
    last = [event for event in events if event["e"] == "executionReport"][-1]

    assert (last["c"], last["x"], last["X"]) == ("taker", "TRADE_PREVENTION", "EXPIRED_IN_MATCH")
    assert (last["A"], last["B"], last["V"]) == ("0.00100000", "0.00100000", "EXPIRE_TAKER")


async def test_money_from_outside_is_told() -> None:
    async with a_subscriber() as client:
        client.venue.sockets.deposit("USDT", Decimal("12.5"))
        balance, position = await client.told("outboundAccountPosition")
        with pytest.raises(ValueError, match="cannot move"):
            client.venue.sockets.deposit("USDT", Decimal(-1_000_000))

    assert {key: balance[key] for key in "ead"} == {"e": "balanceUpdate", "a": "USDT", "d": "12.50000000"}
    assert position["B"] == [{"a": "USDT", "f": "100012.50000000", "l": "0.00000000"}]


async def test_a_connection_has_one_subscription_at_a_time() -> None:
    async with a_subscriber() as client:
        twice = await client.call("userDataStream.subscribe.signature")
        other = await client.ask({"id": 1, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 5}})
        left = await client.ask({"id": 1, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}})
        await client.place()
        again = await client.call("userDataStream.subscribe.signature")

    assert [reply["error"]["code"] for reply in (twice, other)] == [-2035, -2036]
    assert (left["result"], client.events) == ({}, [])
    # there is no replay of what was missed
    assert again["result"] == {"subscriptionId": 1}


async def test_subscriptions_can_be_ended_by_the_venue() -> None:
    async with a_subscriber() as client:
        client.venue.sockets.terminate()
        found = await client.frame()
        await client.place()

    assert (found["subscriptionId"], found["event"]["e"]) == (0, "eventStreamTerminated")
    assert client.events == []


async def test_each_subscriber_hears_the_same() -> None:
    async with a_subscriber() as first, on(first.venue) as second:
        await second.call("userDataStream.subscribe.signature")
        await first.place()
        heard = [await client.told("outboundAccountPosition") for client in (first, second)]

    assert heard[0] == heard[1]


async def test_events_go_out_through_a_hook() -> None:
    async with a_subscriber() as client:
        lost: list[str | bytes] = []
        client.venue.sockets.send_event = lambda connection, frame: lost.append(frame)
        reply = await client.place()

    assert (reply["status"], client.events) == (200, [])
    assert "executionReport" in str(lost[0])


async def test_a_resting_order_that_the_market_reaches_trades_as_a_maker() -> None:
    async with a_subscriber() as client:
        floor = client.venue.floor
        await client.place(price="80000")
        floor.knobs.price_shock["BTCUSDT"] = Decimal("0.9")
        floor.market_moved("BTCUSDT")
        events = await client.told("outboundAccountPosition", times=2)
    last = [event for event in events if event["e"] == "executionReport"][-1]

    # at its own price, whatever crossed it
    assert (last["x"], last["X"], last["L"], last["m"]) == ("TRADE", "FILLED", "80000.00000000", True)


async def test_orders_that_are_not_ours_to_describe_are_described_all_the_same() -> None:
    async with a_subscriber() as client:
        client.venue.floor.submit(
            OrderRequest(
                symbol="BTCUSDT", side=Side.BUY, kind=OrderKind.MARKET_FUNDS, funds=Decimal(100), client_id="x"
            )
        )
        events = await client.told("outboundAccountPosition")

    assert [event.get("X") for event in events[:2]] == ["NEW", "FILLED"]
    assert (events[1]["o"], events[1]["Q"], events[1]["q"]) == ("MARKET", "100.00000000", events[1]["z"])


# --- the connection


async def test_a_client_that_does_not_pong_is_cut_off() -> None:
    manners = Manners(binance_ping_s=0.05, binance_pong_s=0.12)
    async with (
        a_binance(manners=manners) as binance,
        binance.session.ws_connect(binance.ws_url, autoping=False) as socket,
    ):
        kinds = {(await socket.receive(PATIENCE_S)).type}
        while not socket.closed:
            kinds.add((await socket.receive(PATIENCE_S)).type)

    assert aiohttp.WSMsgType.PING in kinds
    assert socket.close_code == 1008


async def test_a_connection_ends_after_a_day_with_a_notice() -> None:
    async with a_client(manners=Manners(binance_lifetime_s=0.1, binance_notice_s=0.05)) as client:
        notice = await client.frame()
        end = await client.socket.receive(PATIENCE_S)

    assert notice["event"]["e"] == "serverShutdown"
    assert (end.type, client.socket.close_code) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_an_address_has_three_hundred_connections_in_five_minutes() -> None:
    async with a_binance(ManualClock()) as binance:
        for _ in range(300):
            await (await binance.session.ws_connect(binance.ws_url)).close()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await binance.session.ws_connect(binance.ws_url)

    assert refused.value.status == 429


async def test_requests_are_answered_in_order_while_an_order_waits_for_its_match() -> None:
    async with a_client(knobs=Knobs(match_after_s=0.05)) as client:
        params = signed_params(client.venue.now_ms(), symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        await client.socket.send_str(json.dumps({"id": 1, "method": "order.place", "params": params}))
        await client.socket.send_str(json.dumps({"id": 2, "method": "ping"}))
        async with asyncio.timeout(PATIENCE_S):
            ids = [(await client.frame())["id"] for _ in range(2)]

    assert ids == [1, 2]
