"""Binance's stream server: raw and combined connections, live subscribing, pings, limits, the end after 24 hours."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from arbitrage.ports import Clock
from arbitrage.sandbox.audience import Audience
from arbitrage.sandbox.binance_keepalive import POLICY, Keepalive
from arbitrage.sandbox.binance_requests import Refused, RequestId, StreamRequest, parse_stream_request
from arbitrage.sandbox.connection import Connection, accept
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import limiter

MAX_STREAMS: Final = 1_024
"""Streams on one connection (web-socket-streams)."""


class BinanceSockets:
    """All connections to the stream server. Unknown streams are subscribed like others and stay silent."""

    def __init__(self, clock: Clock, manners: Manners) -> None:
        self.audience: Audience[str, _Session] = Audience()
        self.connections: set[Connection] = set()
        self.clock = clock
        self.manners = manners
        # web-socket-streams: 300 connections in 5 minutes and address
        self._connects = limiter(300, 300, first_block_s=120, on=manners.limits)

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Serve `/ws` and `/ws/<stream>`: frames come as they are."""
        return await self._serve(request, request.match_info.get("streams", ""), combined=False)

    async def combined(self, request: web.Request) -> web.StreamResponse:
        """Serve `/stream?streams=a/b`: frames come in an envelope that names the stream."""
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    def publish(self, stream: str, write: Callable[[], str]) -> None:
        """Send a frame to all who listen to its stream, written once."""
        listeners = self.audience.of(stream)
        if listeners:
            raw = write()
            wrapped = f'{{"stream":"{stream}","data":{raw}}}'
            for session in listeners:
                session.connection.send(wrapped if session.combined else raw)

    async def _serve(self, request: web.Request, streams: str, *, combined: bool) -> web.StreamResponse:
        verdict = self._connects.ask(request.remote or "", self.clock.now())
        if not verdict.passes:
            return web.Response(status=verdict.status, headers={"Retry-After": str(verdict.retry_after_s)})
        socket, connection = await accept(request)
        session = _Session(self, connection, combined=combined)
        self.connections.add(connection)
        try:
            session.subscribe(stream for stream in streams.split("/") if stream)
            await connection.converse(session.listen())
        finally:
            self.connections.discard(connection)
            session.end()
        return socket


class _Session:
    """What one client listens to, and whether it is still there."""

    def __init__(self, venue: BinanceSockets, connection: Connection, *, combined: bool) -> None:
        self.connection = connection
        self.combined = combined
        self._venue = venue
        self._streams: dict[str, None] = {}
        self._keepalive = Keepalive(connection, venue.clock, venue.manners, self._announce_end)
        # web-socket-streams: five messages a second, pings and pongs included
        self._limit = limiter(5, 1, first_block_s=1, on=venue.manners.limits)

    def subscribe(self, streams: Iterable[str]) -> None:
        """Add streams; too many end the connection."""
        new = dict.fromkeys(streams)
        if len(self._streams | new) > MAX_STREAMS:
            self.connection.close(POLICY, "Too many streams")
            return
        self._streams |= new
        self._venue.audience.join(new, self)

    async def listen(self) -> None:
        """Take messages until the client goes."""
        async for message in self.connection.messages():
            if not self._limit.ask("", self._venue.clock.now()).passes:
                self.connection.close(POLICY, "Too many requests")
            else:
                self._take(message)

    def end(self) -> None:
        """Forget everything about the client."""
        self._keepalive.end()
        self._venue.audience.leave(self._streams, self)

    def _take(self, message: WSMessage) -> None:
        if message.type is WSMsgType.PONG:
            self._keepalive.pong(bytes(message.data))
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            try:
                self._perform(parse_stream_request(message.data))
            except Refused as e:
                self._reply({"error": {"code": e.code, "msg": e.message}}, e.request_id)

    def _perform(self, request: StreamRequest) -> None:
        result: object = None
        match request.method:
            case "SUBSCRIBE":
                self.subscribe(request.streams)
            case "UNSUBSCRIBE":
                self._venue.audience.leave(request.streams, self)
                for stream in request.streams:
                    self._streams.pop(stream, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(self._streams)
            case "GET_PROPERTY":
                result = self.combined
            case "SET_PROPERTY" if request.combined is not None:
                self.combined = request.combined
        self._reply({"result": result}, request.request_id)

    def _reply(self, body: dict[str, object], request_id: RequestId) -> None:
        self.connection.send(msgspec.json.encode({**body, "id": request_id}).decode())

    def _announce_end(self, now_ms: int) -> None:
        event = f'{{"e":"serverShutdown","E":{now_ms}}}'
        self.connection.send(f'{{"stream":"!serverShutdown","data":{event}}}' if self.combined else event)
