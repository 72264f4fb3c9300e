"""An order as a venue holds it, in the words of the domain: what it came to, how it ended, how it stands open."""

from decimal import Decimal

from arbitrage.domain.events import LegReport, OpenOrder
from arbitrage.domain.instants import Instant
from arbitrage.domain.plans import Fill, LegEnd, Order
from arbitrage.exchange.venue_orders import VenueOrder


def fill_of(order: VenueOrder) -> Fill:
    """Return what an order came to."""
    return Fill(
        quantity=order.executed_quantity,
        funds=order.executed_funds,
        fee=order.fee,
        fee_currency=order.trades[-1].fee_currency if order.trades else order.instrument.quote,
    )


def open_order_of(order: VenueOrder) -> OpenOrder:
    """Return a line of the list of open orders. What an order does not bound is 0 there."""
    asked = order.request
    return OpenOrder(
        client_id=asked.client_id,
        symbol=asked.symbol,
        side=asked.side,
        quantity=asked.quantity or Decimal(0),
        limit_price=asked.price or Decimal(0),
    )


def no_fill(quote: str) -> Fill:
    """Return the fill of an order that never came to a book."""
    return Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency=quote)


def end_of(order: Order, fill: Fill) -> LegEnd:
    """Name how an order that is over ended, by what it came to."""
    if fill.quantity == 0:
        return LegEnd.EMPTY
    return LegEnd.FILLED if fill.quantity == order.quantity else LegEnd.PARTIAL


def report_of(order: Order, fill: Fill, at: Instant, end: LegEnd | None = None) -> LegReport:
    """Return the report of an order that is over; how it ended follows from the fill unless `end` says it."""
    ended = end or end_of(order, fill)
    return LegReport(at=at, client_id=order.client_id, plan_id=order.plan_id, venue=order.venue, end=ended, fill=fill)
