"""One market of a venue as its books show it: a touch that moves, and the levels behind it. It sends nothing."""

from collections.abc import Callable, Sequence
from typing import Final

from arbitrage.domain.book_views import Depth, Level, ListedDepth, Touch
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.instruments import Instrument, Venue
from arbitrage.paper.grid import FloatGrid
from arbitrage.paper.movers import Mover
from arbitrage.paper.scenario import Book, Liquidity

Frame = BookSnapshot | TouchUpdate
"""What a venue tells of a market."""

NEVER_MS: Final = 1 << 60

_HIGHEST: Final = 1e12
"""Where generated prices end, and factors too: above it nothing is a price."""

Sides = tuple[float | None, float | None]
"""A bid and an ask; None for an empty side."""


class Ladder:
    """A touch with equal levels behind it (Depth). They are made when first asked for: most frames nobody walks."""

    __slots__ = ("_asks", "_bids", "_levels", "_touch")

    def __init__(self, touch: Touch, levels: Callable[[float, float, int], list[Level]]) -> None:
        self._touch = touch
        self._levels = levels
        self._bids: Sequence[Level] | None = None
        self._asks: Sequence[Level] | None = None

    def touch(self) -> Touch:
        """Return the best bid and ask (Depth)."""
        return self._touch

    def bids(self) -> Sequence[Level]:
        """Return the bids (Depth)."""
        if self._bids is None:
            self._bids = self._levels(self._touch[0], self._touch[1], -1)
        return self._bids

    def asks(self) -> Sequence[Level]:
        """Return the asks (Depth)."""
        if self._asks is None:
            self._asks = self._levels(self._touch[2], self._touch[3], 1)
        return self._asks


class Market:
    """One market. `frames` counts its frames, told or not; `is_shown` says whether anybody is told of them.

    `due_ms` is when the next frame is due, in ms since the start, and `every_ms` how often there is one. Movers move
    the touch that the scenario named last. With `tells_touches` whole books come every `every_ms`, and lone touches in
    between.
    """

    def __init__(
        self, instrument: Instrument, liquidity: Liquidity, every_ms: int, *, tells_touches: bool = False
    ) -> None:
        self.symbol = instrument.symbol
        self.venue = instrument.venue
        self.frames = 0
        self.is_shown = True
        self.due_ms = NEVER_MS
        self.depth: Depth | None = None
        self._named: tuple[float, float] | None = None
        self._refresh_ms = every_ms
        self._move_by([])
        self._is_numbered = instrument.venue is Venue.BINANCE
        self._tells_touches = tells_touches
        self._whole_until = Instant(0)
        self._liquidity = liquidity
        self._grid = FloatGrid(instrument)
        self._sizes = (0.0, 0.0)

    def use(self, instrument: Instrument) -> None:
        """Go by other ticks from now on."""
        self._grid = FloatGrid(instrument)

    def around(self, rate: float) -> Sides:
        """Return the ticks below and above a rate."""
        half = self._grid.tick(rate) / 2
        return self._grid.floor(rate - half), self._grid.ceil(rate + half)

    def name(self, sides: Sides, level_worth: float) -> None:
        """Take a touch that the scenario names; each level is worth so much of the quote. Movers end with it."""
        bid, ask = sides
        self._sizes = self._size(bid, level_worth), self._size(ask, level_worth)
        self._take((bid, ask) if bid and ask and bid < ask else None)
        if self._named is None:  # what no venue should send is passed on as it was written
            bids = [] if bid is None else [(bid, self._sizes[0])]
            self.depth = ListedDepth(bids, [] if ask is None else [(ask, self._sizes[1])])

    def lay(self, book: Book) -> None:
        """Take a whole book over, just as it was written; movers end with it."""
        depth = ListedDepth(list(book.bids), list(book.asks))
        touch = depth.touch()
        usable = touch is not None and 0 < touch[0] < touch[2]
        if touch is not None:
            self._sizes = touch[1], touch[3]
        self._take((touch[0], touch[2]) if touch is not None and usable else None)
        self.depth = depth

    def hush(self) -> None:
        """Have no book any more: nothing is sent."""
        self._take(None)
        self.depth = None

    def begin(self, mover: Mover) -> None:
        """Be moved from now on, beside what moves it already."""
        self._move_by([*self._movers, mover])

    def pass_to(self, now_ms: int) -> None:
        """Stand where the movers have brought the price; the spread never closes by rounding."""
        self.due_ms = now_ms + self.every_ms
        if self._named is None or not self._movers:
            return
        factor = 1.0
        for mover in self._movers:
            factor *= mover.factor(now_ms)
        self._stand_at(min(factor, _HIGHEST))
        if now_ms >= self._next_end_ms:
            self._let_go(now_ms)

    def _take(self, named: tuple[float, float] | None) -> None:
        self._named = named
        self._move_by([])
        if named is not None:
            self._stand_at(1.0)

    def _stand_at(self, factor: float) -> None:
        assert self._named is not None
        bid, ask = self._named
        bid, ask = self._grid.outwards(bid * factor, ask * factor)
        self.depth = Ladder((bid, self._sizes[0], ask, self._sizes[1]), self._levels)

    def _let_go(self, now_ms: int) -> None:
        """Keep what the movers that are over have left."""
        for mover in self._movers:
            if now_ms >= mover.ends_ms and self._named is not None:
                factor = mover.factor(now_ms)
                bid, ask = self._named
                self._named = (min(bid * factor, _HIGHEST), min(ask * factor, _HIGHEST))
        self._move_by([mover for mover in self._movers if now_ms < mover.ends_ms])

    def _move_by(self, movers: list[Mover]) -> None:
        self._movers = movers
        self._next_end_ms = min((mover.ends_ms for mover in movers), default=NEVER_MS)
        self.every_ms = min([self._refresh_ms, *(mover.every_ms for mover in movers)])

    def stepped_back(self, before: Depth | None) -> Depth | None:
        """Return this book no better than it was before, on either side; None where that is nothing to go by.

        Two markets that move at one moment are told one after the other. In between, the one that is told first stands
        back, so that no edge is seen that never was.
        """
        old, new = before and before.touch(), self.depth and self.depth.touch()
        if not old or not new or not (0 < old[0] < old[2] and 0 < new[0] < new[2]):
            return None
        low, high = min(old, new, key=lambda touch: touch[0]), max(old, new, key=lambda touch: touch[2])
        return ListedDepth([(low[0], low[1])], [(high[2], high[3])])

    def frame(self, at: Instant) -> Frame:
        """Return what the venue tells of the book now: all of it, or its touch alone. Needs a book."""
        assert self.depth is not None
        if self._tells_touches:
            touch = self.depth.touch()
            if touch is not None and at < self._whole_until:
                return TouchUpdate(at, self.venue, self.symbol, self.frames, *touch)
            self._whole_until = Instant(at + self._refresh_ms * NS_PER_MS)
        return self.book(at)

    def book(self, at: Instant) -> BookSnapshot:
        """Return the whole book as it stands. Needs a book."""
        assert self.depth is not None
        return BookSnapshot(at, self.venue, self.symbol, self.frames if self._is_numbered else 0, 0, self.depth)

    def _size(self, price: float | None, level_worth: float) -> float:
        return self._grid.lots(level_worth / price) if price else 1.0

    def _levels(self, price: float, size: float, towards: int) -> list[Level]:
        grid, gap = self._grid, self._liquidity.gap_bps / 10_000
        levels = [(price, size)]
        for _ in range(self._liquidity.levels - 1):
            step = max(grid.tick(price), price * gap)
            price = grid.floor(price - step) if towards < 0 else grid.ceil(price + step)
            if price <= 0:
                break
            levels.append((price, size))
        return levels
