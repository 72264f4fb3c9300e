"""`arbitrage resume`: clear what a person may clear, with a reason. The daemon judges; this says what stays."""

import sys
from collections.abc import Iterable
from contextlib import suppress

from arbitrage.commands.daemons import living
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.errors import ConfigurationError, OperatorNeeded, StateUnavailable
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.settings import Settings
from liveguard.latches import CLEARED_BY_DAY


def main(settings: Settings, reason: str, latch: str = "", patience_s: float = PATIENCE_S) -> int:
    """Ask the daemon to clear its latches, or the one that `latch` names. Returns 1 if one of them stays.

    Raises ConfigurationError for a latch that does not hold, OperatorNeeded if the daemon's files cannot be written.
    """
    files = Files(settings)
    request = a_request(Command.RESUME, reason, latch=latch)
    before = _asked_for(files.latches(), latch)
    if latch and not before:
        held = ", ".join(held.name for held in files.latches()) or "none"
        raise ConfigurationError(f"--latch: {latch!a} does not hold; what holds: {held}")
    try:
        # the halt file first: as long as it lies there, the daemon halts again
        was_halted = latch in {"", LatchKind.OPERATOR} and files.halt_file.read() is not None
        if was_halted:
            files.halt_file.remove()
        letter = files.mailbox.drop(request)
    except OSError as failure:
        raise OperatorNeeded(
            f"{settings.state_dir}: cannot be written ({failure.strerror}); is it the daemon's?"
        ) from None
    if not wait_until(lambda: not letter.exists(), patience_s):
        return _unanswered(settings, files)
    wait_until(lambda: not _clearable(_asked_for(files.latches(), latch)), patience_s)
    return _tell(before, _asked_for(files.latches(), latch), was_halted)


def _unanswered(settings: Settings, files: Files) -> int:
    from arbitrage.intents import is_being_written  # noqa: PLC0415 - heavy, and seldom needed

    where = files.mail_path.absolute()
    if is_being_written(files.intent_log):
        sys.stderr.write(f"arbitrage: the daemon hangs: it has not taken the request in {where}\n")
        return 1
    if _lives_elsewhere(settings):
        sys.stderr.write(f"arbitrage: a daemon runs, but with another STATE_DIR: it does not see {where}\n")
        return 1
    _say(f"no daemon runs; the request lies in {where} for the next start")
    return 0


def _lives_elsewhere(settings: Settings) -> bool:
    with suppress(StateUnavailable):  # without Redis nobody can tell
        return bool(living(settings))
    return False


def _asked_for(latches: Iterable[Latch], name: str) -> tuple[Latch, ...]:
    return tuple(latch for latch in latches if name in {"", latch.name})


def _clearable(latches: Iterable[Latch]) -> list[Latch]:
    return [latch for latch in latches if latch.kind not in CLEARED_BY_DAY]


def _tell(before: Iterable[Latch], after: tuple[Latch, ...], was_halted: bool) -> int:
    stay = {latch.name for latch in after}
    cleared = [latch.name for latch in before if latch.name not in stay]
    if cleared:
        _say(f"cleared: {', '.join(cleared)}")
    elif not after:
        _say("resumed" if was_halted else "nothing was latched")
    for latch in after:
        hint = "; only the next trading day clears it" if latch.kind in CLEARED_BY_DAY else ""
        sys.stderr.write(f"arbitrage: {latch.name} stays: {latch.why}{hint}\n")
    return 1 if after else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
