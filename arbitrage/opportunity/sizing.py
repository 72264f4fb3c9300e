"""How much: the largest quantity at which the marginal level still pays. It receives plain caps and knows no limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbitrage.domain.book_views import Level


@dataclass(slots=True)
class Ladder:
    """One side of a book as quoted, with what turns its prices into KRW and its sizes into base after fees."""

    levels: Sequence[Level]
    krw: float = 1.0
    net: float = 1.0

    def depth(self) -> float:
        """Return the base after fees that it shows."""
        return sum([size for _, size in self.levels]) * self.net


@dataclass(slots=True)
class Caps:
    """What bounds a plan besides the books, in the units that the walk uses.

    `base`: base that can be sold. `buy_krw`: what can be spent, in KRW at the decision's fx, already less the fee and
    the widest limit. `notional_krw`: the most that the Upbit leg may be worth at its own price.
    """

    base: float
    buy_krw: float
    notional_krw: float

    def at(self, sell_krw: float, buy_krw: float, upbit_krw: float) -> float:
        """Return the most base allowed if these are the deepest prices that the plan touches."""
        return min(self.base, self.buy_krw / buy_krw, self.notional_krw / upbit_krw)


def largest_clearing(into: Ladder, out_of: Ladder, ratio_needed: float, caps: Caps, *, buys_on_upbit: bool) -> float:
    """Walk both ladders together and return the largest base quantity, after fees, whose last unit still clears.

    It is sold into one and bought from the other. A pair of levels clears while selling price / buying price >=
    `ratio_needed` (that is (1 + minimum edge) / kept).
    """
    total, i, j = 0.0, 0, 0
    sell_left = buy_left = 0.0
    best_sell = into.levels[0][0] * into.krw
    while i < len(into.levels) and j < len(out_of.levels):
        sell, buy = into.levels[i][0] * into.krw, out_of.levels[j][0] * out_of.krw
        if not sell >= ratio_needed * buy:
            break
        # a limit buy locks its deepest price for the whole quantity; a sale is worth at most its best bid
        allowed = caps.at(sell, buy, buy if buys_on_upbit else best_sell)
        sell_left = sell_left or into.levels[i][1] * into.net
        buy_left = buy_left or out_of.levels[j][1] * out_of.net
        step = min(sell_left, buy_left)
        if total + step >= allowed:
            return max(total, allowed)
        total += step
        sell_left -= step
        buy_left -= step
        i += sell_left <= 0.0
        j += buy_left <= 0.0
    return total
