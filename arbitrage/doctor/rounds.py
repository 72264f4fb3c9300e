"""All that is examined, in the order in which it is shown. It looks at nothing itself."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from arbitrage.doctor import configuration, keys, machine, store, venues
from arbitrage.doctor.finding import Check, Finding, Verdict
from arbitrage.domain.errors import StateUnavailable
from arbitrage.ports import Clock
from arbitrage.settings import Settings
from liveguard.mode_gate import decide

LOCK: Final = Path(__file__).parents[2] / "requirements" / "daemon.txt"
"""The lock file of a checkout; what was installed elsewhere does not carry it."""


def rounds(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Yield every check."""
    for_live = configuration.wants_live(decide(settings.gate_evidence()))
    yield Check("settings", partial(_settings, settings))
    yield Check("redis", partial(store.redis, settings, for_live=for_live), store.REDIS_FIX)
    yield Check("daemon and ports", partial(_daemon_and_ports, settings))
    yield Check("upbit", partial(venues.upbit, settings), venues.VENUE_FIX)
    yield Check("binance", partial(venues.binance, settings, clock), venues.VENUE_FIX)
    for name, url in venues.websockets(settings, for_live=for_live).items():
        yield Check(name, partial(venues.websocket, name, url), venues.VENUE_FIX)
    if settings.reference_rate_url is not None:
        yield Check("reference rate", partial(venues.reference_rate, settings.reference_rate_url))
    yield Check("upbit key", partial(keys.upbit_key, settings, clock), keys.UNTOLD_FIX)
    yield Check("binance key", partial(keys.binance_key, settings, clock), keys.UNTOLD_FIX)
    yield Check("machine", partial(asyncio.to_thread, _machine, settings))


async def _settings(settings: Settings) -> list[Finding]:
    return [*configuration.gate(settings), *configuration.limits(settings), *configuration.stops(settings)]


async def _daemon_and_ports(settings: Settings) -> list[Finding]:
    try:
        status = await asyncio.to_thread(store.status_of, settings)
    except StateUnavailable:  # which the check of Redis tells
        status, lives = {}, Finding("daemon", Verdict.WARN, "whether one runs cannot be told without Redis")
    else:
        lives = store.daemon(status)
    return [lives, *machine.ports(settings, is_running=bool(status) and status["running"])]


def _machine(settings: Settings) -> list[Finding]:
    return [*machine.kept_clock(), *machine.disk(settings), *machine.versions(LOCK)]
