"""Upbit's private REST in words: what an order looks like, and what replies say. Pure; it decides nothing.

Numbers are decimal texts (docs.upbit.com, rest-api-guide). Anything that cannot be believed raises ValueError.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import decimal_from_wire, plain
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.upbit_signing import signed_text

T = TypeVar("T")

SIDES: Final = {Side.BUY: "bid", Side.SELL: "ask"}
_OUR_SIDES: Final = {word: side for side, word in SIDES.items()}
_OVER: Final = frozenset({"done", "cancel"})
_ZERO: Final = Decimal(0)

_Text = Annotated[str, Meta(max_length=256)]
_Number = Annotated[str, Meta(max_length=40)]


class TradeRow(Struct):
    """One trade of an order."""

    volume: _Number
    funds: _Number


class OrderRow(Struct):
    """An order as GET /v1/order and the lists show it. What may be absent or null has a default."""

    uuid: _Text
    market: _Text
    side: _Text
    state: _Text
    executed_volume: _Number
    paid_fee: _Number
    created_at: _Text = ""
    volume: _Number | None = None
    executed_funds: _Number | None = None
    identifier: _Text | None = None
    trades: list[TradeRow] = field(default_factory=list)


class AccountRow(Struct):
    """One currency: `balance` is what is free."""

    currency: _Text
    balance: _Number
    locked: _Number


class _Bounds(Struct):
    min_total: _Number


class _ChanceMarket(Struct):
    bid: _Bounds
    ask: _Bounds
    max_total: _Number
    state: _Text
    bid_types: list[_Text]
    ask_types: list[_Text]


class ChanceRow(Struct):
    """What the account may do in a market."""

    bid_fee: _Number
    ask_fee: _Number
    market: _ChanceMarket


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What the account may do in a market: fees as fractions, totals in the quote currency."""

    bid_fee: Decimal
    ask_fee: Decimal
    min_total: Decimal
    max_total: Decimal
    is_active: bool
    takes_ioc: bool


def decoded(body: bytes, shape: type[T]) -> T:
    """Decode a body. Raises ValueError for what is not of that shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise ValueError(f"a reply that cannot be read ({type(e).__name__})") from e


class OrderForm:
    """What all orders of one market and side have in common: immediate-or-cancel, never matched with our own.

    Where it would meet an order that rests on the same account the venue cancels the newcomer, ours (`cancel_taker`):
    left out, it would be the other one, which may be a person's (docs.upbit.com, changelog add-smp-type-default). An
    order's id must need no escape: it is not looked at again.
    """

    def __init__(self, symbol: str, side: Side) -> None:
        fields = (
            ("market", symbol.replace("%", "%%")),
            ("side", SIDES[side]),
            ("ord_type", "limit"),
            ("price", "%s"),
            ("volume", "%s"),
            ("time_in_force", "ioc"),
            ("smp_type", "cancel_taker"),
            ("identifier", "%s"),
        )
        self._signed = signed_text(fields)
        self._sent = json.dumps(dict(fields), separators=(",", ":"))

    def fill_in(self, order: Order) -> tuple[str, str]:
        """Return an order as it is signed, and as it is sent."""
        gaps = plain(order.limit_price), plain(order.quantity), order.client_id
        return self._signed % gaps, self._sent % gaps


def standing(order: Order, body: bytes) -> tuple[ReplyKind, Fill | None]:
    """Read how an order stands: ACCEPTED or ENDED, with its fill. Raises ValueError if that cannot be believed.

    Without a fill, and ACCEPTED, if the venue has not yet listed the trades of what it has executed.
    """
    row = decoded(body, OrderRow)
    check_it_is(order, row)
    quantity = _amount(row.executed_volume)
    if quantity > order.quantity:
        raise ValueError("a reply with more executed than was ordered")
    funds = _funds(row, quantity)
    if funds is None:
        return ReplyKind.ACCEPTED, None
    quote = order.symbol.partition("-")[0]
    fill = Fill(quantity=quantity, funds=funds, fee=_amount(row.paid_fee), fee_currency=quote)
    return (ReplyKind.ENDED if row.state in _OVER else ReplyKind.ACCEPTED), fill


def check_it_is(order: Order, row: OrderRow) -> None:
    """Raise ValueError for a reply that is about another order."""
    if (row.identifier, row.market, row.side) != (order.client_id, order.symbol, SIDES[order.side]):
        raise ValueError("a reply about another order")


def listed(row: OrderRow) -> ListedOrder:
    """Read an order of a list. Raises ValueError."""
    if row.side not in _OUR_SIDES:
        raise ValueError("an order without a side")
    return ListedOrder(
        venue=Venue.UPBIT,
        symbol=row.market,
        order_id=row.uuid,
        client_id=row.identifier or "",
        side=_OUR_SIDES[row.side],
        quantity=_amount(row.volume or "0"),
        executed=_amount(row.executed_volume),
        is_open=row.state not in _OVER,
        created_at=instant(row.created_at),
    )


def balances(rows: list[AccountRow]) -> Mapping[str, Balance]:
    """Read what the account holds. Raises ValueError."""
    return {row.currency: Balance(_amount(row.balance), _amount(row.locked)) for row in rows}


def chance(row: ChanceRow) -> Chance:
    """Read what the account may do in a market. Raises ValueError."""
    market = row.market
    return Chance(
        bid_fee=_amount(row.bid_fee),
        ask_fee=_amount(row.ask_fee),
        min_total=max(_amount(market.bid.min_total), _amount(market.ask.min_total)),
        max_total=_amount(market.max_total),
        is_active=market.state == "active",
        takes_ioc="limit_ioc" in market.bid_types and "limit_ioc" in market.ask_types,
    )


def instant(text: str) -> Instant:
    """Read a time with its offset. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its offset")
    return Instant(round(at.timestamp()) * NS_PER_S)


def _funds(row: OrderRow, quantity: Decimal) -> Decimal | None:
    """Return what was paid for the quantity, or None if the trades that say it are not all there."""
    if row.executed_funds is not None:
        funds = _amount(row.executed_funds)
    elif sum((_amount(trade.volume) for trade in row.trades), _ZERO) == quantity:
        funds = sum((_amount(trade.funds) for trade in row.trades), _ZERO)
    else:
        return None
    return funds if (funds > 0) is (quantity > 0) else None


def _amount(text: str) -> Decimal:
    value = decimal_from_wire(text)
    if value < 0:
        raise ValueError("an amount below zero")
    return value
