"""A plan's order in the words of a venue, and why a venue would not take it on. Pure: knows no balance, no book."""

from arbitrage.domain.instruments import Instrument
from arbitrage.domain.plans import Order
from arbitrage.exchange.accounts import exactly
from arbitrage.exchange.order_checks import check_form, check_rules
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, Rejection, RejectReason, TimeInForce


def request_of(order: Order) -> OrderRequest:
    """Return the request that a plan's order is: a limit order that takes at once or not at all."""
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        kind=OrderKind.LIMIT,
        client_id=order.client_id,
        price=order.limit_price,
        quantity=order.quantity,
        time_in_force=TimeInForce.IOC,
    )


@exactly()
def rejection_of(order: Order, instrument: Instrument | None) -> Rejection | None:
    """Say why the venue would refuse an order, funds aside. `instrument` None: it has no such market."""
    if instrument is None:
        return Rejection(RejectReason.UNKNOWN_INSTRUMENT, order.symbol[:60])
    if instrument.halted:
        return Rejection(RejectReason.HALTED, instrument.halted)
    request = request_of(order)
    return check_form(request) or check_rules(request, instrument, order.limit_price)
