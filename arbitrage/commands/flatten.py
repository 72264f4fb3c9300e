"""`arbitrage flatten`: everything to neutral, then no new plans. The daemon does it; this asks, and tells how it goes.

Hedges that a halted daemon holds back are released by it: a person says that they may go.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from arbitrage.clock import SystemClock
from arbitrage.commands.delivery import deliver, shown_since
from arbitrage.commands.halt import WAY_BACK
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.local_files import Request
from arbitrage.settings import Settings
from arbitrage.status import IN_MEMORY
from arbitrage.status.flights import what_is_open

WORK_S: Final = 60.0
"""How long it is watched: an order that a venue does not know takes 15 s, five ways out some seconds more."""

_LOOK_S: Final = 0.2


def main(settings: Settings, reason: str, work_s: float = WORK_S, patience_s: float = PATIENCE_S) -> int:
    """Ask the running daemon to flatten, and watch. Returns 1 if nobody answers or something is left open.

    Raises OperatorNeeded if the daemon's files cannot be written.
    """
    files, request = Files(settings), a_request(Command.FLATTEN, reason)
    if not deliver(files, request, patience_s):
        return _nobody(files, request)
    if settings.state == "memory":
        return _fail(f"the daemon flattens, which cannot be watched: {IN_MEMORY}")
    way = _Way(settings, request.given_at)
    if wait_until(way.is_over, work_s, _LOOK_S):
        after_s = (SystemClock().now() - request.given_at) / NS_PER_S
        return _say(f"flat after {after_s:.1f} s: no plan is in flight{way.left_over}; no new plans: {WAY_BACK}")
    return _fail(f"{way.not_yet}; the daemon goes on trying, see `arbitrage status`")


class _Way:
    """The way to neutral as the daemon shows it. Each change is told once."""

    def __init__(self, settings: Settings, since: Instant) -> None:
        self._settings = settings
        self._since = since
        self._told = ""
        self.left_over = ""
        self.not_yet = "the daemon has shown nothing new since it was asked"

    def is_over(self) -> bool:
        """Look, tell what changed, and say whether it is halted and no plan is in flight any more."""
        try:
            status = shown_since(self._settings, self._since)
        except StateUnavailable as failure:
            self.not_yet = f"what is left cannot be seen: {failure}"
            return False
        if status is None:
            return False
        self.left_over = _left_over(status["positions"])
        flying = "; ".join(f"{flight['plan_id']}: {what_is_open(flight)}" for flight in status["flights"])
        if flying not in {"", self._told}:
            _say(f"in flight: {flying}")
            self._told = flying
        self.not_yet = f"still in flight: {flying}" if flying else "nothing is in flight, and it does not show the halt"
        # a look from between the asking and the hearing may be empty too; the latch says that it was heard
        return not status["flights"] and any(latch["name"] == LatchKind.OPERATOR for latch in status["latches"])


def _left_over(positions: Mapping[str, Any]) -> str:
    dust = ", ".join(f"{amount:+f} {base}" for base, amount in positions.items() if amount)
    return f", too small to be hedged: {dust}" if dust else ""


def _nobody(files: Files, request: Request) -> int:
    from arbitrage.intents import is_being_written  # noqa: PLC0415 - heavy, and seldom needed

    who = "a daemon is running and does not answer" if is_being_written(files.intent_log) else "no daemon answered"
    path = files.halt_path.absolute()
    try:
        files.halt_file.write(request.who, f"flatten: {request.why}", request.given_at)
    except OSError as failure:
        return _fail(f"{who}: nothing was flattened, and {path} cannot be written ({failure.strerror})")
    return _fail(f"{who}: nothing was flattened; {path} holds for the next start, which settles what is in flight")


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    return 0


def _fail(reason: str) -> int:
    sys.stderr.write(f"arbitrage: {reason}\n")
    return 1
