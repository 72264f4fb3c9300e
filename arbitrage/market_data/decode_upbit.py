"""Upbit's public frames: bytes in, events out. Pure; it bounds types and lengths, `books` judges prices and sizes.

Frames are those of the SIMPLE format (Upbit: docs.upbit.com, WebSocket guide). Numbers are JSON numbers, large ones and
small ones with exponents. Every orderbook frame is a whole book; thin sides are padded with levels of zero.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from arbitrage.domain.book_views import Level, Touch
from arbitrage.domain.events import BookRejected, BookSnapshot
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.frames import NOT_DECODED, Decoded, Notice, NoticeKind, Reason
from arbitrage.wire.quiet_log import one_line

MAX_LEVELS: Final = 30
"""Levels of a full book (Upbit: WebSocket orderbook)."""

_VENUE: Final = Venue.UPBIT  # looked up once: an enum takes 70 ns for it

_Code = Annotated[str, Meta(min_length=1, max_length=30)]
_Milliseconds = Annotated[int, Meta(ge=0, le=1 << 53)]


class _Unit(Struct, gc=False):
    ap: float
    bp: float
    ask_size: float = field(name="as")
    bs: float


class _Orderbook(Struct, tag_field="ty", tag="orderbook", gc=False):
    """A frame that is its own Depth: the units are split into sides only if asked for, which costs half a decoding."""

    cd: _Code
    tms: _Milliseconds
    units: Annotated[list[_Unit], Meta(max_length=MAX_LEVELS)] = field(name="obu")

    def touch(self) -> Touch | None:
        """Return the best bid and ask as they came, or None where a side is empty or padding."""
        if not self.units:
            return None
        best = self.units[0]
        if not (best.bp or best.bs) or not (best.ap or best.ask_size):
            return None
        return best.bp, best.bs, best.ap, best.ask_size

    def bids(self) -> Sequence[Level]:
        """Return the bids as they came, without the padding."""
        return [(unit.bp, unit.bs) for unit in self.units if unit.bp or unit.bs]

    def asks(self) -> Sequence[Level]:
        """Return the asks as they came, without the padding."""
        return [(unit.ap, unit.ask_size) for unit in self.units if unit.ap or unit.ask_size]


class _Trade(Struct, tag_field="ty", tag="trade", gc=False):
    cd: _Code
    tms: _Milliseconds
    tp: float
    tv: float
    ab: str
    sid: int


class _Ticker(Struct, tag_field="ty", tag="ticker", gc=False):
    cd: _Code
    tms: _Milliseconds
    tp: float


class _Error(Struct):
    name: str | int  # text from the websocket; a number where a REST gateway answers in its place
    message: str = ""


class _Other(Struct):
    """Anything else: only what tells the kinds apart."""

    ty: str = ""
    status: str = ""
    error: _Error | None = None


_KNOWN_TYPES: Final = frozenset({"orderbook", "trade", "ticker"})
_read: Final = Decoder(_Orderbook | _Trade | _Ticker).decode
_OTHERS: Final = Decoder(_Other)
_CODE_IN: Final = re.compile(rb'"(?:cd|code)"\s*:\s*"([A-Z0-9]{1,12}-[A-Z0-9]{1,16})"')

# How an orderbook frame begins as Upbit writes it; a code behind it has at most 30 letters.
_BEGINNING: Final = b'{"ty":"orderbook","cd":"'
_CODE_TO: Final = len(_BEGINNING) + 31


def market_of(payload: bytes) -> bytes:
    """Return the code whose whole book a frame is, or b"" for any other frame. It is not decoded for that."""
    if not payload.startswith(_BEGINNING):
        return b""
    return payload[: payload.find(b'"', len(_BEGINNING), _CODE_TO)]


def decode(payload: bytes, at: Instant) -> Decoded:
    """Read one frame that arrived at an instant. Never raises: what cannot be read becomes a BookRejected."""
    try:
        frame = _read(payload)
    except NOT_DECODED:
        return _other(payload, at)
    if type(frame) is _Orderbook:
        return BookSnapshot(at, _VENUE, frame.cd, 0, frame.tms * NS_PER_MS, frame)
    return Notice(NoticeKind.TRADE if isinstance(frame, _Trade) else NoticeKind.TICKER)


def _other(payload: bytes, at: Instant) -> Decoded:
    try:
        frame = _OTHERS.decode(payload)
    except NOT_DECODED:
        return _rejected(payload, at, Reason.MALFORMED)
    if frame.error is not None:
        return Notice(NoticeKind.ERROR, one_line(f"{frame.error.name} {frame.error.message}"))
    if frame.status:
        return Notice(NoticeKind.STATUS)
    return _rejected(payload, at, Reason.MALFORMED if frame.ty in _KNOWN_TYPES else Reason.UNKNOWN_TYPE)


def _rejected(payload: bytes, at: Instant, reason: Reason) -> BookRejected:
    named = _CODE_IN.search(payload)
    return BookRejected(at, _VENUE, named[1].decode() if named else "", reason)
