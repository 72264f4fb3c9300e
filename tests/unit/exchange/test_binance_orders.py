"""BinanceOrders without a wire: what leaves, and what each reply comes to as an event."""

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Fill, Purpose
from arbitrage.exchange.binance_limits import ORDERS_10S, WEIGHT
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.wire.http_reply import LineFailure, LineFault
from tests.unit.exchange.binance_orders_desk import (
    ADDRESS,
    KEYS,
    Desk,
    a_fill,
    a_trade,
    an_order,
    order_body,
    trades_body,
)

HALF = Fill(quantity=Decimal("0.005"), funds=Decimal(325), fee=Decimal("0.000005"), fee_currency="BTC")
NOTHING = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency="USDT")
NO_FILL: dict[str, Any] = {"executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000", "fills": []}


# --- what leaves


def test_an_order_leaves_at_once_with_all_that_the_venue_wants() -> None:
    desk = Desk()
    desk.orders.send(an_order(side=Side.SELL, quantity=Decimal("0.0100"), limit_price=Decimal("65000.50")))
    (sent,) = desk.lines.sent
    payload = sent.raw.partition(b"\r\n\r\n")[2]
    signed, _, signature = payload.partition(b"&signature=")

    assert desk.events == []
    assert (sent.method, sent.path) == ("POST", "/api/v3/order")
    assert sent.params == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "newOrderRespType": "FULL",
        "selfTradePreventionMode": "EXPIRE_TAKER",
        "recvWindow": "2000",
        "quantity": "0.01",
        "price": "65000.5",
        "newClientOrderId": "arb-e-1-7-b-1",
        "timestamp": str(desk.clock.now() // 1_000_000),
        "signature": signature.decode(),
    }
    assert signature.decode() == hmac.new(b"secret-key", signed, hashlib.sha256).hexdigest()
    assert b"\r\nX-MBX-APIKEY: access-key\r\n" in sent.raw
    assert b"secret-key" not in sent.raw


def test_what_is_written_once_for_a_market_is_kept_apart_by_side_and_market() -> None:
    desk = Desk()
    for symbol, side in [("BTCUSDT", Side.BUY), ("BTCUSDT", Side.SELL), ("ETHUSDT", Side.SELL), ("BTCUSDT", Side.BUY)]:
        desk.orders.send(an_order(symbol=symbol, side=side))

    assert [(sent.params["symbol"], sent.params["side"]) for sent in desk.lines.sent] == [
        ("BTCUSDT", "BUY"),
        ("BTCUSDT", "SELL"),
        ("ETHUSDT", "SELL"),
        ("BTCUSDT", "BUY"),
    ]


def test_an_id_that_would_end_its_parameter_is_escaped() -> None:
    desk = Desk()
    desk.orders.send(an_order(client_id="a&b"))

    assert desk.lines.sent[0].params["newClientOrderId"] == "a&b"


def test_the_measured_skew_is_taken_off_the_time_stamp() -> None:
    desk = Desk()
    desk.requests.skew = Nanos(3 * NS_PER_S)
    desk.orders.send(an_order())

    assert int(desk.lines.sent[0].params["timestamp"]) == desk.clock.now() // 1_000_000 - 3_000


@pytest.mark.parametrize("call", ["ask", "cancel"])
def test_questions_and_cancels_go_by_our_own_id_and_leave_a_connection_to_orders(call: str) -> None:
    desk = Desk()
    getattr(desk.orders, call)(an_order(client_id="a&b"))
    (sent,) = desk.lines.sent

    assert (sent.method, sent.spare) == ({"ask": "GET", "cancel": "DELETE"}[call], 1)
    assert (sent.params["origClientOrderId"], sent.params["symbol"]) == ("a&b", "BTCUSDT")


@pytest.mark.parametrize("keys", [ApiKeys("", "s"), ApiKeys("a\r\nX: y", "s"), ApiKeys("a", "s s"), ApiKeys("a", "")])
def test_keys_that_no_header_can_carry_are_refused(keys: ApiKeys) -> None:
    with pytest.raises(ConfigurationError, match="BINANCE_API_KEY"):
        BinanceRequests(ADDRESS, keys, Desk().clock)


# --- what a reply to an order comes to


@pytest.mark.parametrize(
    ("case", "body", "kind", "fill"),
    [
        ("half of it", order_body(), ReplyKind.ENDED, HALF),
        ("nothing", order_body(**NO_FILL), ReplyKind.ENDED, NOTHING),
        (
            "all of it in two parts",
            order_body(
                a_fill(),
                a_fill(tradeId=57, qty="0.00500000", commission="0.000004"),
                status="FILLED",
                executedQty="0.01",
                cummulativeQuoteQty="650",
            ),
            ReplyKind.ENDED,
            Fill(quantity=Decimal("0.01"), funds=Decimal(650), fee=Decimal("0.000009"), fee_currency="BTC"),
        ),
        (
            "no fee at all",
            order_body(a_fill(commission="0", commissionAsset="BNB")),
            ReplyKind.ENDED,
            Fill(quantity=Decimal("0.005"), funds=Decimal(325), fee=Decimal(0), fee_currency="USDT"),
        ),
        ("against an order of our own", order_body(**NO_FILL, status="EXPIRED_IN_MATCH"), ReplyKind.ENDED, NOTHING),
        ("still going on", order_body(status="PARTIALLY_FILLED"), ReplyKind.ACCEPTED, HALF),
        ("a fee in BNB", order_body(a_fill(commissionAsset="BNB")), ReplyKind.ACCEPTED, None),
        ("fills that are not all there", order_body(executedQty="0.006"), ReplyKind.ACCEPTED, None),
        ("a fill twice", order_body(a_fill(qty="0.0025"), a_fill(qty="0.0025")), ReplyKind.ACCEPTED, None),
        ("another's", order_body(clientOrderId="other"), ReplyKind.UNKNOWN, None),
        ("another market", order_body(symbol="ETHUSDT"), ReplyKind.UNKNOWN, None),
        ("another side", order_body(side="SELL"), ReplyKind.UNKNOWN, None),
        ("another quantity", order_body(origQty="0.02"), ReplyKind.UNKNOWN, None),
        ("more than ordered", order_body(executedQty="0.02"), ReplyKind.UNKNOWN, None),
        ("coins for nothing", order_body(cummulativeQuoteQty="0"), ReplyKind.UNKNOWN, None),
        ("filled and not", order_body(status="FILLED"), ReplyKind.UNKNOWN, None),
        ("a new status", order_body(status="TELEPORTED"), ReplyKind.UNKNOWN, None),
        ("NaN", order_body(executedQty="NaN"), ReplyKind.UNKNOWN, None),
        ("below zero", order_body(executedQty="-0.005"), ReplyKind.UNKNOWN, None),
        ("a fee below zero", order_body(a_fill(commission="-1")), ReplyKind.UNKNOWN, None),
        ("a number, not a text", order_body(executedQty=0.005), ReplyKind.UNKNOWN, None),
        ("no status", order_body(status=None), ReplyKind.UNKNOWN, None),
        ("no id", order_body(orderId=None), ReplyKind.UNKNOWN, None),
        ("an id of nought", order_body(orderId=0), ReplyKind.UNKNOWN, None),
        ("an error beside it", order_body(code=-1000), ReplyKind.UNKNOWN, None),
        ("a message that is none", order_body(msg=5), ReplyKind.UNKNOWN, None),
        ("cut off", order_body()[:-40], ReplyKind.UNKNOWN, None),
    ],
)
def test_a_full_reply_is_final_if_it_adds_up(case: str, body: bytes, kind: ReplyKind, fill: Fill | None) -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(200, body)

    assert (desk.reply.kind, desk.reply.fill) == (kind, fill), case
    assert (desk.reply.client_id, desk.reply.venue, desk.reply.at) == (
        "arb-e-1-7-b-1",
        Venue.BINANCE,
        desk.clock.now(),
    )
    assert bool(desk.troubles) is (kind is ReplyKind.UNKNOWN)
    assert len(desk.lines.sent) == 1


@pytest.mark.parametrize("status", [199, 302, 400, 409, 503])
def test_an_order_in_a_reply_that_is_no_success_proves_nothing(status: int) -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(status, order_body())

    assert (desk.reply.kind, desk.reply.fill) == (ReplyKind.UNKNOWN, None)


def test_a_refusal_a_silence_and_a_failure_of_the_venue_are_told_apart() -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(400, b'{"code":-2010,"msg":"Account has insufficient balance for requested action."}')
    desk.orders.send(an_order())
    desk.fail(LineFailure(LineFault.TIMEOUT, "no whole reply within 5 s"))
    desk.orders.send(an_order())
    desk.answer(504, b'{"code":-1007,"msg":"Timeout waiting for response from backend server."}')

    assert [reply.kind for reply in desk.replies] == [ReplyKind.REFUSED, ReplyKind.UNKNOWN, ReplyKind.UNKNOWN]
    assert len(desk.troubles) == 2
    # nothing was sent again
    assert len(desk.lines.sent) == 3


@given(status=st.sampled_from([200, 400, 429, 500]), body=st.binary(max_size=80), call=st.sampled_from(["send", "ask"]))
def test_no_reply_makes_a_callback_fail(status: int, body: bytes, call: str) -> None:
    desk = Desk()
    getattr(desk.orders, call)(an_order())
    desk.answer(status, body, retry_after=repr(body), x_mbx_used_weight_1m="²")

    assert len(desk.replies) == 1


VALUES = st.sampled_from(
    ["0.005", "0", "-1", "1e5", "NaN", "9" * 19, "x", "", 5, None, [], {}, "BTC", "FILLED", 10**30]
)


@given(changes=st.dictionaries(st.sampled_from(sorted(json.loads(order_body()))), VALUES, max_size=3), over=VALUES)
def test_no_order_that_does_not_make_sense_makes_a_callback_fail(changes: dict[str, Any], over: Any) -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(200, json.dumps(json.loads(order_body(a_fill(qty=over))) | changes).encode())

    assert desk.reply.kind in (ReplyKind.UNKNOWN, ReplyKind.ACCEPTED, ReplyKind.ENDED)
    assert desk.reply.fill is None or 0 <= desk.reply.fill.quantity <= Decimal("0.01")


# --- asking and cancelling


def test_an_order_that_traded_is_told_as_over_with_the_fees_of_its_trades() -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(200, order_body(fills=None))
    told_early = list(desk.events)
    desk.answer(200, trades_body())

    assert told_early == []
    assert (desk.lines.sent[1].path, desk.lines.sent[1].params["orderId"]) == ("/api/v3/myTrades", "28")
    assert (desk.reply.kind, desk.reply.fill) == (ReplyKind.ENDED, HALF)


def test_an_order_that_goes_on_is_told_with_what_it_has_traded_so_far() -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(200, order_body(fills=None, status="PARTIALLY_FILLED"))
    desk.answer(200, trades_body())

    assert (desk.reply.kind, desk.reply.fill) == (ReplyKind.ACCEPTED, HALF)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("EXPIRED", ReplyKind.ENDED), ("CANCELED", ReplyKind.ENDED), ("NEW", ReplyKind.ACCEPTED)],
)
def test_an_order_that_did_not_trade_needs_no_second_question(status: str, kind: ReplyKind) -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(200, order_body(**NO_FILL, status=status))

    assert (desk.reply.kind, desk.reply.fill) == (kind, NOTHING)
    assert len(desk.lines.sent) == 1


def test_a_cancel_is_final_and_known_by_the_id_of_the_order_not_of_the_cancel() -> None:
    desk = Desk()
    desk.orders.cancel(an_order())
    body = order_body(status="CANCELED", fills=None, clientOrderId="cancel-1", origClientOrderId="arb-e-1-7-b-1")
    desk.answer(200, body)
    desk.answer(200, trades_body())

    assert (desk.reply.kind, desk.reply.fill) == (ReplyKind.ENDED, HALF)


@pytest.mark.parametrize(
    ("call", "body", "kind", "fill"),
    [
        ("ask", b'{"code":-2013,"msg":"Order does not exist."}', ReplyKind.MISSING, None),
        ("ask", b'{"code":-2026,"msg":"Order was canceled or expired and archived."}', ReplyKind.ENDED, NOTHING),
        ("cancel", b'{"code":-2011,"msg":"Unknown order sent."}', ReplyKind.UNKNOWN, None),
    ],
)
def test_what_the_venue_does_not_know(call: str, body: bytes, kind: ReplyKind, fill: Fill | None) -> None:
    desk = Desk()
    getattr(desk.orders, call)(an_order())
    desk.answer(400, body)

    assert (desk.reply.kind, desk.reply.fill) == (kind, fill)
    assert desk.troubles == []


@pytest.mark.parametrize(
    ("case", "status", "body"),
    [
        ("not all of them yet", 200, trades_body(a_trade(qty="0.004"))),
        ("none yet", 200, b"[]"),
        ("of another order", 200, trades_body(a_trade(orderId=29))),
        ("not readable", 200, b"<html>"),
        ("refused", 401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'),
        ("broken", 502, b"<html>"),
    ],
)
def test_without_its_trades_an_order_is_there_and_not_told_as_over(case: str, status: int, body: bytes) -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(200, order_body(fills=None))
    desk.answer(status, body)

    assert (desk.reply.kind, desk.reply.fill) == (ReplyKind.ACCEPTED, None), case
    assert desk.reply.reason.startswith("its trades")


@pytest.mark.parametrize(
    ("case", "trades", "fee", "currency"),
    [
        ("all in BNB", [a_trade(commission="0.0001", commissionAsset="BNB")], "0.0001", "BNB"),
        (
            "BNB ran out",
            [
                a_trade(qty="0.002", commission="0.0001", commissionAsset="BNB"),
                a_trade(id=57, qty="0.003", commission="0.000003"),
            ],
            "0.000003",
            "BTC",
        ),
    ],
)
def test_a_fee_in_another_currency_is_said_and_does_not_keep_an_order_from_its_end(
    case: str, trades: list[dict[str, Any]], fee: str, currency: str
) -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(200, order_body(fills=None))
    desk.answer(200, trades_body(*trades))

    assert desk.reply.kind is ReplyKind.ENDED, case
    assert desk.reply.fill is not None
    assert (desk.reply.fill.fee, desk.reply.fill.fee_currency) == (Decimal(fee), currency)
    assert desk.reply.reason == "fees were taken in another currency: 0.0001 BNB"


# --- limits


def test_without_an_idle_connection_an_order_is_proven_not_sent() -> None:
    desk = Desk()
    desk.lines.idle = 0
    desk.orders.send(an_order())

    assert (desk.reply.kind, desk.reply.reason) == (ReplyKind.BUSY, "no connection is idle")
    assert desk.lines.sent == []


@pytest.mark.parametrize("call", ["ask", "cancel"])
def test_a_question_that_cannot_be_sent_proves_nothing(call: str) -> None:
    desk = Desk()
    desk.lines.idle = 1
    getattr(desk.orders, call)(an_order())

    assert desk.reply.kind is ReplyKind.UNKNOWN
    assert desk.lines.sent == []


def test_orders_leave_room_for_those_that_reduce() -> None:
    desk = Desk()
    for _ in range(61):
        desk.orders.send(an_order())
    desk.orders.send(an_order(purpose=Purpose.REDUCE))

    assert len(desk.lines.sent) == 61
    assert (desk.reply.kind, desk.reply.reason) == (ReplyKind.BUSY, "no room under the venue's limit on orders")


@pytest.mark.parametrize(
    ("status", "headers", "blocked_s"),
    [(429, {"retry_after": "7"}, 7), (429, {}, 10), (418, {}, 120), (418, {"retry_after": "999999999"}, 3 * 86_400)],
)
def test_who_is_told_to_be_silent_is_silent_for_as_long(status: int, headers: dict[str, str], blocked_s: int) -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(status, b'{"code":-1003,"msg":"Too many requests."}', **headers)
    end = Instant(desk.clock.now() + blocked_s * NS_PER_S)

    assert desk.reply.kind is ReplyKind.BUSY
    for kind in (WEIGHT, ORDERS_10S):
        assert not desk.limiter.take(kind, Instant(end - 1), is_urgent=True)
        assert desk.limiter.take(kind, end, is_urgent=True)


def test_too_many_orders_block_orders_and_not_questions() -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(429, b'{"code":-1015,"msg":"Too many new orders."}', retry_after="9")
    desk.orders.send(an_order())
    desk.orders.ask(an_order())

    assert [reply.kind for reply in desk.replies] == [ReplyKind.BUSY, ReplyKind.BUSY]
    assert [sent.method for sent in desk.lines.sent] == ["POST", "GET"]


def test_the_weight_that_others_use_counts_too() -> None:
    desk = Desk()
    desk.orders.send(an_order())
    desk.answer(200, order_body(), x_mbx_used_weight_1m="5999", x_mbx_order_count_10s="1")

    assert desk.limiter.left(WEIGHT, desk.clock.now()) == 1


def test_nothing_that_is_told_holds_a_secret() -> None:
    desk = Desk()
    desk.orders.ask(an_order())
    desk.answer(502, desk.lines.sent[0].raw)
    desk.orders.ask(an_order())
    signature = desk.lines.sent[1].params["signature"]
    desk.answer(400, json.dumps({"code": -1022, "msg": f"bad: {signature}"}).encode())
    shown = repr(desk.events) + repr(KEYS)

    assert signature not in shown
    assert "secret-key" not in shown
    assert "access-key" not in shown
