"""Alerts for tests: findings with good defaults, a post office that keeps what it is handed, a desk on both."""

from dataclasses import replace

from arbitrage.domain.alerts import Alert, Severity, TargetLine
from arbitrage.domain.events import AlertUnanswered, Event
from arbitrage.domain.guarding import GuardAct, GuardEntry
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Publish, ReportGuard
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EngineView
from arbitrage.telemetry.alert_pace import Message
from arbitrage.telemetry.alert_rules import Finding
from arbitrage.telemetry.alerts import AlertDesk, AlertPolicy
from tests.clocks import NOON, ManualClock
from tests.plan_builders import a_view


def seconds(after_noon: float) -> Instant:
    return Instant(NOON + round(after_noon * NS_PER_S))


def a_finding(
    kind: str = "naked_leg", severity: Severity = Severity.CRITICAL, at: Instant = NOON, **given: str
) -> Finding:
    return Finding(at=at, severity=severity, kind=kind, text=given.pop("text", "p-1: open for too long"), **given)  # type: ignore[arg-type]


def an_alert(alert_id: str = "7-1", at: Instant = NOON, severity: Severity = Severity.CRITICAL) -> Alert:
    return Alert(
        id=alert_id,
        at=at,
        last_at=at,
        severity=severity,
        kind="naked_leg",
        text="p-1: open for too long",
        runbook="docs/runbook.md#naked-leg",
    )


def an_entry(act: GuardAct, name: str, why: str = "because", who: str = "guard", at: Instant = NOON) -> GuardEntry:
    return GuardEntry(at=at, act=act, name=name, who=who, why=why)


def told_of(*entries: GuardEntry) -> ReportGuard:
    return ReportGuard(NOON, 1, "2026-11-22", entries, ())


def seen(at: Instant = NOON, **fields: object) -> EngineView:
    return replace(a_view(at), **fields)  # type: ignore[arg-type]


class Post:
    """Takes messages over (Sender); whether a target takes them is up to the test."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.sent: list[Message] = []
        self.is_closed = False
        self._delivered: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)
        if self.works:
            self._delivered.append(message)

    def take_delivered(self) -> list[Message]:
        delivered, self._delivered = self._delivered, []
        return delivered

    def lines(self) -> tuple[TargetLine, ...]:
        problem = "" if self.works else "it refused the message or could not be reached"
        return (TargetLine(name="1:json", problem=problem, sent=len(self.sent)),)

    def close(self, wait_s: float) -> None:
        self.is_closed = True


class Office:
    """A desk, its clock, its post, and what it told the engine."""

    def __init__(
        self, *, least: Severity = Severity.INFO, needs_answer: bool = True, past: tuple[Alert, ...] = ()
    ) -> None:
        self.clock = ManualClock()
        self.post = Post()
        self.told: list[Event] = []
        policy = AlertPolicy(name="live test", least=least, needs_answer=needs_answer)
        self.desk = AlertDesk(policy, self.post, self.clock, self.told.append)
        self.desk.begin(Remembered(epoch="e", fence=7, alerts=past))

    def find(self, *findings: Finding) -> "Office":
        for finding in findings:
            self.desk.tell(finding)
        return self

    def see(self, *views: EngineView) -> "Office":
        for view in views:
            self.desk.publish(Publish(view))
        return self

    def acknowledge(self, alert_id: str = "", who: str = "mina@desk") -> "Office":
        self.desk.publish(told_of(an_entry(GuardAct.ACKNOWLEDGED, alert_id, "seen", who, self.clock.now())))
        return self

    def after(self, pause_s: float) -> "Office":
        self.clock.advance(pause_s)
        self.desk.look()
        return self

    @property
    def titles(self) -> list[str]:
        return [message.title.removeprefix("[live test] ") for message in self.post.sent]

    @property
    def unanswered(self) -> list[str]:
        return [event.which for event in self.told if isinstance(event, AlertUnanswered)]
