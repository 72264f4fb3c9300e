"""The one file that reads the machine's time."""

import time
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos

_OFF_NS: Final = NS_PER_S

# CLOCK_BOOTTIME goes on while the machine sleeps; where there is none, a sleep is caught up with below.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Wall time at start plus steady time since: no correction of the wall clock can move it back.

    A wall clock that is more than a second ahead is followed (a sleep, a correction after boot); one that was set back
    is not, so time that has been told never comes again.
    """

    def __init__(self) -> None:
        self._origin = _wall_ahead_of_steady()

    def now(self) -> Instant:
        """Return the present."""
        steady, wall = time.clock_gettime_ns(_STEADY), time.time_ns()
        if wall - steady - self._origin > _OFF_NS:
            self._origin = wall - steady
        return Instant(self._origin + steady)


class StepWatch:
    """Sees when somebody sets the wall clock: it leaves the steady one by more than a second between two looks."""

    def __init__(self) -> None:
        self._apart = _wall_ahead_of_steady()

    def step(self) -> Nanos:
        """Return by how much the wall clock was set since the last look; 0 if it was only corrected a little."""
        before, self._apart = self._apart, _wall_ahead_of_steady()
        moved = self._apart - before
        return Nanos(moved if abs(moved) > _OFF_NS else 0)


def _wall_ahead_of_steady() -> int:
    return time.time_ns() - time.clock_gettime_ns(_STEADY)
