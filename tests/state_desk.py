"""A state manager on a real Redis for tests: what it told the engine, and a plain client to look behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis import Redis

from arbitrage.domain.events import Event
from arbitrage.domain.remembered import Remembered
from arbitrage.ports import Clock
from arbitrage.state.guard_wiring import GuardWiring
from arbitrage.state.keys import RedisAddress, RunFacts, StateKeys
from arbitrage.state.outbox import RowSource
from arbitrage.state_manager import StateManager
from tests.clocks import NOON, ManualClock


def facts(app_env: str, pid: int = 77) -> RunFacts:
    return RunFacts(mode="shadow", app_env=app_env, version="1.2.3", started_at=NOON, pid=pid)


class Desk:
    """A state manager, what it told the engine, and a plain client to look behind it."""

    def __init__(
        self,
        address: RedisAddress,
        app_env: str,
        clock: Clock | None = None,
        pid: int = 77,
        guard: GuardWiring | None = None,
        sources: Sequence[RowSource] = (),
    ) -> None:
        self.told: list[Event] = []
        self.state = StateManager(
            address, facts(app_env, pid), clock or ManualClock(), self.told.append, guard, sources
        )
        self.keys = StateKeys(facts(app_env).namespace)
        self.redis: Redis = Redis(host=address.host, port=address.port, socket_timeout=2, protocol=2)

    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.told]

    def journal(self, *, with_starts: bool = False) -> list[bytes]:
        """The kinds of the journal's rows; without those that every start leaves."""
        rows: Any = self.redis.xrange(self.keys.journal)
        kinds = [fields[b"kind"] for _, fields in rows]
        return kinds if with_starts else [kind for kind in kinds if kind not in {b"boot", b"state"}]

    def hash(self, key: str) -> dict[bytes, bytes]:
        held: Any = self.redis.hgetall(key)
        return dict(held)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Remembered]:
    past = await desk.state.open()
    task = asyncio.create_task(desk.state.run())
    try:
        yield past
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await desk.state.close()
        desk.redis.close()


async def eventually(seen: Callable[[], bool], within_s: float = 10.0) -> float:
    """Wait until something is so, and return how long it took in seconds."""
    start = time.perf_counter()
    while not seen():
        if time.perf_counter() - start > within_s:
            raise AssertionError(f"not so within {within_s} s")
        await asyncio.sleep(0.005)
    return time.perf_counter() - start
