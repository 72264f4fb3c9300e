"""The one file that reads the machine's time."""

import time

from arbitrage.domain.instants import Instant


class SystemClock:
    """Wall time at start plus monotonic time since, so that no correction of the wall clock can move it back."""

    def __init__(self) -> None:
        self._origin = time.time_ns() - time.monotonic_ns()

    def now(self) -> Instant:
        """Return the present."""
        return Instant(self._origin + time.monotonic_ns())
