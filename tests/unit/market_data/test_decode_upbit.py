import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import BookRejected, BookSnapshot
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.decode_upbit import decode
from arbitrage.market_data.frames import Notice, NoticeKind
from tests.unit.market_data.frames_of import upbit_book, written

AT = Instant(1_746_601_573_900_000_000)

MEASURED = (
    b'{"ty":"orderbook","cd":"KRW-BTC","tms":1790134773006,"tas":0.48514983,"tbs":2.2403413,"obu":['
    b'{"ap":1.16606E8,"bp":116534000,"as":0.06288509,"bs":7.9276E-4},'
    b'{"ap":116609000,"bp":116521000,"as":5.0E-4,"bs":0.01624318},'
    b'{"ap":0,"bp":116520000,"as":0,"bs":0.00777200}],"st":"SNAPSHOT","lv":0}'
)


def test_a_book_keeps_its_exponents_and_drops_the_padding():
    book = decode(MEASURED, AT)

    assert isinstance(book, BookSnapshot)
    assert (book.at, book.venue, book.symbol, book.sequence) == (AT, Venue.UPBIT, "KRW-BTC", 0)
    assert book.venue_at == 1_790_134_773_006_000_000
    assert book.depth.touch() == (116534000.0, 7.9276e-4, 116606000.0, 0.06288509)
    assert book.depth.asks() == [(116606000.0, 0.06288509), (116609000.0, 5.0e-4)]
    assert book.depth.bids() == [(116534000.0, 7.9276e-4), (116521000.0, 0.01624318), (116520000.0, 0.007772)]


def test_either_side_may_be_the_thin_one():
    book = decode(upbit_book(levels=((101, 1, 99, 2), (102, 1, 0, 0))), AT)

    assert book.depth.bids() == [(99.0, 2.0)]
    assert book.depth.asks() == [(101.0, 1.0), (102.0, 1.0)]


@pytest.mark.parametrize("levels", [(), ((0, 0, 100, 1),), ((100, 1, 0, 0),), ((0, 0, 0, 0),)])
def test_a_book_with_an_empty_side_has_no_touch(levels):
    assert decode(upbit_book(levels=levels), AT).depth.touch() is None


@pytest.mark.parametrize(
    ("frame", "notice"),
    [
        (b'{"status":"UP"}', Notice(NoticeKind.STATUS)),
        (b'{"error":{"name":"NO_CODES","message":"codes"}}', Notice(NoticeKind.ERROR, "NO_CODES codes")),
        (b'{"error":{"name":404,"message":"a\\nb"}}', Notice(NoticeKind.ERROR, "404 a\\nb")),
        (b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":1.0}', Notice(NoticeKind.TICKER)),
        (
            b'{"ty":"trade","cd":"KRW-BTC","tms":1,"tp":1.0,"tv":0.1,"ab":"ASK","sid":17304,"st":"REALTIME"}',
            Notice(NoticeKind.TRADE),
        ),
    ],
)
def test_frames_that_carry_no_book_are_told_apart(frame, notice):
    assert decode(frame, AT) == notice


GOOD = upbit_book()


@pytest.mark.parametrize(
    ("case", "frame", "symbol", "reason"),
    [
        ("empty", b"", "", "malformed"),
        ("not JSON", b"<html>maintenance</html>", "", "malformed"),
        ("text instead of JSON", b"PONG", "", "malformed"),
        ("cut off", GOOD[:-20], "KRW-BTC", "malformed"),
        ("two in one", GOOD + GOOD, "KRW-BTC", "malformed"),
        ("not UTF-8", GOOD.replace(b"KRW-BTC", b"KRW-\xff"), "", "malformed"),
        ("a list", b"[1]", "", "malformed"),
        ("null", b"null", "", "malformed"),
        ("nested without end", b"[" * 100_000, "", "malformed"),
        ("NaN", GOOD.replace(b"0.106", b"NaN"), "KRW-BTC", "malformed"),
        ("NaN as text", GOOD.replace(b"0.106", b'"NaN"'), "KRW-BTC", "malformed"),
        ("beyond a float", GOOD.replace(b"0.106", b"1e999"), "KRW-BTC", "malformed"),
        ("price as text", upbit_book(levels=(("1", 1, 1, 1),)), "KRW-BTC", "malformed"),
        ("price is null", upbit_book(levels=((None, 1, 1, 1),)), "KRW-BTC", "malformed"),
        ("units missing", upbit_book(obu=None), "KRW-BTC", "malformed"),
        ("units are an object", upbit_book(obu={}), "KRW-BTC", "malformed"),
        ("more levels than exist", upbit_book(levels=((2, 1, 1, 1),) * 31), "KRW-BTC", "malformed"),
        ("time before 1970", upbit_book(tms=-1), "KRW-BTC", "malformed"),
        ("time beyond all", upbit_book(tms=10**30), "KRW-BTC", "malformed"),
        ("no code", upbit_book(code=""), "", "malformed"),
        ("code is a number", upbit_book(code=5), "", "malformed"),
        ("a code that goes on", upbit_book(code="K" * 1000), "", "malformed"),
        ("trade without price", b'{"ty":"trade","cd":"KRW-XRP","tms":1}', "KRW-XRP", "malformed"),
        ("a type from the future", b'{"ty":"auction","cd":"KRW-XRP"}', "KRW-XRP", "unknown_type"),
        ("no type", b'{"cd":"KRW-XRP"}', "KRW-XRP", "unknown_type"),
        ("the other format", b'{"type":"orderbook","code":"KRW-BTC"}', "KRW-BTC", "unknown_type"),
        ("an error that is no error", b'{"error":"no"}', "", "malformed"),
    ],
)
def test_a_frame_that_cannot_be_believed_is_rejected_with_its_symbol_if_it_has_one(case, frame, symbol, reason):
    assert decode(frame, AT) == BookRejected(AT, Venue.UPBIT, symbol, reason)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(payload):
    decode(payload, AT)


@given(data=st.data(), times=st.integers(1, 4))
def test_no_mutation_of_a_good_frame_makes_it_raise(data, times):
    frame = bytearray(MEASURED)
    for _ in range(times):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))

    decoded = decode(bytes(frame), AT)

    if isinstance(decoded, BookSnapshot):
        decoded.depth.bids(), decoded.depth.asks(), decoded.depth.touch()


MEMBERS = st.sampled_from(["ty", "cd", "tms", "obu", "ap", "error", "name", "status"])
LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.just("orderbook")


@given(st.dictionaries(MEMBERS, LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(MEMBERS, LEAVES, max_size=3)))
def test_no_json_makes_it_raise(value):
    decode(written(value), AT)
