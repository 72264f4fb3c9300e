"""One variant's venues: a port that sends it frames and takes its orders, and stamps both ends with one clock.

It knows HTTP and websockets just well enough, and nothing of money: where the variant needs true accounts, requests and
private streams go on to a sandbox behind it, after they were stamped. Else an order is answered at once, always alike.
"""

import asyncio
import base64
import hashlib
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from arbitrage.domain.instruments import Venue
from tests.bench.answers import taken
from tests.bench.behind import Behind
from tests.bench.children import eventually
from tests.bench.frames import websocket_frame

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEAD_END: Final = b"\r\n\r\n"
_UPBIT_STREAM: Final = b"/upbit/websocket/v1"
_PRIVATE: Final = (b"/upbit/websocket/v1/private", b"/binance/ws-api")


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """An order's request, wholly received at `at_ns` of this process's clock."""

    venue: Venue
    at_ns: int


@dataclass(slots=True)
class Stream:
    """A market data socket: where it is written to, and what was asked of it."""

    venue: Venue
    transport: asyncio.Transport
    is_default: bool = False
    is_raw: bool = False

    def send(self, payload: bytes) -> int:
        """Write a message at once; return the instant right before that."""
        wire = websocket_frame(payload, is_binary=self.venue is Venue.UPBIT)
        at_ns = time.perf_counter_ns()
        write_now(self.transport, wire)
        return at_ns

    def post(self, wire: bytes) -> None:
        """Write finished frames, as many as there are; what does not fit leaves when it can."""
        self.transport.write(wire)


def write_now(transport: asyncio.Transport, wire: bytes) -> None:
    """Write with one system call: uvloop would collect what is written until its callback ends. TLS has to wait for
    that, and so has what follows on what did not fit.
    """
    if transport.get_extra_info("sslcontext") is not None or transport.get_write_buffer_size():
        transport.write(wire)
        return
    try:
        written = os.write(transport.get_extra_info("socket").fileno(), wire)
    except BlockingIOError:
        written = 0
    if written < len(wire):
        transport.write(wire[written:])


EXECUTED_AFTER_S: Final = 0.004
"""How long an order that has been stamped waits before the play venue, on the same two cores, executes it. A real venue
does not share our processor; whoever is answered here at once, as the peers are, has no such neighbour either."""


class VenuePort:
    """Listens on a port of its own. `upstream` is the port of the sandbox behind it, `tls` makes it speak so."""

    def __init__(self, upstream: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream
        self._tls = tls
        self.port = 0
        self.streams: dict[Venue, list[Stream]] = {venue: [] for venue in Venue}
        self.on_order: Callable[[OrderSeen], None] = lambda order: None
        self.on_stream: Callable[[Stream], None] = lambda stream: None
        self._server: asyncio.Server | None = None
        self.sockets: set[asyncio.Transport] = set()

    @property
    def base_url(self) -> str:
        """Return the address that Upbit's and Binance's paths begin with."""
        return f"http://127.0.0.1:{self.port}" if self._tls is None else f"https://localhost:{self.port}"

    async def __aenter__(self) -> "VenuePort":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.close()
        for transport in tuple(self.sockets):
            transport.abort()

    async def subscribed(self, upbit: int = 1, binance: int = 1, within_s: float = 60.0) -> None:
        """Wait until so many market data sockets have been opened and have asked. Raises TimeoutError."""
        upbits, binances = (self.streams[venue] for venue in Venue)
        await eventually(lambda: len(upbits) >= upbit and len(binances) >= binance, within_s)


class Peer(asyncio.Protocol):
    """One connection from the variant: HTTP requests, one after the other, or what it was upgraded to."""

    def __init__(self, port: VenuePort) -> None:
        self._port = port
        self._held = b""
        self._transport: asyncio.Transport
        self._stream: Stream | None = None
        self._behind: Behind | None = None
        self._is_spliced = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=1 << 30)
        self._port.sockets.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everything of it go (asyncio)."""
        self._port.sockets.discard(self._transport)
        if self._stream is not None and self._stream in self._port.streams[self._stream.venue]:
            self._port.streams[self._stream.venue].remove(self._stream)
        if self._behind is not None:
            self._behind.close()

    def data_received(self, data: bytes) -> None:
        """Read on (asyncio)."""
        if self._is_spliced and self._behind is not None:
            self._behind.write(data)
            return
        self._held = self._held + data if self._held else data
        while self._held and (self._take_message() if self._stream else self._take_request()):
            pass

    def _take_request(self) -> bool:
        """Take one whole request, if there is one: its headers, and as much body as they say."""
        end = self._held.find(_HEAD_END)
        if end < 0:
            return False
        place = self._held.lower().find(b"content-length:", 0, end)
        length = int(self._held[place + 15 : self._held.find(b"\r\n", place)]) if place > 0 else 0
        whole = end + len(_HEAD_END) + length
        if len(self._held) < whole:
            return False
        at_ns = time.perf_counter_ns()
        request, self._held = self._held[:whole], self._held[whole:]
        self._obey(request, end, at_ns)
        return not self._is_spliced

    def _obey(self, request: bytes, end: int, at_ns: int) -> None:
        method, _, rest = request.partition(b" ")
        path = rest[: rest.find(b" ")]
        if method == b"POST" and (b"/v1/orders" in path or b"/v3/order" in path):
            venue = Venue.UPBIT if b"/v1/orders" in path else Venue.BINANCE
            self._port.on_order(OrderSeen(venue, at_ns))
            if self._port.upstream is None:
                self._transport.write(taken(venue, request))
            else:  # else what executes it would take the processor away from the client's second order
                asyncio.get_running_loop().call_later(EXECUTED_AFTER_S, self._pass_on, request)
            return
        elif b"\r\nupgrade: websocket" in request[:end].lower() and not path.startswith(_PRIVATE):
            self._upgrade(path, request)
            return
        self._is_spliced = path.startswith(_PRIVATE)
        self._pass_on(request)

    def _upgrade(self, path: bytes, request: bytes) -> None:
        place = request.lower().find(b"sec-websocket-key:") + 18
        key = request[place : request.find(b"\r\n", place)].strip()
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        # at once, as all frames are: they must not overtake it
        write_now(
            self._transport,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept,
        )
        venue = Venue.UPBIT if path.startswith(_UPBIT_STREAM) else Venue.BINANCE
        self._stream = Stream(venue, self._transport, is_raw=b"?streams=" not in path)
        if venue is Venue.BINANCE and not self._stream.is_raw:
            self._register(self._stream)  # its address says what it wants

    def _register(self, stream: Stream) -> None:
        if stream not in self._port.streams[stream.venue]:
            self._port.streams[stream.venue].append(stream)
        self._port.on_stream(stream)

    def _take_message(self) -> bool:
        """Take one masked message of the client (RFC 6455, section 5.2), if it is there whole."""
        held = self._held
        if len(held) < 2:
            return False
        length, start = held[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(held[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(held[2:10], "big"), 10
        whole = start + 4 + length
        if len(held) < whole:
            return False
        mask = held[start : start + 4]
        payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(held[start + 4 : whole]))
        opcode, self._held = held[0] & 15, held[whole:]
        self._hear(opcode, payload)
        return True

    def _hear(self, opcode: int, payload: bytes) -> None:
        stream = self._stream
        if stream is None:
            return
        if opcode == 8:
            self._transport.close()
        elif opcode == 9:
            self._transport.write(bytes((0x8A, len(payload))) + payload)
        elif opcode in (1, 2):
            stream.is_default = b"SIMPLE" not in payload
            if b'"SUBSCRIBE"' in payload:
                number = payload.partition(b'"id":')[2].partition(b",")[0].strip(b" }")
                stream.send(b'{"result":null,"id":%b}' % number)
            self._register(stream)

    def _pass_on(self, request: bytes) -> None:
        if self._port.upstream is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
            return
        if self._behind is None:
            self._behind = Behind(self._transport)
            self._behind.connect(self._port.upstream)
        self._behind.write(request)
