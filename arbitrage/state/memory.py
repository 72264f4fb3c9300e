"""MemoryState: the place of the StateManager for those who asked to run without Redis. Nothing outlives the process."""

import asyncio
import secrets

import structlog

from arbitrage.domain.errors import StateHeld
from arbitrage.domain.events import StateUp
from arbitrage.domain.intents import Intent, Publish
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EngineView
from arbitrage.ports import Clock, Emit
from arbitrage.state.health import StateHealth

log = structlog.get_logger()


class MemoryState:
    """Keeps the newest view and forgets the rest. Only Paper and Shadow may be wired with it."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self.view: EngineView | None = None
        self.failure: StateHeld | None = None

    async def open(self) -> Remembered:
        """Return an empty past, and say in the log that nothing will be kept."""
        log.warning("state_in_memory", meaning="nothing is kept, `arbitrage status` sees nothing")
        return Remembered(epoch=secrets.token_hex(3), fence=1)

    async def verify_server(self) -> list[str]:
        """Return what speaks against trusting it with real losses."""
        return ["nothing outlives the process"]

    def publish(self, intent: Intent) -> None:
        """Keep a view; forget everything else."""
        if isinstance(intent, Publish):
            self.view = intent.view

    @property
    def health(self) -> StateHealth:
        """Return how the store does: there is none."""
        return StateHealth()

    async def run(self) -> None:
        """Tell the engine that the state is as it was asked for, then wait to be cancelled."""
        self._emit(StateUp(self._clock.now()))
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Do nothing: there is nothing to keep."""
