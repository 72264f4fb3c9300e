"""One websocket connection, seen from the venue: frames out through one queue, messages in. Knows no venue."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMessage, WSMsgType, web

QUEUE_FRAMES: Final = 8_192
"""A client that is this many frames behind is cut off, as a venue would; about eight seconds at 1,000 frames/s."""

MAX_MESSAGE_BYTES: Final = 65_536
"""More than any subscription needs; larger messages close the connection with 1009."""

_CLOSE_WAIT_S: Final = 2.0
"""How long a client may take to answer our close frame."""

_OVER: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


@dataclass(frozen=True, slots=True)
class _Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: bytes


class Connection:
    """Sends in order and never blocks the sender; reads message by message. Frames are shared, never copied."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._transport = request.transport
        self._queue: asyncio.Queue[bytes | str | _Ping | _Close] = asyncio.Queue(QUEUE_FRAMES)
        self._over = False
        self._closing = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._deaf = False

    def send(self, frame: bytes | str) -> None:
        """Queue a frame: bytes go out as a binary frame, text as a text frame."""
        self._put(frame)

    def ping(self, payload: bytes) -> None:
        """Queue a protocol ping."""
        self._put(_Ping(payload))

    def close(self, code: int, reason: str = "") -> None:
        """Queue a close frame; nothing is sent after it."""
        self._put(_Close(code, reason.encode()))
        self._over = self._closing = True
        self._flowing.set()

    def abort(self) -> None:
        """Cut the connection without a close frame: the client sees 1006."""
        self._over = True
        self._flowing.set()
        if self._transport is not None:
            self._transport.abort()

    def stall(self) -> None:
        """Stop reading and sending, as a peer that hangs: the socket stays open and frames pile up."""
        self._flowing.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def flow(self) -> None:
        """End a stall: what piled up goes out, and what arrived meanwhile is read."""
        self._flowing.set()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def go_deaf(self, deaf: bool = True) -> None:
        """Swallow everything in both directions, pings too, as the open half of a broken connection; or stop that."""
        self._deaf = deaf

    async def messages(self, silence_s: float | None = None) -> AsyncIterator[WSMessage]:
        """Yield what arrives, pings and pongs included, until the end or until `silence_s` without anything."""
        while True:
            try:
                message = await self._socket.receive(silence_s)
            except TimeoutError:
                self.abort()
                return
            if message.type in _OVER:
                return
            if self._deaf:
                continue
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            yield message

    async def converse(self, listener: Coroutine[None, None, None]) -> None:
        """Send what is queued while the listener reads; end with the listener, after a queued close was sent."""
        sender = asyncio.create_task(self._send_queued(), name="sandbox sender")
        try:
            await listener
        finally:
            if not self._closing:
                sender.cancel()
            (end,) = await asyncio.gather(sender, return_exceptions=True)
        # a client that went away is no news; anything else is a fault of ours
        if isinstance(end, Exception) and not isinstance(end, ConnectionError):
            raise end

    async def _send_queued(self) -> None:
        while True:
            item = await self._queue.get()
            await self._flowing.wait()
            match item:
                case bytes() as frame:
                    await self._socket.send_bytes(frame)
                case str() as text:
                    await self._socket.send_str(text)
                case _Ping(payload):
                    await self._socket.ping(payload)
                case _Close(code, reason):
                    await self._socket.close(code=code, message=reason)
                    return

    def _put(self, item: bytes | str | _Ping | _Close) -> None:
        if self._over or (self._deaf and not isinstance(item, _Close)):
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            # a stalled peer does not even hang up
            if self._flowing.is_set():
                self.abort()


async def accept(request: web.Request, headers: dict[str, str] | None = None) -> tuple[web.StreamResponse, Connection]:
    """Answer the handshake. Pings and pongs are left to us, because the venues count them."""
    socket = web.WebSocketResponse(
        autoping=False, max_msg_size=MAX_MESSAGE_BYTES, compress=False, timeout=_CLOSE_WAIT_S
    )
    socket.headers.update(headers or {})
    await socket.prepare(request)
    return socket, Connection(socket, request)
