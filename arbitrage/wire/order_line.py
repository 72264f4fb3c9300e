"""OrderLines: a few HTTP/1.1 connections, opened ahead and kept, on which a request leaves before `send` returns.

It knows no venue and signs nothing. It never sends anything twice, follows no redirect, asks no proxy and verifies TLS;
what it carries is never logged. A connection on which anything went wrong is closed, not used again.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from arbitrage.domain.instants import NS_PER_S
from arbitrage.ports import Clock
from arbitrage.wire.backoff import Backoff
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.http_reply import HttpReply, LineFailure, LineFault, ReplyLimits, ReplyReader
from arbitrage.wire.line import Done, Line
from arbitrage.wire.quiet_log import Outage, Tally, describe

KEPT_FOR_ORDERS: Final = 1
"""How many idle connections a question leaves alone, so that an order never waits behind one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """How many connections there are, when they are kept awake, and how they come back. Seconds."""

    connections: int = 4
    connect_s: float = 5.0
    ping_after_s: float = 20.0
    ping_s: float = 5.0
    settled_s: float = 10.0
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 10.0
    reply: ReplyLimits = field(default_factory=ReplyLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHooks:
    """Whom to tell, and what to ask. `on_up`: the first connection stands; `on_down`: the last one is gone.

    `ping` writes a cheap request that keeps an idle connection awake; None sends nothing. `wanted` are the reply
    headers to keep, in lower case.
    """

    on_up: Callable[[], None] = lambda: None
    on_down: Callable[[str], None] = lambda reason: None
    on_ping_reply: Callable[[HttpReply | LineFailure], None] = lambda reply: None
    ping: Callable[[], bytes | None] | None = None
    wanted: frozenset[str] = frozenset()


class OrderLines:
    """A pool of connections to one address. `run` keeps them open; one request at a time on each."""

    def __init__(
        self,
        venue: str,
        url: str,
        clock: Clock,
        rng: Random,
        hooks: LineHooks | None = None,
        limits: LineLimits | None = None,
    ) -> None:
        self.address = HttpAddress.parse(url)
        self._venue = venue
        self._clock = clock
        self._rng = rng
        self._hooks = hooks or LineHooks()
        self._limits = limits or LineLimits()
        self._most_spare = self._limits.connections - 1  # a single connection has to serve everybody
        self._tls = ssl.create_default_context() if self.address.is_tls else None
        self._idle: list[Line] = []
        self._open: set[Line] = set()
        self._freed = asyncio.Event()
        self._outage = Outage(clock, "order_lines_down", "order_lines_up", venue=venue)
        self._failures = Tally("order_line_handler_failed", venue=venue)

    @property
    def idle(self) -> int:
        """Return how many requests could be written now."""
        return sum(not line.is_closing for line in self._idle)  # one may be closing whose end is not told yet

    @property
    def in_flight(self) -> int:
        """Return how many requests wait for their reply."""
        return len(self._open) - len(self._idle)

    def send(self, request: bytes, done: Done, timeout_s: float, *, spare: int = 0) -> bool:
        """Write a request at once on an idle connection, unless that would leave fewer than `spare` of them idle.

        False: nothing was written. True: `done` is called exactly once, later, with the reply or with the failure.
        """
        least = min(spare, self._most_spare) if spare else 0
        while len(self._idle) > least:
            line = self._idle.pop()  # the one heard last: the least likely to be gone
            if not line.is_closing:
                line.write(request, done, timeout_s)
                return True
        return False

    async def ask(self, request: bytes, timeout_s: float) -> HttpReply:
        """Send a question and wait for its reply, at most `timeout_s` in all. Raises VenueFailed without one."""
        told: asyncio.Future[HttpReply | LineFailure] = asyncio.get_running_loop().create_future()

        def tell(what: HttpReply | LineFailure) -> None:
            if not told.done():  # who asked may have gone
                told.set_result(what)

        try:
            async with asyncio.timeout(timeout_s):
                while not self.send(request, tell, timeout_s, spare=KEPT_FOR_ORDERS):
                    self._freed.clear()
                    await self._freed.wait()
                answer = await told
        except TimeoutError:
            raise VenueFailed(self._venue, f"no reply within {timeout_s:g} s") from None
        if isinstance(answer, LineFailure):
            raise VenueFailed(self._venue, answer.reason)
        return answer

    async def run(self) -> None:
        """Keep the connections open until cancelled. Requests that have no reply by then fail with RESET."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._limits.connections):
                tasks.create_task(self._keep_one(), name=f"{self._venue} order line")
            tasks.create_task(self._keep_awake(), name=f"{self._venue} order line pings")

    async def _keep_one(self) -> None:
        limits = self._limits
        backoff = Backoff(self._rng, limits.first_backoff_s, limits.longest_backoff_s)
        while True:
            line = Line(self._new_reader(), self._clock, self._failures, self._has_idle, self._has_lost)
            try:
                reason = await self._live(line)
            finally:
                line.end(LineFault.RESET, "let go")
            self._outage_unless_open(reason)
            if line.has_served or _lived_s(line, self._clock) > limits.settled_s:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _live(self, line: Line) -> str:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await line.open(self.address, self._tls)
        except Exception as failure:  # noqa: BLE001 - whatever a peer does to a handshake, the answer is to try again
            return f"cannot connect: {describe(failure)}"
        return await line.ended

    async def _keep_awake(self) -> None:
        limits = self._limits
        while True:
            await asyncio.sleep(limits.ping_after_s / limits.connections)
            self._failures.report(self._clock.now())
            if self._hooks.ping is None or len(self._idle) <= min(KEPT_FOR_ORDERS, self._most_spare):
                continue
            quiet = min(self._idle, key=lambda line: line.used_at)
            if (self._clock.now() - quiet.used_at) / NS_PER_S < limits.ping_after_s:
                continue
            if (request := self._hooks.ping()) is not None:
                self._idle.remove(quiet)
                quiet.write(request, self._hooks.on_ping_reply, limits.ping_s)

    def _new_reader(self) -> ReplyReader:
        return ReplyReader(self._hooks.wanted, self._limits.reply)

    def _has_idle(self, line: Line) -> None:
        self._idle.append(line)
        self._freed.set()
        if line in self._open:
            return
        self._open.add(line)
        if len(self._open) == 1:
            self._outage.works()
            self._guarded(self._hooks.on_up)

    def _has_lost(self, line: Line, reason: str) -> None:
        if line in self._idle:
            self._idle.remove(line)
        if line in self._open:
            self._open.remove(line)
            if not self._open:
                self._guarded(self._hooks.on_down, reason)

    def _outage_unless_open(self, reason: str) -> None:
        if not self._open:
            self._outage.failed(reason)

    def _guarded(self, hook: Callable[..., None], *arguments: object) -> None:
        try:
            hook(*arguments)
        except Exception as failure:  # noqa: BLE001 - a hook must not end the lines; counted, and logged
            self._failures.add(type(failure).__name__, failure=failure)


def _lived_s(line: Line, clock: Clock) -> float:
    return 0.0 if line.opened_at is None else (clock.now() - line.opened_at) / NS_PER_S
