"""What Upbit's streams say when a market moves, and what a new subscriber gets first. No sockets."""

from collections.abc import Callable

from arbitrage.sandbox.market_book import MarketBook, Moved
from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_requests import Channel
from arbitrage.sandbox.upbit_text import orderbook_frame, ticker_frame, trade_frame

Publish = Callable[[str, str, Callable[[Format, int], bytes]], None]
"""Takes a data type, a market code, and what writes the frame in a form and depth that someone wants."""


class UpbitStreams:
    """Turns the moves of the books into frames. A market that does not move sends nothing."""

    def __init__(self, books: dict[str, MarketBook], start_ms: int) -> None:
        self._books = books
        self._changed_ms = dict.fromkeys(books, start_ms)

    def changed_ms(self, code: str) -> int:
        """Return when a market's book last changed: what the venue's time stamps mean, measured on the wire."""
        return self._changed_ms[code]

    def tell(self, moved: Moved, at_ms: int, publish: Publish) -> None:
        """Tell a move to whoever listens."""
        book = moved.book
        code = book.listing.code
        self._changed_ms[code] = at_ms
        stamp = (at_ms, "REALTIME")
        publish("orderbook", code, lambda form, depth: orderbook_frame(book, form, depth, stamp))
        trade = moved.trade
        if trade is not None:
            publish("trade", code, lambda form, _: trade_frame(book, trade, form, stamp))
            publish("ticker", code, lambda form, _: ticker_frame(book, form, stamp))

    def snapshot(self, channel: Channel) -> bytes:
        """Write what a new subscriber gets first."""
        book = self._books[channel.code]
        stamp = (self._changed_ms[channel.code], "SNAPSHOT")
        if channel.type == "orderbook":
            return orderbook_frame(book, channel.form, channel.depth, stamp)
        if channel.type == "trade":
            return trade_frame(book, book.trades[-1], channel.form, stamp)
        return ticker_frame(book, channel.form, stamp)
