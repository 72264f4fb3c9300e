"""What nobody caught, as it may be shown: its traceback without the secrets in it. Light, for the command line."""

import sys
import traceback
from types import TracebackType

from arbitrage.telemetry.cleaning import TRACE_LIMIT, clean_text


def clean_crashes() -> None:
    """Print what nobody caught without the secrets in it; for commands, which have no log."""
    sys.excepthook = _printed


def crash_text(error: BaseException) -> str:
    """Return an exception with its traceback, line by line as it may be shown."""
    told = "".join(traceback.format_exception(error))
    return "\n".join(clean_text(line, TRACE_LIMIT) for line in told.splitlines())


def _printed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        sys.stderr.write(f"{crash_text(error)}\n")
