"""Alerts, wired for one run: who is called, who has to answer, and how a start and an end are told."""

from arbitrage.domain.alerts import Severity
from arbitrage.domain.instants import Instant
from arbitrage.ports import Clock, Emit
from arbitrage.settings import Settings
from arbitrage.telemetry.alert_rules import Finding
from arbitrage.telemetry.alert_targets import make_sender
from arbitrage.telemetry.alerts import AlertDesk, AlertPolicy
from liveguard.mode_gate import Mode, ModeDecision


def make_desk(settings: Settings, mode: Mode, clock: Clock, emit: Emit) -> AlertDesk:
    """Return the desk for the alerts of a run. Raises ConfigurationError for an address that nobody understands."""
    asked = settings.alert_ack_required
    policy = AlertPolicy(
        name=f"{mode.value} {settings.app_env}",
        least=Severity(settings.alert_min_severity),
        # whom nobody can call cannot be expected to answer
        needs_answer=(mode is Mode.LIVE and settings.alert_urls is not None) if asked is None else asked,
    )
    return AlertDesk(policy, make_sender(settings.alert_urls, clock), clock, emit)


def the_start(decision: ModeDecision, version: str, at: Instant) -> Finding:
    """Return what to tell of a start: the mode, and what keeps it from Live."""
    unmet = ", ".join(layer.name for layer in decision.unmet)
    text = f"arbitrage {version} started in {decision.mode.value}{f', not live because of {unmet}' if unmet else ''}"
    severity = Severity.WARNING if decision.mode is Mode.LIVE else Severity.INFO
    return Finding(at=at, severity=severity, kind="started", subject=decision.mode.value, text=text)


def the_end(lost: Exception | None, failure: Exception | None, *, asked: bool, at: Instant) -> Finding:
    """Return what to tell of an end: whether somebody asked for it, or why it came."""
    kind, text = "stopped", "the daemon was stopped on purpose" if asked else "the daemon ended, and nobody asked it to"
    if lost is not None:
        kind, text = "lease_lost", f"the daemon ended: {lost}"
    elif failure is not None:
        kind, text = "engine_failed", f"the engine failed ({type(failure).__name__}), and the daemon ended"
    is_wanted = asked and kind == "stopped"
    return Finding(at=at, severity=Severity.INFO if is_wanted else Severity.CRITICAL, kind=kind, text=text)
