"""Alarm: wakes the engine at the instant that it asked for. It knows one instant at a time: the soonest."""

import asyncio

from arbitrage.domain.events import Wake
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ports import Clock, Emit


class Alarm:
    """A `Timer` for the runner. Whoever is woken asks again for what is still to come."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._at = Instant(0)
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: Instant) -> None:
        """Wake at an instant, unless something sooner is set already."""
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        wait_s = max(0, at - self._clock.now()) / NS_PER_S
        self._handle = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def _ring(self) -> None:
        self._handle = None
        # a loop may wake a little early: what is due at an instant has to find that it has come
        self._emit(Wake(max(self._at, self._clock.now())))
