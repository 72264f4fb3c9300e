"""SilenceWatch: calls a person when the daemon has fallen silent, for the dead cannot. It runs in another process.

It reads Redis and writes nothing there. A daemon that was stopped on purpose is not silent, and one that lives does
not hide that another died.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import structlog

from arbitrage.domain.alerts import Severity
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.kst import at_kst
from arbitrage.ports import Clock
from arbitrage.state.glance import ask
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.telemetry.alert_pace import Message
from arbitrage.telemetry.alerts import Sender

log = structlog.get_logger()

SILENT: Final = Nanos(10 * NS_PER_S)
"""A daemon's heart beats each second, and it shows a view as often; without either for so long somebody is called."""

AGAIN: Final = Nanos(600 * NS_PER_S)
LOOK_S: Final = 1.0
MODES: Final = ("live", "shadow", "paper")

_NEVER: Final = Instant(0)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of a mode's daemon: when its heart beat last, and when it showed a view. `at` 0: none ever ran."""

    mode: str
    at: Instant
    view_at: Instant
    is_stopped: bool


def take_pulses(address: RedisAddress, app_env: str) -> list[Pulse]:
    """Return the pulses of the daemons of all modes that ever ran. Raises StateUnavailable."""
    keys = [StateKeys(namespace_of(mode, app_env)) for mode in MODES]
    beats = ask(address, *(("HMGET", each.heartbeat, "at", "stopped") for each in keys))
    views = ask(address, *(("HGET", each.metrics, "view_at") for each in keys))
    pulses = [
        Pulse(mode, _instant(at), _instant(view_at), stopped == b"true")
        for mode, (at, stopped), view_at in zip(MODES, beats, views, strict=True)
    ]
    return [pulse for pulse in pulses if pulse.at]


class Patient:
    """A mode's daemon as this process has seen it. Its heart is held against our clock, whatever its own clock says."""

    def __init__(self) -> None:
        self._last = Pulse("", _NEVER, _NEVER, is_stopped=False)
        self._beat_at = self._view_at = _NEVER
        self._has_lived = False

    def judge(self, pulse: Pulse, now: Instant, *, is_newest: bool) -> str:
        """Say what of it has been silent for too long; "" if nothing is. Who was dead before we came may stay so."""
        is_first = not self._last.at
        if is_first or pulse.at != self._last.at:
            self._has_lived = self._has_lived or not is_first
            self._beat_at = min(pulse.at, now) if is_first else now
        if is_first or pulse.view_at != self._last.view_at:
            self._view_at = min(pulse.view_at, now) if is_first else now
        self._last = pulse
        seen = Pulse(pulse.mode, self._beat_at, self._view_at if pulse.view_at else _NEVER, pulse.is_stopped)
        return what_is_silent(seen, now) if is_newest or self._has_lived else ""


class SilenceWatch:
    """Looks each second, and says once that a daemon is silent, again every ten minutes, and once that it is back."""

    def __init__(self, address: RedisAddress, app_env: str, sender: Sender, clock: Clock) -> None:
        self._address = address
        self._app_env = app_env
        self._sender = sender
        self._clock = clock
        self._patients = {mode: Patient() for mode in MODES}
        self._seen_at = clock.now()  # when Redis answered last
        self._told_at: Instant | None = None

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Look once, and call if need be. Waits for Redis, for a second at most."""
        now = self._clock.now()
        try:
            pulses = take_pulses(self._address, self._app_env)
        except StateUnavailable as failure:
            away = now - self._seen_at
            self._judge(now, f"whether it lives cannot be seen: {failure}" if away >= SILENT else "", is_known=False)
        else:
            self._seen_at = now
            newest = max((pulse.at for pulse in pulses), default=_NEVER)
            found = [self._patients[one.mode].judge(one, now, is_newest=one.at == newest) for one in pulses]
            self._judge(now, "; ".join(filter(None, found)), is_known=True)

    def _judge(self, now: Instant, silence: str, *, is_known: bool) -> None:
        if silence:
            if self._told_at is None or now - self._told_at >= AGAIN:
                self._told_at = now
                log.error("daemon_silent", why=silence)
                self._say(now, Severity.CRITICAL, "silent_daemon", silence)
        elif is_known and self._told_at is not None:
            self._told_at = None
            log.info("daemon_speaks")
            self._say(now, Severity.INFO, "silent_daemon", "it is well again, or was stopped on purpose")

    def _say(self, now: Instant, severity: Severity, kind: str, text: str) -> None:
        mark = "CRITICAL" if severity is Severity.CRITICAL else severity.value
        body = f"{at_kst(now):%m-%d %H:%M:%S} KST {text}\nwhat to do: docs/runbook.md#{kind.replace('_', '-')}"
        self._sender.send(Message(at=now, severity=severity, title=f"[{self._app_env}] {mark}: {kind}", body=body))


def what_is_silent(pulse: Pulse, now: Instant) -> str:
    """Say what of a daemon has been silent for too long; "" if nothing is, or if it was stopped on purpose."""
    if not pulse.at or pulse.is_stopped:
        return ""
    if now - pulse.at >= SILENT:
        return f"the daemon ({pulse.mode}) has been silent for {(now - pulse.at) / NS_PER_S:,.0f} s and was not stopped"
    if pulse.view_at and now - pulse.view_at >= SILENT:
        return f"the daemon ({pulse.mode}) lives, but has shown nothing for {(now - pulse.view_at) / NS_PER_S:,.0f} s"
    return ""


def _instant(raw: Any) -> Instant:
    return Instant(int(raw)) if isinstance(raw, bytes) and raw.isdigit() else Instant(0)
