import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import BalancesSeen, OrderReply, ReplyKind
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill
from arbitrage.exchange.private_stream import Broken, Sign
from arbitrage.exchange.upbit_stream import UpbitDialect
from tests.clocks import NOON

LISTED = {"method": "LIST_SUBSCRIPTIONS", "result": [{"type": "myOrder"}, {"type": "myAsset"}], "ticket": "t"}


@pytest.fixture
def upbit():
    return UpbitDialect()


def an_order(state="trade", executed="0.0005", **changes):
    """A myOrder frame after half of a bid was filled."""
    figures = {"executed_volume": executed, "executed_funds": "68500.5", "paid_fee": "34.25025"}
    fields = {"type": "myOrder", "code": "KRW-BTC", "uuid": "u-1", "state": state, "identifier": "arb-1", **figures}
    return written(fields | changes)


def written(fields):
    """JSON with figures as numbers, written as they are."""
    figures = ("executed_volume", "executed_funds", "paid_fee", "balance", "locked")
    text = json.dumps(fields)
    for name in figures:
        text = text.replace(f'"{name}": "', f'"{name}": <')
    return "".join(part.replace('"', "", 1) if n else part for n, part in enumerate(text.split("<"))).encode()


def assets(at_ms, **balances):
    rows = [{"currency": name, "balance": amount, "locked": "10329.67"} for name, amount in balances.items()]
    return written({"type": "myAsset", "assets": rows, "asset_timestamp": at_ms})


def filled(quantity="0.0005", funds="68500.5", fee="34.25025"):
    return Fill(quantity=Decimal(quantity), funds=Decimal(funds), fee=Decimal(fee), fee_currency="KRW")


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("wait", ReplyKind.ACCEPTED),
        ("watch", ReplyKind.ACCEPTED),
        ("trade", ReplyKind.ACCEPTED),
        ("done", ReplyKind.ENDED),
        ("cancel", ReplyKind.ENDED),
        # what was prevented may not be all of it: its end is told as a cancel
        ("prevented", ReplyKind.ACCEPTED),
        ("a word of tomorrow", ReplyKind.ACCEPTED),
    ],
)
def test_only_done_and_cancel_end_an_order(upbit, state, kind):
    assert upbit.hear(an_order(state), NOON) == OrderReply(NOON, "arb-1", Venue.UPBIT, kind, filled())


def test_an_order_that_waits_has_come_to_nothing(upbit):
    frame = an_order("wait", executed="0.0", executed_funds=None, paid_fee=None)

    assert upbit.hear(frame, NOON).fill == filled("0", "0", "0")


def test_numbers_are_read_from_their_text_with_exponents_and_without_the_noise_of_doubles(upbit):
    frame = an_order(executed="1.0E-4", executed_funds="1.37000001E8", paid_fee="2.5000000000000004")

    assert upbit.hear(frame, NOON).fill == filled("0.0001", "137000001", "2.5")


def test_a_trade_that_is_told_after_the_end_changes_nothing(upbit):
    upbit.hear(an_order("cancel"), NOON)

    assert upbit.hear(an_order("trade", executed="0.0001"), NOON) is Sign.NOTHING


def test_an_order_without_an_id_of_its_owner_goes_by_the_venues(upbit):
    assert upbit.hear(an_order(identifier=None), NOON).client_id == "venue:u-1"


def test_somebody_elses_order_is_told_too(upbit):
    assert upbit.hear(an_order(identifier="by hand"), NOON).client_id == "by hand"


def test_balances_are_free_and_locked_together_and_only_of_what_moved(upbit):
    seen = BalancesSeen(NOON, Venue.UPBIT, {"KRW": Decimal("1397259.04")}, is_whole=False)

    assert upbit.hear(assets(1, KRW="1386929.37"), NOON) == seen


def test_balances_that_were_overtaken_are_not_believed_and_the_rest_of_them_is(upbit):
    upbit.hear(assets(2, KRW="2"), NOON)

    assert upbit.hear(assets(1, KRW="1"), NOON) is Sign.NOTHING
    assert list(upbit.hear(assets(1, KRW="1", BTC="1"), NOON).balances) == ["BTC"]
    assert list(upbit.hear(assets(2, KRW="3"), NOON).balances) == ["KRW"]


def test_on_a_new_connection_balances_are_believed_whatever_their_time(upbit):
    upbit.hear(assets(2, KRW="2"), NOON)
    upbit.greeting(NOON)

    assert isinstance(upbit.hear(assets(1, KRW="1"), NOON), BalancesSeen)


def test_the_subscription_asks_for_both_and_then_for_the_list(upbit):
    subscription, listing = map(json.loads, upbit.greeting(NOON))

    assert subscription[1:] == [{"type": "myOrder"}, {"type": "myAsset"}, {"format": "DEFAULT"}]
    assert listing[1:] == [{"method": "LIST_SUBSCRIPTIONS"}, {"format": "DEFAULT"}]
    assert subscription[0]["ticket"] != listing[0]["ticket"]


@pytest.mark.parametrize(
    ("case", "frame", "heard"),
    [
        ("the list of both", LISTED, Sign.CONFIRMED),
        ("a list of one", LISTED | {"result": [{"type": "myOrder"}]}, Broken("not everything was subscribed")),
        ("a sign of life", {"status": "UP"}, Sign.NOTHING),
        ("an error", {"error": {"name": "INVALID_AUTH", "message": "Bearer abc"}}, Broken("error frame: INVALID_AUTH")),
        ("an error that repeats", {"error": {"name": "Bearer abc"}}, Broken("error frame: unnamed")),
        ("a type of tomorrow", {"type": "announcement"}, Sign.STRANGE),
        ("nothing", {}, Sign.STRANGE),
    ],
)
def test_other_frames_are_told_apart(upbit, case, frame, heard):
    assert upbit.hear(json.dumps(frame).encode(), NOON) == heard


@pytest.mark.parametrize(
    ("case", "frame"),
    [
        ("below zero", an_order(executed="-1")),
        ("endless", an_order(executed="1E+999999")),
        ("more won than there are", an_order(executed_funds="1E15")),
        ("no number", an_order().replace(b"0.0005", b'"NaN"')),
        ("trades without sums", an_order(executed_funds=None)),
        ("trades without a fee", an_order(paid_fee=None)),
        ("no volume", an_order().replace(b"executed_volume", b"volume")),
        ("a name without end", an_order(identifier="x" * 300)),
        (
            "an asset without a name",
            b'{"type":"myAsset","assets":[{"currency":"","balance":1,"locked":0}],"asset_timestamp":1}',
        ),
    ],
)
def test_a_frame_of_ours_that_cannot_be_believed_breaks_the_stream(upbit, case, frame):
    heard = upbit.hear(frame, NOON)

    assert isinstance(heard, Broken), case
    assert "cannot be read" in heard.reason


@pytest.mark.parametrize("frame", [b"", b"\xff", b"[" * 60_000, b"[]", b"null", b'{"type":1}', b'{"error":1}'])
def test_a_frame_that_is_nothing_breaks_the_stream(upbit, frame):
    assert upbit.hear(frame, NOON) == Broken("a frame that cannot be read")


@given(st.binary(max_size=200) | st.builds(lambda cut: an_order()[:cut], st.integers(0, 300)))
def test_no_bytes_make_it_raise_or_invent_an_end(frame):
    heard = UpbitDialect().hear(frame, NOON)

    assert not (isinstance(heard, OrderReply) and heard.kind is not ReplyKind.ACCEPTED)
