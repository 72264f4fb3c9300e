"""The clock of a scenario's machine: virtual time that a person may set. Like the real one it never runs back.

A wall that is set ahead is followed; one that is set back is not, until the process starts anew.
"""

from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.ports import Clock

_OFF_NS: Final = NS_PER_S
"""A smaller correction is not followed, and nobody is told of it."""


class Wall:
    """What the process takes for the present (Clock). Venues go by `true` time, whatever is done to this one."""

    def __init__(self, true: Clock) -> None:
        self.true = true
        self._set_to = self._ahead = 0

    def now(self) -> Instant:
        """Return the present."""
        return Instant(self.true.now() + self._ahead)

    def set_by(self, seconds: float) -> Nanos:
        """Set the machine's clock; return by how much the process sees it step, 0 if that is too little to be seen."""
        by = Nanos(round(seconds * NS_PER_S))
        self._set_to += by
        if self._set_to - self._ahead > _OFF_NS:
            self._ahead = self._set_to
        return by if abs(by) > _OFF_NS else Nanos(0)

    def start_anew(self) -> None:
        """Begin a new process: it reads the machine's clock as it is now."""
        self._ahead = self._set_to
