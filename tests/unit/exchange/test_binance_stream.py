import hmac
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import BalancesSeen, FundsMoved, OrderReply, ReplyKind
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill
from arbitrage.exchange.binance_stream import BinanceDialect
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.private_stream import Broken, Sign
from tests.clocks import NOON

KEYS = ApiKeys("the-key", "the-secret")


def speaker(skew=Nanos(0)):  # noqa: B008 - a number
    return BinanceDialect(KEYS, lambda: skew)


@pytest.fixture
def binance():
    return speaker()


def event(**fields):
    return json.dumps({"subscriptionId": 0, "event": fields}).encode()


def report(execution="TRADE", status="PARTIALLY_FILLED", **changes):
    """An executionReport of a bid of which half a BTC was filled in one trade."""
    fields = {"s": "BTCUSDT", "c": "arb-1", "C": "", "i": 28, "r": "NONE", "x": execution, "X": status}
    figures = {"z": "0.50000000", "Z": "32500.00000000", "l": "0.50000000", "n": "0.00050000", "N": "BTC", "t": 56}
    return event(e="executionReport", **(fields | figures | changes))


def without_trade(execution, status, **changes):
    nothing = {"z": "0.00000000", "Z": "0.00000000", "l": "0.00000000", "n": "0", "N": None, "t": -1}
    return report(execution, status, **(nothing | changes))


def position(at_ms):
    return event(e="outboundAccountPosition", u=at_ms, B=[{"a": "USDT", "f": "1000.5", "l": "10"}])


def filled(quantity="0.5", funds="32500", fee="0.0005", currency="BTC"):
    return Fill(quantity=Decimal(quantity), funds=Decimal(funds), fee=Decimal(fee), fee_currency=currency)


@pytest.mark.parametrize(
    ("execution", "status", "kind"),
    [
        ("TRADE", "PARTIALLY_FILLED", ReplyKind.ACCEPTED),
        ("TRADE", "FILLED", ReplyKind.ENDED),
        ("TRADE", "A_WORD_OF_TOMORROW", ReplyKind.ACCEPTED),
    ],
)
def test_a_trade_tells_all_that_the_order_has_come_to(binance, execution, status, kind):
    assert binance.hear(report(execution, status), NOON) == OrderReply(NOON, "arb-1", Venue.BINANCE, kind, filled())


@pytest.mark.parametrize(
    ("execution", "status", "kind"),
    [
        ("NEW", "NEW", ReplyKind.ACCEPTED),
        ("NEW", "PENDING_NEW", ReplyKind.ACCEPTED),
        ("EXPIRED", "EXPIRED", ReplyKind.ENDED),
        ("CANCELED", "CANCELED", ReplyKind.ENDED),
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", ReplyKind.ENDED),
        ("TRADE_PREVENTION", "PARTIALLY_FILLED", ReplyKind.ACCEPTED),
    ],
)
def test_an_order_without_trades_has_come_to_nothing(binance, execution, status, kind):
    heard = binance.hear(without_trade(execution, status), NOON)

    assert heard == OrderReply(NOON, "arb-1", Venue.BINANCE, kind, filled("0", "0", "0", "USDT"))


def test_an_order_that_expires_with_a_part_filled_ends_with_that_part(binance):
    binance.hear(report(), NOON)
    rest = without_trade("EXPIRED", "EXPIRED", z="0.5", Z="32500", eR="UNFILLED_IOC_QUANTITY_EXPIRED")
    heard = binance.hear(rest, NOON)

    assert (heard.kind, heard.fill, heard.reason) == (ReplyKind.ENDED, filled(), "UNFILLED_IOC_QUANTITY_EXPIRED")


def test_an_end_without_all_of_its_trades_is_not_told_as_an_end(binance):
    heard = binance.hear(report("TRADE", "FILLED", z="1.5", Z="97500"), NOON)

    assert (heard.kind, heard.fill, heard.reason) == (ReplyKind.ACCEPTED, None, "not all of its trades were told")


def test_a_prevented_trade_is_no_trade(binance):
    prevented = without_trade("TRADE_PREVENTION", "EXPIRED_IN_MATCH", l="0.5", n="0.1", N="BNB", t=7)

    assert binance.hear(prevented, NOON).fill == filled("0", "0", "0", "USDT")


def test_a_trade_that_is_told_twice_counts_once(binance):
    binance.hear(report(), NOON)

    assert binance.hear(report(), NOON) is Sign.NOTHING
    assert binance.hear(report(t=57, z="1", Z="65000"), NOON).fill == filled("1", "65000", "0.001")


def test_the_same_number_on_another_symbol_is_another_order(binance):
    binance.hear(report(), NOON)

    assert binance.hear(report(s="ETHUSDT"), NOON).fill == filled()


def test_a_cancel_goes_by_the_id_of_the_order(binance):
    heard = binance.hear(without_trade("CANCELED", "CANCELED", c="cancel-1", C="arb-1"), NOON)

    assert heard.client_id == "arb-1"


def test_a_rejected_order_is_refused_with_the_reason(binance):
    heard = binance.hear(without_trade("REJECTED", "REJECTED", i=-1, r="INSUFFICIENT_BALANCE"), NOON)

    assert heard == OrderReply(NOON, "arb-1", Venue.BINANCE, ReplyKind.REFUSED, None, "INSUFFICIENT_BALANCE")


def test_a_rejected_order_that_has_traded_is_not_refused(binance):
    assert binance.hear(report("REJECTED", "REJECTED"), NOON).kind is ReplyKind.ACCEPTED


def test_an_order_without_a_name_goes_by_its_number(binance):
    assert binance.hear(report(c=""), NOON).client_id == "venue:28"


def test_balances_are_free_and_locked_together_and_only_of_what_moved(binance):
    assert binance.hear(position(1), NOON) == BalancesSeen(
        NOON, Venue.BINANCE, {"USDT": Decimal("1010.5")}, is_whole=False
    )


def test_balances_that_were_overtaken_are_not_believed(binance):
    binance.hear(position(2), NOON)

    assert binance.hear(position(1), NOON) is Sign.NOTHING
    assert isinstance(binance.hear(position(2), NOON), BalancesSeen)


def test_on_a_new_connection_balances_are_believed_whatever_their_time(binance):
    binance.hear(position(2), NOON)
    binance.greeting(NOON)

    assert isinstance(binance.hear(position(1), NOON), BalancesSeen)


def test_a_withdrawal_is_told_as_funds_that_left(binance):
    heard = binance.hear(event(e="balanceUpdate", a="BTC", d="-1.50000000"), NOON)

    assert heard == FundsMoved(NOON, Venue.BINANCE, "BTC", Decimal("-1.5"))


def test_the_subscription_is_signed_over_its_parameters_by_name_in_the_venues_time():
    (text,) = speaker(skew=Nanos(3 * NS_PER_S)).greeting(NOON)
    request = json.loads(text)
    signed = f"apiKey=the-key&recvWindow=5000&timestamp={NOON // NS_PER_MS - 3_000}"

    assert request["method"] == "userDataStream.subscribe.signature"
    assert request["params"]["signature"] == hmac.new(b"the-secret", signed.encode(), "sha256").hexdigest()
    assert request["params"]["timestamp"] == NOON // NS_PER_MS - 3_000


@pytest.mark.parametrize(
    ("case", "frame", "heard"),
    [
        ("confirmed", {"id": "subscribe", "status": 200, "result": {"subscriptionId": 0}}, Sign.CONFIRMED),
        ("an answer to another", {"id": "x", "status": 200, "result": {}}, Sign.STRANGE),
        ("an event of tomorrow", {"event": {"e": "somethingNew"}}, Sign.STRANGE),
        ("the end", {"event": {"e": "eventStreamTerminated"}}, Broken("the venue ended the subscription")),
        ("the end of all", {"event": {"e": "serverShutdown", "E": 1}}, Broken("the venue announced a shutdown")),
    ],
)
def test_other_frames_are_told_apart(binance, case, frame, heard):
    assert binance.hear(json.dumps(frame).encode(), NOON) == heard


@pytest.mark.parametrize(("code", "named"), [(-2015, "address or its permissions"), (-1021, "clock"), (-9999, "-9999")])
def test_a_refused_subscription_says_why_and_never_what_was_sent(binance, code, named):
    error = {"code": code, "msg": "bad: the-key"}
    heard = binance.hear(json.dumps({"id": "subscribe", "status": 400, "error": error}).encode(), NOON)

    assert named in heard.reason
    assert "the-key" not in heard.reason


@pytest.mark.parametrize(
    ("case", "frame"),
    [
        ("below zero", report(z="-1")),
        ("an exponent", report(Z="1E5")),
        ("no number", report(n="NaN")),
        ("a number", report(z=0.5)),
        ("no status", report().replace(b'"X"', b'"Y"')),
        ("a name without end", report(c="x" * 300)),
        ("an asset without a name", event(e="balanceUpdate", a="", d="1")),
        ("no event", event()[:-3]),
        ("nothing", b""),
        ("not text", b"\xff\xfe"),
        ("nested", b"[" * 60_000),
        ("an event that is none", b'{"event":null}'),
    ],
)
def test_a_frame_that_cannot_be_believed_breaks_the_stream(binance, case, frame):
    assert binance.hear(frame, NOON) == Broken("a frame that cannot be read"), case


@given(st.binary(max_size=200) | st.builds(lambda cut: report()[:cut], st.integers(0, 200)))
def test_no_bytes_make_it_raise_or_invent_an_end(frame):
    assert not isinstance(speaker().hear(frame, NOON), OrderReply)
