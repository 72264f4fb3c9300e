"""The figures that Upbit shows of an order at one moment of its life: before it matched, after a fill, now. Pure.

Replies and frames show the same figures in different writing. They are worked out from the fills so far and not taken
from what the order holds at present, because the venue answers before it matches and tells each fill as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, VenueOrder, VenueState, VenueTrade
from arbitrage.sandbox.upbit_private_requests import BestRequest

_ZERO: Final = Decimal(0)
_UNIT: Final = Decimal("0.00000001")

STATE_WORDS: Final = {
    VenueState.ACCEPTED: "wait",
    VenueState.OPEN: "wait",
    VenueState.FILLED: "done",
}
"""The venue's word for a state of REST; every other end is `cancel`, a market buy's that spent all it could as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An order at one moment. Fees and funds in quote; `price` and the volumes are None where the order has none.

    `price` is per unit, or the KRW to spend where the order is bounded by that.
    """

    state: str
    price: Decimal | None
    volume: Decimal | None
    remaining_volume: Decimal | None
    executed_volume: Decimal
    executed_funds: Decimal
    reserved_fee: Decimal
    remaining_fee: Decimal
    paid_fee: Decimal
    locked: Decimal
    prevented_volume: Decimal
    prevented_locked: Decimal
    trades: Sequence[VenueTrade]

    @property
    def average_price(self) -> Decimal:
        """Return what a unit has cost so far, or zero."""
        return self.executed_funds / self.executed_volume if self.executed_volume else _ZERO


def as_asked(request: OrderRequest, fee_rate: Decimal) -> Figures:
    """Show an order of which nothing has happened yet."""
    return _figures(request, fee_rate, (), (_ZERO, _ZERO), "wait")


def as_accepted(order: VenueOrder) -> Figures:
    """Show an order as it was taken on: what a reply to a new order says, whatever has happened since."""
    return as_asked(order.request, order.instrument.taker_fee)


def as_of_trade(order: VenueOrder, trade: VenueTrade) -> Figures:
    """Show an order right after one of its fills."""
    return _of_order(order, order.trades[: order.trades.index(trade) + 1], "wait")


def as_it_stands(order: VenueOrder) -> Figures:
    """Show an order as it is now."""
    return _of_order(order, tuple(order.trades), STATE_WORDS.get(order.state, "cancel"))


def _of_order(order: VenueOrder, trades: Sequence[VenueTrade], state: str) -> Figures:
    prevented = (order.prevented_quantity, order.prevented_funds)
    return _figures(order.request, order.instrument.taker_fee, trades, prevented, state)


def _figures(
    request: OrderRequest,
    fee_rate: Decimal,
    trades: Sequence[VenueTrade],
    prevented: tuple[Decimal, Decimal],
    state: str,
) -> Figures:
    executed, funds, paid = _sums(trades)
    left = None if request.quantity is None else request.quantity - executed - prevented[0]
    price, volume = _asked(request)
    rest = _value(request, left, funds + prevented[1])
    selling = request.side is Side.SELL
    # the fee of a sale is taken from what it brings, so that nothing is set aside for it
    remaining_fee = _ZERO if selling else _fee(funds + rest, fee_rate) - paid
    return Figures(
        state=state,
        price=price,
        volume=volume,
        remaining_volume=None if volume is None else left,
        executed_volume=executed,
        executed_funds=funds,
        reserved_fee=_ZERO if selling else _fee(_value(request, request.quantity), fee_rate),
        remaining_fee=remaining_fee,
        paid_fee=paid,
        locked=(left or _ZERO) if selling else rest + remaining_fee,
        prevented_volume=prevented[0],
        prevented_locked=prevented[0] if selling else prevented[1] or prevented[0] * (request.price or _ZERO),
        trades=trades,
    )


def _sums(trades: Sequence[VenueTrade]) -> tuple[Decimal, Decimal, Decimal]:
    """Return the base and the quote executed, and the fee paid."""
    if not trades:
        return _ZERO, _ZERO, _ZERO
    return trades[-1].order_quantity, trades[-1].order_funds, trades[-1].order_fee


def _asked(request: OrderRequest) -> tuple[Decimal | None, Decimal | None]:
    """Return the price and the volume that the client gave."""
    if isinstance(request, BestRequest):
        return request.asked, None if request.asked is not None else request.quantity
    return (request.funds if request.kind is OrderKind.MARKET_FUNDS else request.price), request.quantity


def _value(request: OrderRequest, quantity: Decimal | None, spent: Decimal = _ZERO) -> Decimal:
    """Return what a buy can cost at the most, fee aside."""
    if request.kind is OrderKind.MARKET_FUNDS:
        return (request.funds or _ZERO) - spent
    return (quantity or _ZERO) * (request.price or _ZERO)


def _fee(value: Decimal, rate: Decimal) -> Decimal:
    # as the matching core rounds it
    return (value * rate).quantize(_UNIT, rounding=ROUND_UP)
