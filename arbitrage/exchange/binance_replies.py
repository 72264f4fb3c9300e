"""What Binance says of orders and trades, decoded and held against what was asked. Pure; it decides nothing.

Whatever does not add up raises ValueError. Numbers are exact, from the venue's own text. Shapes: binance-spot-api-docs,
rest-api; statuses: enums, "Order status".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import USDT, decimal_from_wire
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.outcomes import NOT_DECODED

T = TypeVar("T")

_OVER: Final = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
_GOING_ON: Final = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_ZERO: Final = Decimal(0)


class _FillRow(Struct, rename="camel"):
    """One fill in the reply to a new order."""

    price: str
    qty: str
    commission: str
    commission_asset: str
    trade_id: int


class _OrderRow(Struct, rename="camel"):
    """An order in a reply to it, to a question, to a cancel, or in a list. `cummulative` is the venue's spelling."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    status: str
    orig_qty: str
    executed_qty: str
    cummulative_quote_qty: str
    orig_client_order_id: str = ""
    time: int = 0
    fills: list[_FillRow] = []
    code: int = 0
    msg: str = ""


class _TradeRow(Struct, rename="camel"):
    """One trade of ours."""

    symbol: str
    id: int
    order_id: int
    qty: str
    commission: str
    commission_asset: str


_ORDER: Final = msgspec.json.Decoder(_OrderRow)
_ORDERS: Final = msgspec.json.Decoder(list[_OrderRow])
_TRADES: Final = msgspec.json.Decoder(list[_TradeRow])


class Trade(Struct, frozen=True):
    """One fill: base `quantity`, and the `fee` that was taken for it."""

    trade_id: int
    quantity: Decimal
    fee: Decimal
    fee_currency: str


class OrderSeen(Struct, frozen=True, kw_only=True):
    """An order as a reply shows it. `trades` are there in the reply to a new order only."""

    order_id: int
    is_over: bool
    executed: Decimal
    funds: Decimal
    trades: tuple[Trade, ...]


def order_seen(body: bytes, order: Order) -> OrderSeen:
    """Read a reply that shows one order and no error. It must be ours. Raises ValueError if it cannot be believed."""
    row = _decoded(body, _ORDER)
    _hold(row.order_id > 0 and row.code == 0, "it is an error")
    amount = _Amounts()
    executed, funds = amount[row.executed_qty], amount[row.cummulative_quote_qty]
    _hold((row.orig_client_order_id or row.client_order_id) == order.client_id, "it is of another order")
    _hold(row.symbol == order.symbol and _SIDES.get(row.side) is order.side, "it is of another market or side")
    _hold(row.status in _OVER or row.status in _GOING_ON, "its status is not known")
    _hold(amount[row.orig_qty] == order.quantity, "its quantity is not what was ordered")
    _hold(executed <= order.quantity, "it executed more than was ordered")
    _hold(bool(executed) is bool(funds), "its quantity and its funds do not go together")
    _hold(row.status != "FILLED" or executed == order.quantity, "it is filled, and is not")
    trades = [Trade(r.trade_id, amount[r.qty], amount[r.commission], r.commission_asset) for r in row.fills]
    return OrderSeen(
        order_id=row.order_id, is_over=row.status in _OVER, executed=executed, funds=funds, trades=tuple(trades)
    )


def trades_of(body: bytes, order_id: int) -> tuple[Trade, ...]:
    """Read the trades of one order. Raises ValueError if they cannot be believed, or are not its own."""
    rows = _decoded(body, _TRADES)
    _hold(all(row.order_id == order_id for row in rows), "a trade is of another order")
    return tuple(Trade(r.id, _amount(r.qty), _amount(r.commission), r.commission_asset) for r in rows)


def fill_of(seen: OrderSeen, trades: Sequence[Trade], symbol: str) -> tuple[Fill, str]:
    """Return what an order came to, and a remark where its fee is not in base or quote alone ("" usually).

    A fee in one other currency is told as it is. Where several were taken, the fill holds the one in base or quote,
    because that is what moves the position, and the remark names the rest. Raises ValueError if the trades do not make
    up the order: then some are still to come.
    """
    ids: set[int] = set()
    fees: dict[str, Decimal] = {}
    quantity = _ZERO
    for trade in trades:
        ids.add(trade.trade_id)
        quantity += trade.quantity
        if trade.fee > _ZERO:
            fees[trade.fee_currency] = fees.get(trade.fee_currency, _ZERO) + trade.fee
    _hold(len(ids) == len(trades), "a trade is there twice")
    _hold(quantity == seen.executed, "its trades do not make up its quantity")
    base = symbol.removesuffix(USDT)
    currency = base if base in fees else USDT if USDT in fees else next(iter(fees), USDT)
    fill = Fill(quantity=seen.executed, funds=seen.funds, fee=fees.get(currency, _ZERO), fee_currency=currency)
    if not fees or (len(fees) == 1 and currency in (base, USDT)):
        return fill, ""
    others = [f"{fee} {name}" for name, fee in fees.items() if name != currency or name not in (base, USDT)]
    return fill, f"fees were taken in another currency: {', '.join(others)}"


def nothing_filled() -> Fill:
    """Return the fill of an order that came to nothing."""
    return Fill(quantity=_ZERO, funds=_ZERO, fee=_ZERO, fee_currency=USDT)


def listed_orders(body: bytes) -> tuple[ListedOrder, ...]:
    """Read a list of orders, whoever gave them. Raises ValueError if it cannot be believed."""
    return tuple([_listed(row) for row in _decoded(body, _ORDERS)])


def _listed(row: _OrderRow) -> ListedOrder:
    _hold(row.status in _OVER or row.status in _GOING_ON, "an order's status is not known")
    _hold(row.side in _SIDES, "an order's side is not known")
    _hold(0 <= row.time < 10**15, "an order's time is not a time")
    return ListedOrder(
        venue=Venue.BINANCE,
        symbol=row.symbol,
        order_id=str(row.order_id),
        client_id=row.client_order_id,
        side=_SIDES[row.side],
        quantity=_amount(row.orig_qty),
        executed=_amount(row.executed_qty),
        is_open=row.status in _GOING_ON,
        created_at=Instant(row.time * NS_PER_MS),
    )


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except NOT_DECODED as failure:
        raise ValueError(f"it cannot be read ({type(failure).__name__})") from failure


class _Amounts(dict[str, Decimal]):
    """The amounts of one reply by their text: one that is there twice, as where all was executed, is read once."""

    __slots__ = ()

    def __missing__(self, text: str) -> Decimal:
        value = self[text] = _amount(text)
        return value


def _amount(text: str) -> Decimal:
    value = decimal_from_wire(text)
    if value < _ZERO:
        raise ValueError("a quantity is below zero")
    return value


def _hold(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
