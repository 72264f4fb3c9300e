"""`arbitrage status` and `arbitrage shadow reset`: what the daemon says of itself, read from Redis.

It talks to no venue and imports nothing of the daemon's; the one thing it ever writes is an operator's command.
"""

import sys
from typing import Final, TypeVar

import msgspec

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import ConfigurationError, StateUnavailable
from arbitrage.domain.views import EngineView
from arbitrage.settings import Settings
from arbitrage.state.glance import ask
from arbitrage.state.keys import COMMAND, RESET_INVENTORY, RedisAddress, RunFacts, StateKeys, namespace_of
from arbitrage.status.alerts import alert_reads, shape_alerts
from arbitrage.status.cleaned import cleaned
from arbitrage.status.shape import ALIVE_S, Status, has_stopped, heartbeat_age_s, shape, what_is_stale, whole
from liveguard.mode_gate import Mode, decide

T = TypeVar("T")

NEVER_RAN: Final = "no daemon has run with this Redis and APP_ENV yet; start one with `arbitrage run`"
IN_MEMORY: Final = "STATE=memory: the daemon keeps its state to itself, there is nothing to read"


def main(settings: Settings, as_json: bool, max_age_s: float | None) -> int:
    """Print the status. Returns 1 if no daemon ever ran, or if heartbeat or market data is older than `max_age_s`.

    Raises StateUnavailable if Redis does not answer or holds something that cannot be understood.
    """
    status = {} if settings.state == "memory" else read_status(settings)
    if not status:
        return _fail(IN_MEMORY if settings.state == "memory" else NEVER_RAN)
    if as_json:
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(status).decode() + "\n")
    else:
        from arbitrage.status.text import show  # noqa: PLC0415 - rich is for people; a health check need not wait

        show(status, sys.stdout)
    stale = what_is_stale(status, max_age_s) if max_age_s is not None else ""
    return _fail(stale) if stale else 0


def read_status(settings: Settings) -> Status:
    """Return what the daemon last said of itself; empty if none ever ran.

    It is the daemon of the mode that the gate decides now; if that never ran, the one whose heart beat last.
    Raises StateUnavailable.
    """
    address = RedisAddress.of(settings)
    namespace = shown_namespace(address, settings)
    if not namespace:
        return {}
    keys = StateKeys(namespace)
    run, view, beat, counts, alerts, targets = ask(
        address,
        ("GET", keys.run),
        ("GET", keys.view),
        ("HGETALL", keys.heartbeat),
        ("HGETALL", keys.order_counts),
        *alert_reads(keys),
    )
    facts = _decoded(keys.run, run, RunFacts)
    now = SystemClock().now()
    seen = _decoded(keys.view, view, EngineView) if view else None
    try:
        shown = cleaned({**shape(facts, _fields(beat), seen, now), **shape_alerts(alerts, targets, now)})
    except (ArithmeticError, OSError, ValueError) as error:  # figures that no daemon writes, such as a time without end
        raise StateUnavailable(f"{keys.view}: not understood ({error}); was it written by a daemon?") from error
    return {
        **shown,
        "orders": {mode.value: whole(_fields(counts).get(mode.value.encode())) for mode in Mode},
        "lease": _lease(address, settings) if facts.mode == Mode.LIVE else None,
        "state": {"reachable": True, "address": str(address), "namespace": namespace},
    }


def reset_shadow(settings: Settings) -> int:
    """Forget the virtual inventory, and tell a running daemon to start over with SHADOW_CAPITAL_KRW. Returns 0.

    Raises StateUnavailable.
    """
    if settings.state == "memory":
        return _fail(IN_MEMORY)
    keys = StateKeys(namespace_of(Mode.SHADOW, settings.app_env))
    beat, _, _ = ask(
        RedisAddress.of(settings),
        ("HGETALL", keys.heartbeat),
        ("DEL", keys.inventory),
        ("XADD", keys.commands, "MAXLEN", "~", 1_000, "*", COMMAND, RESET_INVENTORY),
    )
    heartbeat = _fields(beat)
    alive = heartbeat_age_s(heartbeat, SystemClock().now()) < ALIVE_S and not has_stopped(heartbeat)
    who = "the running daemon starts over within a second" if alive else "no daemon is running; the next one starts so"
    sys.stdout.write(f"virtual inventory reset to {settings.shadow_capital_krw:,} KRW on each venue: {who}\n")
    return 0


def shown_namespace(address: RedisAddress, settings: Settings) -> str:
    """Return where the daemon keeps its state that a status is about; "" if none ever ran. Raises StateUnavailable."""
    wanted = decide(settings.gate_evidence()).mode
    names = [namespace_of(mode, settings.app_env) for mode in (wanted, *(mode for mode in Mode if mode is not wanted))]
    beats = [whole(beat) for beat in ask(address, *(("HGET", StateKeys(name).heartbeat, "at") for name in names))]
    if beats[0]:
        return names[0]
    last = max(beats)
    return names[beats.index(last)] if last else ""


def _lease(address: RedisAddress, settings: Settings) -> Status | None:
    """Return who may write for our accounts, and for how long; None if we are not told whose accounts they are."""
    try:
        key = f"{settings.guard_namespace(Mode.LIVE)}:lease"
    except ConfigurationError:  # whoever looks at a status need not hold the keys
        return None
    holder, left_ms = ask(address, ("GET", key), ("PTTL", key))
    return {"holder": (holder or b"").decode(errors="replace"), "left_ms": max(0, left_ms)}


def _fields(reply: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _decoded(key: str, raw: bytes | None, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw or b"", type=kind)
    except ValueError as error:
        raise StateUnavailable(f"{key}: not understood ({error}); was it written by another version?") from error


def _fail(reason: str) -> int:
    sys.stderr.write(f"arbitrage: {reason}\n")
    return 1
