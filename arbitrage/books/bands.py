"""Where the price of a book was in the last minute, second by second. It keeps figures; `liveguard` judges by them."""

from collections import deque
from typing import Final

from arbitrage.books.book import Book

SECONDS_KEPT: Final = 60


class PriceBand:
    """The lowest and the highest mid of one book at the last sixty ticks at which it could be believed."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None
        self._second = 0
        # by second; a mid that a later one has undercut can never be the lowest again, so it is not kept
        self._lows: deque[tuple[int, float]] = deque()
        self._highs: deque[tuple[int, float]] = deque()

    def sample(self, book: Book) -> None:
        """Take the book's mid as it stands at a tick; a book that cannot be believed adds nothing."""
        self._second += 1
        lows, highs, mid = self._lows, self._highs, book.mid
        if mid is not None:
            while lows and lows[-1][1] >= mid:
                lows.pop()
            while highs and highs[-1][1] <= mid:
                highs.pop()
            lows.append((self._second, mid))
            highs.append((self._second, mid))
        for kept in (lows, highs):
            if kept and kept[0][0] <= self._second - SECONDS_KEPT:
                kept.popleft()
        self.low = lows[0][1] if lows else None
        self.high = highs[0][1] if highs else None
