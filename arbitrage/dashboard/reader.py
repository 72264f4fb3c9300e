"""The reader: looks at Redis several times a second and keeps the newest picture. It writes and decides nothing."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import structlog

from arbitrage.dashboard import rows
from arbitrage.dashboard.connection import Connection
from arbitrage.dashboard.models import AlertRow, Link, LogLine, PlanRow, Point, RefusalRow, Status
from arbitrage.dashboard.tail import Row, Tail
from arbitrage.domain.alerts import RANK, Alert
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import ReportRefusal
from arbitrage.domain.plans import PlanEnd, TwoLegPlan
from arbitrage.domain.views import EngineView
from arbitrage.ports import Clock
from arbitrage.state.keys import RunFacts, StateKeys, namespace_of
from arbitrage.state.series import ROW, SeriesRow
from arbitrage.status.shape import ALIVE_S, has_stopped, heartbeat_age_s, shape, whole
from liveguard.mode_gate import Mode

log = structlog.get_logger()

LOOK_S: Final = 0.25
CLOSE_LOOK_S: Final = 0.05
CLOSELY_NS: Final = 3 * NS_PER_S
SERIES_ROWS: Final = 3_600
CLOSED_PLANS: Final = 40
REFUSALS: Final = 40
LOG_LINES: Final = 200
ALERTS: Final = 100
MISSED_S: Final = 3_600
"""How long ago a heart may have stopped that somebody still counts on."""

_ORDER: Final = (Mode.LIVE, Mode.SHADOW, Mode.PAPER)
"""Of several daemons that live, the one whose orders are real is shown."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What Redis held at `at`. `status` is None if no daemon ever ran, or if what it wrote cannot be understood."""

    at: Instant | None = None
    reachable: bool = False
    problem: str = "Redis has not been looked at yet"
    namespace: str = ""
    living: tuple[str, ...] = ()
    status: Status | None = None
    open_plans: tuple[PlanRow, ...] = ()
    closed_plans: tuple[PlanRow, ...] = ()
    refusals: tuple[RefusalRow, ...] = ()
    alerts: tuple[AlertRow, ...] = ()
    log: tuple[LogLine, ...] = ()
    series: tuple[Point, ...] = ()

    def link(self, now: Instant) -> Link:
        """Say how the picture was come by."""
        age_s = None if self.at is None else max(0.0, (now - self.at) / NS_PER_S)
        return Link(reachable=self.reachable, problem=self.problem, picture_age_s=age_s, namespace=self.namespace)


class Reader:
    """Keeps `picture` while `run` runs. `changed` is called with each new picture; it must be quick."""

    def __init__(self, connection: Connection, app_env: str, clock: Clock) -> None:
        self.picture = Picture()
        self.changed: list[Callable[[Picture], None]] = []
        self._connection = connection
        self._states = [StateKeys(namespace_of(mode, app_env)) for mode in _ORDER]
        self._clock = clock
        self._shown = _Shown(self._states[0])
        self._nudged = asyncio.Event()
        self._closely_until = Instant(0)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            for show in [*self.changed]:
                self._tell(show)
            is_close = self._clock.now() < self._closely_until
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_LOOK_S if is_close else LOOK_S):
                    await self._nudged.wait()
            self._nudged.clear()

    def _tell(self, show: Callable[[Picture], None]) -> None:
        try:
            show(self.picture)
        except Exception:  # one page that cannot be drawn must not take the others along
            log.exception("dashboard_page_failed")
            self.forget(show)

    def forget(self, show: Callable[[Picture], None]) -> None:
        """Tell somebody nothing any more; who is not told anyway is none the wiser."""
        with suppress(ValueError):
            self.changed.remove(show)

    def nudge(self) -> None:
        """Look closely for a while: something was asked of the daemon, and a person waits for it."""
        self._closely_until = Instant(self._clock.now() + CLOSELY_NS)
        self._nudged.set()

    async def look(self) -> Picture:
        """Take a new picture; if Redis cannot be read, keep the last one and say why."""
        try:
            self.picture = await self._look()
        except StateUnavailable as error:
            if str(error) != self.picture.problem:
                log.warning("dashboard_redis_down", reason=str(error))
            self.picture = replace(self.picture, reachable=False, problem=str(error), living=())
        return self.picture

    async def living(self) -> list[StateKeys]:
        """Return the daemons whose heart beats, asked anew. Raises StateUnavailable."""
        beats = await self._beats()
        return [keys for keys, beat in zip(self._states, beats, strict=True) if self._is_alive(beat)]

    async def fallen_silent(self) -> list[StateKeys]:
        """Return the daemons of the last hour that neither live nor said that they stop: one may only be frozen.

        Raises StateUnavailable.
        """
        beats, now = await self._beats(), self._clock.now()
        return [
            keys
            for keys, beat in zip(self._states, beats, strict=True)
            if ALIVE_S <= heartbeat_age_s(beat, now) < MISSED_S and not has_stopped(beat)
        ]

    async def _beats(self) -> list[dict[bytes, bytes]]:
        replies = await self._connection.read(
            *(lambda pipe, k=keys: pipe.hgetall(k.heartbeat) for keys in self._states)
        )
        return [reply if isinstance(reply, dict) else {} for reply in replies]

    def _is_alive(self, beat: Mapping[bytes, bytes]) -> bool:
        return bool(beat) and heartbeat_age_s(beat, self._clock.now()) < ALIVE_S and not has_stopped(beat)

    async def _look(self) -> Picture:
        beats = await self._beats()
        now = self._clock.now()
        living = [keys for keys, beat in zip(self._states, beats, strict=True) if self._is_alive(beat)]
        last_beat = {whole(beat.get(b"at")): keys for keys, beat in zip(self._states, beats, strict=True) if beat}
        shown = living[0] if living else last_beat.get(max(last_beat, default=0))
        if shown is None:
            return Picture(at=now, reachable=True, problem="no daemon has run with this Redis and APP_ENV yet")
        if self._shown.keys is not shown:
            self._shown = _Shown(shown)
        part = await self._shown.look(self._connection, beats[self._states.index(shown)], now)
        return replace(part, living=tuple(keys.namespace for keys in living))


class _Shown:
    """One namespace as it is shown, with the tails of its streams."""

    def __init__(self, keys: StateKeys) -> None:
        self.keys = keys
        self._epoch: object = None
        self._begin()

    def _begin(self) -> None:
        keys = self.keys
        self._closed, self._refused = Tail(keys.plans_closed, CLOSED_PLANS), Tail(keys.refused, REFUSALS)
        self._series, self._log = Tail(keys.series, SERIES_ROWS), Tail(keys.log, LOG_LINES)
        self._points: tuple[Point, ...] = ()
        self._plans: tuple[PlanRow, ...] = ()
        self._refusals: tuple[RefusalRow, ...] = ()
        self._lines: tuple[LogLine, ...] = ()

    async def look(self, connection: Connection, beat: Mapping[bytes, bytes], now: Instant) -> Picture:
        keys = self.keys
        epoch, run, view, plans, alerts, *tails = await connection.read(
            lambda pipe: pipe.get(keys.epoch),
            lambda pipe: pipe.get(keys.run),
            lambda pipe: pipe.get(keys.view),
            lambda pipe: pipe.hgetall(keys.plans_open),
            lambda pipe: pipe.hgetall(keys.alerts),
            self._closed.ask,
            self._refused.ask,
            self._series.ask,
            self._log.ask,
        )
        if epoch != self._epoch:  # emptied, or another server: what was read before is of the past
            was_known, self._epoch = self._epoch is not None, epoch
            if was_known:
                self._begin()
                return await self.look(connection, beat, now)
        self._take(tails)
        status, problem = _status(run, view, beat, now)
        return Picture(
            at=now,
            reachable=True,
            problem=problem,
            namespace=keys.namespace,
            status=status,
            open_plans=tuple(rows.shown(_values(plans), TwoLegPlan, rows.open_plan)),
            closed_plans=self._plans,
            refusals=self._refusals,
            alerts=_alerts(alerts),
            log=self._lines,
            series=self._points,
        )

    def _take(self, replies: list[Any]) -> None:
        closed, refused, series, lines = replies
        if new := self._closed.take(closed):
            ends = rows.shown(_rows(new), PlanEnd, rows.closed_plan)
            self._plans = (*reversed(ends), *self._plans)[:CLOSED_PLANS]
        if new := self._refused.take(refused):
            told = rows.shown(_rows(new), ReportRefusal, rows.refusal)
            self._refusals = (*reversed(told), *self._refusals)[:REFUSALS]
        if new := self._series.take(series):
            points = rows.shown(_rows(new), SeriesRow, rows.point)
            self._points = (*self._points, *points)[-SERIES_ROWS:]
        if new := self._log.take(lines):
            self._lines = (*self._lines, *(rows.log_line(fields) for _, fields in new))[-LOG_LINES:]


def _status(run: object, view: object, beat: Mapping[bytes, bytes], now: Instant) -> tuple[Status | None, str]:
    if not isinstance(run, bytes):
        return None, "the daemon has not said yet what it is"
    try:
        facts = msgspec.json.decode(run, type=RunFacts)
        seen = msgspec.json.decode(view, type=EngineView) if isinstance(view, bytes) else None
        return Status.model_validate(shape(facts, beat, seen, now)), ""
    except (ValueError, ArithmeticError, OSError):  # pydantic's is a ValueError; the others are beyond all calendars
        return None, "what the daemon wrote is not understood: is it of another version than the dashboard?"


def _alerts(reply: object) -> tuple[AlertRow, ...]:
    found = rows.shown(_values(reply), Alert, lambda one: (one, rows.alert(one)))
    found.sort(key=lambda pair: _importance(pair[0]))
    return tuple(row for _, row in found[:ALERTS])


def _importance(alert: Alert) -> tuple[bool, int, int]:
    return not alert.is_open, -RANK[alert.severity] if alert.is_open else 0, -alert.last_at


def _rows(new: list[Row]) -> list[bytes]:
    return [fields.get(ROW.encode(), b"") for _, fields in new]


def _hash(reply: object) -> dict[bytes, bytes]:
    return reply if isinstance(reply, dict) else {}


def _values(reply: object) -> list[bytes]:
    return list(_hash(reply).values())
