"""`arbitrage watch`: a picture of the daemon on this terminal, kept up to date. It changes nothing."""

import sys
from functools import partial
from typing import Final

from rich.console import Console

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import ConfigurationError, StateUnavailable
from arbitrage.settings import Settings
from arbitrage.status import IN_MEMORY, NEVER_RAN
from arbitrage.watch.frame import Frame
from arbitrage.watch.loop import Lookout, watch
from arbitrage.watch.reading import look

_PIPE: Final = 120
"""Columns where nobody looks: a pipe has no width."""


def main(settings: Settings, once: bool) -> int:
    """Watch until Ctrl-C; with `once`, print one picture. Returns 1 if there is nothing to see.

    Raises ConfigurationError without a terminal, and with `once` StateUnavailable.
    """
    if settings.state == "memory":
        sys.stderr.write(f"arbitrage: {IN_MEMORY}\n")
        return 1
    clock = SystemClock()
    if not once:
        if not sys.stdout.isatty():
            raise ConfigurationError("watch needs a terminal; `arbitrage watch --once` prints one picture")
        return watch(partial(look, settings), clock)
    seen = Lookout(partial(look, settings)).once()
    if seen.problem:
        raise StateUnavailable(seen.problem)
    if seen.picture is None:
        sys.stderr.write(f"arbitrage: {NEVER_RAN}\n")
        return 1
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPE).print(Frame(seen, clock.now()))
    return 0
