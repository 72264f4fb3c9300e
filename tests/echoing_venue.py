"""A venue that refuses everything and says back what it was sent, as some servers do: address, headers and body."""

import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

_SIGNED = re.compile(r"signature[\"=:\s]+([0-9a-f]{64})|(eyJ[\w-]+\.[\w-]+\.[\w-]+)")


GONE = 410
"""It hangs up instead of answering."""

REPLIES: tuple[Callable[[str], tuple[int, Any]], ...] = (
    lambda echo: (401, {"error": {"name": echo, "message": echo}}),
    lambda echo: (400, {"code": -1022, "msg": echo}),
    lambda echo: (500, echo),
    lambda echo: (200, echo),
    lambda echo: (200, [{"currency": echo, "balance": echo, "uuid": echo}]),
    lambda echo: (400, {"error": {"name": "invalid_query_payload", "message": echo}}),
    lambda echo: (403, {"code": echo, "msg": [echo], "balances": echo}),
    lambda echo: (GONE, echo),
)


@dataclass
class EchoingVenue:
    """Counts what it was asked; `signed` are the signatures and tokens that it saw, which nobody else may see."""

    port: int = 0
    asked: int = 0
    signed: set[str] = field(default_factory=set)
    _turn: Iterator[Callable[[str], tuple[int, Any]]] = field(default_factory=lambda: itertools.cycle(REPLIES))

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def hear(self, echo: str) -> None:
        self.asked += 1
        self.signed |= {found[1] or found[2] for found in _SIGNED.finditer(echo)}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.answer_socket(request)
        echo = f"{request.method} {request.url} {dict(request.headers)} {await request.text()}"
        self.hear(echo)
        status, body = next(self._turn)(echo)
        if status == GONE and request.transport is not None:
            request.transport.close()
        return web.Response(status=status, body=body if isinstance(body, str) else json.dumps(body))

    async def answer_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        headers = str(dict(request.headers))
        self.hear(headers)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.hear(message.data)
            echo = f"{headers} {message.data!r}"
            await socket.send_json({"error": {"name": echo, "message": echo}, "status": 401, "id": echo})
            await socket.send_str(echo)
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=str(message.data).encode()[:120])
        return socket


@asynccontextmanager
async def an_echoing_venue() -> AsyncIterator[EchoingVenue]:
    """Serve one on a free port."""
    venue = EchoingVenue()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.port = runner.addresses[0][1]
    try:
        yield venue
    finally:
        await runner.cleanup()
