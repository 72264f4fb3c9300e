"""One side of a simulated book: price levels that live on while the touch moves. Pure; chance is passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from arbitrage.sandbox.grid import Grid

BID = -1
ASK = 1

Changes = dict[int, int]
"""Price to its new quantity, in units; 0 where the level is gone. What a difference stream sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a side looks: its number of levels, the mean gap between them in bps, and how to draw a quantity."""

    depth: int
    gap_bps: float
    quantity_at: Callable[[int, Random], int]


class Ladder:
    """The levels of one side, best first."""

    def __init__(self, sign: int, grid: Grid, shape: Shape) -> None:
        self._sign = sign
        self._grid = grid
        self._shape = shape
        self.prices: list[int] = []
        self.quantities: list[int] = []

    def follow(self, touch: int, rng: Random, changes: Changes) -> None:
        """Make `touch` the best price: eat what is better, put a level there, and keep the depth."""
        while self.prices and (self.prices[0] - touch) * self._sign < 0:
            changes[self.prices.pop(0)] = 0
            self.quantities.pop(0)
        if not self.prices or self.prices[0] != touch:
            self._put(0, touch, rng, changes)
        while len(self.prices) > self._shape.depth:
            changes[self.prices.pop()] = 0
            self.quantities.pop()
        while len(self.prices) < self._shape.depth:
            beyond = self._beyond(self.prices[-1], rng)
            if beyond <= 0:  # a coarse tick leaves no more prices above zero: the side is thin
                break
            self._put(len(self.prices), beyond, rng, changes)

    def resize(self, index: int, rng: Random, changes: Changes) -> None:
        """Draw the quantity of one level anew."""
        price = self.prices[index]
        self.quantities[index] = changes[price] = self._shape.quantity_at(price, rng)

    def regrid(self, grid: Grid) -> None:
        """Quote on another grid from now on; levels that stand keep their prices, as orders on a venue do."""
        self._grid = grid

    def take(self, quantity: int, changes: Changes) -> None:
        """Take a part of the touch away; something always stays."""
        self.quantities[0] = changes[self.prices[0]] = self.quantities[0] - quantity

    def _put(self, index: int, price: int, rng: Random, changes: Changes) -> None:
        self.prices.insert(index, price)
        self.quantities.insert(index, self._shape.quantity_at(price, rng))
        changes[price] = self.quantities[index]

    def _beyond(self, price: int, rng: Random) -> int:
        tick = self._grid.tick(price)
        mean_ticks = self._shape.gap_bps * price / tick / 10_000
        gap = (1 + int(rng.expovariate(1 / mean_ticks))) * tick
        # a gap may end in another band, whose steps are wider
        return self._grid.ceil(price + gap) if self._sign == ASK else self._grid.floor(price - gap)
