"""The files that a command and the daemon share, found by the settings, and requests ready to be left there."""

from decimal import Decimal

from arbitrage.clock import SystemClock
from arbitrage.commands.person import checked_reason, login
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import Latch
from arbitrage.local_files import HaltFile, LatchFile, Mailbox, Places, Request
from arbitrage.settings import Settings
from liveguard.mode_gate import decide


class Files:
    """Mailbox, halt file, latches file and intent log of the mode that the gate decides for now, with their paths."""

    def __init__(self, settings: Settings) -> None:
        mode = decide(settings.gate_evidence()).mode
        self.places = Places(settings.state_dir, settings.account_dir(mode), settings.halt_file)
        self.halt_path = self.places.halt_file
        self.halt_file = HaltFile(self.halt_path)
        self.mail_path = self.places.commands
        self.mailbox = Mailbox(self.mail_path)
        self.latch_file = LatchFile(self.places.latches)
        self.intent_log = self.places.intent_log

    def latches(self) -> tuple[Latch, ...]:
        """Return the latches that the daemon last wrote down."""
        return self.latch_file.read()


def a_request(
    command: Command, reason: str, *, latch: str = "", alert: str = "", limit: str = "", value: Decimal = Decimal(0)
) -> Request:
    """Return the request of whoever calls us, given now. Raises ConfigurationError for what no daemon would obey."""
    why = checked_reason(reason)
    try:
        return Request(command, login(), why, SystemClock().now(), limit=limit, value=value, latch=latch, alert=alert)
    except ValueError as failure:
        raise ConfigurationError(str(failure)) from None
