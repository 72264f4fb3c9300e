"""What an order costs: fees, what it can still take, what it must hold locked. It moves no money."""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Final

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderKind, VenueOrder

# Both venues keep eight decimals of every currency.
_STEP: Final = Decimal("0.00000001")
_ZERO: Final = Decimal(0)


class FeeRule(StrEnum):
    """Who pays a fee in what: Upbit charges it on top, in quote; Binance takes it out of what is received."""

    ON_TOP = "on_top"
    FROM_RECEIVED = "from_received"


def whole(quantity: Decimal, lot: Decimal) -> Decimal:
    """Return the whole lots in a quantity that is not negative, exactly: a quotient is cut, never rounded."""
    return quantity // lot * lot


@dataclass(frozen=True, slots=True)
class Costs:
    """One venue's way to charge. An order's fee is that of all it has executed, rounded up once, not trade by trade."""

    rule: FeeRule

    def fee_currency(self, order: VenueOrder) -> str:
        """Return what the order's fee is charged in."""
        return order.instrument.base if self._is_in_base(order) else order.instrument.quote

    def is_on_top(self, order: VenueOrder) -> bool:
        """Say whether the fee is paid beside the price, out of what is locked."""
        return self.rule is FeeRule.ON_TOP and order.request.side is Side.BUY

    def next_fee(self, order: VenueOrder, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the fee of a trade that the order has not booked yet.

        It is the fee of everything executed less what was charged before, and never more than what is received: the
        rest of a fee that a tiny trade cannot pay is left to the next one.
        """
        received = quantity if self._is_in_base(order) else price * quantity
        executed = order.executed_quantity if self._is_in_base(order) else order.executed_funds
        due = self._fee(order, executed + received) - order.fee
        return due if self.is_on_top(order) else min(due, received)

    def book(self, order: VenueOrder, price: Decimal, quantity: Decimal) -> Decimal:
        """Write a trade into the order's sums, fee and lock; return the fee."""
        fee, funds = self.next_fee(order, price, quantity), price * quantity
        order.executed_quantity += quantity
        order.executed_funds += funds
        order.fee += fee
        if order.request.side is Side.SELL:
            order.locked -= quantity
        else:
            order.locked -= funds + (fee if self.is_on_top(order) else _ZERO)
        return fee

    def wanted(self, order: VenueOrder, price: Decimal) -> Decimal:
        """Return the base that the order can still take at a price: what it asks for and its lock can pay."""
        request, lot = order.request, order.instrument.lot
        if request.kind is OrderKind.MARKET_FUNDS:
            return order.funds_left // (price * lot) * lot
        if request.kind is OrderKind.LIMIT or request.side is Side.SELL:
            return order.left
        # a market buy locked what the book asked when it came, and the book has moved since
        return order.left if self._can_pay(order, price, order.left) else self._affordable(order, price)

    def needed(self, order: VenueOrder) -> Decimal:
        """Return what the rest of an order can use at the most, in its locked currency.

        A market buy by quantity has no such bound: it keeps what it locked until it ends.
        """
        if order.request.side is Side.SELL:
            return order.left
        if order.request.kind is OrderKind.MARKET_FUNDS:
            return self.with_fee(order, order.funds_left)
        if order.request.price is None:
            return order.locked
        return self.with_fee(order, order.left * order.request.price)

    def with_fee(self, order: VenueOrder, funds: Decimal) -> Decimal:
        """Return what spending more funds takes out of a buy's lock."""
        if not self.is_on_top(order):
            return funds
        return funds + self._fee(order, order.executed_funds + funds) - order.fee

    def is_served(self, order: VenueOrder, price: Decimal) -> bool:
        """Say whether the order has what it can get at a price: an order by funds leaves what buys no lot."""
        by_funds = order.request.kind is OrderKind.MARKET_FUNDS
        return (self.wanted(order, price) if by_funds else order.left) <= 0

    def _can_pay(self, order: VenueOrder, price: Decimal, quantity: Decimal) -> bool:
        return self.with_fee(order, price * quantity) <= order.locked

    def _affordable(self, order: VenueOrder, price: Decimal) -> Decimal:
        """Return the whole lots that the lock can pay: the most, but for what less than a step of quote would buy."""
        lot, rate, ahead = order.instrument.lot, _ZERO, _ZERO
        if self.is_on_top(order):
            rate = order.instrument.taker_fee
            ahead = order.fee - order.executed_funds * rate  # by rounding, what was charged is a little ahead
        for rounding in (_ZERO, _STEP):
            spare = max(order.locked + ahead - rounding, _ZERO)
            quantity = spare // (price * (1 + rate) * lot) * lot
            if self._can_pay(order, price, quantity):
                return quantity
        return _ZERO

    def _is_in_base(self, order: VenueOrder) -> bool:
        return self.rule is FeeRule.FROM_RECEIVED and order.request.side is Side.BUY

    def _fee(self, order: VenueOrder, basis: Decimal) -> Decimal:
        # neither venue documents its rounding; up, so that what we work out is never better than what we get
        return (basis * order.instrument.taker_fee).quantize(_STEP, rounding=ROUND_UP)
