"""Carries out the faults that strike HTTP requests, around the venues' own handlers, and notes each private request.

What a venue would have answered comes from its handler; this only withholds, delays, replaces or cuts it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import msgspec
import structlog
from aiohttp import web

from arbitrage.domain.instants import NS_PER_MS, Instant, to_ms
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.fault_replies import code_of, fault_reply, unreadable
from arbitrage.sandbox.faults import HANDSHAKE_KINDS, REQUEST_KINDS, Fault, Kind
from arbitrage.sandbox.late import Late
from arbitrage.sandbox.truth import RequestRow, Truth

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What stands at the beginning of a path, and whose it is; with the prefix or as ccxt builds it.
_OWNERS: Final = (
    (Venue.UPBIT, ("/upbit/", "/v1/", "/websocket/")),
    (Venue.BINANCE, ("/binance/", "/api/", "/sapi/", "/ws", "/stream")),
)
_CUT: Final = frozenset({Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HANG_AFTER_EXECUTION, Kind.LATE_EXECUTION})
_AS_IT_IS: Final = frozenset({Kind.DELAY_BEFORE, Kind.DELAY_AFTER, Kind.TRUNCATED_BODY})
_CLIENT_IDS: Final = ("identifier", "newClientOrderId", "origClientOrderId")

_HANG_LOOK_S: Final = 0.05
"""How often a hanging request looks whether its client has gone."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way."""

    request: web.Request
    handler: Handler
    venue: Venue
    endpoint: str
    client_id: str
    at: Instant
    private: bool


class RequestFaults:
    """The door in front of all handlers. `public` are the paths that are not noted."""

    def __init__(self, plan: FaultPlan, truth: Truth, clock: Clock, late: Late, public: frozenset[str]) -> None:
        self._plan = plan
        self._truth = truth
        self._clock = clock
        self._public = public
        self._late = late
        self._closing = False

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or do to it what the plan says."""
        venue = _owner(request.path)
        if venue is None:
            return await handler(request)
        handshake = request.headers.get("Upgrade", "").lower() == "websocket"
        endpoint = f"{request.method} {_bare(request.path)}"
        private = not handshake and request.path not in self._public
        try:
            client_id = await _client_id(request) if private else ""
        except (web.RequestPayloadError, web.HTTPRequestEntityTooLarge) as e:
            return unreadable(venue, too_large=isinstance(e, web.HTTPRequestEntityTooLarge))
        call = _Call(request, handler, venue, endpoint, client_id, self._clock.now(), private)
        fault = self._plan.on_request(venue, endpoint, HANDSHAKE_KINDS if handshake else REQUEST_KINDS)
        if fault is None:
            reply = await handler(request)
            self._note(call, reply, reply, None)
            return reply
        log.info("fault_struck", kind=fault.kind.value, venue=venue.value, endpoint=endpoint)
        return await self._strike(call, fault)

    def close(self) -> None:
        """End what hangs."""
        self._closing = True

    async def _strike(self, call: _Call, fault: Fault) -> web.StreamResponse:
        if fault.kind is Kind.LATE_EXECUTION:
            return await self._execute_late(call, fault)
        if fault.kind is Kind.DELAY_BEFORE:
            await asyncio.sleep(fault.seconds)
        reply = await call.handler(call.request) if fault.executes else None
        sent = _sent(call, fault, reply)
        self._note(call, reply, sent, fault)
        if fault.kind is Kind.DELAY_AFTER:
            await asyncio.sleep(fault.seconds)
        if fault.kind is Kind.HANG_AFTER_EXECUTION:
            await self._hang(call.request, fault.seconds)
        if fault.kind is Kind.TRUNCATED_BODY and isinstance(sent, web.Response):
            return await _send_half(call.request, sent)
        return _cut(call.request) if sent is None else sent

    async def _execute_late(self, call: _Call, fault: Fault) -> web.StreamResponse:
        async def execute() -> None:
            self._note(call, await call.handler(call.request), None, fault)

        self._late.after(fault.seconds, execute)
        return _cut(call.request)

    async def _hang(self, request: web.Request, at_most_s: float) -> None:
        """Wait until the client has gone, or for so many seconds if there is a limit."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + at_most_s if at_most_s else float("inf")
        while request.transport is not None and loop.time() < end_s and not self._closing:  # noqa: ASYNC110 - aiohttp tells a handler nothing of a client that has gone
            await asyncio.sleep(_HANG_LOOK_S)

    def _note(
        self, call: _Call, reply: web.StreamResponse | None, sent: web.StreamResponse | None, fault: Fault | None
    ) -> None:
        if not call.private:
            return
        row = RequestRow(
            at_ms=call.at // NS_PER_MS,
            venue=call.venue,
            endpoint=call.endpoint,
            client_id=call.client_id,
            verdict=reply.status if reply is not None else None,
            code=code_of(reply) if reply is not None else "",
            sent=sent.status if sent is not None else None,
            fault=fault.kind.value if fault is not None else None,
            took_ms=to_ms(self._clock.now() - call.at),
        )
        self._truth.note(row)


def _sent(call: _Call, fault: Fault, reply: web.StreamResponse | None) -> web.StreamResponse | None:
    if fault.kind in _CUT:
        return None
    return reply if fault.kind in _AS_IT_IS else fault_reply(call.venue, fault)


def _cut(request: web.Request) -> web.StreamResponse:
    """Cut the connection without a word; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _send_half(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Promise the whole body, send half of it, and close."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    half = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.headers["Content-Type"]})
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        # not abort: what was written must still go out
        request.transport.close()
    return half


def _owner(path: str) -> Venue | None:
    return next((venue for venue, starts in _OWNERS if path.startswith(starts)), None)


def _bare(path: str) -> str:
    return path.removeprefix("/upbit").removeprefix("/binance")


async def _client_id(request: web.Request) -> str:
    """Look for the client's own id in the query and in the body, whichever form that has."""
    # the whole body, in any case: it must be here before a fault lets the connection go
    body = await request.read()
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        fields = dict(parse_qsl(body.decode("latin-1")))
    given = {**(fields if isinstance(fields, dict) else {}), **request.query}
    named = (given.get(name) for name in _CLIENT_IDS)
    return next((text[:64] for text in named if isinstance(text, str)), "")
