"""Which daemons live in the Redis of the settings, and a way to ring one from afar. It waits for nothing long."""

from typing import Final

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import Instant
from arbitrage.local_files import Request
from arbitrage.settings import Settings
from arbitrage.state.glance import ask
from arbitrage.state.keys import COMMAND, RedisAddress, StateKeys, namespace_of
from arbitrage.status.shape import ALIVE_S, has_stopped, heartbeat_age_s
from liveguard.mode_gate import Mode

QUICK_S: Final = 0.3
"""How long Redis may take where a command does not need it."""

_COMMANDS_KEPT: Final = 1_000


def living(settings: Settings, timeout_s: float = QUICK_S) -> list[StateKeys]:
    """Return the keys of every mode whose daemon's heart beats. Raises StateUnavailable."""
    if settings.state == "memory":
        return []
    states = [StateKeys(namespace_of(mode, settings.app_env)) for mode in Mode]
    beats = ask(RedisAddress.of(settings), *(("HGETALL", keys.heartbeat) for keys in states), timeout_s=timeout_s)
    now = SystemClock().now()
    return [keys for keys, beat in zip(states, beats, strict=True) if _is_alive(beat, now)]


def ring(settings: Settings, request: Request) -> list[StateKeys]:
    """Leave a request in the stream of every living daemon; return their keys. Raises StateUnavailable."""
    daemons = living(settings)
    row = (COMMAND, request.command.value, "who", request.who, "why", request.why, "given_at", request.given_at)
    for keys in daemons:
        add = ("XADD", keys.commands, "MAXLEN", "~", _COMMANDS_KEPT, "*", *row)
        ask(RedisAddress.of(settings), add, timeout_s=QUICK_S)
    return daemons


def _is_alive(beat: list[bytes], now: Instant) -> bool:
    fields = dict(zip(beat[::2], beat[1::2], strict=True))
    return bool(fields) and heartbeat_age_s(fields, now) < ALIVE_S and not has_stopped(fields)
