"""`arbitrage limits --lower`: a stricter limit for the running daemon, until it ends. Nothing here can loosen one."""

import re
import sys
from decimal import Decimal
from typing import Final

from arbitrage.commands.delivery import deliver
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.errors import ConfigurationError, StateUnavailable
from arbitrage.domain.events import Command
from arbitrage.settings import Settings
from arbitrage.status import read_status
from liveguard.risk_limits import CAUTIOUS, RiskLimits

# Decimal() itself would also take "1_000", " 1", "1e9" and Arabic digits
_PLAIN: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def main(settings: Settings, change: str, reason: str, patience_s: float = PATIENCE_S) -> int:
    """Make one limit of the running daemon stricter. Returns 1 if no daemon took it.

    Raises ConfigurationError for a name that is none, a value that is none, and a value that is looser.
    """
    name, value = _understood(change)
    held = _limits_of(settings)
    try:
        held.lowered(name, value)
    except ValueError as failure:
        raise ConfigurationError(f"--lower: {failure}") from None
    setting = f"RISK_{name.upper()}={value:f}"
    if not deliver(Files(settings), a_request(Command.LOWER, reason, limit=name, value=value), patience_s):
        sys.stderr.write(f"arbitrage: no daemon answered; set {setting} for the next start\n")
        return 1
    if not wait_until(lambda: _shown(settings).get(name) == value, patience_s):
        sys.stderr.write("arbitrage: the daemon took it but does not show it; see `arbitrage limits` and its log\n")
        return 1
    sys.stdout.write(f"{name} is {value:f} until the daemon ends; set {setting} to keep it\n")
    return 0


def _understood(change: str) -> tuple[str, Decimal]:
    written, equals, text = change.partition("=")
    name = written.strip().lower().removeprefix("risk_")
    if not equals or name not in CAUTIOUS:
        raise ConfigurationError(f"--lower: must be NAME=VALUE with one of {', '.join(CAUTIOUS)}")
    if not _PLAIN.fullmatch(text.strip()):
        raise ConfigurationError(f"--lower: {name} must be a plain number such as 100000")
    return name, Decimal(text.strip())


def _limits_of(settings: Settings) -> RiskLimits:
    """Return the limits that hold: those given, made stricter by what the running daemon says it has."""
    limits = settings.risk_limits()
    for name, limit in _shown(settings).items():
        try:
            limits = limits.lowered(name, limit)
        except ValueError:  # the same, or looser: the daemon has another configuration, and judges for itself
            continue
    return limits


def _shown(settings: Settings) -> dict[str, Decimal]:
    try:
        status = {} if settings.state == "memory" else read_status(settings)
    except StateUnavailable:  # the mailbox works without Redis
        return {}
    return {line["name"]: line["limit"] for line in status["limits"]} if status.get("running") else {}
