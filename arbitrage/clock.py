"""The one file that reads the machine's time."""

import time
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant

_OFF_NS: Final = NS_PER_S

# CLOCK_BOOTTIME goes on while the machine sleeps; where there is none, a sleep is caught up with below.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Wall time at start plus steady time since: no correction of the wall clock can move it back.

    A wall clock that is more than a second ahead is followed (a sleep, a correction after boot); one that was set back
    is not, so time that has been told never comes again.
    """

    def __init__(self) -> None:
        self._origin = time.time_ns() - time.clock_gettime_ns(_STEADY)

    def now(self) -> Instant:
        """Return the present."""
        steady, wall = time.clock_gettime_ns(_STEADY), time.time_ns()
        if wall - steady - self._origin > _OFF_NS:
            self._origin = wall - steady
        return Instant(self._origin + steady)
