import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.decode_binance import decode
from arbitrage.market_data.frames import Notice, NoticeKind
from tests.unit.market_data.frames_of import binance_book, binance_touch, written

AT = Instant(1_723_161_254_087_891_268)


def test_a_partial_book_takes_its_symbol_from_the_stream():
    book = decode(binance_book("ethusdt", bids=[("2683.80", "3.02"), ("2683.78", "0.002")], sequence=353), AT)

    assert isinstance(book, BookSnapshot)
    assert (book.at, book.venue, book.symbol, book.sequence, book.venue_at) == (AT, Venue.BINANCE, "ETHUSDT", 353, 0)
    assert book.depth.bids() == [(2683.8, 3.02), (2683.78, 0.002)]
    assert book.depth.asks() == [(101.0, 2.0)]


def test_each_stream_keeps_its_own_symbol():
    streams = ["ethusdt", "btcusdt", "ETHUSDT", "a" * 24, "a" * 25, "ethusdt", "btcusdt"]
    symbols = [decode(binance_book(stream), AT).symbol for stream in streams]

    assert symbols == [stream.upper() for stream in streams]


@pytest.mark.parametrize("empty", [{"bids": []}, {"asks": []}, {"bids": [], "asks": []}])
def test_a_book_with_an_empty_side_has_no_touch(empty):
    assert decode(binance_book(**empty), AT).depth.touch() is None


def test_a_touch_is_an_event_of_its_own():
    assert decode(binance_touch(sequence=7), AT) == TouchUpdate(
        AT, Venue.BINANCE, "BTCUSDT", 7, bid=100.0, bid_size=3.78, ask=101.0, ask_size=1.54
    )


@pytest.mark.parametrize("frame", [binance_touch(), binance_book()])
def test_white_space_and_another_order_of_members_change_nothing(frame):
    name, _, data = frame[1:-1].partition(b",")
    spaced = b'{ "data" :' + data.removeprefix(b'"data":') + b" , " + name + b" }"

    assert decode(spaced, AT) == decode(frame, AT)


@pytest.mark.parametrize(
    ("frame", "notice"),
    [
        ({"result": None, "id": 1}, Notice(NoticeKind.RESULT)),
        ({"error": {"code": 2, "msg": "no such stream"}, "id": 1}, Notice(NoticeKind.ERROR, "2 no such stream")),
        ({"code": 3, "msg": "invalid"}, Notice(NoticeKind.ERROR, "3 invalid")),
        ({"code": 3, "msg": "btcusdt@bookTicker?"}, Notice(NoticeKind.ERROR, "3 btcusdt@bookTicker?")),
        ({"code": 3, "msg": "btcusdt@depth20?"}, Notice(NoticeKind.ERROR, "3 btcusdt@depth20?")),
        ({"e": "serverShutdown", "E": 1}, Notice(NoticeKind.SHUTDOWN)),
        ({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}, Notice(NoticeKind.SHUTDOWN)),
        (
            {"stream": "btcusdt@trade", "data": {"e": "trade", "s": "BTCUSDT", "p": "1.0", "q": "2"}},
            Notice(NoticeKind.TRADE),
        ),
        (
            {"stream": "btcusdt@depth@100ms", "data": {"s": "BTCUSDT", "U": 1, "u": 2, "b": [["1", "0"]], "a": []}},
            Notice(NoticeKind.DEPTH_DIFFERENCE),
        ),
    ],
)
def test_frames_that_carry_no_book_are_told_apart(frame, notice):
    assert decode(written(frame), AT) == notice


@pytest.mark.parametrize(
    ("case", "frame", "symbol", "reason"),
    [
        ("empty", b"", "", "malformed"),
        ("not JSON", b"<html>", "", "malformed"),
        ("book cut off", binance_book()[:-9], "BTCUSDT", "malformed"),
        ("touch cut off", binance_touch()[:-9], "BTCUSDT", "malformed"),
        ("not UTF-8", binance_touch().replace(b"BTCUSDT", b"BTC\xff\xfe"), "BTCUSDT", "malformed"),
        ("nested without end", b'{"stream":"a@depth20","data":' + b"[" * 100_000, "A", "malformed"),
        ("price is no number", binance_book(bids=[("abc", "1")]), "BTCUSDT", "malformed"),
        ("price is null", binance_book(bids=[(None, "1")]), "BTCUSDT", "malformed"),
        ("a level of three", binance_book(bids=[("1", "1", "1")]), "BTCUSDT", "malformed"),
        ("levels missing", binance_book(bids=None), "BTCUSDT", "malformed"),
        ("more levels than exist", binance_book(bids=[("1", "1")] * 21), "BTCUSDT", "malformed"),
        ("negative id", binance_book(sequence=-1), "BTCUSDT", "malformed"),
        ("id beyond all", binance_touch(sequence=10**40), "BTCUSDT", "malformed"),
        ("touch of a symbol that goes on", binance_touch(named="B" * 99), "BTCUSDT", "malformed"),
        ("trade without price", b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}', "BTCUSDT", "malformed"),
        ("a stream from the future", b'{"stream":"btcusdt@auction","data":{}}', "BTCUSDT", "unknown_type"),
        ("a book without envelope", b'{"lastUpdateId":160,"bids":[],"asks":[]}', "", "unknown_type"),
        ("no known member", b'{"hello":1}', "", "unknown_type"),
        ("a book that says not of what", binance_book().replace(b'"stream"', b'"streem"'), "", "malformed"),
        ("a book's name in an answer", b'{"stream":"","x":"btcusdt@depth20","id":1}', "", "malformed"),
    ],
)
def test_a_frame_that_cannot_be_believed_is_rejected_with_its_symbol_if_it_has_one(case, frame, symbol, reason):
    assert decode(frame, AT) == BookRejected(AT, Venue.BINANCE, symbol, reason)


@pytest.mark.parametrize(("text", "holds"), [("NaN", math.isnan), ("Infinity", math.isinf), ("-1", lambda x: x < 0)])
def test_numbers_that_are_no_prices_pass_here_and_are_for_the_book_to_judge(text, holds):
    assert holds(decode(binance_touch(bid=text), AT).bid)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(payload):
    decode(payload, AT)


@given(data=st.data(), good=st.sampled_from([binance_book(), binance_touch()]), times=st.integers(1, 4))
def test_no_mutation_of_a_good_frame_makes_it_raise(data, good, times):
    frame = bytearray(good)
    for _ in range(times):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))

    decode(bytes(frame), AT)
