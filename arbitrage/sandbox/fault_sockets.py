"""Carries out the faults that strike websockets: private events on their way out, and whole connections."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from weakref import WeakKeyDictionary

import structlog

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.fault_plan import FaultPlan, Rule
from arbitrage.sandbox.faults import Fault, Kind

log = structlog.get_logger()

Frame = bytes | str
SendEvent = Callable[[Connection, Frame], None]
"""How a private event goes out; the private sockets have one each, which the faults replace."""


class EventFaults:
    """Sends one venue's private events, or loses, delays, doubles or swaps them."""

    def __init__(self, plan: FaultPlan, venue: Venue) -> None:
        self._plan = plan
        self._venue = venue
        self._held: WeakKeyDictionary[Connection, list[Frame]] = WeakKeyDictionary()

    def send(self, connection: Connection, frame: Frame) -> None:
        """Send an event as the plan says: this replaces a private socket's `send_event`."""
        fault = self._plan.on_event(self._venue, frame)
        if fault is None:
            connection.send(frame)
            self._release(connection)
            return
        log.info("fault_struck", kind=fault.kind.value, venue=self._venue.value)
        self._strike(fault, connection, frame)

    def _strike(self, fault: Fault, connection: Connection, frame: Frame) -> None:
        loop = asyncio.get_running_loop()
        match fault.kind:
            case Kind.EVENT_DELAYED:
                loop.call_later(fault.seconds, connection.send, frame)
            case Kind.EVENT_DUPLICATED:
                connection.send(frame)
                connection.send(frame)
                self._release(connection)
            case Kind.EVENT_REORDERED:
                # behind the next one; alone it comes late
                self._held.setdefault(connection, []).append(frame)
                loop.call_later(fault.seconds, self._release, connection)
            case _:
                pass

    def _release(self, connection: Connection) -> None:
        for frame in self._held.pop(connection, ()):
            connection.send(frame)


@dataclass(frozen=True, slots=True)
class Sockets:
    """The open connections behind one path of one venue."""

    venue: Venue
    path: str
    connections: Collection[Connection]


class SocketFaults:
    """Strikes connections that are open when a rule's time has come; each is one thing that the rule looks at."""

    def __init__(self, plan: FaultPlan, sockets: Sequence[Sockets]) -> None:
        self._plan = plan
        self._sockets = sockets

    def schedule(self, rule: Rule) -> None:
        """Let a rule strike after the time that it sleeps; once, and not if it was deleted meanwhile."""
        asyncio.get_running_loop().call_later(rule.fault.after_s, self._strike, rule)

    def _strike(self, rule: Rule) -> None:
        fault = rule.fault
        for group in self._sockets:
            fits = fault.venue in (None, group.venue) and fnmatchcase(group.path, fault.endpoint)
            for connection in tuple(group.connections) if fits else ():
                if self._plan.has(rule) and rule.strikes():
                    log.info("fault_struck", kind=fault.kind.value, venue=group.venue.value, path=group.path)
                    _carry_out(fault, connection)


def _carry_out(fault: Fault, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    match fault.kind:
        case Kind.SOCKET_STALL:
            connection.stall()
            if fault.seconds:
                loop.call_later(fault.seconds, connection.flow)
        case Kind.SOCKET_HALF_OPEN:
            connection.go_deaf()
            if fault.seconds:
                loop.call_later(fault.seconds, connection.go_deaf, False)
        case _ if fault.code is not None:
            connection.close(fault.code)
        case _:
            connection.abort()
