"""What Binance's streams say after each slot of market time: touches at once, depth on a beat. No sockets."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from arbitrage.sandbox.binance_text import book_ticker, depth_update, partial_depth, trade_event
from arbitrage.sandbox.ladder import Changes
from arbitrage.sandbox.market_book import MarketBook, Moved

Publish = Callable[[str, Callable[[], str]], None]
"""Takes a stream's name and what writes its frame, which is called only if someone listens."""

_BEATS: Final = ((5, "@100ms"), (50, ""))
"""Slots of 20 ms between depth frames, and how the stream's name ends then."""

_DEPTHS: Final = (5, 10, 20)


class BinanceStreams:
    """Turns the moves of the books into stream frames. All subscribers of a stream see the same U and u."""

    def __init__(self, books: Iterable[MarketBook], publish: Publish) -> None:
        self._publish = publish
        self._beats = [
            _Beat(book, slots, phase, suffix) for phase, book in enumerate(books) for slots, suffix in _BEATS
        ]

    def touch(self, moved: Moved, at_ms: int) -> None:
        """Tell what a move did to the touch, and the trade if there was one."""
        book = moved.book
        symbol = book.listing.code.lower()
        if moved.touch_moved:
            self._publish(f"{symbol}@bookTicker", lambda: book_ticker(book))
        trade = moved.trade
        if trade is not None:
            self._publish(f"{symbol}@trade", lambda: trade_event(book, trade, at_ms))
        for beat in self._beats:
            if beat.book is book:
                beat.add(moved)

    def beat(self, slot: int, at_ms: int) -> None:
        """Tell the depth of the books whose beat falls on this slot and that have changed."""
        for beat in self._beats:
            if beat.is_due(slot):
                beat.tell(self._publish, at_ms)


class _Beat:
    """The changes of one book since its last depth frame at one pace."""

    def __init__(self, book: MarketBook, slots: int, phase: int, suffix: str) -> None:
        self.book = book
        self._slots = slots
        self._phase = phase
        self._suffix = suffix
        self._told = book.update_id
        self._bids: Changes = {}
        self._asks: Changes = {}

    def add(self, moved: Moved) -> None:
        self._bids.update(moved.bids)
        self._asks.update(moved.asks)

    def is_due(self, slot: int) -> bool:
        return (slot + self._phase) % self._slots == 0 and self.book.update_id > self._told

    def tell(self, publish: Publish, at_ms: int) -> None:
        book, ids, sides = self.book, (self._told + 1, self.book.update_id), (self._bids, self._asks)
        symbol = book.listing.code.lower()
        publish(f"{symbol}@depth{self._suffix}", lambda: depth_update(book, ids, sides, at_ms))
        for depth in _DEPTHS:
            publish(f"{symbol}@depth{depth}{self._suffix}", partial(partial_depth, book, depth))
        self._told, self._bids, self._asks = book.update_id, {}, {}
