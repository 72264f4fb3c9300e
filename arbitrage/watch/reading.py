"""What a picture is drawn of: the status, the last minutes of edges, the last plans, the alerts. It writes nothing.

Whatever is in Redis may have been put there by anybody: its text is cleaned before it can reach a terminal.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from arbitrage.clock import SystemClock
from arbitrage.domain.alerts import RANK, Alert, Severity
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.plans import PlanEnd
from arbitrage.settings import Settings
from arbitrage.state.glance import ask
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.series import ROW, SeriesRow
from arbitrage.status import read_status
from arbitrage.status.shape import Status

T = TypeVar("T")

SERIES_S: Final = 300
"""How far the lines reach back; a row is a second."""

LAST_PLANS: Final = 8

Way = tuple[str, str]
"""A base asset and a direction."""

Sample = tuple[float, float | None]
"""How many seconds ago, and the edge in bps; None where it was not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What was seen at an instant. `edges` are oldest first, `ends` newest first.

    `alerts` are those that somebody has to look at, the gravest first.
    """

    at: Instant
    status: Status
    edges: Mapping[Way, tuple[Sample, ...]]
    ends: tuple[PlanEnd, ...]
    alerts: tuple[Alert, ...]


def look(settings: Settings) -> Picture | None:
    """Return what there is to see; None if no daemon ever ran. Raises StateUnavailable."""
    status = read_status(settings)
    if not status:
        return None
    keys, now = StateKeys(status["state"]["namespace"]), SystemClock().now()
    series, ends, alerts = ask(
        RedisAddress.of(settings),
        ("XREVRANGE", keys.series, "+", "-", "COUNT", SERIES_S),
        ("XREVRANGE", keys.plans_closed, "+", "-", "COUNT", LAST_PLANS),
        ("HVALS", keys.alerts),
    )
    told = _decoded(alerts, Alert)
    waiting = [alert for alert in told if alert.is_open and alert.severity is not Severity.INFO]
    return Picture(
        at=now,
        status=status,
        edges=_edges(_decoded((_field(row, ROW) for row in series), SeriesRow), now),
        ends=tuple(_decoded((_field(row, "row") for row in ends), PlanEnd)),
        alerts=tuple(sorted(waiting, key=lambda alert: (-RANK[alert.severity], -alert.last_at))),
    )


def _edges(rows: Iterable[SeriesRow], now: Instant) -> dict[Way, tuple[Sample, ...]]:
    samples: dict[Way, list[Sample]] = {}
    for row in rows:
        age_s = (now - row.at) / NS_PER_S
        for base, direction, bps in row.edges:
            samples.setdefault((base, direction), []).append((age_s, bps))
    return {way: tuple(reversed(seen)) for way, seen in samples.items()}


def _field(row: list[Any], name: str) -> bytes:
    fields = row[1]
    held: Mapping[bytes, bytes] = dict(zip(fields[::2], fields[1::2], strict=True))
    return held.get(name.encode(), b"")


def _decoded(rows: Iterable[bytes], kind: Callable[..., T]) -> list[T]:
    """Return the rows that can be understood: one that cannot must not hide the others."""
    found: list[T] = []
    for raw in rows:
        try:
            found.append(msgspec.json.decode(raw, type=kind))
        except ValueError:  # msgspec's errors and broken UTF-8 are both ValueErrors
            continue
    return found
