"""PaperGateway: where Paper's orders go, and its questions after them. Nothing that it sends leaves this process.

It has no permit, no keys and no sender: there is no way from here to a real venue.
"""

from collections.abc import Mapping

from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order
from arbitrage.paper.venue import PaperVenue
from arbitrage.ports import Emit


class PaperGateway:
    """The way to both venues (Gateway): it sends what it is given."""

    def __init__(self, venues: Mapping[Venue, PaperVenue], say: Emit) -> None:
        self._venues = venues
        self._say = say

    def submit(self, *orders: Order) -> None:
        """Send each order to its venue (Gateway)."""
        for order in orders:
            self._venues[order.venue].place(order, self._say)

    def ask(self, order: Order) -> None:
        """Ask what became of an order (Gateway)."""
        self._venues[order.venue].ask(order, self._say)

    def cancel(self, order: Order) -> None:
        """Ask that an order be taken back (Gateway)."""
        self._venues[order.venue].cancel(order, self._say)

    def inspect(self, order: Order) -> None:
        """Look for an order in its venue's lists, and at the balances there (Gateway)."""
        self._venues[order.venue].inspect(order, self._say)
