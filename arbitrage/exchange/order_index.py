"""The orders of one account, found by id, by client id, or by how they stand. It changes no order."""

from collections import defaultdict
from decimal import Decimal

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import VenueOrder, VenueState


class OrderIndex:
    """All orders that were ever taken on, and which of them are not over."""

    def __init__(self) -> None:
        self.orders: dict[int, VenueOrder] = {}
        self._live: defaultdict[str, list[VenueOrder]] = defaultdict(list)
        self._by_client: dict[str, VenueOrder] = {}

    def add(self, order: VenueOrder) -> None:
        """Take up a new order."""
        self.orders[order.order_id] = order
        self._live[order.request.symbol].append(order)
        if order.request.client_id:
            self._by_client[order.request.client_id] = order

    def by_client(self, client_id: str) -> VenueOrder | None:
        """Return the newest order of a client id."""
        return self._by_client.get(client_id)

    def live(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the orders that are not over, oldest first: of one market or of all."""
        symbols = tuple(self._live) if symbol is None else (symbol,)
        found = [order for each in symbols for order in self._live_in(each)]
        return sorted(found, key=lambda order: order.order_id)

    def resting(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the orders that rest, oldest first: of one market or of all."""
        return [order for order in self.live(symbol) if order.state is VenueState.OPEN]

    def makers(self, symbol: str, side: Side) -> list[VenueOrder]:
        """Return the resting orders of a side, best price first, then oldest."""
        makers = [order for order in self.resting(symbol) if order.request.side is side]
        return sorted(makers, key=lambda order: -side.sign * limit_of(order))

    def _live_in(self, symbol: str) -> list[VenueOrder]:
        # whoever ends an order does not know of this list: it is cleared out when it is looked at
        live = [order for order in self._live.get(symbol, ()) if not order.is_over]
        if symbol in self._live:
            self._live[symbol] = live
        return live


def limit_of(order: VenueOrder) -> Decimal:
    """Return the limit of an order that rests: they all have one. Raises ValueError for another."""
    if order.request.price is None:
        raise ValueError(f"order {order.order_id} has no limit and cannot rest")
    return order.request.price
