"""Binance's stream server: raw and combined connections, live subscribing, pings, limits, the end after 24 hours."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.ports import Clock
from arbitrage.sandbox.audience import Audience
from arbitrage.sandbox.binance_requests import Refused, RequestId, StreamRequest, parse_stream_request
from arbitrage.sandbox.connection import Connection, accept
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import limiter

MAX_STREAMS: Final = 1_024
"""Streams on one connection (web-socket-streams)."""

_POLICY: Final = 1008
_GOING_AWAY: Final = 1001


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
            session.keep()
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
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pings: deque[bytes] = deque(maxlen=8)
        self._pong_s = asyncio.get_running_loop().time()
        # web-socket-streams: five messages a second, pings and pongs included
        self._limit = limiter(5, 1, first_block_s=1, on=venue.manners.limits)

    def subscribe(self, streams: Iterable[str]) -> None:
        """Add streams; too many end the connection."""
        new = dict.fromkeys(streams)
        if len(self._streams | new) > MAX_STREAMS:
            self.connection.close(_POLICY, "Too many streams")
            return
        self._streams |= new
        self._venue.audience.join(new, self)

    def keep(self) -> None:
        """Start pinging, and set the end of the connection's life."""
        manners = self._venue.manners
        self._later("ping", manners.binance_ping_s, self._ping)
        self._later("notice", max(0.0, manners.binance_lifetime_s - manners.binance_notice_s), self._announce_end)
        self._later("end", manners.binance_lifetime_s, lambda: self.connection.close(_GOING_AWAY))

    async def listen(self) -> None:
        """Take messages until the client goes."""
        async for message in self.connection.messages():
            if not self._limit.ask("", self._venue.clock.now()).passes:
                self.connection.close(_POLICY, "Too many requests")
            else:
                self._take(message)

    def end(self) -> None:
        """Forget everything about the client."""
        for timer in self._timers.values():
            timer.cancel()
        self._venue.audience.leave(self._streams, self)

    def _take(self, message: WSMessage) -> None:
        if message.type is WSMsgType.PONG and bytes(message.data) in self._pings:
            # only a copy of our own payload counts; an unsolicited pong keeps nobody alive
            self._pong_s = asyncio.get_running_loop().time()
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

    def _ping(self) -> None:
        manners = self._venue.manners
        if asyncio.get_running_loop().time() - self._pong_s > manners.binance_pong_s:
            self.connection.close(_POLICY, "Pong timeout")
            return
        self._pings.append(str(self._now_ms()).encode())
        self.connection.ping(self._pings[-1])
        self._later("ping", manners.binance_ping_s, self._ping)

    def _announce_end(self) -> None:
        event = f'{{"e":"serverShutdown","E":{self._now_ms()}}}'
        self.connection.send(f'{{"stream":"!serverShutdown","data":{event}}}' if self.combined else event)

    def _now_ms(self) -> int:
        return self._venue.clock.now() // NS_PER_MS

    def _later(self, name: str, wait_s: float, act: Callable[[], None]) -> None:
        self._timers[name] = asyncio.get_running_loop().call_later(wait_s, act)
