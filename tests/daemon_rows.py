"""What a daemon leaves in Redis, without a daemon: rows by the real writer, and a heart that beats on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Intent
from arbitrage.state.keys import RedisAddress, RunFacts, StateKeys, namespace_of
from arbitrage.state.link import StateLink
from arbitrage.state.rows import RowWriter

LAYERS: tuple[dict[str, str | bool], ...] = (
    {"name": "LIVE_MODE", "passed": False, "seen": "not set", "fix": "set LIVE_MODE=true"},
)
_BEAT_S = 0.5


def ago(seconds: float) -> Instant:
    """An instant of the machine's own time."""
    return Instant(SystemClock().now() - round(seconds * NS_PER_S))


async def rows_of_a_run(
    address: RedisAddress, app_env: str, *intents: Intent, at: Instant | None = None, mode: str = "shadow"
) -> StateKeys:
    """Leave behind what a daemon has written whose last beat was at `at`, a moment ago unless given."""
    at = at or ago(0.2)
    facts = RunFacts(mode=mode, app_env=app_env, version="1.2.3", started_at=at, pid=77, layers=LAYERS)
    keys = StateKeys(facts.namespace)
    rows, link = RowWriter(keys, facts), StateLink(address, keys)
    await link.claim()
    written = [row for intent in intents for row in rows.rows(intent)]
    await link.apply(1, [*rows.facts(), *rows.heartbeat(at), *written])
    await link.close()
    return keys


@contextmanager
def a_living_daemon(address: RedisAddress, app_env: str, *, lives: bool = True) -> Iterator[StateKeys]:
    """Let a heart beat until the block ends, or, where nobody lives, nothing at all."""
    keys, ended = StateKeys(namespace_of("shadow", app_env)), threading.Event()

    def beat() -> None:
        with Redis(host=address.host, port=address.port) as redis:
            while not ended.is_set():
                redis.hset(keys.heartbeat, mapping={"at": SystemClock().now(), "pid": 77, "stopped": "false"})
                ended.wait(_BEAT_S)

    heart = threading.Thread(target=beat)
    if lives:
        heart.start()
    try:
        yield keys
    finally:
        ended.set()
        if lives:
            heart.join()
