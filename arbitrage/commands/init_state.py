"""`arbitrage init-state`: begin the guard's account anew, because a person says that what it holds is not to count.

Only while no daemon runs. What dies half-way is found by the next start as a state that does not fit its log: it stops.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from arbitrage.clock import SystemClock
from arbitrage.commands.daemons import living
from arbitrage.commands.person import checked_reason, login
from arbitrage.commands.places import Files
from arbitrage.domain.errors import ConfigurationError, OperatorNeeded, StateHeld, StateUnavailable
from arbitrage.domain.money import won
from arbitrage.intents import is_being_written
from arbitrage.settings import Settings
from arbitrage.state.glance import TIMEOUT_S, ask
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.status import IN_MEMORY
from liveguard.mode_gate import Mode, decide

_JOURNAL_ROWS: Final = 200_000
_UNITS: Final = re.compile(r"-?[0-9]{1,16}", re.ASCII)


def main(settings: Settings, reason: str, yes: bool) -> int:
    """Show what is forgotten, ask, and forget it. Returns 1 if the person says no, or if nothing is kept at all.

    Raises StateHeld while a daemon runs, StateUnavailable if Redis does not answer, ConfigurationError without a
    terminal to ask at and without `yes`.
    """
    if settings.state == "memory":
        return _fail(IN_MEMORY)
    why, files = checked_reason(reason), Files(settings)
    _refuse_if_running(settings, files)
    mode = decide(settings.gate_evidence()).mode
    keys = StateKeys(settings.guard_namespace(mode))
    told = "\n".join(_told(settings, keys, files))
    if not _is_meant(told, yes):
        return _fail("nothing was changed")
    _refuse_if_running(settings, files)  # a person may have thought about it for long
    _forget_in_redis(settings, mode, keys, why)
    moved = _forget_here(files)
    log = f"; the intent log is kept as {moved.absolute()}" if moved else ""
    sys.stdout.write(f"{keys.namespace}: forgotten; the next start begins anew{log}\n")
    if files.halt_file.read() is not None:
        sys.stdout.write(f"{files.halt_path.absolute()} is still there; `arbitrage resume --reason ...` removes it\n")
    return 0


def _refuse_if_running(settings: Settings, files: Files) -> None:
    if is_being_written(files.intent_log) or living(settings, TIMEOUT_S):
        raise StateHeld("a daemon is running; stop it first: its losses and latches are being written")


def _told(settings: Settings, keys: StateKeys, files: Files) -> Iterator[str]:
    yield f"{keys.namespace} would forget:"
    names = {held.name for held in files.latches()}
    try:
        (day, day_units, total_units), reserved, latches = ask(
            RedisAddress.of(settings),
            ("HMGET", keys.guard, "day", "day_units", "total_units"),
            ("HLEN", keys.guard_reserved),
            ("HKEYS", keys.guard_latches),
        )
    except StateUnavailable as damaged:  # a key of another type is what a person may want to be rid of
        yield f"  what Redis holds cannot be understood: {damaged}"
    else:
        names |= {_text(name) for name in latches}
        yield f"  result of {_text(day)}: {_krw(day_units)}; in all: {_krw(total_units)}; plans in flight: {reserved}"
    yield f"  latches: {', '.join(sorted(names)) or 'none'}"
    yield f"  intent log: {files.intent_log.absolute() if files.intent_log.exists() else 'none'}"


def _is_meant(told: str, yes: bool) -> bool:
    sys.stdout.write(f"{told}\n")
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError("--yes: needed where nobody can be asked")
    sys.stdout.write("Forget it? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _forget_in_redis(settings: Settings, mode: Mode, keys: StateKeys, why: str) -> None:
    now = SystemClock().now()
    row = msgspec.json.encode(
        {"namespace": keys.namespace, "who": login(), "why": why, "version": version("arbitrage")}
    )
    journal = StateKeys(namespace_of(mode, settings.app_env)).journal
    fields = ("kind", "init_state", "at", now, "mode", mode.value, "row", row)
    # the evidence first: what cannot be written down is not done
    ask(
        RedisAddress.of(settings),
        ("XADD", journal, "MAXLEN", "~", _JOURNAL_ROWS, "*", *fields),
        ("DEL", keys.guard, keys.guard_reserved, keys.guard_results, keys.guard_latches),
    )


def _forget_here(files: Files) -> Path | None:
    log = files.intent_log
    kept = log.with_name(f"{log.stem}-{SystemClock().now()}-forgotten{log.suffix}")
    try:
        moved = log.exists()
        if moved:
            log.rename(kept)
        files.latch_file.remove()
    except OSError as failure:
        raise OperatorNeeded(f"{failure.filename}: {failure.strerror}; mend that and give the command again") from None
    return kept if moved else None


def _krw(units: bytes | None) -> str:
    text = _text(units)
    return f"{won(int(text)):+,} KRW" if _UNITS.fullmatch(text) else text


def _text(raw: Any) -> str:
    return raw.decode(errors="replace")[:40] if isinstance(raw, bytes) else "unknown"


def _fail(reason: str) -> int:
    sys.stderr.write(f"arbitrage: {reason}\n")
    return 1
