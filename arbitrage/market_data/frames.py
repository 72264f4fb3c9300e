"""What a venue's frame can turn out to be. Facts and words only; decode_upbit and decode_binance do the reading."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate

NOT_DECODED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not what they should be: bad JSON, bad shape, bad UTF-8, absurd nesting."""


class Reason(StrEnum):
    """Why a frame was not believed. Closed, so that it can be counted."""

    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    NO_SNAPSHOT = "no_snapshot"


class NoticeKind(StrEnum):
    """Frames that are understood and carry no book."""

    TRADE = "trade"
    AGGREGATE_TRADE = "aggTrade"
    TICKER = "ticker"
    DEPTH_DIFFERENCE = "depthUpdate"
    STATUS = "status"
    RESULT = "result"
    ERROR = "error"
    SHUTDOWN = "serverShutdown"


@dataclass(frozen=True, slots=True)
class Notice:
    """A frame that carries no book: what it is, and for an error what the venue said, on one line."""

    kind: NoticeKind
    text: str = ""


Decoded = BookSnapshot | TouchUpdate | BookRejected | Notice
