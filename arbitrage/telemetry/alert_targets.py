"""Where people are told: addresses in the form of apprise (Telegram, Slack, Discord, mail and many more).

The library is heavy, so it is loaded only where an address is given. An address holds tokens and is never shown.
"""

import logging
import warnings
from random import Random
from typing import TYPE_CHECKING, Final

from arbitrage.domain.alerts import Severity
from arbitrage.domain.errors import ConfigurationError
from arbitrage.ports import Clock
from arbitrage.redaction import conceal
from arbitrage.telemetry.alert_pace import Message
from arbitrage.telemetry.alert_sender import AlertSender

if TYPE_CHECKING:
    from pydantic import SecretStr

MOST_TARGETS: Final = 10
"""Each has a thread of its own."""


class AppriseTarget:
    """One address (`Target`). Raises ConfigurationError if the library does not know what it is."""

    def __init__(self, number: int, address: str) -> None:
        from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415 - heavy

        # what it logs may hold the address; why it failed is not told in a form that could be cleaned for sure
        logging.getLogger("apprise").disabled = True
        self.name = f"{number}:{address.partition('://')[0].lower()}"
        self._format = NotifyFormat.TEXT
        self._types = {
            Severity.CRITICAL: NotifyType.FAILURE,
            Severity.WARNING: NotifyType.WARNING,
            Severity.INFO: NotifyType.INFO,
        }
        self._apprise = Apprise(asset=AppriseAsset(app_id="arbitrage", app_desc="arbitrage", async_mode=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks at all of its plugins here, and some of them are old
            is_understood = self._apprise.add(address)
        if not is_understood:
            raise ConfigurationError(f"ALERT_URLS: address {self.name} is none that apprise understands")

    def notify(self, message: Message) -> str:
        """Bring a message; each step of it has a time-out of the library's, 4 s (Target)."""
        is_taken = self._apprise.notify(
            title=message.title,
            body=message.body,
            notify_type=self._types[message.severity],
            body_format=self._format,
        )
        return "" if is_taken else "it refused the message or could not be reached"


def make_sender(addresses: "SecretStr | None", clock: Clock) -> AlertSender | None:
    """Return who sends to these addresses, separated by spaces; None if there are none.

    Raises ConfigurationError naming the address that nobody understands.
    """
    if addresses is None:
        return None
    written = addresses.get_secret_value()
    conceal([written])
    found = written.split()
    if len(found) > MOST_TARGETS:
        raise ConfigurationError(f"ALERT_URLS: at most {MOST_TARGETS} addresses, these are {len(found)}")
    targets = [AppriseTarget(number, address) for number, address in enumerate(found, 1)]
    return AlertSender(targets, clock, Random(clock.now()))
