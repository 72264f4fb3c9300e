"""A venue's trading floor: the matching core on the market model's books, in time. It knows no wire format.

An order is checked and locked at once and matched `match_after_s` later; a cancel is carried out later likewise.
Whoever subscribed is told of each change in order: that is what private streams are made of.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side, TickBand, TickTable, Venue
from arbitrage.exchange.matching import ExactLevel, FeeRule, MatchingCore
from arbitrage.exchange.venue_orders import Change, OrderRequest, Rejection, VenueOrder
from arbitrage.ports import Clock
from arbitrage.sandbox.grid import UNIT
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.ladder import Ladder
from arbitrage.sandbox.listing import Listing
from arbitrage.sandbox.market_book import MarketBook

Listener = Callable[[Change], None]

# Upbit: 5,000 to 1,000,000,000 KRW, 0.05 % (orders/chance); Binance: NOTIONAL 5 USDT, 9,000,000 USDT, 0.1 %
_TERMS: Final[Mapping[Venue, tuple[Decimal, Decimal, Decimal, FeeRule]]] = {
    Venue.UPBIT: (Decimal(5_000), Decimal(1_000_000_000), Decimal("0.0005"), FeeRule.ON_TOP),
    Venue.BINANCE: (Decimal(5), Decimal(9_000_000), Decimal("0.001"), FeeRule.FROM_RECEIVED),
}
_LARGEST_QUANTITY: Final = Decimal(9_000_000_000)


class Floor:
    """One venue's orders and balances. `knobs` may be turned while it runs."""

    def __init__(self, venue: Venue, books: Mapping[str, MarketBook], knobs: Knobs, clock: Clock) -> None:
        self.knobs = knobs
        self.core = MatchingCore((_instrument(book.listing) for book in books.values()), _TERMS[venue][3])
        self._books = books
        self._listed = dict(self.core.instruments)
        self._clock = clock
        self._listeners: list[Listener] = []
        self._synced: dict[str, tuple[int, Decimal]] = {}

    def now(self) -> Instant:
        """Return the venue's time: ours, and what its clock is ahead."""
        return Instant(self._clock.now() + self.knobs.clock_ahead_ms * 1_000_000)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell of every change from now on; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def submit(self, request: OrderRequest) -> VenueOrder | Rejection:
        """Take an order on, to be matched when its time comes. With no delay it has been matched on return."""
        self._sync(request.symbol)
        order = self.core.accept(request, self.now())
        if isinstance(order, Rejection):
            return order
        self._in(self.knobs.match_after_s, lambda: self._match(order))
        return order

    def cancel(self, order: VenueOrder) -> None:
        """Ask for the end of an order; it may trade until that is carried out."""
        self._in(self.knobs.cancel_after_s, lambda: self._tell(self.core.cancel(order, self.now())))

    def best(self, symbol: str, side: Side) -> Decimal | None:
        """Return the market's best price on a side (BUY: the bid) as it stands now, or None where nothing stands."""
        self._sync(symbol)
        return self.core.best(symbol, side)

    def is_visible(self, order: VenueOrder) -> bool:
        """Say whether a query finds the order yet."""
        # without the knob always, also where the venue's clock was turned back since
        return not self.knobs.visible_after_s or self.now() - order.created_at >= self.knobs.visible_after_s * 1e9

    def market_moved(self, symbol: str) -> None:
        """Learn that a market's book has moved: orders that rest there may trade."""
        if self.core.open_orders(symbol):
            self._sync(symbol)

    def _match(self, order: VenueOrder) -> None:
        self._sync(order.request.symbol)
        self._tell(self.core.match(order, self.now(), self.knobs.fill_share))

    def _sync(self, symbol: str) -> None:
        """Bring the core's book up to the model's, once per move, with the knobs' shock and rules on it."""
        book = self._books.get(symbol)
        if book is None:
            return
        shock = self.knobs.price_shock.get(symbol, Decimal(1))
        self.core.instruments[symbol] = self._rules(symbol)
        if self._synced.get(symbol) != (book.update_id, shock):
            self._synced[symbol] = (book.update_id, shock)
            ticks = self.core.instruments[symbol].ticks
            bids, asks = _levels(book.bids, shock, ticks.floor), _levels(book.asks, shock, ticks.ceil)
            self._tell(self.core.set_book(symbol, bids, asks, self.now(), self.knobs.fill_share))

    def _rules(self, symbol: str) -> Instrument:
        listed, tick = self._listed[symbol], self.knobs.tick.get(symbol)
        ticks = listed.ticks if tick is None else TickTable.single(tick)
        return replace(listed, ticks=ticks, halted=self.knobs.halted.get(symbol, ""))

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, action)
        else:
            action()

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            for listener in tuple(self._listeners):
                listener(change)


def _instrument(listing: Listing) -> Instrument:
    least, most, fee, _ = _TERMS[listing.venue]
    bands = tuple(TickBand(Decimal(start) / UNIT, Decimal(tick) / UNIT) for start, tick in listing.grid.bands)
    lot = Decimal(listing.lot) / UNIT
    return Instrument(
        venue=listing.venue,
        symbol=listing.code,
        base=listing.base,
        quote=listing.quote,
        ticks=TickTable(bands),
        lot=lot,
        min_quantity=lot,
        max_quantity=_LARGEST_QUANTITY,
        min_notional=least,
        max_notional=most,
        taker_fee=fee,
    )


def _levels(ladder: Ladder, shock: Decimal, onto_tick: Callable[[Decimal], Decimal]) -> list[ExactLevel]:
    exact = zip(ladder.prices, ladder.quantities, strict=True)
    levels = ((Decimal(price) / UNIT * shock, Decimal(quantity) / UNIT) for price, quantity in exact)
    placed = ((onto_tick(price) if shock != 1 else price, quantity) for price, quantity in levels)
    return [level for level in placed if level[0] > 0]
