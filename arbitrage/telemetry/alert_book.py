"""The alerts of late: which are open, who acknowledged which, and their rows for Redis. It calls nobody."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec

from arbitrage.domain.alerts import RANK, Alert, Severity
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.kst import at_kst
from arbitrage.state.keys import Command, StateKeys
from arbitrage.telemetry.alert_rules import Finding
from arbitrage.telemetry.cleaning import clean_text

MOST_ALERTS: Final = 200
"""So many are kept; of more, the oldest that nobody has to answer go first."""

LOG_ROWS: Final = 2_000

_HOUR: Final = Nanos(3_600 * NS_PER_S)
_KEPT: Final = {Severity.INFO: _HOUR, Severity.WARNING: Nanos(24 * _HOUR)}
"""How long one stays that nobody acknowledges; a critical one stays until somebody does."""

_encode: Final = msgspec.json.Encoder().encode

Told = tuple[str, Alert]
"""What became of an alert, as its log has it: raised, again, sent or acked."""


class AlertBook:
    """Alerts by id. What happens again while nobody has acknowledged it is the same alert, once more."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._changed: set[str] = set()
        self._log: deque[Told] = deque(maxlen=MOST_ALERTS)
        self._prefix = "0"
        self._number = 0

    def __iter__(self) -> Iterator[Alert]:
        return iter(tuple(self._alerts.values()))  # a scrape counts them in another thread

    def begin(self, past: Iterable[Alert], fence: int) -> None:
        """Take over what an earlier run left; new ids carry this run's `fence`, so that none comes twice."""
        self._alerts = {alert.id: alert for alert in past} | self._alerts
        self._prefix = str(fence)

    def take(self, finding: Finding) -> tuple[Alert, bool]:
        """Return the alert that a finding is, and whether it is a new one."""
        text = f"{at_kst(finding.at):%m-%d %H:%M:%S} KST {clean_text(finding.text)}"
        subject = clean_text(finding.subject)
        about = (finding.kind, subject, finding.severity)
        same = next((alert for alert in self if alert.is_open and _about(alert) == about), None)
        if same is not None:
            again = replace(same, text=text, last_at=finding.at, count=same.count + 1)
            return self._keep("again", again), False
        self._number += 1
        alert = Alert(
            id=f"{self._prefix}-{self._number}",
            at=finding.at,
            last_at=finding.at,
            severity=finding.severity,
            kind=finding.kind,
            subject=subject,
            text=text,
            runbook=f"docs/runbook.md#{finding.kind.replace('_', '-')}",
        )
        return self._keep("raised", alert), True

    def acknowledge(self, alert_id: str, who: str, at: Instant) -> tuple[Alert, ...]:
        """Note that somebody has seen an alert, or with an empty id all of them; return those that were open."""
        seen = [alert for alert in self if alert.is_open and alert_id in {"", alert.id}]
        return tuple(self._keep("acked", replace(alert, acked_by=clean_text(who), acked_at=at)) for alert in seen)

    def mark_sent(self, alert_ids: Iterable[str]) -> None:
        """Note that a target has taken these."""
        for alert_id in alert_ids:
            alert = self._alerts.get(alert_id)
            if alert is not None and not alert.sent:
                self._keep("sent", replace(alert, sent=True))

    def unanswered(self, before: Instant) -> list[Alert]:
        """Return the critical alerts that have been open since before an instant."""
        return [alert for alert in self if alert.is_open and alert.severity is Severity.CRITICAL and alert.at <= before]

    def forget_old(self, now: Instant) -> None:
        """Drop what is over, and of too many the oldest that nobody has to answer."""
        over = [alert for alert in self if _ends_at(alert, now) <= now]
        if len(self._alerts) - len(over) > MOST_ALERTS:
            rest = sorted((alert for alert in self if alert not in over), key=_importance)
            over += rest[: len(rest) - MOST_ALERTS]
        for alert in over:
            del self._alerts[alert.id]
            self._changed.add(alert.id)

    def rows(self, keys: StateKeys, *, anew: bool) -> list[Command]:
        """Return what writes down every change since the last time (RowSource)."""
        changed = sorted(set(self._alerts) | self._changed if anew else self._changed)
        self._changed.clear()
        rows: list[Command] = [("UNLINK", keys.alerts)] if anew else []
        for alert_id in changed:
            alert = self._alerts.get(alert_id)
            rows.append(
                ("HDEL", keys.alerts, alert_id) if alert is None else ("HSET", keys.alerts, alert_id, _encode(alert))
            )
        told = [self._log.popleft() for _ in range(len(self._log))]
        head = ("XADD", keys.alert_log, "MAXLEN", "~", LOG_ROWS, "*")
        return [*rows, *((*head, "act", act, "row", _encode(alert)) for act, alert in told)]

    def _keep(self, act: str, alert: Alert) -> Alert:
        self._alerts[alert.id] = alert
        self._changed.add(alert.id)
        self._log.append((act, alert))
        return alert


def _about(alert: Alert) -> tuple[str, str, Severity]:
    return alert.kind, alert.subject, alert.severity


def _ends_at(alert: Alert, now: Instant) -> Instant:
    if alert.acked_at is not None:
        return Instant(alert.acked_at + _HOUR)
    kept = _KEPT.get(alert.severity)
    return Instant(now + 1) if kept is None else Instant(alert.last_at + kept)


def _importance(alert: Alert) -> tuple[bool, int, Instant]:
    return alert.is_open, RANK[alert.severity], alert.last_at
