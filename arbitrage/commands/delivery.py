"""Bringing a request to a running daemon, and seeing what it shows afterwards. It judges neither."""

from arbitrage.clock import SystemClock
from arbitrage.commands.places import Files
from arbitrage.commands.waiting import wait_until
from arbitrage.domain.errors import OperatorNeeded
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.local_files import Request
from arbitrage.settings import Settings
from arbitrage.status import read_status
from arbitrage.status.shape import Status


def deliver(files: Files, request: Request, patience_s: float) -> bool:
    """Leave a request and tell whether a daemon took it; if none does, it is taken back.

    Raises OperatorNeeded if the mailbox cannot be written.
    """
    try:
        letter = files.mailbox.drop(request)
    except OSError as failure:
        raise OperatorNeeded(f"{files.mail_path}: cannot be written ({failure.strerror})") from None
    if wait_until(lambda: not letter.exists(), patience_s):
        return True
    try:
        letter.unlink()
    except FileNotFoundError:  # a daemon was quicker than we
        return True
    return False


def shown_since(settings: Settings, since: Instant) -> Status | None:
    """Return the status of a running daemon if it has shown something new since then. Raises StateUnavailable."""
    waited_s = (SystemClock().now() - since) / NS_PER_S
    status = read_status(settings)
    is_newer = bool(status) and status["running"] and status["view_age_s"] < waited_s
    return status if is_newer else None
