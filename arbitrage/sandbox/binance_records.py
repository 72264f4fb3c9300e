"""What a Binance account can be asked about itself: lists of orders and trades, balances, rates, rights. Reads only."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.venue_orders import VenueOrder, VenueTrade
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_account_bodies import account_body, commission_body, restrictions_body
from arbitrage.sandbox.binance_errors import BinanceError, bad_symbol
from arbitrage.sandbox.binance_gate import TRADING, WITHDRAWING, Gate
from arbitrage.sandbox.binance_limits import OrderCounts
from arbitrage.sandbox.binance_order_bodies import shown, trade_body
from arbitrage.sandbox.binance_params import Params
from arbitrage.sandbox.floor import Floor

T = TypeVar("T")

_USUAL_ROWS: Final = 500
_MOST_ROWS: Final = 1_000
_LONGEST_LOOK_MS: Final = 86_400_000


class BinanceRecords:
    """Reads the floor's books of one account. Methods are operations as those of `BinanceDesk` are."""

    def __init__(self, floor: Floor, clock: Clock, gate: Gate, counts: OrderCounts) -> None:
        self._floor = floor
        self._clock = clock
        self._gate = gate
        self._counts = counts
        self._created_at_ms = floor.now() // NS_PER_MS

    async def open_orders(self, params: Params) -> list[dict[str, Any]]:
        """Show the orders that rest: of one symbol, or of all."""
        symbol = self._symbol(params) if params.optional("symbol") is not None else None
        params.finish()
        orders = self._floor.core.open_orders(symbol)
        return [shown(order) for order in orders if self._floor.is_visible(order)]

    async def all_orders(self, params: Params) -> list[dict[str, Any]]:
        """Show orders of every state, oldest first: from an id on, of a time, or the last ones."""
        symbol, first = self._symbol(params), params.long("orderId")
        start_ms, end_ms = _times(params)
        rows = params.limit(_USUAL_ROWS, _MOST_ROWS)
        params.finish()
        orders = [
            order
            for order in self._orders_of(symbol)
            if order.order_id >= (first or 0) and start_ms <= order.created_at // NS_PER_MS <= end_ms
        ]
        return [shown(order) for order in _page(orders, rows, forward=first is not None or start_ms > 0)]

    async def trades(self, params: Params) -> list[dict[str, Any]]:
        """Show trades, oldest first: of an order, from an id on, of a time, or the last ones."""
        symbol, order_id, first = self._symbol(params), params.long("orderId"), params.long("fromId")
        start_ms, end_ms = _times(params)
        rows = params.limit(_USUAL_ROWS, _MOST_ROWS)
        params.finish()
        if first is not None and (start_ms > 0 or end_ms < _EVER):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        trades = [
            trade
            for trade in self._trades_of(symbol, order_id)
            if trade.trade_id >= (first or 0) and start_ms <= trade.at // NS_PER_MS <= end_ms
        ]
        return [trade_body(trade) for trade in _page(trades, rows, forward=first is not None or start_ms > 0)]

    async def account(self, params: Params) -> dict[str, Any]:
        """Show balances and rates."""
        without_empty = params.flag("omitZeroBalances")
        params.finish()
        instruments = self._floor.core.instruments.values()
        listed = {asset: Balance() for one in instruments for asset in (one.base, one.quote)}
        balances = {**listed, **self._floor.core.account.balances()}
        if without_empty:
            balances = {asset: held for asset, held in balances.items() if held.total > 0}
        moves = [order.updated_at for order in self._floor.core.orders.values()]
        return account_body(
            balances,
            max(instrument.taker_fee for instrument in instruments),
            max(moves) // NS_PER_MS if moves else self._created_at_ms,
            can_trade=TRADING in self._gate.permissions,
            can_withdraw=WITHDRAWING in self._gate.permissions,
        )

    async def commission(self, params: Params) -> dict[str, Any]:
        """Show the rates of one symbol."""
        symbol = self._symbol(params)
        params.finish()
        return commission_body(self._floor.core.instruments[symbol])

    async def order_counts(self, params: Params) -> list[dict[str, Any]]:
        """Show how many orders have not traded yet, by interval."""
        params.finish()
        return self._counts.rows(self._clock.now())

    async def restrictions(self, params: Params) -> dict[str, Any]:
        """Show what the key may do."""
        params.finish()
        by_address = bool(self._floor.knobs.allowed_ips)
        rights, expires_at_ms = self._gate.permissions, self._gate.expires_at_ms
        return restrictions_body(rights, self._created_at_ms, expires_at_ms, by_address=by_address)

    def _symbol(self, params: Params) -> str:
        symbol = params.symbol()
        if symbol not in self._floor.core.instruments:
            raise bad_symbol()
        return symbol

    def _orders_of(self, symbol: str) -> Iterable[VenueOrder]:
        orders = self._floor.core.orders.values()
        return (order for order in orders if order.request.symbol == symbol and self._floor.is_visible(order))

    def _trades_of(self, symbol: str, order_id: int | None) -> list[VenueTrade]:
        orders = (order for order in self._orders_of(symbol) if order_id in (None, order.order_id))
        return sorted((trade for order in orders for trade in order.trades), key=lambda trade: trade.trade_id)


_EVER: Final = 2**63


def _times(params: Params) -> tuple[int, int]:
    start_ms, end_ms = params.long("startTime"), params.long("endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > _LONGEST_LOOK_MS:
        raise BinanceError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms or 0, _EVER if end_ms is None else end_ms


def _page(rows: list[T], limit: int, *, forward: bool) -> list[T]:
    return rows[:limit] if forward else rows[-limit:]
