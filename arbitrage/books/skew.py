"""How far our clock is from a venue's, as far as its frames can tell. An estimate to show, never a gate by itself."""

from collections import deque

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos

_SECONDS_KEPT = 60


class LeastDelay:
    """The least (arrival - the venue's time stamp) over the last minute.

    A frame's time stamp is at best the moment it left, so the least delay is the clock difference plus the shortest
    way. One delayed frame, or an old book sent as a first snapshot, cannot disturb it.
    """

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_SECONDS_KEPT)
        self._second_ends, self._least = 0, 0

    def add(self, arrival: Instant, stamped: int) -> None:
        """Take one frame's arrival and its stamp, both in ns."""
        delay = arrival - stamped
        if arrival >= self._second_ends:
            second = arrival // NS_PER_S
            self._second_ends, self._least = (second + 1) * NS_PER_S, delay
            self._seconds.append((second, delay))
        elif delay < self._least:
            self._least = delay
            self._seconds[-1] = (self._seconds[-1][0], delay)

    def estimate(self, now: Instant) -> Nanos | None:
        """Return the least delay of the last minute, or None if there was no frame in it."""
        oldest = now // NS_PER_S - _SECONDS_KEPT
        return min((Nanos(delay) for second, delay in self._seconds if second > oldest), default=None)
