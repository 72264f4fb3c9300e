"""When which alerts are said: at once, or together with others of their kind, and never too many. It sends nothing."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from arbitrage.domain.alerts import RANK, Alert, Severity
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos

GROUPED: Final = Nanos(60 * NS_PER_S)
"""After a message, others of its kind wait so long and are said together."""

MOST_A_MINUTE: Final = 10
"""Messages; more of them nobody reads. What is critical does not count and does not wait."""

LINES: Final = 10
"""Alerts that one message tells of; the rest of them are a number."""

_MARKS: Final = {Severity.CRITICAL: "CRITICAL", Severity.WARNING: "warning", Severity.INFO: "info"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: plain text, without secrets. `alert_ids` are the alerts that it tells of."""

    at: Instant
    severity: Severity
    title: str
    body: str
    alert_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class _Group:
    """One kind of alert: until when others of it wait, and which do, by id, with how often each happened."""

    until: Instant
    waiting: dict[str, Alert] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)


class Pace:
    """Groups alerts into messages. `name` says in each of them which daemon it is of."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._groups: dict[tuple[str, Severity], _Group] = {}
        self._sent_at: deque[Instant] = deque()

    def take(self, alert: Alert, now: Instant, *, is_new: bool) -> Message | None:
        """Return the message that an alert is worth now; None if it waits for others of its kind."""
        group = self._groups.setdefault((alert.kind, alert.severity), _Group(Instant(0)))
        is_urgent = is_new and alert.severity is Severity.CRITICAL
        if not is_urgent and (now < group.until or not self._has_room(now)):
            group.waiting[alert.id] = alert
            group.times[alert.id] += 1
            return None
        group.until = Instant(now + GROUPED)
        return self._message((alert,), 1, now)

    def due(self, now: Instant) -> list[Message]:
        """Return the messages for those that have waited long enough."""
        messages = []
        for (_, severity), group in self._groups.items():
            if not group.waiting or now < group.until:
                continue
            if severity is not Severity.CRITICAL and not self._has_room(now):
                continue
            messages.append(self._message(tuple(group.waiting.values()), group.times.total(), now))
            group.waiting.clear()
            group.times.clear()
            group.until = Instant(now + GROUPED)
        return messages

    def flush(self, now: Instant) -> list[Message]:
        """Return what waits, because there will be no later."""
        for group in self._groups.values():
            group.until = now
        self._sent_at.clear()
        return self.due(now)

    def _has_room(self, now: Instant) -> bool:
        while self._sent_at and now - self._sent_at[0] >= GROUPED:
            self._sent_at.popleft()
        return len(self._sent_at) < MOST_A_MINUTE

    def _message(self, alerts: tuple[Alert, ...], times: int, now: Instant) -> Message:
        first = max(alerts, key=lambda alert: RANK[alert.severity])
        if first.severity is not Severity.CRITICAL:
            self._sent_at.append(now)
        often = f" ({times} times)" if times > 1 else ""
        lines = [alert.text for alert in alerts[:LINES]]
        if len(alerts) > LINES:
            lines.append(f"and {len(alerts) - LINES} more")
        lines.append(f"what to do: {first.runbook}")
        if first.severity is Severity.CRITICAL:
            lines.append(f'answer: arbitrage ack {first.id} --reason "..."')
        return Message(
            at=now,
            severity=first.severity,
            title=f"[{self._name}] {_MARKS[first.severity]}: {first.kind}{often}",
            body="\n".join(lines),
            alert_ids=tuple(alert.id for alert in alerts),
        )
