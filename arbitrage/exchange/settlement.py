"""Where an order's money moves: locked, traded, given back. It says what happened and decides no match."""

from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side
from arbitrage.exchange.accounts import Account
from arbitrage.exchange.costs import Costs
from arbitrage.exchange.venue_orders import Change, Ended, OrderKind, Traded, VenueOrder, VenueState, VenueTrade

_ZERO: Final = Decimal(0)


class Settlement:
    """The orders' side of one account. An order and the account's lock for it change together, here only."""

    def __init__(self, account: Account, costs: Costs) -> None:
        self._account = account
        self._costs = costs
        self._next_trade = 1

    def hold(self, order: VenueOrder, amount: Decimal) -> bool:
        """Lock an amount for a new order; False, and nothing changed, if it is not free."""
        if not self._account.lock(order.locked_currency, amount):
            return False
        order.locked = amount
        return True

    def trade(
        self, order: VenueOrder, price: Decimal, quantity: Decimal, at: Instant, *, as_maker: bool
    ) -> list[Change]:
        """Fill a part of an order; it ends if that was all of it."""
        fee = self._costs.book(order, price, quantity)
        self._move_money(order, price * quantity, quantity, fee)
        self._release(order)
        trade = VenueTrade(
            trade_id=self._next_trade,
            order_id=order.order_id,
            symbol=order.request.symbol,
            side=order.request.side,
            price=price,
            quantity=quantity,
            funds=price * quantity,
            fee=fee,
            fee_currency=self._costs.fee_currency(order),
            is_maker=as_maker,
            at=at,
            order_quantity=order.executed_quantity,
            order_funds=order.executed_funds,
            order_fee=order.fee,
            order_locked=order.locked,
        )
        self._next_trade += 1
        order.trades.append(trade)
        order.updated_at = at
        return [Traded(order, trade), *([self.end(order, VenueState.FILLED, at)] if order.has_all else [])]

    def prevent(self, order: VenueOrder, price: Decimal, quantity: Decimal, at: Instant) -> list[Change]:
        """Take a part away from an order that would have traded with its own account; it ends if nothing is left."""
        order.prevented_quantity += quantity
        if order.request.kind is OrderKind.MARKET_FUNDS:
            order.prevented_funds += price * quantity
        order.updated_at = at
        self._release(order)
        return [self.end(order, VenueState.PREVENTED, at)] if order.has_all else []

    def prevent_all(self, order: VenueOrder, at: Instant) -> Ended:
        """End an order that would have traded with its own account."""
        order.prevented_quantity += order.left
        order.prevented_funds += order.funds_left
        return self.end(order, VenueState.PREVENTED, at)

    def end(self, order: VenueOrder, state: VenueState, at: Instant) -> Ended:
        """End an order and give back what it still holds."""
        self._account.unlock(order.locked_currency, order.locked)
        order.locked = _ZERO
        order.state = state
        order.updated_at = at
        return Ended(order)

    def _move_money(self, order: VenueOrder, funds: Decimal, quantity: Decimal, fee: Decimal) -> None:
        base, quote = order.instrument.base, order.instrument.quote
        if order.request.side is Side.SELL:
            self._account.pay(base, quantity)
            self._account.receive(quote, funds, fee)
            return
        on_top = fee if self._costs.is_on_top(order) else _ZERO
        self._account.pay(quote, funds, on_top)
        self._account.receive(base, quantity, fee - on_top)

    def _release(self, order: VenueOrder) -> None:
        excess = order.locked - self._costs.needed(order)
        self._account.unlock(order.locked_currency, excess)
        order.locked -= excess
