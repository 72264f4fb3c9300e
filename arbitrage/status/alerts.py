"""The alerts that nobody has acknowledged, and the targets that cannot be reached, as a status shows them."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from arbitrage.domain.alerts import RANK, Alert, TargetLine
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.settings import Settings
from arbitrage.state.glance import ask
from arbitrage.state.keys import Command, RedisAddress, StateKeys

T = TypeVar("T")


def alert_reads(keys: StateKeys) -> tuple[Command, Command]:
    """Return what to ask Redis for, for `shape_alerts`."""
    return ("HVALS", keys.alerts), ("HVALS", keys.alert_targets)


def shape_alerts(alerts: list[bytes], targets: list[bytes], now: Instant) -> dict[str, Any]:
    """Return the open alerts, what is most urgent first, and how each target does."""
    return {
        "alerts": [
            {
                "id": alert.id,
                "severity": alert.severity.value,
                "kind": alert.kind,
                "text": alert.text,
                "count": alert.count,
                "age_s": max(0.0, (now - alert.at) / NS_PER_S),
                "sent": alert.sent,
            }
            for alert in open_alerts(alerts)
        ],
        "alert_targets": {
            target.name: {"problem": target.problem, "waiting": target.waiting, "lost": target.lost}
            for target in _decoded(targets, TargetLine)
        },
    }


def read_open_alerts(settings: Settings) -> list[Alert]:
    """Return the open alerts of the daemon that a status is about. Raises StateUnavailable."""
    from arbitrage.status.report import shown_namespace  # noqa: PLC0415 - the report imports this module

    address = RedisAddress.of(settings)
    namespace = shown_namespace(address, settings)
    return open_alerts(ask(address, alert_reads(StateKeys(namespace))[0])[0]) if namespace else []


def open_alerts(rows: list[bytes]) -> list[Alert]:
    """Return the alerts that nobody has acknowledged, what is most urgent first; what is not understood is left out."""
    found = [alert for alert in _decoded(rows, Alert) if alert.is_open]
    return sorted(found, key=lambda alert: (-RANK[alert.severity], -alert.at))


def _decoded(rows: list[bytes], kind: type[T]) -> Iterator[T]:
    for row in rows:
        with suppress(ValueError):  # of another version: it is for people, and no status may fail over it
            yield msgspec.json.decode(row, type=kind)
