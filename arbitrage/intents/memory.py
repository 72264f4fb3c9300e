"""MemoryIntents: the face of the intent log where nothing has to last: Paper, runs without state, tests."""

import asyncio
from collections import deque

from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Noted
from arbitrage.intents.replay import Logged
from arbitrage.intents.rows import BootFacts, LogDamaged


class MemoryIntents:
    """Keeps the last entries for whoever looks, and forgets them with the process."""

    logged: Logged | None = None
    damage: LogDamaged | None = None

    def __init__(self) -> None:
        self.noted: deque[Noted] = deque(maxlen=10_000)

    def note(self, intent: Noted) -> None:
        """Keep an entry."""
        self.noted.append(intent)

    def note_boot(self, facts: BootFacts) -> None:
        """Let a boot pass: nothing of it would last."""

    def note_stop(self, at: Instant) -> None:
        """Let a stop pass: nothing of it would last."""

    def rebase(self, namespace: str, epoch: str, memory: GuardMemory) -> None:
        """Begin anew."""
        self.noted.clear()

    async def keep_synced(self) -> None:
        """Wait until cancelled: there is no disk."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """Let go of nothing."""
