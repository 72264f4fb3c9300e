"""The circuit breaker: pauses that end by themselves, once the cause is gone and the cool-down is over.

Backward time clears nothing: a trip ends only at an instant that lies its whole cool-down after its cause was seen.
"""

from dataclasses import dataclass

from arbitrage.domain.guarding import Trip
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos


@dataclass(slots=True)
class Tripped:
    """One trip: since when, why, when its cause was seen last, and whether the cause is there now."""

    since: Instant
    why: str
    seen_at: Instant
    present: bool


class CircuitBreaker:
    """The trips that are active. A cause is held while it lasts, or strikes once."""

    def __init__(self, cooldown_s: int) -> None:
        self.active: dict[Trip, Tripped] = {}
        self.set_cooldown(cooldown_s)

    def set_cooldown(self, seconds: int) -> None:
        """Say how long a trip lasts after its cause was seen last."""
        self._cooldown = Nanos(seconds * NS_PER_S)

    def hold(self, trip: Trip, at: Instant, why: str) -> bool:
        """Say that a cause is there now; True if that trips the breaker."""
        return self._see(trip, at, why, present=True)

    def strike(self, trip: Trip, at: Instant, why: str) -> bool:
        """Say that a cause was there for a moment; True if that trips the breaker."""
        return self._see(trip, at, why, present=False)

    def gone(self, trip: Trip) -> None:
        """Say that a cause that was held is not there any more."""
        if trip in self.active:
            self.active[trip].present = False

    def clear_over(self, at: Instant) -> tuple[Trip, ...]:
        """Clear, and return, the trips whose cause is gone and whose cool-down is over."""
        over = tuple(
            trip
            for trip, tripped in self.active.items()
            if not tripped.present and at - tripped.seen_at >= self._cooldown
        )
        for trip in over:
            del self.active[trip]
        return over

    def _see(self, trip: Trip, at: Instant, why: str, *, present: bool) -> bool:
        tripped = self.active.get(trip)
        if tripped is None:
            self.active[trip] = Tripped(at, why, at, present)
            return True
        # a strike says nothing of a cause that is held: that one is there until it is said to be gone
        tripped.seen_at, tripped.present = max(tripped.seen_at, at), tripped.present or present
        return False
