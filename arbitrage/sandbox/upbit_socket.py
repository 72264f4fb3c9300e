"""Upbit's websockets: who may connect, subscriptions, keep-alive, errors. What a frame says comes from outside."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from arbitrage.ports import Clock
from arbitrage.sandbox.audience import Audience
from arbitrage.sandbox.connection import Connection, accept
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import Limit, limiter
from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_requests import (
    DEPTHS,
    PUBLIC_TYPES,
    Channel,
    DataTypes,
    Rejected,
    Request,
    Wanted,
    channels,
    parse_request,
)

Snapshot = Callable[[Channel], bytes | None]
"""Makes the frame that a new subscriber gets first, or None where there is nothing yet."""

Admit = Callable[[web.Request], Rejected | None]
"""Says no to a handshake, or nothing."""

_UP: Final = '{"status":"UP"}'


def _everybody(_: web.Request) -> Rejected | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may connect to a websocket, and what it streams. The defaults are those of the public one."""

    admit: Admit = _everybody
    types: DataTypes = field(default_factory=lambda: PUBLIC_TYPES)


class UpbitSockets:
    """All connections to one websocket. `listed` are the market codes that exist."""

    def __init__(
        self, listed: Iterable[str], snapshot: Snapshot, clock: Clock, manners: Manners, terms: Terms | None = None
    ) -> None:
        self.audience: Audience[Channel, Connection] = Audience()
        self.connections: set[Connection] = set()
        self.listed = frozenset(listed)
        self.snapshot = snapshot
        self.clock = clock
        self.manners = manners
        self.terms = terms or Terms()
        # docs.upbit.com rate-limits: five connections a second and address
        self._connects = limiter(5, 1, first_block_s=1, on=manners.limits)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        verdict = self._connects.ask(request.remote or "", self.clock.now())
        if not verdict.passes:
            return web.Response(status=verdict.status, text="Too many API requests.")
        headers = {"remaining-req": f"group=websocket; min=300; sec={verdict.left}", "limit-by-ip": "Yes"}
        socket, connection = await accept(request, headers)
        session = _Session(self, connection)
        # the venue tells a client with a wrong key so on the open socket, and closes it
        if (no := self.terms.admit(request)) is not None:
            session.refuse(no)
        self.connections.add(connection)
        try:
            await connection.converse(session.listen())
        finally:
            self.connections.discard(connection)
            session.end()
        return socket

    def publish(self, kind: str, code: str, write: Callable[[Format, int], bytes]) -> None:
        """Send one happening to all who listen, written once for each form and depth that someone wants."""
        for form in Format:
            for depth in DEPTHS if kind == "orderbook" else (0,):
                listeners = self.audience.of(Channel(kind, code, depth, form))
                if listeners:
                    frame = write(form, depth)
                    for connection in listeners:
                        connection.send(frame)


class _Session:
    """What one client asked for."""

    def __init__(self, venue: UpbitSockets, connection: Connection) -> None:
        self._venue = venue
        self._connection = connection
        self._wanted: tuple[Wanted, ...] = ()
        self._channels: list[Channel] = []
        self._status: asyncio.TimerHandle | None = None
        # docs.upbit.com rate-limits: 5 messages a second and 100 a minute on a connection
        on = venue.manners.limits
        self._limits: tuple[Limit, ...] = (
            limiter(5, 1, first_block_s=1, on=on),
            limiter(100, 60, first_block_s=1, on=on),
        )

    async def listen(self) -> None:
        """Take messages until the client goes, or has been silent for too long."""
        async for message in self._connection.messages(self._venue.manners.upbit_idle_s):
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._take(message.data)

    def refuse(self, rejected: Rejected) -> None:
        """Name the rule that was broken, and close."""
        error = {"error": {"name": rejected.name, "message": rejected.message}}
        self._connection.send(msgspec.json.encode(error))
        self._connection.close(1000)

    def end(self) -> None:
        """Forget what the client asked for."""
        self._venue.audience.leave(self._channels, self._connection)
        if self._status is not None:
            self._status.cancel()

    def _take(self, data: str | bytes) -> None:
        now = self._venue.clock.now()
        if not all(limit.ask("", now).passes for limit in self._limits):
            self.refuse(Rejected("TOO_MANY_REQUEST", "요청이 너무 많습니다."))
        elif data in ("PING", b"PING"):
            self._say_up()
        else:
            try:
                self._follow(parse_request(data, self._venue.terms.types))
            except Rejected as e:
                self.refuse(e)

    def _follow(self, request: Request) -> None:
        if not request.lists:
            self._wanted = request.wanted
        # a list request changes the format of what is subscribed, as the venue warns
        self._subscribe(request.form)
        if request.lists:
            self._connection.send(_subscriptions(request, self._wanted))
            return
        for wanted in self._wanted:
            if wanted.snapshot:
                for channel in channels(wanted, request.form, self._venue.listed):
                    self._send_if_any(self._venue.snapshot(channel))

    def _subscribe(self, form: Format) -> None:
        self._venue.audience.leave(self._channels, self._connection)
        live = (wanted for wanted in self._wanted if wanted.realtime)
        self._channels = [channel for wanted in live for channel in channels(wanted, form, self._venue.listed)]
        self._venue.audience.join(self._channels, self._connection)

    def _send_if_any(self, frame: bytes | None) -> None:
        if frame is not None:
            self._connection.send(frame)

    def _say_up(self) -> None:
        if self._status is not None:
            self._status.cancel()
        self._connection.send(_UP)
        wait_s = self._venue.manners.upbit_status_s
        self._status = asyncio.get_running_loop().call_later(wait_s, self._say_up)


def _subscriptions(request: Request, wanted: Iterable[Wanted]) -> bytes:
    type_key, codes_key, level_key = ("ty", "cds", "lv") if request.form.short else ("type", "codes", "level")
    result: list[dict[str, object]] = []
    for item in wanted:
        entry: dict[str, object] = {type_key: item.type, codes_key: item.codes}
        if item.type == "orderbook":
            entry[level_key] = 0
        result.append(entry)
    keys = ("mthd", "rslt", "tckt") if request.form.short else ("method", "result", "ticket")
    reply = dict(zip(keys, ("LIST_SUBSCRIPTIONS", result, request.ticket), strict=True))
    return msgspec.json.encode([reply] if request.form.listed else reply)
