"""Rehearsal: goes the way of a plan up to the last gate, again and again, so that its code and data stay at hand.

A plan is rare, and what it needs has left the processor's caches since the last one: without a rehearsal the way from a
frame to its orders takes twice as long. Nothing comes of one: no plan is started, written down or sent.
"""

import asyncio
from typing import Final

import structlog

from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import NS_PER_MS, Instant, Nanos
from arbitrage.engine import Engine
from arbitrage.exchange.live import LiveGateway
from arbitrage.execution.numbering import opening_orders
from arbitrage.intents import IntentLog
from arbitrage.ports import Clock, Later

log = structlog.get_logger()

APART: Final = Nanos(5 * NS_PER_MS)
"""At most so often. After 20 ms next to nothing of it is left (docs/performance.md)."""

SPINNING_S: Final = 0.001


class Rehearsal:
    """Rehearses soon after frames have come, when all that came with them has been handled."""

    def __init__(self, engine: Engine, intents: IntentLog, gateway: LiveGateway, clock: Clock, later: Later) -> None:
        self._engine = engine
        self._intents = intents
        self._gateway = gateway
        self._clock = clock
        self._later = later
        self._due = Instant(0)
        self._frame: BookSnapshot | TouchUpdate | None = None
        self._is_over = False

    def hear(self, frame: BookSnapshot | TouchUpdate) -> None:
        """Learn that a frame came: the one that leads to a plan seldom comes alone, or out of a market at rest."""
        if frame.at >= self._due and not self._is_over:
            self._due = Instant(frame.at + APART)
            self._frame = frame
            self._later(self._attempt)

    async def keep_on(self) -> None:
        """Rehearse all the time until cancelled: where the loop never sleeps, there is time for it."""
        while not self._is_over:
            await asyncio.sleep(SPINNING_S)
            self._attempt()

    def _attempt(self) -> None:
        if self._is_over:
            return
        try:
            self._rehearse()
        except Exception:  # it is for speed alone: whatever breaks in it, the trader goes on without it
            self._is_over = True
            log.exception("rehearsal_failed", action="orders leave more slowly from now on")

    def _rehearse(self) -> None:
        plan = self._engine.rehearse(self._frame, self._clock.now()) if self._frame is not None else None
        if plan is not None:
            orders = opening_orders(plan)
            self._intents.rehearse(plan, orders)
            self._gateway.rehearse(*orders)
