"""The market's side of a simulated venue: what feeds say of the books, laid into the matching core with the slippage.

A book is turned into exact levels only when an order is about to meet it: most frames meet none.
"""

from collections.abc import Sequence

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Health, Level
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side
from arbitrage.domain.money import decimal_from_float
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.exchange.matching import MatchingCore
from arbitrage.exchange.simulation_models import Slippage


class BookMirror:
    """Keeps the core's levels up to what was seen last. A book that cannot be believed has no levels."""

    def __init__(self, core: MatchingCore, slippage: Slippage) -> None:
        self._core = core
        self._slippage = slippage
        self._books: dict[str, Book] = {}
        self._behind: set[str] = set()

    def see(self, event: BookSnapshot | TouchUpdate, at: Instant) -> None:
        """Take a frame over; orders that are not over meet it at once."""
        book = self._books.setdefault(event.symbol, Book())
        if isinstance(event, BookSnapshot):
            book.replace(event)
        else:
            book.lay_over(event)
        # a frame older than the book is not taken over, and must not bring back what orders have taken
        if book.changed_at == event.at or book.condition is Health.EMPTY:
            self._behind.add(event.symbol)
        if self._core.live_orders(event.symbol):
            self.catch_up(event.symbol, at)

    def catch_up(self, symbol: str, at: Instant) -> None:
        """Lay what was seen last into the core, if it is not there yet."""
        if symbol not in self._behind or symbol not in self._core.instruments:
            return
        book = self._books[symbol]
        believed = book.walkable()
        self.lay(symbol, _exact(book.bids()) if believed else [], _exact(book.asks()) if believed else [], at)

    def lay(self, symbol: str, bids: list[ExactLevel], asks: list[ExactLevel], at: Instant) -> None:
        """Lay levels into the core in place of all that was seen before. Raises ValueError if they are none."""
        ticks = self._core.instruments[symbol].ticks
        bids, asks = (
            self._slippage.worsen(side, levels, ticks) for side, levels in zip(Side, (bids, asks), strict=True)
        )
        self._core.set_book(symbol, bids, asks, at)
        self._behind.discard(symbol)


def _exact(levels: Sequence[Level]) -> list[ExactLevel]:
    return [(decimal_from_float(price), decimal_from_float(quantity)) for price, quantity in levels]
