import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Side
from arbitrage.domain.plans import Fill
from arbitrage.exchange.upbit_limits import DEFAULT, ORDER, learn, upbit_limiter
from arbitrage.exchange.upbit_signing import signed_text
from arbitrage.exchange.upbit_words import OrderForm, OrderRow, decoded, listed, standing
from arbitrage.wire.http_reply import HttpReply
from tests.clocks import NOON
from tests.upbit_orders import an_order

TRADE = {"market": "KRW-BTC", "uuid": "t", "price": "137001000", "volume": "0.0005", "funds": "68500.5", "side": "bid"}


def a_row(**changes):
    row = {
        "market": "KRW-BTC",
        "uuid": "cdd92199",
        "side": "bid",
        "ord_type": "limit",
        "price": "137001000",
        "state": "cancel",
        "created_at": "2026-11-22T12:00:00+09:00",
        "volume": "0.001",
        "remaining_volume": "0.0005",
        "executed_volume": "0.0005",
        "paid_fee": "34.25025",
        "trades_count": 1,
        "time_in_force": "ioc",
        "identifier": "arb-1",
        "trades": [TRADE],
    }
    return json.dumps({key: value for key, value in {**row, **changes}.items() if value is not None}).encode()


HALF = Fill(quantity=Decimal("0.0005"), funds=Decimal("68500.5"), fee=Decimal("34.25025"), fee_currency="KRW")
NONE = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency="KRW")
EMPTY = {"executed_volume": "0", "paid_fee": "0", "trades": []}


@pytest.mark.parametrize(
    ("case", "changes", "kind", "fill"),
    [
        ("cancelled is not unfilled", {}, ReplyKind.ENDED, HALF),
        ("done", {"state": "done"}, ReplyKind.ENDED, HALF),
        ("it goes on", {"state": "wait"}, ReplyKind.ACCEPTED, HALF),
        ("a reservation", {"state": "watch", **EMPTY}, ReplyKind.ACCEPTED, NONE),
        ("a state of tomorrow", {"state": "frozen"}, ReplyKind.ACCEPTED, HALF),
        ("nothing came of it", EMPTY, ReplyKind.ENDED, NONE),
        ("funds said", {"executed_funds": "68500.5", "trades": None}, ReplyKind.ENDED, HALF),
        ("trades not listed yet", {"trades": []}, ReplyKind.ACCEPTED, None),
        ("trades not said", {"trades": None}, ReplyKind.ACCEPTED, None),
        ("half of its trades", {"executed_volume": "0.001", "trades": [TRADE]}, ReplyKind.ACCEPTED, None),
        ("funds not said yet", {"executed_funds": "0"}, ReplyKind.ACCEPTED, None),
    ],
)
def test_an_order_stands_as_its_own_numbers_say(case, changes, kind, fill):
    assert standing(an_order(), a_row(**changes)) == (kind, fill), case


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identifier": "arb-2"}, "about another order"),
        ({"identifier": None}, "about another order"),
        ({"market": "KRW-ETH"}, "about another order"),
        ({"side": "ask"}, "about another order"),
        ({"executed_volume": "0.0011"}, "more executed than was ordered"),
        ({"executed_volume": "-0.0005"}, "below zero"),
        ({"executed_volume": "NaN"}, "not a plain decimal"),
        ({"executed_volume": 0.0005}, "cannot be read"),
        ({"paid_fee": "1e3"}, "not a plain decimal"),
        ({"paid_fee": "9" * 41}, "cannot be read"),
        ({"state": None}, "cannot be read"),
    ],
)
def test_what_cannot_be_believed_is_not(changes, words):
    with pytest.raises(ValueError, match=words):
        standing(an_order(), a_row(**changes))


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_whatever_a_body_holds_it_is_a_value_error_or_an_order(body):
    with pytest.raises(ValueError):  # noqa: PT011 - of any words
        standing(an_order(), body if isinstance(body, bytes) else json.dumps(body).encode())


def test_an_order_is_immediate_and_never_touches_another_of_the_account():
    order = an_order(side=Side.SELL, quantity=Decimal("0.00100"), limit_price=Decimal("1.37E+8"))
    signed, sent = OrderForm(order.symbol, order.side).fill_in(order)

    assert signed_text(json.loads(sent).items()) == signed, "what is sent is what is signed, in its order"
    assert json.loads(sent) == {
        "market": "KRW-BTC",
        "side": "ask",
        "ord_type": "limit",
        "price": "137000000",
        "volume": "0.001",
        "time_in_force": "ioc",
        "smp_type": "cancel_taker",
        "identifier": "arb-1",
    }


def test_a_market_that_looks_like_a_gap_to_be_filled_in_is_not():
    order = an_order(symbol="KRW-%s")

    assert json.loads(OrderForm(order.symbol, order.side).fill_in(order)[1])["market"] == "KRW-%s"


def test_a_listed_order_may_be_anybodys():
    found = listed(decoded(a_row(identifier=None, volume=None, state="wait"), OrderRow))

    assert (found.client_id, found.quantity, found.executed) == ("", Decimal(0), Decimal("0.0005"))
    assert (found.is_open, found.side, found.created_at) == (True, Side.BUY, NOON)


@pytest.mark.parametrize(
    ("status", "header", "body", "order_left", "default_left"),
    [
        (201, "group=order; min=1800; sec=3", b"", 3, 30),
        (201, "group=order;min=1800;sec=3", b"", 3, 30),
        (201, "", b"", 12, 30),
        (201, "group=unheard-of; min=1; sec=0", b"", 12, 30),
        (201, "sec=0", b"", 12, 30),
        (201, "group=order; min=1800; sec=99999", b"", 12, 30),
        (429, "", b"", 0, 30),
        (418, "", "잠시 후".encode(), 0, 0),
    ],
)
def test_what_a_reply_says_of_the_limits_is_taken_over(status, header, body, order_left, default_left):
    limiter = upbit_limiter()
    learn(limiter, HttpReply(status, {"remaining-req": header}, body), NOON, ORDER)

    assert (limiter.left(ORDER, NOON), limiter.left(DEFAULT, NOON)) == (order_left, default_left)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ("차단 120 초", 120),
        ("blocked for 30 seconds", 30),
        ("5분간 차단", 300),
        ("0초", 10),
        ("999999초", 86_400),
        ("", 10),
    ],
)
def test_a_ban_lasts_as_long_as_it_says_within_reason(body, seconds):
    limiter = upbit_limiter()
    learn(limiter, HttpReply(418, {}, body.encode()), NOON, ORDER)

    assert limiter.blocked_until(DEFAULT) == Instant(NOON + seconds * NS_PER_S)
