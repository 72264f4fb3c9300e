"""One instrument's book and its health. It believes nothing that is not finite, positive and in order; it owns no time.

The touch is checked on arrival. The levels behind it are checked when they are first walked: most frames move no pair
near a plan, and a book nobody walks needs no checked levels.
"""

import math
from collections.abc import Sequence
from typing import Final

from arbitrage.domain.book_views import Depth, Health, Level, Touch
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos

# Outside of these a number is not a price or a quantity of anything traded: both venues' finest step is 1e-8, and no
# KRW price comes near 1e12.
MIN_PRICE: Final = 1e-9
MIN_QUANTITY: Final = 1e-9
MAX_PRICE: Final = 1e12
MAX_QUANTITY: Final = 1e15

_GOOD: Final = Health.GOOD  # looked up once: an enum takes 0.1 µs for it, several times a frame

_ABOVE_ALL: Final = math.nextafter(MAX_PRICE, math.inf)
_BELOW_ALL: Final = math.nextafter(MIN_PRICE, 0.0)

RENUMBER_AFTER: Final = Nanos(1 * NS_PER_S)
"""A number that holds newer frames back for so long was not a number: books come every 100 ms, in order."""


class Book:
    """The newest state of one instrument's book.

    `bid`, `bid_size`, `ask`, `ask_size` are the touch (0 while there is none), `sequence` the venue's number of it.
    `updated_at` is the arrival of the newest whole book: a lone touch does not make the levels behind it any younger.
    `touched_at` is the arrival of the touch. `rejected` counts what was not believed.
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
        "rejected",
        "sequence",
        "touched_at",
        "updated_at",
    )

    condition: Health
    bid: float
    bid_size: float
    ask: float
    ask_size: float

    def __init__(self) -> None:
        self.rejected = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything: the socket is gone, or a frame could not be believed."""
        self.condition = Health.EMPTY
        self.bid = self.bid_size = self.ask = self.ask_size = 0.0
        self.updated_at = self.touched_at = Instant(0)
        self.sequence = 0
        self._levels_sequence = 0
        self._depth: Depth | None = None
        self._bids: Sequence[Level] | None = None
        self._asks: Sequence[Level] | None = None
        self._touch_is_newer = False

    def disbelieve(self) -> None:
        """Count something that cannot be true, and forget everything."""
        self.rejected += 1
        self.clear()

    @property
    def changed_at(self) -> Instant:
        """Return the arrival of whatever was taken over last."""
        return max(self.updated_at, self.touched_at)

    @property
    def mid(self) -> float | None:
        """Return the middle of the touch while the book can be believed, else None."""
        return (self.bid + self.ask) / 2 if self.condition is _GOOD else None

    def health(self, now: Instant, max_age: Nanos) -> Health:
        """Say whether the book may be believed at an instant."""
        if self.condition is _GOOD and now - self.updated_at > max_age:
            return Health.STALE
        return self.condition

    def replace(self, snapshot: BookSnapshot) -> None:
        """Take over a whole book. An older state than the one held changes nothing, not even the freshness."""
        sequence, at = snapshot.sequence, snapshot.at
        if sequence and sequence < self._levels_sequence and at - self.updated_at <= RENUMBER_AFTER:
            return
        touch = snapshot.depth.touch()
        if touch is None or not self._take_touch(touch, sequence, at):
            self.disbelieve()
            return
        self._depth, self._bids, self._asks = snapshot.depth, None, None
        self._levels_sequence, self.updated_at = sequence, at
        self._touch_is_newer = self.sequence > sequence

    def lay_over(self, update: TouchUpdate) -> None:
        """Take a touch that is newer than the levels. It counts only above a snapshot, and only if it is newer."""
        if self._depth is None or update.sequence <= self.sequence:
            return
        touch = update.bid, update.bid_size, update.ask, update.ask_size
        if not self._take_touch(touch, update.sequence, update.at):
            self.disbelieve()
            return
        self._bids = self._asks = None
        self._touch_is_newer = True

    def walkable(self) -> bool:
        """Check the levels, once a frame, and say whether the book is good all the way down."""
        if self._bids is None and self._depth is not None:
            self._check_levels(self._depth)
        return self.condition is _GOOD

    def bids(self) -> Sequence[Level]:
        """Return the believable bids, highest first. A bad level anywhere empties the book."""
        self.walkable()
        return self._bids or ()

    def asks(self) -> Sequence[Level]:
        """Return the believable asks, lowest first. A bad level anywhere empties the book."""
        self.walkable()
        return self._asks or ()

    def _take_touch(self, touch: Touch, sequence: int, at: Instant) -> bool:
        """Take a touch, unless the one that is held came ahead of it. False, and nothing taken, if it is none."""
        bid, bid_size, ask, ask_size = touch
        if not (  # asked of every frame, so without a call for each; false for NaN
            MIN_PRICE <= bid <= MAX_PRICE
            and MIN_PRICE <= ask <= MAX_PRICE
            and MIN_QUANTITY <= bid_size <= MAX_QUANTITY
            and MIN_QUANTITY <= ask_size <= MAX_QUANTITY
        ):
            return False
        if sequence < self.sequence and self.condition is _GOOD and at - self.touched_at <= RENUMBER_AFTER:
            return True
        self.bid, self.bid_size, self.ask, self.ask_size = touch
        self.sequence, self.touched_at = sequence, at
        if bid < ask:
            self.condition = _GOOD
        else:
            self.condition = Health.CROSSED
            self.rejected += 1
        return True

    def _check_levels(self, depth: Depth) -> None:
        bids, asks = depth.bids(), depth.asks()
        if not _fall(bids) or not _rise(asks):
            self.disbelieve()
            return
        if self._touch_is_newer:
            bids = [(self.bid, self.bid_size), *(level for level in bids if level[0] < self.bid)]
            asks = [(self.ask, self.ask_size), *(level for level in asks if level[0] > self.ask)]
        self._bids, self._asks = bids, asks


def _fall(levels: Sequence[Level]) -> bool:
    """Say whether each level is one, with a lower price than the one before."""
    last = _ABOVE_ALL
    for price, quantity in levels:
        if not (MIN_PRICE <= price < last and MIN_QUANTITY <= quantity <= MAX_QUANTITY):
            return False
        last = price
    return True


def _rise(levels: Sequence[Level]) -> bool:
    """Say whether each level is one, with a higher price than the one before."""
    last = _BELOW_ALL
    for price, quantity in levels:
        if not (last < price <= MAX_PRICE and MIN_QUANTITY <= quantity <= MAX_QUANTITY):
            return False
        last = price
    return True
