"""One HTTP/1.1 connection that carries one request at a time. After anything irregular it is over for good.

It opens nothing by itself and knows no venue; callbacks are told, and one that fails does not take the line with it.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from arbitrage.domain.instants import Instant
from arbitrage.ports import Clock
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.http_reply import HttpReply, LineFailure, LineFault, ReplyReader
from arbitrage.wire.quiet_log import Tally

TIMER_S: Final = 0.001
"""How much too early a timer may fire: uvloop counts whole milliseconds."""

Done = Callable[[HttpReply | LineFailure], None]
"""Who is told what became of a request: once, later, from the event loop."""


class Line(asyncio.Protocol):
    """A connection. `on_idle` is called when it can take a request, `on_over` once, when it never will again."""

    def __init__(
        self,
        reader: ReplyReader,
        clock: Clock,
        failures: Tally,
        on_idle: Callable[["Line"], None],
        on_over: Callable[["Line", str], None],
    ) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.used_at: Instant = clock.now()
        self.opened_at: Instant | None = None
        self.has_served = False
        self.is_over = False
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._failures = failures
        self._on_idle = on_idle
        self._on_over = on_over
        self._reader = reader
        self._transport: asyncio.Transport | None = None
        self._done: Done | None = None
        self._timeout_s = 0.0
        self._due_at = self._looks_at = 0.0
        self._look: asyncio.TimerHandle | None = None

    async def open(self, address: HttpAddress, tls: ssl.SSLContext | None) -> None:
        """Connect. Raises OSError (ssl.SSLError among them) or ValueError where that fails."""
        plain, _ = await self._loop.create_connection(lambda: self, address.host, address.port)
        # uvloop else collects what is written and sends it after the callback; with TLS it is this transport that sends
        plain.set_write_buffer_limits(high=0)
        plain.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            encrypted = await self._loop.start_tls(plain, self, tls, server_hostname=address.host)
            if encrypted is None:
                raise ConnectionError("closed during the handshake")
            self._transport = encrypted
        if self.is_over:
            raise ConnectionError("closed while it was opened")
        self.opened_at = self.used_at = self._clock.now()
        self._on_idle(self)

    @property
    def is_closing(self) -> bool:
        """Tell whether what is written would go nowhere; `on_over` may be yet to come."""
        return self._transport is None or self._transport.is_closing()

    def write(self, request: bytes, done: Done, timeout_s: float) -> None:
        """Write a request now. The line must be idle."""
        if self._transport is None or self._done is not None:
            raise RuntimeError("a line was written to that is not idle")
        self._done = done
        try:
            self._transport.write(request)
        except (OSError, RuntimeError) as failure:  # how much of it has left is not known
            self._loop.call_soon(self._lost, f"the connection could not be written to ({type(failure).__name__})")
        self.used_at = self._clock.now()
        self._timeout_s = timeout_s
        self._due_at = self._loop.time() + timeout_s  # by the loop's time: nobody can set it
        if self._look is None or self._due_at < self._looks_at:
            self._look_in(timeout_s)

    def end(self, kind: LineFault, reason: str) -> None:
        """Close at once; a request without a reply fails."""
        if self.is_over:
            return
        self.is_over = True
        if not self.ended.done():  # who waited for it may have been cancelled, and it with them
            self.ended.set_result(reason)
        if self._transport is not None:
            self._transport.abort()
        if self._look is not None:
            self._look.cancel()
        self._on_over(self, reason)
        done, self._done = self._done, None
        if done is not None:
            self._tell(done, LineFailure(kind, reason))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)
        if self.is_over:  # given up while it was connecting
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on (asyncio)."""
        if self.is_over:
            return
        if self._done is None:
            self.end(LineFault.MALFORMED, "the server sent what nobody had asked for")
            return
        reader = self._reader
        reader.feed(data)
        if reader.failure is not None:
            self.end(reader.failure.kind, reader.failure.reason)
        elif reader.reply is not None:
            self._finish(self._done, reader.reply)

    def eof_received(self) -> None:
        """Learn that the server will send nothing more (asyncio)."""
        self._lost("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn that the connection is gone (asyncio)."""
        self._lost("the connection was lost" if exc is None else f"the connection was lost ({type(exc).__name__})")

    def _lost(self, reason: str) -> None:
        self.end(LineFault.TRUNCATED if self._reader.has_begun else LineFault.RESET, reason)

    def _look_in(self, seconds: float) -> None:
        """Look for a late reply then. One look serves many requests: a timer for each costs as much as its reply."""
        if self._look is not None:
            self._look.cancel()
        self._looks_at = self._due_at
        self._look = self._loop.call_later(seconds, self._look_for_late)

    def _look_for_late(self) -> None:
        self._look = None
        if self._done is None:
            return
        left_s = self._due_at - self._loop.time()
        if left_s > TIMER_S:
            self._look_in(left_s)
        else:
            self.end(LineFault.TIMEOUT, f"no whole reply within {self._timeout_s:g} s")

    def _finish(self, done: Done, reply: HttpReply) -> None:
        self.has_served = True
        self._done = None
        if self._reader.keeps_alive:
            self._reader.begin()
            self._on_idle(self)  # first, so that what follows from the reply can be sent on it
        else:
            self.end(LineFault.RESET, "the server ends the connection")
        self._tell(done, reply)

    def _tell(self, done: Done, what: HttpReply | LineFailure) -> None:
        try:
            done(what)
        except Exception as failure:  # noqa: BLE001 - asyncio would drop the connection; counted, and logged
            self._failures.add(type(failure).__name__, failure=failure)
