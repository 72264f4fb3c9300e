"""`arbitrage ack`: say that somebody has seen an alert, or all of them. The daemon notes it, with who and why."""

import sys
from collections.abc import Iterable

from arbitrage.commands.delivery import deliver
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.alerts import Alert
from arbitrage.domain.errors import ConfigurationError, StateUnavailable
from arbitrage.domain.events import Command
from arbitrage.settings import Settings
from arbitrage.status.alerts import read_open_alerts
from arbitrage.telemetry.cleaning import clean_text


def main(settings: Settings, alert: str, reason: str, patience_s: float = PATIENCE_S) -> int:
    """Acknowledge the alert of that id, or with an empty one all that are open. Returns 1 if no daemon took it.

    Raises ConfigurationError for an id that is not open, OperatorNeeded if the daemon's files cannot be written.
    """
    request = a_request(Command.ACK, reason, alert=alert)
    before = _open(settings)
    if before is not None and alert and alert not in _ids(before):
        raise ConfigurationError(
            f"ID: {alert!a} is not open; what is open: {', '.join(sorted(_ids(before))) or 'none'}"
        )
    if not deliver(Files(settings), request, patience_s):
        return _fail("no daemon answered; nothing was acknowledged")
    if before is None:
        return _say("the daemon took it; what of it was open cannot be seen without Redis")
    asked_for = [one for one in before if alert in {"", one.id}]
    if not wait_until(lambda: not _ids(asked_for) & _ids(_open(settings) or ()), patience_s):
        return _fail("the daemon took it but does not show it; see `arbitrage status` and its log")
    for one in asked_for:
        _say(f"acknowledged: {one.id} {one.kind}: {one.text}")
    return 0 if asked_for else _say("no alert is open")


def _open(settings: Settings) -> list[Alert] | None:
    """Return the alerts that are open; None where that cannot be seen, which must keep nobody from answering."""
    try:
        return None if settings.state == "memory" else read_open_alerts(settings)
    except StateUnavailable:
        return None


def _ids(alerts: Iterable[Alert]) -> set[str]:
    return {alert.id for alert in alerts}


def _say(text: str) -> int:
    sys.stdout.write(f"{clean_text(text)}\n")  # whatever wrote the alert
    return 0


def _fail(reason: str) -> int:
    sys.stderr.write(f"arbitrage: {reason}\n")
    return 1
