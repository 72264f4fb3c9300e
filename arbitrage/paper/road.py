"""The road to one venue and back: latency, outages, and the faults that befall requests. It reads nothing of it.

Every request is answered once: by the venue, by a fault in the venue's place, or by a time-out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill
from arbitrage.exchange.simulation_models import Latency
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.faults import REQUEST_KINDS, Fault, Kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer proves of an order, and whether it says that the venue, or the way to it, is in trouble."""

    kind: ReplyKind
    fill: Fill | None = None
    reason: str = ""
    is_trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A request: its name on the wire, what the venue does on its arrival, who hears the answer, and how long he waits.

    `turned_away` is what it proves that the venue did not process the request.
    """

    endpoint: str
    act: Callable[[], Answer]
    heard: Callable[[Answer], None]
    timeout_s: float
    turned_away: ReplyKind


@dataclass(slots=True)
class _Call:
    """An errand under way: the first answer is the only one."""

    errand: Errand
    timer: asyncio.TimerHandle | None = field(default=None)
    is_over: bool = False

    def answer(self, answer: Answer) -> None:
        if self.is_over:
            return
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()
        self.errand.heard(answer)


_NO_ANSWER: Final = Answer(ReplyKind.UNKNOWN, reason="no answer in time", is_trouble=True)
_CUT: Final = Answer(ReplyKind.UNKNOWN, reason="the connection was lost", is_trouble=True)

_SILENT: Final = frozenset({Kind.HANG_AFTER_EXECUTION})
_CUTTING: Final = frozenset({Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.LATE_EXECUTION})
_LIMITED: Final = frozenset({Kind.TOO_MANY, Kind.BANNED})
_TURNED_AWAY: Final = {Venue.UPBIT: _LIMITED | {Kind.MAINTENANCE}, Venue.BINANCE: _LIMITED}
"""What proves that a request was not processed (exchange/outcomes.py): Binance's 503 does not."""


class Road:
    """One venue's. While it `is_down` nothing gets through; `latency` is drawn for each way."""

    def __init__(self, venue: Venue, latency: Latency, plan: FaultPlan) -> None:
        self.is_down = False
        self._venue = venue
        self._latency = latency
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._banned_until_s = 0.0

    def carry(self, errand: Errand) -> None:
        """Take a request on its way."""
        call = _Call(errand)
        if self.is_down:
            said = Answer(errand.turned_away, reason="not sent: no connection stands")
            self._loop.call_soon(call.answer, said)
            return
        call.timer = self._loop.call_later(errand.timeout_s, call.answer, _NO_ANSWER)
        fault = self._plan.on_request(self._venue, errand.endpoint, REQUEST_KINDS)
        if fault is not None and fault.kind is Kind.BANNED:
            self._banned_until_s = self._loop.time() + fault.seconds
        if self._loop.time() < self._banned_until_s:
            self._back(call, Answer(errand.turned_away, reason="banned", is_trouble=True), self.way_s())
        elif fault is None:
            self._in(self.way_s(), partial(self._arrive, call, 0.0))
        else:
            self._suffer(call, fault)

    def way_s(self) -> float:
        """Draw how long one way takes, in seconds."""
        return self._latency.draw() / NS_PER_S

    def _suffer(self, call: _Call, fault: Fault) -> None:
        out_s = self.way_s()
        if fault.kind is Kind.DELAY_BEFORE:
            self._in(out_s + fault.seconds, partial(self._arrive, call, 0.0))
        elif fault.kind is Kind.DELAY_AFTER:
            self._in(out_s, partial(self._arrive, call, fault.seconds))
        else:
            if fault.executes:
                late_s = fault.seconds if fault.kind is Kind.LATE_EXECUTION else 0.0
                self._in(out_s + late_s, partial(self._arrive, call, None))
            if fault.kind in _SILENT and fault.s:  # the venue hangs up at last
                self._in(out_s + fault.s, partial(call.answer, _CUT))
            elif fault.kind not in _SILENT:
                self._back(call, _in_place(fault, self._venue, call.errand.turned_away), out_s)

    def _arrive(self, call: _Call, delay_s: float | None) -> None:
        """Let the venue do what it is asked, and answer so much later than usual, or never."""
        if self.is_down:
            return
        answer = call.errand.act()
        if delay_s is not None:
            self._back(call, answer, delay_s)

    def _back(self, call: _Call, answer: Answer, delay_s: float) -> None:
        def arrive() -> None:
            if not self.is_down:
                call.answer(answer)

        self._in(delay_s + self.way_s(), arrive)

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._loop.call_later(seconds, act)


def _in_place(fault: Fault, venue: Venue, turned_away: ReplyKind) -> Answer:
    """Return what is answered in the venue's place."""
    if fault.kind in _CUTTING:
        return _CUT
    kind = turned_away if fault.kind in _TURNED_AWAY[venue] else ReplyKind.UNKNOWN
    return Answer(kind, reason=fault.kind.value.replace("_", " "), is_trouble=True)
