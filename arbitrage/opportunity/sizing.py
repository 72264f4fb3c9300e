"""How much: the largest quantity at which the marginal level still pays. It receives plain caps and knows no limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbitrage.domain.book_views import Level


@dataclass(frozen=True, slots=True)
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


def largest_clearing(
    into: Sequence[Level], out_of: Sequence[Level], ratio_needed: float, caps: Caps, *, buys_on_upbit: bool
) -> float:
    """Walk both ladders together and return the largest base quantity whose last unit still clears.

    `into` and `out_of` hold (price in KRW, base after fees): what is sold into and bought from. A pair of levels
    clears while selling price / buying price >= `ratio_needed` (that is (1 + minimum edge) / kept).
    """
    total, i, j = 0.0, 0, 0
    sell_left = buy_left = 0.0
    while i < len(into) and j < len(out_of):
        sell, buy = into[i][0], out_of[j][0]
        if not sell >= ratio_needed * buy:
            break
        # a limit buy locks its deepest price for the whole quantity; a sale is worth at most its best bid
        allowed = caps.at(sell, buy, buy if buys_on_upbit else into[0][0])
        sell_left = sell_left or into[i][1]
        buy_left = buy_left or out_of[j][1]
        step = min(sell_left, buy_left)
        if total + step >= allowed:
            return max(total, allowed)
        total += step
        sell_left -= step
        buy_left -= step
        i += sell_left <= 0.0
        j += buy_left <= 0.0
    return total
