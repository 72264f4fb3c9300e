"""Binance's public frames: bytes in, events out. Pure; it bounds types and lengths, `books` judges prices and sizes.

Frames are those of the combined stream, `{"stream":…,"data":…}` (Binance: web-socket-streams). Numbers are JSON text
and are decoded into floats directly; that also accepts "NaN" and "Infinity", which `books` does not believe.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from arbitrage.domain.book_views import Level, ListedLevels
from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.frames import NOT_DECODED, Decoded, Notice, NoticeKind, Reason
from arbitrage.wire.quiet_log import one_line

MAX_LEVELS: Final = 20
"""Levels a side of the partial books `@depth5`, `@depth10` and `@depth20`."""

KEPT_STREAMS: Final = 1_024
"""As many streams as Binance lets a connection have (web-socket-streams): each one's symbol is worked out once."""

_VENUE: Final = Venue.BINANCE  # looked up once: an enum takes 70 ns for it, as much as slicing a frame

_Sequence = Annotated[int, Meta(ge=0, le=1 << 62)]
_Symbol = Annotated[str, Meta(min_length=1, max_length=24)]
_Stream = Annotated[str, Meta(max_length=60)]
_Side = Annotated[Sequence[Level], Meta(max_length=MAX_LEVELS)]


class _Depth(ListedLevels, Struct, gc=False):
    """A whole book, and a Depth as it was decoded."""

    lastUpdateId: _Sequence
    bid_levels: _Side = field(name="bids")
    ask_levels: _Side = field(name="asks")


class _BookTicker(Struct, gc=False):
    u: _Sequence
    s: _Symbol
    b: float
    B: float
    a: float
    A: float


class _Trade(Struct, gc=False):
    s: str
    p: float
    q: float


class _Difference(Struct, gc=False):
    s: str
    U: _Sequence
    u: _Sequence
    b: list[Level]
    a: list[Level]


class _DepthFrame(Struct, gc=False):
    stream: _Stream
    data: _Depth


class _BookTickerFrame(Struct, gc=False):
    data: _BookTicker  # it names its symbol itself


class _VenueError(Struct):
    code: int = 0
    msg: str = ""


class _Other(Struct):
    """Anything else: only what tells the kinds apart. A control answer has an `id`; a raw event has an `e`."""

    stream: str = ""
    data: Raw = Raw(b"null")
    e: str = ""
    id: int | str | None = None
    error: _VenueError | None = None
    code: int | None = None
    msg: str = ""


# With strict=False msgspec reads "61837.63" as a float in one step, without making a text of it first.
_read_depth: Final = Decoder(_DepthFrame, strict=False).decode
_read_ticker: Final = Decoder(_BookTickerFrame, strict=False).decode
_OTHERS: Final = Decoder(_Other)
_SHAPES: Final[dict[str, tuple[Decoder[Any], NoticeKind]]] = {
    "trade": (Decoder(_Trade, strict=False), NoticeKind.TRADE),
    "aggTrade": (Decoder(_Trade, strict=False), NoticeKind.AGGREGATE_TRADE),
    "depth": (Decoder(_Difference, strict=False), NoticeKind.DEPTH_DIFFERENCE),
    "depth@100ms": (Decoder(_Difference, strict=False), NoticeKind.DEPTH_DIFFERENCE),
}
_BOOK_STREAM: Final = re.compile(r"bookTicker|depth(5|10|20)(@100ms)?", re.ASCII)
_SYMBOL_IN: Final = re.compile(rb'"(?:stream|s)"\s*:\s*"([A-Za-z0-9]{1,24})[@"]')

# Where a stream's name is split in a frame as Binance writes it, at most 24 letters behind its beginning; and where the
# longest kind ends.
_BEGINNING: Final = b'{"stream":"'
_NAME_FROM: Final = len(_BEGINNING)
_NAME_TO: Final = 36
_KIND_TO: Final = _NAME_TO + len("bookTicker")


_BOOKS: Final = (b"@bookTic", b"@depth20")


def market_of(payload: bytes) -> bytes:
    """Return the stream whose newest state a frame is, or b"" for any other frame. It is not decoded for that."""
    if not payload.startswith(_BEGINNING):  # an error may name a stream in its text
        return b""
    place = payload.find(b"@", _NAME_FROM, _NAME_TO)
    kind = payload[place : place + 8]
    return payload[: place + 8] if kind in _BOOKS else b""


def decode(payload: bytes, at: Instant) -> Decoded:
    """Read one frame that arrived at an instant. Never raises: what cannot be read becomes a BookRejected."""
    try:
        if payload.find(b"@bookTicker", _NAME_FROM, _KIND_TO) > 0:
            return _touch(_read_ticker(payload).data, at)
        if payload.find(b"@depth20", _NAME_FROM, _KIND_TO) > 0:
            return _snapshot(_read_depth(payload), at)
    except NOT_DECODED:
        # an error may name a stream in its text; any other is a book that cannot be read, whatever else it may be
        other = _other(payload, at)
        is_error = isinstance(other, Notice) and other.kind is NoticeKind.ERROR
        return other if is_error else _rejected(payload, at, Reason.MALFORMED)
    return _other(payload, at)


def _touch(data: _BookTicker, at: Instant) -> TouchUpdate:
    return TouchUpdate(at, _VENUE, data.s, data.u, data.b, data.B, data.a, data.A)


def _snapshot(frame: _DepthFrame, at: Instant) -> BookSnapshot:
    data = frame.data
    return BookSnapshot(at, _VENUE, _symbol_of(frame.stream), data.lastUpdateId, 0, data)


@lru_cache(maxsize=KEPT_STREAMS)
def _symbol_of(stream: str) -> str:
    """Return the symbol in a stream's name: partial books name none themselves."""
    return stream.partition("@")[0].upper()


def _other(payload: bytes, at: Instant) -> Decoded:
    try:
        frame = _OTHERS.decode(payload)
        if frame.stream:
            return _of_stream(frame, payload, at)
    except NOT_DECODED:
        return _rejected(payload, at, Reason.MALFORMED)
    if frame.e == NoticeKind.SHUTDOWN:
        return Notice(NoticeKind.SHUTDOWN)
    if frame.error is not None or frame.code is not None:
        said = frame.error or _VenueError(frame.code or 0, frame.msg)
        return Notice(NoticeKind.ERROR, one_line(f"{said.code} {said.msg}"))
    return _rejected(payload, at, Reason.UNKNOWN_TYPE) if frame.id is None else Notice(NoticeKind.RESULT)


def _of_stream(frame: _Other, payload: bytes, at: Instant) -> Decoded:
    if frame.stream == "!serverShutdown":
        return Notice(NoticeKind.SHUTDOWN)
    name = frame.stream.partition("@")[2]
    if name in _SHAPES:
        decoder, kind = _SHAPES[name]
        decoder.decode(frame.data)
        return Notice(kind)
    if not _BOOK_STREAM.fullmatch(name):
        return _rejected(payload, at, Reason.UNKNOWN_TYPE)
    # a book whose frame does not begin the way Binance writes it: the order of members, white space
    if name == "bookTicker":
        return _touch(_read_ticker(payload).data, at)
    return _snapshot(_read_depth(payload), at)


def _rejected(payload: bytes, at: Instant, reason: Reason) -> BookRejected:
    named = _SYMBOL_IN.search(payload)
    return BookRejected(at, _VENUE, named[1].decode().upper() if named else "", reason)
