"""Holding the intent log: one process writes it, and others can see that one does. It reads and writes nothing."""

import fcntl
import os
from pathlib import Path

from arbitrage.domain.errors import StateHeld


def open_held(path: Path) -> int:
    """Return a descriptor that appends to the log, made if it is not there, and ours alone until it is closed.

    Raises StateHeld if another process holds it, OSError if it cannot be opened.
    """
    lines = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lines)
        if isinstance(error, BlockingIOError):
            raise StateHeld(f"another daemon writes {path}: stop it, or set another STATE_DIR") from error
        raise
    return lines


def is_being_written(path: Path) -> bool:
    """Tell whether a running process holds the log: a daemon is there, whatever Redis says."""
    try:
        lines = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lines, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lines)
    return False
