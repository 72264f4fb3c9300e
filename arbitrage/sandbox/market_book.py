"""One simulated market: both sides, update ids, trades and the day's figures. Pure; chance is passed in."""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from arbitrage.sandbox.grid import UNIT, Grid
from arbitrage.sandbox.ladder import ASK, BID, Changes, Ladder, Shape
from arbitrage.sandbox.listing import Listing

TRADES_KEPT: Final = 500
"""As many as Upbit's REST gives at once."""

_WORTH_SPREAD: Final = 1.0
_RESIZED: Final = (1, 3)
_RESPREAD_ODDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a venue's books look: levels a side, half spread and gaps in bps, worth of a level in quote, trade odds."""

    depth: int
    half_spread_bps: float
    gap_bps: float
    worth: float
    worth_bounds: tuple[float, float]
    trade_odds: float


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade, in units. `taker_buys`: it took from the asks."""

    number: int
    price: int
    quantity: int
    taker_buys: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """What one move changed. The levels are the differences since the move before."""

    book: "MarketBook"
    bids: Changes
    asks: Changes
    touch_moved: bool
    trade: Trade | None


@dataclass(slots=True)
class Day:
    """The figures of the day so far, in units; the day begins when the sandbox starts."""

    opening: int = 0
    high: int = 0
    low: int = 0
    last: int = 0
    volume: int = 0
    funds: int = 0
    bought: int = 0

    def open_at(self, price: int) -> None:
        """Begin the day at a price."""
        self.opening = self.high = self.low = self.last = price

    def add(self, trade: Trade) -> None:
        """Count a trade."""
        self.last = trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.volume += trade.quantity
        self.funds += trade.price * trade.quantity // UNIT
        self.bought += trade.quantity if trade.taker_buys else 0


@dataclass(slots=True, eq=False)
class MarketBook:
    """A market's book. `update_id` rises by one with each level that changes, over all of the venue's streams."""

    listing: Listing
    habits: Habits
    rng: Random
    update_id: int = 0
    day: Day = field(default_factory=Day)
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))
    bids: Ladder = field(init=False)
    asks: Ladder = field(init=False)
    _half_spread_bps: float = 0.0

    def __post_init__(self) -> None:
        self.bids = Ladder(BID, self.listing.grid, self._shape())
        self.asks = Ladder(ASK, self.listing.grid, self._shape())
        self.update_id = self.rng.randrange(10**9, 10**10)

    def open_at(self, fair: float, rng: Random) -> None:
        """Fill the empty book around a fair price (in units, as all prices here) and make the first trade."""
        self._half_spread_bps = self.habits.half_spread_bps
        self._quote(fair, rng, {}, {})
        self.day.open_at(self.bids.prices[0])
        self._trade(rng, {}, {})

    def regrid(self, grid: Grid) -> None:
        """Take another price grid from now on."""
        self.listing = replace(self.listing, grid=grid)
        self.bids.regrid(grid)
        self.asks.regrid(grid)

    def follow(self, fair: float, rng: Random) -> Moved:
        """Move the touch to a fair price, redraw a few quantities, perhaps trade."""
        bids: Changes = {}
        asks: Changes = {}
        before = self._touch()
        if rng.random() < _RESPREAD_ODDS:
            self._half_spread_bps = self.habits.half_spread_bps * (0.5 + rng.random())
        self._quote(fair, rng, bids, asks)
        for _ in range(rng.randint(*_RESIZED)):
            ladder, changes = (self.bids, bids) if rng.random() < 0.5 else (self.asks, asks)
            # the square favours levels near the touch
            ladder.resize(int(rng.random() ** 2 * len(ladder.prices)), rng, changes)
        trade = self._trade(rng, bids, asks) if rng.random() < self.habits.trade_odds else None
        self.update_id += len(bids) + len(asks)
        return Moved(self, bids, asks, self._touch() != before, trade)

    def _quote(self, fair: float, rng: Random, bids: Changes, asks: Changes) -> None:
        grid = self.listing.grid
        half = self._half_spread_bps / 10_000
        fair_bid = int(fair * (1 - half))
        bid = max(grid.floor(fair_bid), grid.tick(fair_bid))  # a tick above the price must not make it zero
        ask = max(grid.ceil(int(fair * (1 + half))), grid.ceil(bid + 1))
        self.bids.follow(bid, rng, bids)
        self.asks.follow(ask, rng, asks)

    def _trade(self, rng: Random, bids: Changes, asks: Changes) -> Trade:
        taker_buys = rng.random() < 0.5
        ladder, changes = (self.asks, asks) if taker_buys else (self.bids, bids)
        price, there = ladder.prices[0], ladder.quantities[0]
        quantity = int(there * rng.random() * 0.8) // self.listing.lot * self.listing.lot
        quantity = min(max(quantity, self.listing.lot), there - self.listing.lot)
        ladder.take(quantity, changes)
        last = self.trades[-1].number if self.trades else self.update_id
        trade = Trade(last + 1, price, quantity, taker_buys)
        self.trades.append(trade)
        self.day.add(trade)
        return trade

    def _touch(self) -> tuple[int, int, int, int]:
        return self.bids.prices[0], self.bids.quantities[0], self.asks.prices[0], self.asks.quantities[0]

    def _shape(self) -> Shape:
        return Shape(depth=self.habits.depth, gap_bps=self.habits.gap_bps, quantity_at=self._quantity_at)

    def _quantity_at(self, price: int, rng: Random) -> int:
        low, high = self.habits.worth_bounds
        worth = min(max(self.habits.worth * math.exp(rng.gauss(0.0, _WORTH_SPREAD)), low), high)
        lot = self.listing.lot
        # two lots at least, so that a trade leaves something
        return max(int(worth * UNIT / price * UNIT) // lot, 2) * lot
