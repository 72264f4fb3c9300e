"""AlertDesk: turns what the engine tells into alerts, has them sent, and waits for an answer. It decides no trade.

It is told behind the orders, and never waits: sending has threads of its own.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog

from arbitrage.domain.alerts import RANK, Severity, TargetLine
from arbitrage.domain.events import AlertUnanswered
from arbitrage.domain.guarding import GuardAct
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.intents import Intent, Publish, ReportGuard
from arbitrage.domain.remembered import Remembered
from arbitrage.ports import Clock, Emit
from arbitrage.state.keys import Command, StateKeys
from arbitrage.telemetry.alert_book import AlertBook
from arbitrage.telemetry.alert_pace import Message, Pace
from arbitrage.telemetry.alert_rules import Finding, ViewRules, of_entry

log = structlog.get_logger()

ANSWER_WITHIN: Final = Nanos(60 * NS_PER_S)
"""How long a critical alert may wait for a person, where an answer is asked for, before nothing new is started."""

LOOK_S: Final = 0.25
LAST_WORDS_S: Final = 2.0
"""How long the end of the process may wait for a target to take what is left."""

_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """Whose alerts these are (`name`), which are sent, and whether critical ones have to be answered."""

    name: str
    least: Severity = Severity.INFO
    needs_answer: bool = False


class Sender(Protocol):
    """Who brings messages to people (`AlertSender`); nothing of it waits but `close`."""

    def send(self, message: Message) -> None:
        """Take a message over."""
        ...

    def take_delivered(self) -> list[Message]:
        """Return the messages that a target has taken since the last time."""
        ...

    def lines(self) -> tuple[TargetLine, ...]:
        """Return how each target does."""
        ...

    def close(self, wait_s: float) -> None:
        """Bring what waits, within `wait_s`, and end."""
        ...


class AlertDesk:
    """The daemon's alerts: a sink for what happens, a source of rows for Redis, and a task of its own."""

    def __init__(self, policy: AlertPolicy, sender: Sender | None, clock: Clock, emit: Emit) -> None:
        self._policy = policy
        self._sender = sender
        self._clock = clock
        self._emit = emit
        self._book = AlertBook()
        self._pace = Pace(policy.name)
        self._rules = ViewRules()
        self._shown: dict[str, TargetLine] = {}
        self._unanswered = False

    def begin(self, past: Remembered) -> None:
        """Take over the alerts that nobody acknowledged in an earlier run."""
        self._book.begin(past.alerts, past.fence)

    def publish(self, intent: Intent) -> None:
        """Look at what happened (Sink)."""
        match intent:
            case ReportGuard():
                self._guard(intent)
            case Publish(view):
                for finding in self._rules.look(view):
                    self.tell(finding)
            case _:
                pass

    def tell(self, finding: Finding) -> None:
        """Make an alert of a finding, and have it sent."""
        alert, is_new = self._book.take(finding)
        if is_new:
            say = {Severity.CRITICAL: log.error, Severity.WARNING: log.warning, Severity.INFO: log.info}
            say[alert.severity]("alert", id=alert.id, kind=alert.kind, severity=alert.severity.value, text=alert.text)
        if self._sender is not None and RANK[alert.severity] >= RANK[self._policy.least]:
            message = self._pace.take(alert, self._clock.now(), is_new=is_new)
            if message is not None:
                self._sender.send(message)

    async def run(self) -> None:
        """Send what waited, and see that somebody answers, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Do what only time brings."""
        now = self._clock.now()
        self._send(self._pace.due(now))
        self._mark_sent()
        self._book.forget_old(now)
        self._ask_for_answers(now)

    async def close(self) -> None:
        """Send what is left, for two seconds at most."""
        if self._sender is not None:
            self._send(self._pace.flush(self._clock.now()))
            await asyncio.to_thread(self._sender.close, LAST_WORDS_S)
            self._mark_sent()

    def rows(self, keys: StateKeys, *, anew: bool) -> list[Command]:
        """Return what is new about alerts and targets (RowSource)."""
        rows = self._book.rows(keys, anew=anew)
        if anew:
            self._shown.clear()
            rows.append(("UNLINK", keys.alert_targets))
        for line in self.targets():
            if self._shown.get(line.name) != line:
                self._shown[line.name] = line
                rows.append(("HSET", keys.alert_targets, line.name, msgspec.json.encode(line)))
        return rows

    def targets(self) -> tuple[TargetLine, ...]:
        """Return how each target does."""
        return self._sender.lines() if self._sender else ()

    def open_count(self, severity: Severity) -> int:
        """Return how many alerts of a severity nobody has acknowledged."""
        return sum(alert.is_open and alert.severity is severity for alert in self._book)

    def _guard(self, report: ReportGuard) -> None:
        for entry in report.entries:
            if entry.act is GuardAct.ACKNOWLEDGED:
                seen = self._book.acknowledge(entry.name, entry.who, entry.at)
                log.info("alerts_acknowledged", ids=[alert.id for alert in seen], who=entry.who, why=entry.why)
            for finding in of_entry(entry):
                self.tell(finding)

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            if self._sender is not None:
                self._sender.send(message)

    def _mark_sent(self) -> None:
        for message in self._sender.take_delivered() if self._sender else ():
            self._book.mark_sent(message.alert_ids)

    def _ask_for_answers(self, now: Instant) -> None:
        if not self._policy.needs_answer:
            return
        late = self._book.unanswered(Instant(now - ANSWER_WITHIN))
        if bool(late) == self._unanswered:
            return
        self._unanswered = bool(late)
        named = ", ".join(f"{alert.id} ({alert.kind})" for alert in late[:_NAMED])
        which = (
            f"{named}: nobody has acknowledged it for {ANSWER_WITHIN // NS_PER_S} s; `arbitrage ack`" if late else ""
        )
        self._emit(AlertUnanswered(now, which))
