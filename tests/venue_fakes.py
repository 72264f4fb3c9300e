"""Venues that behave, and misbehave, as a test tells them to: a websocket server and a REST server on free ports."""

import asyncio
from collections.abc import Callable
from typing import Self

from aiohttp import web
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

Answer = tuple[int, bytes]


async def eventually(holds: Callable[[], object], within_s: float = 3.0) -> None:
    """Wait until something holds. Fails the test if it does not in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


class FakeVenue:
    """A websocket server. `peers` are those who connected, in order; `on_text` is called with each text they send."""

    def __init__(self, on_text: Callable[["Peer", str], None] | None = None) -> None:
        self.peers: list[Peer] = []
        self.on_text = on_text
        self.on_connect: Callable[[Peer], None] | None = None
        self.answers_pings = True
        self.accepts = True
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Return the address to connect to."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def live(self) -> list["Peer"]:
        """Return the peers that are still connected."""
        return [peer for peer in self.peers if peer.is_connected]

    async def __aenter__(self) -> Self:
        self._server = await ws_create_server(self._greet, "127.0.0.1", 0, enable_auto_pong=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for peer in self.live:
            peer.cut()
        await eventually(lambda: not self.live)

    def _greet(self, request: WSUpgradeRequest) -> "Peer | None":
        return Peer(self, request.path.decode()) if self.accepts else None


class Peer(WSListener):
    """One connection to a FakeVenue."""

    def __init__(self, venue: FakeVenue, path: str) -> None:
        super().__init__()
        self.path = path
        self.texts: list[str] = []
        self.pings = 0
        self.pongs = 0
        self.is_connected = False
        self._venue = venue
        self._transport: WSTransport | None = None

    def send(self, payload: bytes, msg_type: WSMsgType = WSMsgType.BINARY, *, fin: bool = True) -> None:
        """Send a frame."""
        assert self._transport is not None
        self._transport.send(msg_type, payload, fin=fin)

    def close(self, reason: bytes = b"") -> None:
        """Close as the RFC wants it."""
        assert self._transport is not None
        self._transport.send_close(1000, reason)

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.is_connected = True
        self._venue.peers.append(self)
        if self._venue.on_connect is not None:
            self._venue.on_connect(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.PING:
            self.pings += 1
            if self._venue.answers_pings:
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PONG:
            self.pongs += 1
        elif kind == WSMsgType.CLOSE:
            transport.disconnect()
        else:
            self.texts.append(frame.get_payload_as_utf8_text())
            if self._venue.on_text is not None:
                self._venue.on_text(self, self.texts[-1])

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_connected = False


class FakeRest:
    """A REST server. `answers` maps a path to what is answered; `asked` lists each path with its query."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, str]], Answer] | Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append((request.path, query))
        answer = self.answers.get(request.path, (404, b'{"error":{"name":404,"message":"no such path"}}'))
        status, body = answer(query) if callable(answer) else answer
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else None
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)
