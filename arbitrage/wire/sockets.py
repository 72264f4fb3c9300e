"""A websocket that is kept open: connected, pinged, watched and rebuilt. It knows no venue and understands no payload.

Frames are handed on inside the socket's own data callback, so that what they lead to is sent before it returns.
Nothing that is called from there may wait.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ports import Clock
from arbitrage.wire.backoff import Backoff
from arbitrage.wire.quiet_log import Tally, describe, one_line

DISCONNECT_S: Final = 1.0


class Opcode(StrEnum):
    """How the peer marked a data frame (RFC 6455, section 5.2); the letters are those of the tape."""

    TEXT = "t"
    BINARY = "b"


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """When a socket counts as dead, how much it reads at once, and how it comes back. Seconds and bytes.

    `read_bytes` is what there is room for at first; a socket that gets more at once makes itself more room.
    """

    ping_every_s: float = 5.0
    silence_s: float = 10.0
    connect_s: float = 10.0
    settled_s: float = 30.0
    first_backoff_s: float = 0.2
    longest_backoff_s: float = 30.0
    max_message_bytes: int = 1 << 20
    read_bytes: int = 1 << 14


class SocketHandler(Protocol):
    """Who is told. Every method returns at once; an exception from one is counted and logged, the socket stays."""

    def on_open(self, socket: "Socket") -> None:
        """Learn that the socket can be written to. What was heard before it must not be believed any more."""
        ...

    def on_frame(self, socket: "Socket", payload: bytes, opcode: Opcode, at: Instant) -> None:
        """Take a whole message, with its arrival."""
        ...

    def on_down(self, socket: "Socket", reason: str) -> None:
        """Learn that the socket is gone, or that an attempt to open it has failed."""
        ...


Headers = Callable[[], Mapping[str, str]]
"""Writes the headers of a handshake, anew for each attempt: what is signed may be used only once."""


class Socket:
    """One address, and the task that keeps a connection to it. Follows no redirect and verifies TLS.

    `when_read` is called after several frames that were read at once have all been handed on.
    """

    def __init__(
        self,
        url: str,
        handler: SocketHandler,
        clock: Clock,
        rng: Random,
        limits: SocketLimits | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.when_read: Callable[[], None] = lambda: None
        self._url = url
        self._headers = headers
        self._handler = handler
        self._clock = clock
        self._limits = limits or SocketLimits()
        self._backoff = Backoff(rng, self._limits.first_backoff_s, self._limits.longest_backoff_s)
        self._tls = ssl.create_default_context() if url.startswith("wss:") else None
        self._failures = Tally("socket_handler_failed", url=url.partition("?")[0])
        self._connection: _Connection | None = None

    @property
    def is_open(self) -> bool:
        """Say whether frames can be sent now."""
        return self._connection is not None and self._connection.is_live

    @property
    def has_more(self) -> bool:
        """Say of the frame that is being handed on whether others were read with it; after the last, `when_read`."""
        return self._connection is not None and self._connection.has_more

    def send_text(self, text: str) -> None:
        """Send one text message. Does nothing while the socket is not open: `on_open` is where it begins again."""
        if self._connection is not None and self._connection.is_live and self._connection.transport is not None:
            self._connection.transport.send(WSMsgType.TEXT, text.encode())

    def rebuild(self, reason: str) -> None:
        """Give the present connection up and make a new one, after the usual wait."""
        if self._connection is not None:
            self._connection.end(reason)

    async def run(self) -> None:
        """Keep the socket open until cancelled; whatever the peer does, it is tried again. Cancelling tells nobody."""
        while True:
            connection = self._connection = _Connection(self, self._handler, self._clock, self._limits, self._failures)
            try:
                reason = await self._live(connection)
            finally:
                await connection.let_go()
            connection.guarded(self._handler.on_down, self, reason)
            self._failures.report(self._clock.now())
            if connection.lived_s() > self._limits.settled_s:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_s())

    async def _live(self, connection: "_Connection") -> str:
        limits = self._limits
        try:
            async with asyncio.timeout(limits.connect_s):
                await ws_connect(
                    lambda: connection,
                    self._url,
                    ssl_context=self._tls,
                    websocket_handshake_timeout=limits.connect_s,
                    enable_auto_pong=False,  # answered in `_Connection`, where a ping counts as a sign of life
                    max_frame_size=limits.max_message_bytes,
                    read_buffer_init_size=limits.read_bytes,
                    max_redirects=0,
                    extra_headers=self._headers() if self._headers is not None else None,
                )
        except Exception as failure:  # noqa: BLE001 - whatever a peer does to a handshake, the answer is to try again
            return f"cannot connect: {describe(failure)}"
        return await self._watch(connection)

    async def _watch(self, connection: "_Connection") -> str:
        """Ping until the connection ends or nothing has been heard for too long; return why it is over."""
        limits = self._limits
        while connection.transport is not None and not connection.ended.done():
            self._failures.report(self._clock.now())
            quiet_s = connection.quiet_s()
            if quiet_s >= limits.silence_s:
                return f"nothing heard for {limits.silence_s:g} s"
            connection.transport.send_ping()
            await asyncio.wait({connection.ended}, timeout=min(limits.ping_every_s, limits.silence_s - quiet_s))
        return connection.ended.result() if connection.ended.done() else "closed during the handshake"


class _Connection(WSListener):
    """One connection's callbacks. After its end it hands nothing on."""

    def __init__(
        self, socket: Socket, handler: SocketHandler, clock: Clock, limits: SocketLimits, failures: Tally
    ) -> None:
        super().__init__()
        self.transport: WSTransport | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.is_live = False
        self.has_more = False
        self._socket = socket
        self._handler = handler
        self._clock = clock
        self._max_bytes = limits.max_message_bytes
        self._failures = failures
        self._opened_at = self._heard_at = clock.now()
        self._parts = bytearray()
        self._parts_opcode = Opcode.TEXT

    def quiet_s(self) -> float:
        """Return the seconds since anything was heard."""
        return (self._clock.now() - self._heard_at) / NS_PER_S

    def lived_s(self) -> float:
        """Return the seconds between opening and the last sign of life; 0 if it never opened."""
        return (self._heard_at - self._opened_at) / NS_PER_S

    def end(self, reason: str) -> None:
        """Hand nothing on any more and wake the owner up; what came before the end is not held back by it."""
        self.is_live = False
        if self.has_more:
            self.has_more = False
            self.guarded(self._socket.when_read)
        if not self.ended.done():
            self.ended.set_result(reason)

    async def let_go(self) -> None:
        """Close without waiting for the peer's agreement."""
        self.end("let go")
        if self.transport is not None:
            self.transport.disconnect(graceful=False)
            await asyncio.wait({asyncio.ensure_future(_gone(self.transport))}, timeout=DISCONNECT_S)

    def guarded(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call the handler. An exception must not end the socket, nor go unseen."""
        try:
            callback(*arguments)
        except Exception as failure:  # noqa: BLE001 - picows would drop the socket; counted, and logged with its trace
            self._failures.add(type(failure).__name__, failure=failure)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Open (picows)."""
        self.transport = transport
        if self.ended.done():  # given up while the handshake was under way
            transport.disconnect(graceful=False)
            return
        self._opened_at = self._heard_at = self._clock.now()
        self.is_live = True
        self.guarded(self._handler.on_open, self._socket)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a frame (picows)."""
        if not self.is_live:
            return
        goes_on, self.has_more = self.has_more, not frame.last_in_buffer
        if not goes_on:  # what was read at once arrived at once
            self._heard_at = self._clock.now()
        at, kind = self._heard_at, frame.msg_type
        if frame.fin and (kind == WSMsgType.BINARY or kind == WSMsgType.TEXT):  # noqa: PLR1714 - twice as fast
            opcode = Opcode.BINARY if kind == WSMsgType.BINARY else Opcode.TEXT
            self._hand_on(frame.get_payload_as_bytes(), opcode, at)
        else:
            self._take_other(transport, frame, at)
        if goes_on and not self.has_more:
            self.guarded(self._socket.when_read)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Learn of the end (picows)."""
        self.end("connection lost")

    def _take_other(self, transport: WSTransport, frame: WSFrame, at: Instant) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._answer_close(transport, frame)
        elif kind != WSMsgType.PONG:
            self._take_part(frame, kind, at)

    def _hand_on(self, payload: bytes, opcode: Opcode, at: Instant) -> None:
        try:
            self._handler.on_frame(self._socket, payload, opcode, at)
        except Exception as failure:  # noqa: BLE001 - see `guarded`, written out here because every frame passes
            self._failures.add(type(failure).__name__, payload, failure)

    def _take_part(self, frame: WSFrame, kind: WSMsgType, at: Instant) -> None:
        """Put a fragmented message together (RFC 6455, section 5.4); neither venue is known to send one."""
        if kind != WSMsgType.CONTINUATION:
            self._parts.clear()
            self._parts_opcode = Opcode.BINARY if kind == WSMsgType.BINARY else Opcode.TEXT
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > self._max_bytes:
            self.end(f"a message of more than {self._max_bytes} bytes")
        elif frame.fin:
            payload = bytes(self._parts)
            self._parts.clear()
            self._hand_on(payload, self._parts_opcode, at)

    def _answer_close(self, transport: WSTransport, frame: WSFrame) -> None:
        code, message = frame.get_close_code(), frame.get_close_message() or b""
        transport.send_close(WSCloseCode.OK)
        self.end(f"closed by the peer: {code:d} {one_line(message)}".rstrip())


async def _gone(transport: WSTransport) -> None:
    with suppress(Exception):  # picows repeats here why it hung up, which has been told already
        await transport.wait_disconnected()
