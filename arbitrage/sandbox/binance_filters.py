"""The filters of Binance's symbols, and the core's refusals in the venue's words. Judges only; pure.

Filters and texts: the venue's filters and errors pages; the bounds are those of a usual USDT symbol.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument, Side
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, Rejection, RejectReason
from arbitrage.sandbox.binance_errors import BinanceError, bad_symbol, filter_failure, rejected

HIGHEST_PRICE: Final = Decimal(1_000_000)
LARGEST_LOT: Final = Decimal(9_000_000)
LARGEST_MARKET_LOT: Final = Decimal(100_000)
MOST_OPEN_ORDERS: Final = 200
HIGHEST_SHARE: Final = Decimal(5)
LOWEST_SHARE: Final = Decimal("0.2")

_REFUSALS: Final = {
    RejectReason.UNKNOWN_INSTRUMENT: bad_symbol(),
    RejectReason.HALTED: rejected("Market is closed."),
    RejectReason.BAD_TICK: filter_failure("PRICE_FILTER"),
    RejectReason.BAD_LOT: filter_failure("LOT_SIZE"),
    RejectReason.BELOW_MINIMUM: filter_failure("NOTIONAL"),
    RejectReason.ABOVE_MAXIMUM: filter_failure("NOTIONAL"),
    RejectReason.NO_FUNDS: rejected("Account has insufficient balance for requested action."),
    RejectReason.NO_LIQUIDITY: rejected("Order book liquidity is less than symbol minimum quantity."),
    RejectReason.WOULD_TAKE: rejected("Order would immediately match and take."),
    RejectReason.BAD_REQUEST: BinanceError(-1014, "Unsupported order combination."),
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What filters look at besides the order: best prices where there are any, and the open orders of the symbol."""

    bid: Decimal | None
    ask: Decimal | None
    open_orders: int


def check_filters(request: OrderRequest, instrument: Instrument, situation: Situation) -> None:
    """Raise BinanceError for the first filter that fails. What the core checks as well is left to it."""
    if request.price is not None:
        _check_price(request.price, request.side, instrument, situation)
    if request.quantity is not None:
        _check_quantity(request.quantity, instrument)
        if request.kind is OrderKind.MARKET and not request.quantity <= LARGEST_MARKET_LOT:
            raise filter_failure("MARKET_LOT_SIZE")
    if request.kind is OrderKind.LIMIT and situation.open_orders >= MOST_OPEN_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS")


def refusal(rejection: Rejection) -> BinanceError:
    """Put a refusal of the core into the venue's words."""
    said = _REFUSALS[rejection.reason]
    return BinanceError(said.code, said.message)


def _check_price(price: Decimal, side: Side, instrument: Instrument, situation: Situation) -> None:
    # the bounds come first: beyond them a remainder may have more digits than decimals can hold
    if not price <= HIGHEST_PRICE or price % instrument.ticks.at(price):
        raise filter_failure("PRICE_FILTER")
    # the venue takes the average price of five minutes; our touch is near enough
    usual = situation.bid if side is Side.BUY else situation.ask
    if usual is not None and not usual * LOWEST_SHARE <= price <= usual * HIGHEST_SHARE:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_quantity(quantity: Decimal, instrument: Instrument) -> None:
    if not instrument.min_quantity <= quantity <= LARGEST_LOT or quantity % instrument.lot:
        raise filter_failure("LOT_SIZE")
