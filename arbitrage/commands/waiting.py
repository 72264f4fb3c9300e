"""Waiting for a daemon to do what it was told, with an end. It looks; it does nothing."""

import time
from collections.abc import Callable
from typing import Final

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_S

PATIENCE_S: Final = 2.0
"""How long a command waits for a running daemon, which looks into its mailbox each 50 ms."""

_LOOK_S: Final = 0.005


def wait_until(is_done: Callable[[], bool], seconds: float, look_s: float = _LOOK_S) -> bool:
    """Look each `look_s` until something is done; False if it was not within `seconds`."""
    clock = SystemClock()
    give_up = clock.now() + round(seconds * NS_PER_S)
    while not is_done():
        if clock.now() >= give_up:
            return False
        time.sleep(look_s)
    return True
