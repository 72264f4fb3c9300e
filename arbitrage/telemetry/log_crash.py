"""Logs what nobody caught: in the process, in a thread of it, or while something was taken apart. It saves nothing."""

import sys
import threading
from types import TracebackType

import structlog

log = structlog.get_logger()


def log_crashes() -> None:
    """Have everything that nobody catches logged from now on."""
    sys.excepthook = _uncaught
    threading.excepthook = _in_a_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("crashed", exc_info=error)


def _in_a_thread(told: threading.ExceptHookArgs) -> None:
    name = told.thread.name if told.thread else "unknown"
    log.critical("thread_crashed", thread=name, exc_info=told.exc_value)


def _unraisable(told: "sys.UnraisableHookArgs") -> None:
    log.error("not_raised", what=told.err_msg or "", exc_info=told.exc_value)
