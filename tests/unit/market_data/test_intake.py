"""Frames that are read together: each market's newest is passed on, and nothing else of them is lost."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import BookRejected, BookSnapshot, Event, TouchUpdate
from arbitrage.domain.instruments import Venue
from arbitrage.market_data import decode_binance, decode_upbit
from arbitrage.market_data.frames import NoticeKind
from arbitrage.market_data.intake import FrameIntake
from arbitrage.wire.sockets import Opcode
from tests import builders as make
from tests.unit.market_data.frames_of import binance_book, binance_touch, upbit_book


class Reads:
    """An intake, what it emitted, and reads of several frames at once."""

    def __init__(self, venue: Venue = Venue.BINANCE) -> None:
        module = decode_binance if venue is Venue.BINANCE else decode_upbit
        self.heard: list[Event] = []
        self.intake = FrameIntake(venue, module.decode, self.heard.append, None, module.market_of)

    def read(self, *frames: bytes, at_ms: float = 0) -> list[object]:
        last = len(frames) - 1
        found = [
            self.intake.take(frame, Opcode.TEXT, make.after_ms(at_ms), has_more=place < last)
            for place, frame in enumerate(frames)
        ]
        if last:
            self.intake.pass_on_held()
        return [notice for notice in found if notice is not None]

    def news(self) -> list[tuple[str, int]]:
        return [(type(e).__name__, e.sequence) for e in self.heard if isinstance(e, BookSnapshot | TouchUpdate)]


def test_a_frame_that_was_read_alone_is_passed_on_at_once() -> None:
    reads = Reads()
    reads.read(binance_book(sequence=1))
    reads.read(binance_book(sequence=2))

    assert reads.news() == [("BookSnapshot", 1), ("BookSnapshot", 2)]
    assert reads.intake.superseded == 0


def test_of_frames_that_were_read_together_the_newest_of_each_stream_counts() -> None:
    reads = Reads()
    reads.read(
        binance_book(sequence=1),
        binance_touch(sequence=2),
        binance_book("ethusdt", sequence=3),
        binance_book(sequence=4),
        binance_touch(sequence=5),
    )

    assert reads.news() == [("BookSnapshot", 3), ("BookSnapshot", 4), ("TouchUpdate", 5)]
    assert (reads.intake.frames, reads.intake.superseded) == (5, 2)


def test_upbits_books_supersede_each_other_by_their_code() -> None:
    reads = Reads(Venue.UPBIT)
    reads.read(upbit_book(tms=1), upbit_book("KRW-ETH", tms=2), upbit_book(tms=3))
    books = [event for event in reads.heard if isinstance(event, BookSnapshot)]

    assert [(book.symbol, book.venue_at // 1_000_000) for book in books] == [("KRW-ETH", 2), ("KRW-BTC", 3)]


def test_a_bad_frame_behind_a_good_one_takes_its_place() -> None:
    reads = Reads()
    reads.read(binance_book(sequence=1), binance_book(sequence=2)[:-9])

    assert [type(event) for event in reads.heard] == [BookRejected]


def test_that_a_book_is_bad_is_not_overtaken_by_the_good_frame_before_it() -> None:
    reads = Reads(Venue.UPBIT)
    reads.read(upbit_book(tms=1), b" " + upbit_book(tms=2)[:-9], upbit_book("KRW-ETH"))

    assert [(type(event), event.symbol) for event in reads.heard] == [  # type: ignore[union-attr]  # books
        (BookSnapshot, "KRW-BTC"),
        (BookRejected, "KRW-BTC"),
        (BookSnapshot, "KRW-ETH"),
    ]


def test_what_is_no_book_is_heard_in_any_case() -> None:
    reads = Reads()
    notices = reads.read(b'{"result":null,"id":1}', binance_book(sequence=1), b'{"result":null,"id":2}')

    assert [notice.kind for notice in notices] == [NoticeKind.RESULT] * 2  # type: ignore[attr-defined]  # notices
    assert reads.news() == [("BookSnapshot", 1)]


@pytest.mark.parametrize("stream", ["btcusdt@bookTicker", "btcusdt@depth20"])
def test_an_error_that_names_a_stream_is_heard_among_other_frames(stream: str) -> None:
    reads = Reads()
    notices = reads.read(b'{"code":3,"msg":"%b?"}' % stream.encode(), binance_book(sequence=1))

    assert [notice.kind for notice in notices] == [NoticeKind.ERROR]  # type: ignore[attr-defined]  # notices
    assert reads.news() == [("BookSnapshot", 1)]


def test_what_was_held_when_its_socket_went_is_never_passed_on() -> None:
    reads = Reads()
    reads.intake.take(binance_book(sequence=1), Opcode.TEXT, make.NOON, has_more=True)
    reads.intake.expect(["BTCUSDT"], make.after_ms(1))
    reads.intake.pass_on_held()

    assert reads.heard == []


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{}",
        b'{"ty":"orderbook","cd":"',
        b'{"stream":"btcusdt@trade","data":{}}',
        b'{"ty":"trade","cd":"KRW-BTC"}',
    ],
)
def test_a_frame_that_names_no_book_supersedes_nothing(frame: bytes) -> None:
    assert decode_binance.market_of(frame) == b""
    assert decode_upbit.market_of(frame) in {b"", frame[:-1]}


@given(st.lists(st.tuples(st.sampled_from(["btcusdt", "ethusdt"]), st.booleans()), max_size=30), st.data())
def test_however_frames_are_read_the_last_of_each_stream_is_the_same(
    kinds: Sequence[tuple[str, bool]], data: st.DataObject
) -> None:
    frames = [
        binance_book(symbol, sequence=number) if is_book else binance_touch(symbol, sequence=number)
        for number, (symbol, is_book) in enumerate(kinds)
    ]
    singly, together = Reads(), Reads()
    for frame in frames:
        singly.read(frame)
    while frames:
        count = data.draw(st.integers(1, len(frames)))
        together.read(*frames[:count])
        frames = frames[count:]

    def newest(reads: Reads) -> dict[tuple[str, str], int]:
        books = [event for event in reads.heard if isinstance(event, BookSnapshot | TouchUpdate)]
        return {(type(event).__name__, event.symbol): event.sequence for event in books}

    assert newest(together) == newest(singly)
