"""Redis, examined: whether it answers, how soon, how it is set up, whether a daemon lives in it. It writes nothing."""

import time
from collections.abc import Iterator

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.settings import Settings
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.state.link import StateLink
from arbitrage.state.server import server_problems
from arbitrage.status import read_status
from arbitrage.status.shape import Status
from liveguard.mode_gate import Mode

REDIS_FIX = "start it (docker compose up -d redis, or scripts/run), and look at REDIS_HOST and REDIS_PORT"

_SLOW_MS = 50.0


async def redis(settings: Settings, *, for_live: bool) -> list[Finding]:
    """Return how Redis does. Raises StateUnavailable if it does not answer."""
    if settings.state == "memory":
        verdict = Verdict.BAD if for_live else Verdict.WARN
        return [Finding("redis", verdict, "STATE=memory: nothing outlives the daemon", "unset STATE")]
    address = RedisAddress.of(settings)
    link = StateLink(address, StateKeys(namespace_of(Mode.SHADOW, settings.app_env)))
    try:
        await _ping(link)  # the first one also connects
        began = time.perf_counter()
        await _ping(link)
        took_ms = (time.perf_counter() - began) * 1_000
        problems, release = await server_problems(link), await link.version()
    finally:
        await link.close()
    return list(_judged(f"{address}, version {release}, answers in {took_ms:.1f} ms", took_ms, problems, for_live))


async def _ping(link: StateLink) -> None:
    async with link.transaction() as pipe:
        pipe.ping()
        await pipe.execute()


def _judged(seen: str, took_ms: float, problems: list[str], for_live: bool) -> Iterator[Finding]:
    is_slow = not took_ms <= _SLOW_MS
    fix = "put it on the same machine or network" if is_slow else ""
    yield Finding("redis", Verdict.WARN if is_slow else Verdict.OK, seen, fix)
    verdict = Verdict.BAD if for_live else Verdict.WARN
    for problem in problems:
        yield Finding("redis settings", verdict, problem, "start it with infra/redis.conf; Live refuses it otherwise")
    if not problems:
        yield Finding("redis settings", Verdict.OK, "it keeps what it is given")


def daemon(status: Status) -> Finding:
    """Return whether a daemon runs, and whether it makes plans."""
    if not status:
        return Finding("daemon", Verdict.OK, "none has run yet")
    what = f"{status['mode']}, {status['trading_state']}"
    if not status["running"]:
        return Finding("daemon", Verdict.OK, f"none runs; the last one was {status['mode']}")
    if status["trading_state"] == "ACTIVE":
        return Finding("daemon", Verdict.OK, f"{what}, heartbeat {status['heartbeat_age_s']:.1f} s ago")
    return Finding("daemon", Verdict.WARN, f"{what}: {status['trading_state_reason']}", "see `arbitrage status`")


def status_of(settings: Settings) -> Status:
    """Return what the daemon says of itself; nothing where it keeps that to itself. Raises StateUnavailable."""
    return {} if settings.state == "memory" else read_status(settings)
