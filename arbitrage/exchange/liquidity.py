"""The market's levels as an account meets them: given from outside, gone once taken. It knows no orders."""

from collections.abc import Sequence
from decimal import Decimal

from arbitrage.domain.instruments import Side

ExactLevel = tuple[Decimal, Decimal]
"""(price, quantity)."""


class Liquidity:
    """The levels of every market, best first. `side` is whose they are: BUY means the bids."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, Side], list[ExactLevel]] = {}

    def replace(self, symbol: str, bids: Sequence[ExactLevel], asks: Sequence[ExactLevel]) -> None:
        """Set both sides anew. Raises ValueError, and changes nothing, for levels that are none or out of order."""
        _check(bids, Side.BUY)
        _check(asks, Side.SELL)
        self._levels[symbol, Side.BUY] = list(bids)
        self._levels[symbol, Side.SELL] = list(asks)

    def levels(self, symbol: str, side: Side) -> Sequence[ExactLevel]:
        """Return what stands on a side."""
        return self._levels.get((symbol, side), ())

    def best(self, symbol: str, side: Side) -> Decimal | None:
        """Return the best price on a side, or None where nothing stands."""
        levels = self.levels(symbol, side)
        return levels[0][0] if levels else None

    def cost(self, symbol: str, quantity: Decimal) -> Decimal:
        """Return what buying a quantity comes to, as far as there are asks."""
        cost = Decimal(0)
        for price, there in self.levels(symbol, Side.SELL):
            taken = min(quantity, there)
            cost += taken * price
            quantity -= taken
        return cost

    def take(self, symbol: str, side: Side, place: int, quantity: Decimal) -> None:
        """Take a quantity out of a level. Places hold until the next `sweep`."""
        levels = self._levels[symbol, side]
        price, there = levels[place]
        levels[place] = (price, there - quantity)

    def sweep(self, symbol: str, side: Side) -> None:
        """Forget the levels of which nothing is left."""
        if (symbol, side) in self._levels:
            self._levels[symbol, side] = [level for level in self._levels[symbol, side] if level[1] > 0]


def _check(levels: Sequence[ExactLevel], side: Side) -> None:
    before: Decimal | None = None
    for price, quantity in levels:
        if not (price.is_finite() and quantity.is_finite() and price > 0 and quantity > 0):
            raise ValueError(f"not a level: {price} {quantity}")
        if before is not None and (before - price) * side.sign < 0:
            raise ValueError(f"levels are not best first: {price} behind {before}")
        before = price
