"""One HTTP/1.1 reply, read out of bytes that may be anything. It opens nothing, keeps nothing and knows no venue.

The end of a reply must be in the reply itself (a length, or chunks): one that only ends with its connection cannot be
told from one that was cut off, and counts as cut off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

FIRST_FINAL_STATUS: Final = 200  # below it a reply only announces another one (RFC 9110, section 15.2)


class HttpReply(NamedTuple):
    """A whole reply: its status, those headers that were asked for (lower-case names), and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LineFault(StrEnum):
    """How a request that was written came to have no reply that can be read."""

    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class LineFailure:
    """A request without a readable reply. It was written, so what it did is unknown. `reason` is one line."""

    kind: LineFault
    reason: str
    was_written: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLimits:
    """How large a reply may be, as it comes over the wire. Bytes."""

    max_head_bytes: int = 32 << 10
    max_reply_bytes: int = 1 << 20


class ReplyReader:
    """Reads the replies of one connection, one at a time: fed until `reply` or `failure` says that it is over.

    `wanted` are the headers to keep, in lower case. After a reply that `keeps_alive`, `begin` makes ready for the next
    one; after anything else the reader is over as well.
    """

    def __init__(self, wanted: frozenset[str], limits: ReplyLimits) -> None:
        self._wanted = {name.encode("ascii"): name for name in wanted}
        self._limits = limits
        self._parser = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Make ready for a reply. Nothing of the one before is left."""
        self.reply: HttpReply | None = None
        self.failure: LineFailure | None = None
        self.keeps_alive = False
        self._received = 0
        self._in_head = True
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    @property
    def has_begun(self) -> bool:
        """Tell whether anything of the reply came."""
        return self._received > 0

    def feed(self, data: bytes) -> None:
        """Take what came. Never raises for what it says."""
        limits = self._limits
        self._received += len(data)
        if self._received > limits.max_reply_bytes:
            self._fail(LineFault.TOO_LARGE, f"a reply of more than {limits.max_reply_bytes} bytes")
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as failure:
            self._fail(LineFault.MALFORMED, f"not an HTTP reply ({type(failure).__name__})")
        if self._in_head and self._received > limits.max_head_bytes:
            self._fail(LineFault.TOO_LARGE, f"a reply's head of more than {limits.max_head_bytes} bytes")

    def on_message_begin(self) -> None:
        """Begin (httptools). A second reply to one request makes the first one doubtful."""
        if self.reply is not None:
            self._fail(LineFault.MALFORMED, "more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (httptools)."""
        wanted = self._wanted.get(name.lower())
        if wanted is not None:
            self._headers[wanted] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note that the body begins (httptools)."""
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (httptools)."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """End (httptools)."""
        status = self._parser.get_status_code()
        if status < FIRST_FINAL_STATUS:
            self._in_head = True
            self._headers.clear()
            return
        self.keeps_alive = self._parser.should_keep_alive()
        self.reply = HttpReply(status, self._headers, b"".join(self._body))

    def _fail(self, kind: LineFault, reason: str) -> None:
        self.reply = None
        self.failure = self.failure or LineFailure(kind, reason)
