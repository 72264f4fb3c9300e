"""One instrument's book and its health. It believes nothing that is not finite, positive and in order; it owns no time.

The touch is checked on arrival. The levels behind it are checked when they are first walked: most frames move no pair
near a plan, and a book nobody walks needs no checked levels.
"""

from collections.abc import Sequence

from arbitrage.domain.book_views import Depth, Health, Level, Touch
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant, Nanos

# Beyond these a number is not a price or a quantity of anything traded: no KRW price comes near 1e12.
MAX_PRICE = 1e12
MAX_QUANTITY = 1e15


class Book:
    """The newest state of one instrument's book.

    `bid`, `bid_size`, `ask`, `ask_size` are the touch (0 while there is none), `sequence` the venue's number of it.
    `updated_at` is the arrival of the newest whole book: a lone touch does not make the levels behind it any younger.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_depth",
        "_levels_sequence",
        "_touch_is_newer",
        "ask",
        "ask_size",
        "bid",
        "bid_size",
        "condition",
        "sequence",
        "updated_at",
    )

    def __init__(self) -> None:
        self.condition = Health.EMPTY
        self.bid = self.bid_size = self.ask = self.ask_size = 0.0
        self.updated_at = Instant(0)
        self.sequence = 0
        self._levels_sequence = 0
        self._depth: Depth | None = None
        self._bids: Sequence[Level] | None = None
        self._asks: Sequence[Level] | None = None
        self._touch_is_newer = False

    def clear(self) -> None:
        """Forget everything: the socket is gone, or a frame could not be believed."""
        self.__init__()  # type: ignore[misc]  # the one list of what an empty book is

    def health(self, now: Instant, max_age: Nanos) -> Health:
        """Say whether the book may be believed at an instant."""
        if self.condition is Health.GOOD and now - self.updated_at > max_age:
            return Health.STALE
        return self.condition

    def replace(self, snapshot: BookSnapshot) -> Health:
        """Take over a whole book. An older state than the one held changes nothing, not even the freshness."""
        sequence = snapshot.sequence
        if sequence and sequence < self._levels_sequence:
            return self.condition
        touch = snapshot.depth.touch()
        if touch is None or not _is_believable(touch):
            self.clear()
            return self.condition
        self._depth, self._bids, self._asks = snapshot.depth, None, None
        self._levels_sequence = sequence
        self.updated_at = snapshot.at
        if sequence >= self.sequence or self.condition is not Health.GOOD:
            self._set_touch(touch, sequence)
            self._touch_is_newer = False
        else:
            self._touch_is_newer = True  # the touch came ahead of this snapshot: it stays on top
        return self.condition

    def lay_over(self, update: TouchUpdate) -> Health:
        """Take a touch that is newer than the levels. It counts only above a snapshot, and only if it is newer."""
        if self._depth is None or update.sequence <= self.sequence:
            return self.condition
        touch = (update.bid, update.bid_size, update.ask, update.ask_size)
        if not _is_believable(touch):
            self.clear()
            return self.condition
        self._set_touch(touch, update.sequence)
        self._bids = self._asks = None
        self._touch_is_newer = True
        return self.condition

    def bids(self) -> Sequence[Level]:
        """Return the believable bids, highest first. A bad level empties the book."""
        if self._bids is None:
            self._check_levels()
        return self._bids or ()

    def asks(self) -> Sequence[Level]:
        """Return the believable asks, lowest first. A bad level empties the book."""
        if self._asks is None:
            self._check_levels()
        return self._asks or ()

    def _set_touch(self, touch: Touch, sequence: int) -> None:
        self.bid, self.bid_size, self.ask, self.ask_size = touch
        self.sequence = sequence
        self.condition = Health.GOOD if self.bid < self.ask else Health.CROSSED

    def _check_levels(self) -> None:
        if self._depth is None:
            return
        bids, asks = self._depth.bids(), self._depth.asks()
        if not _in_order(bids, -1) or not _in_order(asks, 1):
            self.clear()
            return
        if self._touch_is_newer:
            bids = [(self.bid, self.bid_size), *(level for level in bids if level[0] < self.bid)]
            asks = [(self.ask, self.ask_size), *(level for level in asks if level[0] > self.ask)]
        self._bids, self._asks = bids, asks


def _is_believable(touch: Touch) -> bool:
    bid, bid_size, ask, ask_size = touch
    return _is_price(bid) and _is_price(ask) and _is_quantity(bid_size) and _is_quantity(ask_size)


def _is_price(value: float) -> bool:
    return 0.0 < value <= MAX_PRICE  # false for NaN


def _is_quantity(value: float) -> bool:
    return 0.0 < value <= MAX_QUANTITY


def _in_order(levels: Sequence[Level], towards: int) -> bool:
    last = 0.0 if towards > 0 else MAX_PRICE + 1
    for price, quantity in levels:
        if not (_is_price(price) and _is_quantity(quantity) and (price - last) * towards > 0):
            return False
        last = price
    return True
