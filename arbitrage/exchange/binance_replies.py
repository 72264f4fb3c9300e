"""What Binance says of orders and trades, decoded and held against what was asked. Pure; it decides nothing.

Whatever does not add up raises ValueError. Numbers are exact, from the venue's own text. Shapes: binance-spot-api-docs,
rest-api; statuses: enums, "Order status".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
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


class _TradeRow(Struct, rename="camel"):
    """One trade of ours."""

    symbol: str
    id: int
    order_id: int
    qty: str
    commission: str
    commission_asset: str


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: base `quantity`, and the `fee` that was taken for it."""

    trade_id: int
    quantity: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order as a reply shows it. `trades` are there in the reply to a new order only."""

    order_id: int
    is_over: bool
    executed: Decimal
    funds: Decimal
    trades: tuple[Trade, ...]


def order_seen(body: bytes, order: Order) -> OrderSeen:
    """Read a reply that shows one order, which must be ours. Raises ValueError if it cannot be believed."""
    row = _decoded(body, _OrderRow)
    executed, funds = _amount(row.executed_qty), _amount(row.cummulative_quote_qty)
    _hold((row.orig_client_order_id or row.client_order_id) == order.client_id, "it is of another order")
    _hold(row.symbol == order.symbol and _SIDES.get(row.side) is order.side, "it is of another market or side")
    _hold(row.status in _OVER or row.status in _GOING_ON, "its status is not known")
    _hold(_amount(row.orig_qty) == order.quantity, "its quantity is not what was ordered")
    _hold(executed <= order.quantity, "it executed more than was ordered")
    _hold((executed > 0) is (funds > 0), "its quantity and its funds do not go together")
    _hold(row.status != "FILLED" or executed == order.quantity, "it is filled, and is not")
    trades = (Trade(r.trade_id, _amount(r.qty), _amount(r.commission), r.commission_asset) for r in row.fills)
    return OrderSeen(
        order_id=row.order_id, is_over=row.status in _OVER, executed=executed, funds=funds, trades=tuple(trades)
    )


def trades_of(body: bytes, order_id: int) -> tuple[Trade, ...]:
    """Read the trades of one order. Raises ValueError if they cannot be believed, or are not its own."""
    rows = _decoded(body, list[_TradeRow])
    _hold(all(row.order_id == order_id for row in rows), "a trade is of another order")
    return tuple(Trade(r.id, _amount(r.qty), _amount(r.commission), r.commission_asset) for r in rows)


def fill_of(seen: OrderSeen, trades: Sequence[Trade], symbol: str) -> tuple[Fill, str]:
    """Return what an order came to, and a remark where its fee is not in base or quote alone ("" usually).

    A fee in one other currency is told as it is. Where several were taken, the fill holds the one in base or quote,
    because that is what moves the position, and the remark names the rest. Raises ValueError if the trades do not make
    up the order: then some are still to come.
    """
    _hold(len({trade.trade_id for trade in trades}) == len(trades), "a trade is there twice")
    _hold(sum((trade.quantity for trade in trades), _ZERO) == seen.executed, "its trades do not make up its quantity")
    fees: dict[str, Decimal] = defaultdict(Decimal)
    for trade in trades:
        if trade.fee > 0:
            fees[trade.fee_currency] += trade.fee
    ours = [currency for currency in (symbol.removesuffix(USDT), USDT) if currency in fees]
    currency = next(iter(ours or fees), USDT)
    others = [f"{fee} {name}" for name, fee in fees.items() if not ours or name != currency]
    remark = f"fees were taken in another currency: {', '.join(others)}" if others else ""
    fee = fees.get(currency, _ZERO)
    return Fill(quantity=seen.executed, funds=seen.funds, fee=fee, fee_currency=currency), remark


def nothing_filled() -> Fill:
    """Return the fill of an order that came to nothing."""
    return Fill(quantity=_ZERO, funds=_ZERO, fee=_ZERO, fee_currency=USDT)


def listed_orders(body: bytes) -> tuple[ListedOrder, ...]:
    """Read a list of orders, whoever gave them. Raises ValueError if it cannot be believed."""
    return tuple(map(_listed, _decoded(body, list[_OrderRow])))


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


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except NOT_DECODED as failure:
        raise ValueError(f"it cannot be read ({type(failure).__name__})") from failure


def _amount(text: str) -> Decimal:
    value = decimal_from_wire(text)
    _hold(value >= 0, "a quantity is below zero")
    return value


def _hold(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
