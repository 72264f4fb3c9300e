"""Upbit's register of one account's orders: uuids, identifiers that are burnt for ever, and who hears of a new one.

It takes orders to the floor and finds them again. It writes nothing and knows no HTTP.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid5

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderRequest, Rejection, VenueOrder, VenueTrade
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_figures import as_asked
from arbitrage.sandbox.upbit_private_params import Params
from arbitrage.sandbox.upbit_private_requests import SIDE_WORDS, read_identifier, read_order, refusal

_NAMESPACE: Final = UUID("8a5e0f2c-6c1b-4d0a-9f0e-3a7e1c5b2d94")


class Register:
    """All orders of the account, by the names that the venue gives them.

    `on_accepted` is called with each order that came through here, before anything else is told of it.
    """

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.on_accepted: Callable[[VenueOrder], None] = _nobody
        self._by_uuid: dict[str, VenueOrder] = {}
        self._burnt: set[str] = set()

    def uuid(self, order: VenueOrder) -> str:
        """Return an order's name. It can be asked for by that name from now on."""
        # the time makes names differ between runs, as clients that remember the last one expect
        name = _name(f"order {order.order_id}", order.created_at)
        self._by_uuid[name] = order
        return name

    def create(self, params: Params) -> VenueOrder:
        """Take a new order on. Raises Refused; its identifier is burnt all the same."""
        self._burn(read_identifier(params))
        request = self._read(params)
        order = self.floor.submit(request)
        if isinstance(order, Rejection):
            raise refusal(order, request, self.floor.core.instruments)
        self.uuid(order)
        self.on_accepted(order)
        return order

    def rehearse(self, params: Params) -> OrderRequest:
        """Put a new order through all checks and make none of it. Raises Refused."""
        read_identifier(params)
        request = self._read(params)
        core = self.floor.core
        self.floor.best(request.symbol, request.side)  # brings the core's book up to now
        rejection = core.check(request)
        if rejection is not None:
            raise refusal(rejection, request, core.instruments)
        instrument = core.instruments[request.symbol]
        currency = instrument.base if request.side is Side.SELL else instrument.quote
        if core.account.balance(currency).free < as_asked(request, instrument.taker_fee).locked:
            raise Refused("insufficient_funds", currency, SIDE_WORDS[request.side])
        return request

    def find(self, uuid: str | None, identifier: str | None) -> VenueOrder:
        """Return an order by its name, else by the client's. Raises Refused where there is none."""
        if uuid is None and identifier is None:
            raise Refused("validation_error", "uuid or identifier is missing")
        order = self._by_uuid.get(uuid) if uuid is not None else self.floor.core.by_client(identifier or "")
        if order is None:
            raise Refused("order_not_found")
        return order

    def find_visible(self, uuid: str | None, identifier: str | None) -> VenueOrder:
        """Return an order as `find` does, once queries may see it."""
        order = self.find(uuid, identifier)
        if not self.floor.is_visible(order):
            raise Refused("order_not_found")
        return order

    def find_all(self, uuids: list[str], identifiers: list[str], most: int) -> list[VenueOrder]:
        """Return the known ones of some orders, newest first. Raises Refused for none or too many names."""
        if not 0 < len(uuids or identifiers) <= most:
            raise Refused("validation_error", f"1 to {most} uuids or identifiers are needed")
        found = [self._by_uuid.get(uuid) for uuid in uuids] if uuids else self._by_identifiers(identifiers)
        unique = {order.order_id: order for order in found if order is not None}
        return [unique[order_id] for order_id in sorted(unique, reverse=True)]

    def _by_identifiers(self, identifiers: list[str]) -> list[VenueOrder | None]:
        return [self.floor.core.by_client(identifier) for identifier in identifiers]

    def _burn(self, identifier: str) -> None:
        # docs.upbit.com new-order: used is used, whether or not an order came of it
        if identifier in self._burnt:
            raise Refused("duplicated_identifier")
        if identifier:
            self._burnt.add(identifier)

    def _read(self, params: Params) -> OrderRequest:
        return read_order(params, self.floor.core.instruments, self.floor.best)


def trade_uuid(trade: VenueTrade) -> str:
    """Return a fill's name."""
    return _name(f"trade {trade.trade_id}", trade.at)


def rehearsal_uuid(at: Instant) -> str:
    """Return the name of an order that was only tried; nothing can be found by it."""
    return _name("rehearsal", at)


def _name(what: str, at: Instant) -> str:
    return str(uuid5(_NAMESPACE, f"{what} {at}"))


def _nobody(_: VenueOrder) -> None:
    """Nobody listens yet."""
