"""Where the price of a book was in the last minute, second by second. It keeps figures; `liveguard` judges by them."""

from collections import deque
from typing import Final

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Health

SECONDS_KEPT: Final = 60


class PriceBand:
    """The mids of one book at the last sixty ticks at which it could be believed."""

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None
        self._mids: deque[float | None] = deque(maxlen=SECONDS_KEPT)

    def sample(self, book: Book) -> None:
        """Take the book's mid as it stands at a tick; a book that cannot be believed adds nothing."""
        self._mids.append(mid_of(book))
        known = [mid for mid in self._mids if mid is not None]
        self.low, self.high = (min(known), max(known)) if known else (None, None)


def mid_of(book: Book) -> float | None:
    """Return the mid of a book that can be believed, else None."""
    return (book.bid + book.ask) / 2 if book.condition is Health.GOOD else None
