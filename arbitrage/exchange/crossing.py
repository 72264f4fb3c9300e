"""How orders meet: what an order comes upon, what it takes, what it does to its own account's orders. No money here."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import merge
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side
from arbitrage.exchange.costs import Costs, whole
from arbitrage.exchange.liquidity import Liquidity
from arbitrage.exchange.order_index import OrderIndex, limit_of
from arbitrage.exchange.settlement import Settlement
from arbitrage.exchange.venue_orders import Change, OrderRequest, SelfTrade, VenueOrder

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Meeting:
    """What an incoming order comes upon: a level of the market by its place, or a resting order of the same account."""

    price: Decimal
    there: Decimal
    place: int = -1
    maker: VenueOrder | None = None


class Crossing:
    """Lets orders trade with the market's levels and with each other."""

    def __init__(self, index: OrderIndex, liquidity: Liquidity, costs: Costs, settlement: Settlement) -> None:
        self._index = index
        self._liquidity = liquidity
        self._costs = costs
        self._settlement = settlement

    def would_take(self, request: OrderRequest) -> bool:
        """Say whether an order would trade at once, with the market or with its own account."""
        return any(True for _ in self._ahead(request))

    def fills_whole(self, order: VenueOrder, share: Decimal) -> bool:
        """Walk the way of an order with a copy of it, and say whether it would get all that it wants."""
        trial = replace(order)
        for met in self._ahead(order.request):
            if self._costs.is_served(trial, met.price):
                return True
            if met.maker is not None and order.request.self_trade is SelfTrade.CANCEL_MAKER:
                continue
            if met.maker is not None and order.request.self_trade is not SelfTrade.ALLOW:
                return False
            self._costs.book(trial, met.price, self._in_common(trial, met, share))
            if self._costs.is_served(trial, met.price):
                return True
        return False

    def cross(self, taker: VenueOrder, at: Instant, share: Decimal) -> list[Change]:
        """Let an incoming order trade as far as it reaches; `share` of each level is there for it."""
        symbol, against = taker.request.symbol, _other(taker.request.side)
        changes: list[Change] = []
        for met in self._ahead(taker.request):
            if self._costs.wanted(taker, met.price) <= 0:
                break
            if met.maker is not None:
                changes += self._meet_own(taker, met.maker, met, at)
                continue
            taken = self._in_common(taker, met, share)
            if taken > 0:
                self._liquidity.take(symbol, against, met.place, taken)
                changes += self._settlement.trade(taker, met.price, taken, at, as_maker=False)
        self._liquidity.sweep(symbol, against)
        return changes

    def fill_maker(self, maker: VenueOrder, at: Instant, share: Decimal) -> list[Change]:
        """Let a resting order trade with `share` of the levels that cross it, at its own price, whatever they offer."""
        symbol, against, limit = maker.request.symbol, _other(maker.request.side), limit_of(maker)
        changes: list[Change] = []
        for place, (price, there) in enumerate(self._liquidity.levels(symbol, against)):
            if not _reaches(maker.request, price):
                break
            taken = whole(min(there * share, maker.left), maker.instrument.lot)
            if taken > 0:
                self._liquidity.take(symbol, against, place, taken)
                changes += self._settlement.trade(maker, limit, taken, at, as_maker=True)
        self._liquidity.sweep(symbol, against)
        return changes

    def _ahead(self, request: OrderRequest) -> Iterator[_Meeting]:
        """Yield what an incoming order comes upon within its limit, best first; ours before the market's at a price."""
        against, sign = _other(request.side), request.side.sign
        makers = self._index.makers(request.symbol, against)
        levels = self._liquidity.levels(request.symbol, against)
        own = (_Meeting(limit_of(maker), maker.left, maker=maker) for maker in makers)
        market = (_Meeting(price, there, place=place) for place, (price, there) in enumerate(levels))
        for met in merge(own, market, key=lambda met: sign * met.price):
            if not _reaches(request, met.price):
                return
            yield met

    def _in_common(self, taker: VenueOrder, met: _Meeting, share: Decimal = Decimal(1)) -> Decimal:
        """Return what a taker can trade where it meets something, in whole lots: the wider ones if they differ."""
        lot = taker.instrument.lot
        if met.maker is not None:
            return whole(min(met.there, self._costs.wanted(taker, met.price)), max(lot, met.maker.instrument.lot))
        return whole(min(met.there * share, self._costs.wanted(taker, met.price)), lot)

    def _meet_own(self, taker: VenueOrder, maker: VenueOrder, met: _Meeting, at: Instant) -> list[Change]:
        rule = taker.request.self_trade
        if rule is SelfTrade.CANCEL_TAKER:
            return [self._settlement.prevent_all(taker, at)]
        if rule is SelfTrade.CANCEL_MAKER:
            return [self._settlement.prevent_all(maker, at)]
        both = self._in_common(taker, met)
        if both <= 0:
            return []
        if rule is SelfTrade.REDUCE:
            return [c for order in (maker, taker) for c in self._settlement.prevent(order, met.price, both, at)]
        return [
            *self._settlement.trade(maker, met.price, both, at, as_maker=True),
            *self._settlement.trade(taker, met.price, both, at, as_maker=False),
        ]


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def _reaches(request: OrderRequest, price: Decimal) -> bool:
    return request.price is None or (price - request.price) * request.side.sign <= 0
