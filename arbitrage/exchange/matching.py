"""The matching core: one account's orders against a market's books, exactly. Pure: no clock, no chance, no wire.

It serves the sandbox's venues and `SimulatedExchange`. The market's liquidity is given as levels from outside; what an
order takes is gone until the next book. Two phases, because one of the venues shows both: `accept` checks and locks,
`match` trades.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side
from arbitrage.domain.money import plain
from arbitrage.exchange.accounts import Account, exactly
from arbitrage.exchange.costs import Costs, FeeRule
from arbitrage.exchange.crossing import Crossing
from arbitrage.exchange.liquidity import ExactLevel, Liquidity
from arbitrage.exchange.order_checks import check_form, check_rules
from arbitrage.exchange.order_index import OrderIndex
from arbitrage.exchange.settlement import Settlement
from arbitrage.exchange.venue_orders import (
    Change,
    OrderKind,
    OrderRequest,
    Rejection,
    RejectReason,
    Rested,
    TimeInForce,
    VenueOrder,
    VenueState,
)

__all__ = ["ExactLevel", "FeeRule", "MatchingCore"]

_ZERO: Final = Decimal(0)
_ALL: Final = Decimal(1)


class MatchingCore:
    """One venue's side of one account: instruments, the market's books, our orders.

    `instruments` may be changed while running: a halt, a tick or a fee holds for orders that are accepted from then on.
    Every method that moves orders returns what happened, in order. A ValueError has changed nothing.
    """

    def __init__(self, instruments: Iterable[Instrument], fee_rule: FeeRule, account: Account | None = None) -> None:
        self.account = account or Account()
        self.instruments: dict[str, Instrument] = {i.symbol: i for i in instruments}
        self._fee_rule = fee_rule
        self._costs = Costs(fee_rule)
        self._index = OrderIndex()
        self._liquidity = Liquidity()
        self._settlement = Settlement(self.account, self._costs)
        self._crossing = Crossing(self._index, self._liquidity, self._costs, self._settlement)

    # --- the market

    @exactly()
    def set_book(
        self,
        symbol: str,
        bids: Sequence[ExactLevel],
        asks: Sequence[ExactLevel],
        at: Instant,
        share: Decimal = Decimal(1),
    ) -> list[Change]:
        """Replace the market's levels, best first.

        Resting orders that they cross trade at their own price, with `share` of each level.
        Raises ValueError for a level that is no price with a quantity, or is out of order.
        """
        self._liquidity.replace(symbol, bids, asks)
        makers = [maker for side in Side for maker in self._index.makers(symbol, side)]
        return [change for maker in makers for change in self._crossing.fill_maker(maker, at, share)]

    def best(self, symbol: str, side: Side) -> Decimal | None:
        """Return the market's best price on a side (BUY: the bid), or None where nothing stands."""
        return self._liquidity.best(symbol, side)

    # --- orders

    @exactly()
    def check(self, request: OrderRequest) -> Rejection | None:
        """Say why an order would not be taken on, funds aside. Changes nothing."""
        instrument = self.instruments.get(request.symbol)
        if instrument is None:
            return Rejection(RejectReason.UNKNOWN_INSTRUMENT, request.symbol)
        if instrument.halted:
            return Rejection(RejectReason.HALTED, instrument.halted)
        against = Side.SELL if request.side is Side.BUY else Side.BUY
        rejection = check_form(request) or check_rules(request, instrument, self.best(request.symbol, against))
        if rejection is None and request.time_in_force is TimeInForce.POST_ONLY and self._crossing.would_take(request):
            return Rejection(RejectReason.WOULD_TAKE, plain(request.price or _ZERO))
        return rejection

    @exactly()
    def accept(self, request: OrderRequest, at: Instant) -> VenueOrder | Rejection:
        """Check an order and lock what it can use at the most; nothing trades yet. A rejection changes nothing."""
        rejection = self.check(request)
        if rejection is not None:
            return rejection
        instrument = self.instruments[request.symbol]
        order = VenueOrder(
            order_id=len(self.orders) + 1,
            request=request,
            instrument=instrument,
            created_at=at,
            updated_at=at,
            locked_currency=instrument.base if request.side is Side.SELL else instrument.quote,
            locked=_ZERO,
        )
        needed = self._first_lock(order)
        if not self._settlement.hold(order, needed):
            free = self.account.balance(order.locked_currency).free
            return Rejection(RejectReason.NO_FUNDS, f"{plain(free)} {order.locked_currency}", plain(needed))
        self._index.add(order)
        return order

    @exactly()
    def match(self, order: VenueOrder, at: Instant, share: Decimal = _ALL) -> list[Change]:
        """Let an accepted order trade, then rest or end. `share` of each level can be taken (a partial fill: < 1).

        Raises ValueError for a share that is not from 0 to 1.
        """
        if not (share.is_finite() and 0 <= share <= 1):
            raise ValueError(f"not a share of a level: {share}")
        if order.state is not VenueState.ACCEPTED:
            return []
        if not self._may_trade(order, share):
            return [self._settlement.end(order, VenueState.EXPIRED, at)]
        changes = self._crossing.cross(order, at, share)
        if order.is_over:
            return changes
        if _can_rest(order.request):
            order.state = VenueState.OPEN
            order.updated_at = at
            return [*changes, Rested(order)]
        return [*changes, self._settlement.end(order, self._end_of(order), at)]

    @exactly()
    def cancel(self, order: VenueOrder, at: Instant) -> list[Change]:
        """End an order that is not over yet; nothing happens to one that is."""
        return [] if order.is_over else [self._settlement.end(order, VenueState.CANCELED, at)]

    # --- what there is

    @property
    def orders(self) -> dict[int, VenueOrder]:
        """Return all orders that were ever taken on, by id, oldest first."""
        return self._index.orders

    def by_client(self, client_id: str) -> VenueOrder | None:
        """Return the newest order of a client id."""
        return self._index.by_client(client_id)

    def live_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the orders that are not over, matched or not yet, oldest first: of one market or of all."""
        return self._index.live(symbol)

    def open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the orders that rest, oldest first: of one market or of all."""
        return self._index.resting(symbol)

    def _first_lock(self, order: VenueOrder) -> Decimal:
        request = order.request
        if request.kind is OrderKind.MARKET and request.side is Side.BUY:
            return self._costs.with_fee(order, self._liquidity.cost(request.symbol, order.left))
        return self._costs.needed(order)

    def _may_trade(self, order: VenueOrder, share: Decimal) -> bool:
        """Look again at what must not take, or not in part: the book may have moved since the order was accepted."""
        match order.request.time_in_force:
            case TimeInForce.POST_ONLY:
                return not self._crossing.would_take(order.request)
            case TimeInForce.FOK:
                return self._crossing.fills_whole(order, share)
            case _:
                return True

    def _end_of(self, order: VenueOrder) -> VenueState:
        """Say how an order ends that may not rest. What buys no lot is an end on Upbit, and all there was on Binance.

        Upbit: a market buy ends `cancel` unless it was spent to the last unit. Binance: quoteOrderQty keeps LOT_SIZE.
        """
        if self._fee_rule is FeeRule.ON_TOP or not order.trades:
            return VenueState.EXPIRED
        price = self.best(order.request.symbol, Side.SELL) or order.trades[-1].price
        return VenueState.FILLED if self._costs.is_served(order, price) else VenueState.EXPIRED


def _can_rest(request: OrderRequest) -> bool:
    waits = request.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
    return waits and request.kind is OrderKind.LIMIT
