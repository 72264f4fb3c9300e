"""Carries out the faults that strike requests on Binance's websocket API, and notes each. It knows no HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from arbitrage.domain.instants import NS_PER_MS, Instant, to_ms
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_private import Answer
from arbitrage.sandbox.binance_ws_requests import WsRequest
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.fault_replies import fault_reply
from arbitrage.sandbox.faults import MESSAGE_KINDS, Fault, Kind
from arbitrage.sandbox.late import Late
from arbitrage.sandbox.truth import RequestRow, Truth

log = structlog.get_logger()

_SILENT: Final = frozenset({Kind.HANG_AFTER_EXECUTION, Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.LATE_EXECUTION})
_DELAYS: Final = frozenset({Kind.DELAY_BEFORE, Kind.DELAY_AFTER})
_CLIENT_IDS: Final = ("newClientOrderId", "origClientOrderId")


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way: what was asked, and what answers it."""

    request: WsRequest
    answer: Callable[[], Awaitable[Answer]]
    endpoint: str
    at: Instant


class MessageFaults:
    """Stands between a request on the websocket API and its answer. A connection's requests wait for one another."""

    def __init__(self, plan: FaultPlan, truth: Truth, clock: Clock, late: Late) -> None:
        self._plan = plan
        self._truth = truth
        self._clock = clock
        self._late = late

    async def guard(
        self, request: WsRequest, connection: Connection, answer: Callable[[], Awaitable[Answer]]
    ) -> Answer | None:
        """Let a request be answered, or do to it what the plan says; None is no reply."""
        call = _Call(request, answer, f"WS {request.method}", self._clock.now())
        fault = self._plan.on_request(Venue.BINANCE, call.endpoint, MESSAGE_KINDS)
        if fault is None:
            given = await answer()
            self._note(call, given, given, None)
            return given
        log.info("fault_struck", kind=fault.kind.value, venue=Venue.BINANCE.value, endpoint=call.endpoint)
        sent = await self._strike(call, fault)
        if fault.kind in (Kind.DROP_BEFORE, Kind.DROP_AFTER):
            connection.abort()
        return sent

    async def _strike(self, call: _Call, fault: Fault) -> Answer | None:
        if fault.kind is Kind.LATE_EXECUTION:

            async def execute() -> None:
                self._note(call, await call.answer(), None, fault)

            self._late.after(fault.seconds, execute)
            return None
        if fault.kind is Kind.DELAY_BEFORE:
            await asyncio.sleep(fault.seconds)
        given = await call.answer() if fault.executes else None
        sent = _sent(fault, given)
        self._note(call, given, sent, fault)
        if fault.kind is Kind.DELAY_AFTER:
            await asyncio.sleep(fault.seconds)
        return sent

    def _note(self, call: _Call, given: Answer | None, sent: Answer | None, fault: Fault | None) -> None:
        params = call.request.params
        row = RequestRow(
            at_ms=call.at // NS_PER_MS,
            venue=Venue.BINANCE,
            endpoint=call.endpoint,
            client_id=next((params[name] for name in _CLIENT_IDS if name in params), "")[:64],
            verdict=given.status if given is not None else None,
            code=str(given.body["code"]) if given is not None and given.status != 200 else "",
            sent=sent.status if sent is not None else None,
            fault=fault.kind.value if fault is not None else None,
            took_ms=to_ms(self._clock.now() - call.at),
        )
        self._truth.note(row)


def _sent(fault: Fault, given: Answer | None) -> Answer | None:
    if fault.kind in _SILENT:
        return None
    if fault.kind in _DELAYS:
        return given
    reply = fault_reply(Venue.BINANCE, fault)
    body = msgspec.json.decode(reply.body) if isinstance(reply.body, bytes) else {}
    return Answer(reply.status, body, 0, int(reply.headers.get("Retry-After", 0)))
