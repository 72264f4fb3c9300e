"""Binance's signed endpoints in the sandbox over HTTP: orders and their ends, lists, refusals, limits, bytes."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, VenueOrder, VenueState
from arbitrage.sandbox.binance_gate import READING, TRADING, WITHDRAWING
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.options import Manners
from tests.binance_venue import BinanceVenue, a_binance, escaped, signature
from tests.clocks import ManualClock
from tests.recordings import recordings

ORDER = "/api/v3/order"

MARKET: dict[str, Any] = {"type": "MARKET", "price": None, "timeInForce": None}


def kinds(body: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in body.items()}


# --- what replies look like


async def test_an_ioc_order_replies_with_its_fills_and_expires_with_a_reason() -> None:
    # the keys of the example in the venue's rest-api page
    keys = (
        "symbol orderId orderListId clientOrderId transactTime price origQty executedQty origQuoteOrderQty "
        "cummulativeQuoteQty status timeInForce type side workingTime selfTradePreventionMode expiryReason fills"
    )
    async with a_binance() as binance:
        reply = await binance.order(timeInForce="IOC", price=str(binance.ask()), quantity="1", newClientOrderId="my-1")
        (there,) = {trade.quantity for order in binance.floor.core.orders.values() for trade in order.trades}
        now_ms = binance.now_ms()
    body = reply.body

    assert list(body) == keys.split()
    assert (body["status"], body["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert (body["clientOrderId"], body["transactTime"], body["workingTime"]) == ("my-1", now_ms, now_ms)
    assert (body["origQty"], body["executedQty"]) == ("1.00000000", f"{there:.8f}")
    assert list(body["fills"][0]) == ["price", "qty", "commission", "commissionAsset", "tradeId"]
    # a buyer pays in what it receives: 0.1 % of the coins
    assert (body["fills"][0]["commission"], body["fills"][0]["commissionAsset"]) == (f"{there / 1000:.8f}", "BTC")


async def test_a_seller_pays_commission_in_quote() -> None:
    async with a_binance() as binance:
        reply = await binance.order(**MARKET, side="SELL", quantity="0.01")
        funds = Decimal(reply.body["cummulativeQuoteQty"])
    paid = sum(Decimal(fill["commission"]) for fill in reply.body["fills"])

    assert reply.body["status"] == "FILLED"
    assert {fill["commissionAsset"] for fill in reply.body["fills"]} == {"USDT"}
    assert 0 <= paid - funds / 1000 < Decimal("0.00000001")


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ("ACK", {"status", "fills"}),
        ("RESULT", {"fills"}),
        ("FULL", set()),
    ],
)
async def test_a_client_chooses_how_much_it_hears(wanted: str, missing: set[str]) -> None:
    async with a_binance() as binance:
        reply = await binance.order(newOrderRespType=wanted)

    assert {"status", "fills"} - reply.body.keys() == missing


async def test_replies_have_the_recorded_keys_and_kinds() -> None:
    recorded = json.loads((recordings() / "ccxt" / "binance_excerpt.json").read_text("utf-8"))["rest"]
    account = json.loads((recordings() / "binance" / "rest" / "account.json").read_text("utf-8"))
    async with a_binance() as binance:
        placed = await binance.order()
        shown = await binance.call("GET", "/api/v3/allOrders", symbol="BTCUSDT")
        ours = await binance.call("GET", "/api/v3/account")
    # that order was an iceberg, which ours are not
    created = recorded["createOrder_spot"]["httpResponse"].keys() - {"icebergQty"}

    assert placed.body.keys() == created
    assert shown.body[0].keys() == recorded["fetchOrders_spot"]["httpResponse"][0].keys()
    assert kinds(ours.body).items() >= kinds(account).items()
    assert kinds(ours.body["balances"][0]) == kinds(account["balances"][0])
    assert list(ours.body["balances"][0]) == list(account["balances"][0])


# --- what becomes of an order


@pytest.mark.parametrize(
    ("case", "order", "status", "executed"),
    [
        ("rests", {}, "NEW", False),
        ("takes and is done", {"price": "ask", "quantity": "0.001"}, "FILLED", True),
        ("takes and rests", {"price": "ask", "quantity": "1"}, "PARTIALLY_FILLED", True),
        ("ioc beside the market", {"timeInForce": "IOC"}, "EXPIRED", False),
        ("fok that is too large", {"timeInForce": "FOK", "price": "ask", "quantity": "1"}, "EXPIRED", False),
        ("fok that fits", {"timeInForce": "FOK", "price": "ask"}, "FILLED", True),
        ("maker", {"type": "LIMIT_MAKER", "timeInForce": None, "newOrderRespType": "RESULT"}, "NEW", False),
        ("market", {**MARKET}, "FILLED", True),
        ("market by quote", {**MARKET, "quantity": None, "quoteOrderQty": "1000"}, "FILLED", True),
        (
            "market sale by quote",
            {**MARKET, "side": "SELL", "quantity": None, "quoteOrderQty": "1000"},
            "FILLED",
            True,
        ),
    ],
)
async def test_an_order_ends_as_the_venue_says(case: str, order: dict[str, Any], status: str, executed: bool) -> None:
    async with a_binance() as binance:
        if order.get("price") == "ask":
            order = {**order, "price": str(binance.ask())}
        placed = await binance.order(**order)
        shown = await binance.call("GET", ORDER, symbol="BTCUSDT", orderId=placed.body["orderId"])

    assert (placed.body["status"], shown.body["status"]) == (status, status), case
    assert (Decimal(placed.body["executedQty"]) > 0) == executed, case
    assert placed.body.get("expiryReason") == shown.body.get("expiryReason")


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        (None, "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
async def test_an_account_does_not_trade_with_itself(mode: str | None, maker: str, taker: str) -> None:
    async with a_binance() as binance:
        resting = await binance.order(side="SELL", price=str(binance.ask()))
        crossing = await binance.order(price=str(binance.ask()), selfTradePreventionMode=mode)
        shown = await binance.call("GET", ORDER, symbol="BTCUSDT", orderId=resting.body["orderId"])

    assert (shown.body["status"], crossing.body["status"]) == (maker, taker)
    assert [b.get("preventedQuantity") for b in (shown.body, crossing.body)] == [
        "0.00100000" if status == "EXPIRED_IN_MATCH" else None for status in (maker, taker)
    ]


async def test_a_cancel_has_an_id_of_its_own_and_is_final() -> None:
    async with a_binance() as binance:
        await binance.order(newClientOrderId="mine")
        canceled = await binance.call(
            "DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="my-cancel"
        )
        again = await binance.call("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
        held = binance.floor.core.account.balance("USDT").locked
    body = canceled.body

    assert (body["status"], body["origClientOrderId"], body["clientOrderId"]) == ("CANCELED", "mine", "my-cancel")
    assert (again.status, again.code, again.body["msg"]) == (400, -2011, "Unknown order sent.")
    assert held == 0


async def test_a_reply_waits_for_the_match() -> None:
    async with a_binance(knobs=Knobs(match_after_s=0.05)) as binance:
        placed = await binance.order(price=str(binance.ask()))

    assert placed.body["status"] == "FILLED"


async def test_a_cancel_that_comes_too_late_says_that_the_order_is_unknown() -> None:
    async with a_binance(knobs=Knobs(match_after_s=0.05, cancel_after_s=0.1)) as binance:
        price, quantity = binance.ask(), Decimal("0.001")
        order = binance.floor.submit(
            OrderRequest(symbol="BTCUSDT", side=Side.BUY, kind=OrderKind.LIMIT, price=price, quantity=quantity)
        )
        assert isinstance(order, VenueOrder)
        canceled = await binance.call("DELETE", ORDER, symbol="BTCUSDT", orderId=order.order_id)

    assert (canceled.code, order.state) == (-2011, VenueState.FILLED)


@pytest.mark.parametrize(
    ("restriction", "quantity", "code"),
    [("ONLY_NEW", "0.001", 0), ("ONLY_PARTIALLY_FILLED", "0.001", -2011), ("ONLY_OLD", "0.001", -1145)],
)
async def test_a_cancel_can_be_restricted(restriction: str, quantity: str, code: int) -> None:
    async with a_binance() as binance:
        placed = await binance.order(quantity=quantity)
        canceled = await binance.call(
            "DELETE", ORDER, symbol="BTCUSDT", orderId=placed.body["orderId"], cancelRestrictions=restriction
        )

    assert canceled.body.get("code", 0) == code


async def test_all_open_orders_of_a_symbol_are_cancelled_at_once() -> None:
    async with a_binance() as binance:
        for price in ("50000", "50001"):
            await binance.order(price=price)
        other = await binance.order(symbol="ETHUSDT", price="2000", quantity="0.01")
        canceled = await binance.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
        left = await binance.call("GET", "/api/v3/openOrders")
        again = await binance.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")

    assert [order["status"] for order in canceled.body] == ["CANCELED", "CANCELED"]
    assert [order["orderId"] for order in left.body] == [other.body["orderId"]]
    assert again.code == -2011


async def test_a_test_order_is_checked_and_not_placed() -> None:
    async with a_binance() as binance:
        usual = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
        fine = await binance.call("POST", "/api/v3/order/test", **usual, price="50000")
        rates = await binance.call("POST", "/api/v3/order/test", **usual, price="50000", computeCommissionRates="true")
        small = await binance.call("POST", "/api/v3/order/test", **{**usual, "quantity": "0.00005"}, price="50000")
        placed = len(binance.floor.core.orders)

    assert (fine.body, small.code, placed) == ({}, -1013, 0)
    assert rates.body["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}


# --- client ids


async def test_a_client_id_is_refused_while_its_order_is_open_and_taken_again_afterwards() -> None:
    async with a_binance() as binance:
        await binance.order(newClientOrderId="again")
        while_open = await binance.order(newClientOrderId="again")
        elsewhere = await binance.order(symbol="ETHUSDT", price="2000", quantity="0.01", newClientOrderId="again")
        await binance.call("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="again")
        after = [
            await binance.order(timeInForce="IOC", price=str(binance.ask()), newClientOrderId="again") for _ in range(2)
        ]
        shown = await binance.call("GET", ORDER, symbol="BTCUSDT", origClientOrderId="again")

    assert (while_open.code, while_open.body["msg"]) == (-2010, "Duplicate order sent.")
    assert elsewhere.body["status"] == "NEW"
    # both traded: the id protects nobody from sending twice
    assert [reply.body["status"] for reply in after] == ["FILLED", "FILLED"]
    assert shown.body["orderId"] == after[-1].body["orderId"]


async def test_without_a_client_id_the_venue_gives_one() -> None:
    async with a_binance() as binance:
        given = [(await binance.order()).body["clientOrderId"] for _ in range(3)]

    assert len(set(given)) == 3
    assert all(len(client_id) == 22 and client_id.isalnum() for client_id in given)


async def test_a_new_order_can_stay_out_of_sight_for_a_while() -> None:
    clock = ManualClock()
    async with a_binance(clock, Knobs(visible_after_s=2)) as binance:
        placed = await binance.order(newClientOrderId="late")
        early = await binance.call("GET", ORDER, symbol="BTCUSDT", origClientOrderId="late")
        listed = await binance.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")
        clock.advance(2)
        shown = await binance.call("GET", ORDER, symbol="BTCUSDT", origClientOrderId="late")

    assert (early.code, early.body["msg"], listed.body) == (-2013, "Order does not exist.", [])
    assert shown.body["orderId"] == placed.body["orderId"]


# --- lists


async def test_lists_begin_where_they_are_asked_to() -> None:
    clock = ManualClock()
    async with a_binance(clock) as binance:
        for _ in range(4):
            await binance.order(**MARKET)
            clock.advance(1)
        start = binance.now_ms() - 2_000

        async def ids(path: str, name: str, **params: Any) -> list[int]:
            reply = await binance.call("GET", path, symbol="BTCUSDT", **params)
            return [row[name] for row in reply.body]

        orders = [await ids("/api/v3/allOrders", "orderId", **p) for p in ({}, {"orderId": 3}, {"limit": 1})]
        trades = [
            await ids("/api/v3/myTrades", "orderId", **p)
            for p in ({"orderId": 2}, {"fromId": 4}, {"startTime": start}, {"startTime": start, "limit": 1})
        ]

    assert orders == [[1, 2, 3, 4], [3, 4], [4]]
    assert trades == [[2], [4], [3, 4], [3]]


async def test_times_of_a_list_are_at_most_a_day_apart() -> None:
    async with a_binance() as binance:
        end = binance.now_ms()
        far = {"symbol": "BTCUSDT", "startTime": end - 86_400_001, "endTime": end}
        codes = [(await binance.call("GET", f"/api/v3/{name}", **far)).code for name in ("myTrades", "allOrders")]
        day = await binance.call("GET", "/api/v3/myTrades", **far | {"startTime": end - 86_400_000})
        mixed = await binance.call("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=1, startTime=end)

    assert (codes, day.body, mixed.code) == ([-1127, -1127], [], -1128)


async def test_rates_rights_and_the_state_of_the_system_are_told() -> None:
    async with a_binance(knobs=Knobs(permissions={READING, TRADING, WITHDRAWING})) as binance:
        commission = await binance.call("GET", "/api/v3/account/commission", symbol="BTCUSDT")
        rights = await binance.call("GET", "/sapi/v1/account/apiRestrictions")
        normal = await binance.send("GET", "/sapi/v1/system/status", "")
        binance.floor.knobs.maintenance = True
        closed = await binance.send("GET", "/sapi/v1/system/status", "")
        refused = await binance.order()

    assert commission.body["standardCommission"]["taker"] == "0.00100000"
    assert {"specialCommission", "taxCommission", "discount"} < commission.body.keys()
    assert (rights.body["ipRestrict"], rights.body["enableWithdrawals"], rights.body["enableFutures"]) == (
        False,
        True,
        False,
    )
    assert (normal.body["status"], closed.body["status"]) == (0, 1)
    assert (refused.status, refused.body["msg"]) == (503, "System is under maintenance.")


# --- refusals


@pytest.mark.parametrize(
    ("case", "order", "code", "message"),
    [
        ("off the tick", {"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ("above the highest price", {"price": "1000000.01"}, -1013, "Filter failure: PRICE_FILTER"),
        ("as large as it can be written", {"price": "9" * 20}, -1013, "Filter failure: PRICE_FILTER"),
        ("far from the market", {"price": "500"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ("off the lot", {"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        ("more than fits", {"quantity": "9" * 20}, -1013, "Filter failure: LOT_SIZE"),
        ("a large market order", {**MARKET, "quantity": "100001"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        ("worth too little", {"quantity": "0.00009"}, -1013, "Filter failure: NOTIONAL"),
        ("worth too much", {"quantity": "181"}, -1013, "Filter failure: NOTIONAL"),
        (
            "little quote",
            {**MARKET, "quantity": None, "quoteOrderQty": "4.99"},
            -1013,
            "Filter failure: NOTIONAL",
        ),
        ("no price", {"price": "0"}, -1013, "Invalid price."),
        ("no quantity", {"quantity": "0.0"}, -1013, "Invalid quantity."),
        ("too many decimals", {"price": "50000.000000001"}, -1111, "Parameter 'price' has too much precision."),
        (
            "a price in letters",
            {"price": "high"},
            -1100,
            r"Illegal characters found in parameter 'price'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
        ),
        (
            "a client id too long",
            {"newClientOrderId": "x" * 37},
            -1100,
            r"Illegal characters found in parameter 'newClientOrderId'; legal range is "
            r"'^[\.A-Z\:/a-z0-9_-]{1,36}$'.",
        ),
        (
            "no side",
            {"side": None},
            -1102,
            "Mandatory parameter 'side' was not sent, was empty/null, or malformed.",
        ),
        (
            "no time in force",
            {"timeInForce": None},
            -1102,
            "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
        ),
        (
            "no amount",
            {**MARKET, "quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        ("two amounts", {**MARKET, "quoteOrderQty": "10"}, -1128, "Combination of optional parameters invalid."),
        (
            "something unknown",
            {"colour": "red"},
            -1104,
            "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
        ),
        ("an empty option", {"newOrderRespType": ""}, -1105, "Parameter 'newOrderRespType' was empty."),
        (
            "a market order with a price",
            {**MARKET, "price": "50000"},
            -1106,
            "Parameter 'price' sent when not required.",
        ),
        (
            "a maker with a time",
            {"type": "LIMIT_MAKER"},
            -1106,
            "Parameter 'timeInForce' sent when not required.",
        ),
        ("a time of its own", {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ("a type of its own", {"type": "PEG"}, -1116, "Invalid orderType."),
        ("a side of its own", {"side": "buy"}, -1117, "Invalid side."),
        ("a market of its own", {"symbol": "NOPEUSDT"}, -1121, "Invalid symbol."),
        ("a reply of its own", {"newOrderRespType": "LONG"}, -1130, None),
        (
            "a forbidden mode",
            {"selfTradePreventionMode": "NONE"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (
            "a poor account",
            {"quantity": "2.1"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        (
            "a maker that would take",
            {"type": "LIMIT_MAKER", "timeInForce": None, "price": "86000"},
            -2010,
            "Order would immediately match and take.",
        ),
        ("a stop", {"type": "STOP_LOSS"}, -2010, "Stop loss orders are not supported for this symbol."),
    ],
)
async def test_a_refusal_has_the_venues_code_and_text(
    case: str, order: dict[str, Any], code: int, message: str | None
) -> None:
    async with a_binance() as binance:
        reply = await binance.order(**order)
        placed = len(binance.floor.core.orders)

    assert (reply.status, reply.code) == (400, code), case
    assert reply.body["msg"] == message or message is None, case
    assert placed == 0


@pytest.mark.parametrize(
    ("case", "path", "params", "code"),
    [
        ("no symbol", ORDER, {"orderId": 1}, -1102),
        ("no id", ORDER, {"symbol": "BTCUSDT"}, -1102),
        ("an id that nobody had", ORDER, {"symbol": "BTCUSDT", "orderId": 9}, -2013),
        ("a client id that nobody had", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "nobody"}, -2013),
        ("another market's order", ORDER, {"symbol": "ETHUSDT", "orderId": 1}, -2013),
        ("ids of two orders", ORDER, {"symbol": "BTCUSDT", "orderId": 1, "origClientOrderId": "other"}, -2039),
        ("an id in letters", ORDER, {"symbol": "BTCUSDT", "orderId": "one"}, -1100),
        ("an empty symbol", "/api/v3/openOrders", {"symbol": ""}, -1105),
        ("a symbol in small letters", "/api/v3/openOrders", {"symbol": "btcusdt"}, -1100),
        ("no rows", "/api/v3/myTrades", {"symbol": "BTCUSDT", "limit": 0}, -1130),
    ],
)
async def test_a_query_is_refused_with_a_code(case: str, path: str, params: dict[str, Any], code: int) -> None:
    async with a_binance() as binance:
        await binance.order()
        reply = await binance.call("GET", path, **params)

    assert reply.code == code, case


async def test_a_halted_market_is_closed_and_can_be_left() -> None:
    async with a_binance() as binance:
        placed = await binance.order()
        binance.floor.knobs.halted["BTCUSDT"] = "BREAK"
        refused = await binance.order()
        canceled = await binance.call("DELETE", ORDER, symbol="BTCUSDT", orderId=placed.body["orderId"])

    assert (refused.code, refused.body["msg"]) == (-2010, "Market is closed.")
    assert canceled.body["status"] == "CANCELED"


async def test_a_symbol_holds_two_hundred_orders() -> None:
    async with a_binance(manners=Manners(limits=False)) as binance:
        for _ in range(200):
            await binance.order(quantity="0.0002")
        one_more = await binance.order(quantity="0.0002")

    assert (one_more.code, one_more.body["msg"]) == (-1013, "Filter failure: MAX_NUM_ORDERS")


# --- bytes


@pytest.mark.parametrize(
    "odd",
    ["id=%61%62", "id=a+b", "id=a%20b", "id=%7e~", "id=%2f/:", "%69d=x", "id=%EC%84%9C%EB%AA%85", "id=%ff", "&&id=1"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_signed_are_the_bytes_as_they_were_sent(odd: str, method: str) -> None:
    async with a_binance() as binance:
        payload = f"{odd}&timestamp={binance.now_ms()}"
        good = await binance.send(method, ORDER, f"{payload}&signature={signature(payload)}")
        first = await binance.send(method, ORDER, f"signature={signature(payload)}&{payload}")
        bad = await binance.send(method, ORDER, f"{payload}&signature={signature(payload.replace('%', '%25'))}x")

    # what passes the gate lacks a symbol
    assert (good.code, first.code, bad.code) == (-1102, -1102, -1022)
    assert "'symbol'" in good.body["msg"]


async def test_an_order_may_be_split_between_query_and_body() -> None:
    async with a_binance() as binance:
        query = urlencode({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"})
        body = urlencode({"quantity": "0.001", "price": "50000", "timestamp": binance.now_ms(), "side": "SELL"})
        replies = [
            await binance.send("POST", f"{ORDER}?{query}", f"{body}&signature={signature(signed)}")
            for signed in (query + body, f"{query}&{body}")
        ]

    # nothing stands between the two, and the query has the last word
    assert (replies[0].body["side"], replies[1].code) == ("BUY", -1022)


async def test_a_body_larger_than_any_order_is_refused() -> None:
    async with a_binance() as binance:
        reply = await binance.send("POST", ORDER, "a=".ljust(2**20 + 1, "x"))

    assert (reply.status, reply.code) == (413, -1101)


async def test_special_characters_of_a_client_id_survive() -> None:
    async with a_binance() as binance:
        client_id = "A:b/c.d_e-1"
        payload = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId="
        payload += f"{escaped(client_id)}&timestamp={binance.now_ms()}"
        placed = await binance.send("POST", ORDER, f"{payload}&signature={signature(payload)}")

    assert placed.body["clientOrderId"] == client_id


# --- limits


async def test_weights_and_counts_come_with_each_reply() -> None:
    async with a_binance() as binance:
        placed = await binance.order()
        traded = await binance.order(**MARKET)
        failed = await binance.order(price="0")
        shown = await binance.call("GET", ORDER, symbol="BTCUSDT", orderId=1)
        listed = await binance.call("GET", "/api/v3/openOrders")
        public = await binance.send("GET", "/api/v3/depth", "symbol=BTCUSDT")
        counts = await binance.call("GET", "/api/v3/rateLimit/order")
    used = [reply.headers["X-MBX-USED-WEIGHT-1M"] for reply in (placed, traded, failed, shown, listed, public)]

    # orders that succeed weigh nothing; public and private requests share one account of weight
    assert used == ["0", "0", "1", "5", "85", "90"]
    # an order that traded does not count as unfilled
    assert [reply.headers["X-MBX-ORDER-COUNT-10S"] for reply in (placed, traded)] == ["1", "1"]
    assert "X-MBX-ORDER-COUNT-10S" not in failed.headers
    assert [(row["interval"], row["limit"], row["count"]) for row in counts.body] == [
        ("SECOND", 100, 1),
        ("DAY", 200_000, 1),
    ]


async def test_too_many_unfilled_orders_are_refused_until_the_window_ends() -> None:
    clock = ManualClock()
    async with a_binance(clock) as binance:
        for _ in range(100):
            await binance.order(timeInForce="IOC")
        refused = await binance.order(timeInForce="IOC")
        clock.advance(float(refused.headers["Retry-After"]))
        later = await binance.order(timeInForce="IOC")

    assert (refused.status, refused.code) == (429, -1015)
    assert refused.body["msg"] == "Too many new orders; current limit is 100 orders per 10 SECOND."
    assert (later.status, later.headers["X-MBX-ORDER-COUNT-10S"]) == (200, "1")


async def test_too_much_weight_is_refused_and_insisting_bans() -> None:
    async with a_binance() as binance:
        for _ in range(75):
            await binance.call("GET", "/api/v3/openOrders")
        replies = [await binance.call("GET", "/api/v3/openOrders") for _ in range(11)]
        order = await binance.order()

    assert [reply.status for reply in replies] == [429] * 10 + [418]
    assert {reply.code for reply in replies} == {-1003}
    assert "IP banned until" in replies[-1].body["msg"]
    assert int(replies[-1].headers["Retry-After"]) == 120
    assert order.status == 418


async def test_keys_are_refused_with_http_401() -> None:
    async with a_binance() as binance:
        payload = f"timestamp={binance.now_ms()}"
        replies = [
            await binance.send("GET", "/api/v3/account", f"{payload}&signature={signature(payload)}", key)
            for key in ("", "not!a!key", "unknown")
        ]

    assert [(reply.status, reply.code) for reply in replies] == [(401, -2014), (401, -2014), (401, -2015)]


async def held(binance: BinanceVenue) -> dict[str, Decimal]:
    return binance.floor.core.account.discrepancy()


async def test_nothing_is_lost_over_all_kinds_of_orders() -> None:
    async with a_binance() as binance:
        for side in ("BUY", "SELL"):
            await binance.order(side=side, **MARKET)
            await binance.order(side=side, **MARKET | {"quantity": None, "quoteOrderQty": "123.45"})
            await binance.order(side=side, timeInForce="IOC", price=str(binance.ask()), quantity="0.5")
        await binance.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")

        assert await held(binance) == {}
