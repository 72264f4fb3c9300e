"""Whether an order may be taken on, funds aside: its form, its grid, its bounds. Pure; it looks at one request."""

from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument
from arbitrage.domain.money import plain
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, Rejection, RejectReason, TimeInForce

# price, quantity, funds
_GIVEN: Final = {
    OrderKind.LIMIT: (True, True, False),
    OrderKind.MARKET: (False, True, False),
    OrderKind.MARKET_FUNDS: (False, False, True),
}

# Past these a number is not an amount of anything; a remainder of it could cost a great deal of time or memory.
_LARGEST: Final = Decimal("1e18")
_FINEST_EXPONENT: Final = -30


def check_form(request: OrderRequest) -> Rejection | None:
    """Say what is wrong with an order before any market is looked at."""
    given = (request.price, request.quantity, request.funds)
    if tuple(number is not None for number in given) != _GIVEN[request.kind]:
        return _bad("price, quantity or funds do not fit the kind of order")
    if request.kind is OrderKind.MARKET_FUNDS and request.side.sign < 0:
        return _bad("only a buy can be bounded by funds")
    if request.kind is not OrderKind.LIMIT and request.time_in_force is TimeInForce.POST_ONLY:
        return _bad("only a limit order can wait without taking")
    if not all(is_amount(number) for number in given if number is not None):
        return _bad("a number is not an amount above zero")
    return None


def check_rules(request: OrderRequest, instrument: Instrument, best: Decimal | None) -> Rejection | None:
    """Say which of the instrument's rules an order of good form breaks. `best` is the market's price for it, if any."""
    return _off_grid(request, instrument) or _out_of_bounds(request, instrument, best)


def is_amount(number: Decimal) -> bool:
    """Say whether a number can be a price or a quantity of anything: above zero, and within reason."""
    if not (number.is_finite() and 0 < number <= _LARGEST):
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _FINEST_EXPONENT


def _off_grid(request: OrderRequest, instrument: Instrument) -> Rejection | None:
    price, quantity = request.price, request.quantity
    if price is not None and price % instrument.ticks.at(price):
        return Rejection(RejectReason.BAD_TICK, plain(price), plain(instrument.ticks.at(price)))
    if quantity is None:
        return None
    if quantity % instrument.lot:
        return Rejection(RejectReason.BAD_LOT, plain(quantity), plain(instrument.lot))
    # how much base is a matter of the lot rule on the venues; minimum and maximum are said of the quote
    if quantity < instrument.min_quantity:
        return Rejection(RejectReason.BAD_LOT, plain(quantity), plain(instrument.min_quantity))
    if quantity > instrument.max_quantity:
        return Rejection(RejectReason.BAD_LOT, plain(quantity), plain(instrument.max_quantity))
    return None


def _out_of_bounds(request: OrderRequest, instrument: Instrument, best: Decimal | None) -> Rejection | None:
    price = best if request.price is None else request.price
    if price is None:
        return Rejection(RejectReason.NO_LIQUIDITY, request.symbol)
    notional = request.funds if request.quantity is None else price * request.quantity
    if notional is None or notional < instrument.min_notional:
        return Rejection(RejectReason.BELOW_MINIMUM, plain(notional or Decimal(0)), plain(instrument.min_notional))
    if notional > instrument.max_notional:
        return Rejection(RejectReason.ABOVE_MAXIMUM, plain(notional), plain(instrument.max_notional))
    return None


def _bad(why: str) -> Rejection:
    return Rejection(RejectReason.BAD_REQUEST, why)
