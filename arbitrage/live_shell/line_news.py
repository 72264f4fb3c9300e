"""LineNews: what order connections tell of themselves, as events. It opens and closes none."""

from arbitrage.domain.events import VenueTrouble
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock, Emit


class LineNews:
    """Tells when the last connection to a venue's order entry is gone: its breaker counts that."""

    def __init__(self, venue: Venue, clock: Clock, emit: Emit) -> None:
        self._venue = venue
        self._clock = clock
        self._emit = emit

    def up(self) -> None:
        """Let a connection that stands pass: nothing follows from it."""

    def down(self, reason: str) -> None:
        """Tell that no order can be sent."""
        self._emit(VenueTrouble(self._clock.now(), self._venue, f"no connection for orders: {reason}"))
