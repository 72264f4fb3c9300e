"""How many messages may go to a venue: a bucket that refills by the time it is told, with a reserve for ways out."""

from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant

RESERVED_PART: Final = 3
"""One of so many messages is kept for cancels and unwinds."""


class MessageBucket:
    """One venue's order messages. It counts and answers; it never waits and never refuses a way out."""

    def __init__(self, per_second: int) -> None:
        self._left = float(per_second)
        self._at = Instant(0)
        self.allow(per_second)

    def allow(self, per_second: int) -> None:
        """Set how many messages may leave in a second."""
        self._most = float(per_second)
        self._per_ns = per_second / NS_PER_S
        self._reserve = per_second // RESERVED_PART

    def left_for_open(self, at: Instant) -> float:
        """Return how many messages new plans may still send at an instant; below one is none."""
        return self.left(at) - self._reserve

    def take(self, at: Instant) -> None:
        """Count a message that leaves. A way out may overdraw the bucket: that holds new plans back for longer."""
        self._left = max(self.left(at) - 1.0, -self._most)
        self._at = max(self._at, at)

    def left(self, at: Instant) -> float:
        """Return how many messages may leave at an instant, ways out included. Backward time refills nothing."""
        since = at - self._at
        refilled = self._left + self._per_ns * since if since > 0 else self._left
        return refilled if refilled < self._most else self._most
