"""Requests on their way to a simulated venue, over one connection: each takes its latency, and none overtakes."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from arbitrage.domain.instants import Instant, after
from arbitrage.exchange.simulation_models import Latency
from arbitrage.exchange.venue_orders import VenueOrder


@dataclass(frozen=True, slots=True)
class Request:
    """An order that is to be matched, or cancelled, when it arrives at `due`."""

    due: Instant
    order: VenueOrder
    is_cancel: bool


class UnderWay:
    """A queue in the order of sending, which is the order of arriving."""

    def __init__(self, latency: Latency) -> None:
        self._latency = latency
        self._requests: deque[Request] = deque()

    def send(self, order: VenueOrder, at: Instant, *, is_cancel: bool = False) -> None:
        """Let a request leave at an instant."""
        due = after(at, self._latency.draw())
        if self._requests:
            due = max(due, self._requests[-1].due)
        self._requests.append(Request(due, order, is_cancel))

    def arrived(self, until: Instant) -> Iterator[Request]:
        """Yield the requests that are due, up to an instant inclusive; they are gone then."""
        while self._requests and self._requests[0].due <= until:
            yield self._requests.popleft()
