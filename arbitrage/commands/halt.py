"""`arbitrage halt`: no new plans from now on, through a file, the mailbox and, for a daemon elsewhere, Redis.

What is open is still hedged and closed: a halt never strands a leg.
"""

import sys
from pathlib import Path
from typing import Final

from arbitrage.clock import SystemClock
from arbitrage.commands.daemons import QUICK_S, ring
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.errors import OperatorNeeded, StateUnavailable
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.local_files import Request
from arbitrage.settings import Settings
from arbitrage.status import read_status

WAY_BACK: Final = "`arbitrage resume --reason ...` allows them again"


def main(settings: Settings, reason: str, patience_s: float = PATIENCE_S) -> int:
    """Halt, and say what came of it. Returns 0. Raises OperatorNeeded if nothing at all could be told."""
    files, request = Files(settings), a_request(Command.HALT, reason)
    held = _operators_latch(files)
    letter, filing_problem = _drop(files, request), _file(files, request)
    try:
        if held is not None and not filing_problem:
            return _say(f"halted already, by {held.who}: {held.why}; {WAY_BACK}")
        if wait_until(lambda: _operators_latch(files) is not None, QUICK_S):
            return _confirmed(request)
        rung = _ring(settings, request)
        if letter is None and filing_problem and not rung:
            raise OperatorNeeded(
                f"{filing_problem}, and no daemon answers in Redis: nothing was halted, stop it by hand"
            )
        if wait_until(lambda: _operators_latch(files) is not None or (rung and _is_halted(settings)), patience_s):
            return _confirmed(request)
        return _unconfirmed(files, rung, filing_problem)
    finally:
        if letter is not None and not filing_problem:
            letter.unlink(missing_ok=True)  # the file holds by itself; a `resume` must not meet the letter later


def _drop(files: Files, request: Request) -> Path | None:
    """Leave the letter, which names the person; None if it cannot be left."""
    try:
        return files.mailbox.drop(request)
    except OSError:
        return None


def _file(files: Files, request: Request) -> str:
    """Write the halt file; return why it cannot be written, or nothing."""
    try:
        files.halt_file.write(request.who, request.why, request.given_at)
    except OSError as failure:
        return f"{files.halt_path.absolute()}: {failure.strerror}"
    return ""


def _ring(settings: Settings, request: Request) -> bool:
    try:
        return bool(ring(settings, request))
    except StateUnavailable:
        return False


def _confirmed(request: Request) -> int:
    after_ms = (SystemClock().now() - request.given_at) / NS_PER_MS
    return _say(f"halted after {after_ms:.0f} ms: no new plans, what is open is still closed; {WAY_BACK}")


def _unconfirmed(files: Files, rung: bool, filing_problem: str) -> int:
    from arbitrage.intents import is_being_written  # noqa: PLC0415 - heavy, and seldom needed

    if rung or is_being_written(files.intent_log):
        return _say("a daemon is running but has not confirmed: it halts when it looks; see `arbitrage status`")
    what = f"the request in {files.mail_path.absolute()}" if filing_problem else files.halt_path.absolute()
    return _say(f"no daemon answered; {what} holds for the next start; {WAY_BACK}")


def _operators_latch(files: Files) -> Latch | None:
    return next((latch for latch in files.latches() if latch.kind is LatchKind.OPERATOR), None)


def _is_halted(settings: Settings) -> bool:
    try:
        latches = read_status(settings).get("latches", [])
    except StateUnavailable:
        return False
    return any(latch["name"] == LatchKind.OPERATOR for latch in latches)


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return 0
