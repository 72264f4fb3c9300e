"""The truth behind the wire: each private request with its verdict, every order, fill and balance. It only looks.

Tests and people compare it with what a client believes. The lists are bounded and say what they left out.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import plain
from arbitrage.exchange.venue_orders import VenueOrder, VenueTrade
from arbitrage.sandbox.floor import Floor

_Row = TypeVar("_Row")

KEPT: Final = 100_000
"""How many requests are remembered, and the most rows of one answer."""


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One private request. `verdict` is the status that the venue came to, None if it never got that far.

    `sent` is the status that the client was sent, None for nothing whole; `code` the venue's word for an error;
    `fault` what struck it. `took_ms` runs from the arrival to the verdict.
    """

    at_ms: int
    venue: Venue
    endpoint: str
    client_id: str
    verdict: int | None
    code: str
    sent: int | None
    fault: str | None
    took_ms: float


class Truth:
    """What happened on both venues."""

    def __init__(self, floors: Mapping[Venue, Floor], kept: int = KEPT) -> None:
        self._floors = floors
        self._requests: deque[RequestRow] = deque(maxlen=kept)
        self._noted = 0

    def note(self, row: RequestRow) -> None:
        """Remember a request; the oldest is dropped where there are too many."""
        self._noted += 1
        self._requests.append(row)

    def requests(self, limit: int) -> dict[str, Any]:
        """Return the newest requests, oldest first."""
        rows = list(_last(self._requests, limit))
        return {"total": self._noted, "dropped": self._noted - len(self._requests), "rows": rows}

    def orders(self, limit: int) -> dict[str, Any]:
        """Return the newest orders of each venue, oldest first."""
        total = sum(len(floor.core.orders) for floor in self._floors.values())
        return {"total": total, "rows": [_order(v, o) for v, o in self._newest(limit)]}

    def fills(self, limit: int) -> dict[str, Any]:
        """Return the newest fills of each venue, oldest first."""
        rows = [_fill(v, o, trade) for v, o in self._newest(KEPT) for trade in o.trades]
        return {"total": len(rows), "rows": list(_last(rows, limit))}

    def balances(self) -> dict[str, Any]:
        """Return each venue's balances, and what does not add up (nothing, for as long as the sandbox is right)."""
        return {
            venue.value: {
                "balances": {
                    currency: {"free": plain(held.free), "locked": plain(held.locked)}
                    for currency, held in sorted(floor.core.account.balances().items())
                },
                "discrepancy": _plainly(floor.core.account.discrepancy()),
            }
            for venue, floor in self._floors.items()
        }

    def net(self) -> dict[str, Any]:
        """Return what trading has changed since the start, by currency: on each venue, and over both."""
        by_currency: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
        for venue, floor in self._floors.items():
            account = floor.core.account
            for currency, held in account.balances().items():
                by_currency[currency][venue.value] = held.total - account.moved[currency]
        return {
            currency: _plainly({**changes, "net": sum(changes.values(), Decimal(0))})
            for currency, changes in sorted(by_currency.items())
        }

    def duplicates(self) -> dict[str, Any]:
        """Return the orders that share a client id on one venue: each is one that was sent twice and taken on twice."""
        found: list[dict[str, Any]] = []
        for venue, floor in self._floors.items():
            by_client: defaultdict[str, list[VenueOrder]] = defaultdict(list)
            for order in floor.core.orders.values():
                by_client[order.request.client_id].append(order)
            found += [
                {"venue": venue.value, "client_id": client_id, "orders": [_order(venue, order) for order in orders]}
                for client_id, orders in by_client.items()
                if client_id and len(orders) > 1
            ]
        return {"total": len(found), "rows": found}

    def _newest(self, limit: int) -> Iterator[tuple[Venue, VenueOrder]]:
        for venue, floor in self._floors.items():
            yield from ((venue, order) for order in _last(floor.core.orders.values(), limit))


def _last(rows: Iterable[_Row], limit: int) -> Iterable[_Row]:
    return deque(rows, maxlen=limit)


def _plainly(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: plain(amount) for name, amount in amounts.items()}


def _order(venue: Venue, order: VenueOrder) -> dict[str, Any]:
    request = order.request
    wanted = {"price": request.price, "quantity": request.quantity, "funds": request.funds}
    return {
        "venue": venue.value,
        "order_id": order.order_id,
        "client_id": request.client_id,
        "symbol": request.symbol,
        "side": request.side.value,
        "kind": request.kind.value,
        "time_in_force": request.time_in_force.value,
        **{name: None if value is None else plain(value) for name, value in wanted.items()},
        "state": order.state.value,
        "executed_quantity": plain(order.executed_quantity),
        "executed_funds": plain(order.executed_funds),
        "fee": plain(order.fee),
        "created_ms": order.created_at // NS_PER_MS,
        "updated_ms": order.updated_at // NS_PER_MS,
    }


def _fill(venue: Venue, order: VenueOrder, trade: VenueTrade) -> dict[str, Any]:
    return {
        "venue": venue.value,
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "client_id": order.request.client_id,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "price": plain(trade.price),
        "quantity": plain(trade.quantity),
        "fee": plain(trade.fee),
        "fee_currency": trade.fee_currency,
        "is_maker": trade.is_maker,
        "at_ms": trade.at // NS_PER_MS,
    }
