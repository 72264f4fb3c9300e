"""A pair with all that is looked at for each of its frames and plans, found once. It holds the books; it owns none."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from arbitrage.books.book import Book
from arbitrage.opportunity.finder import PairFinder


@dataclass(slots=True)
class Watched:
    """A pair's finder and its books, Upbit's first.

    `fees` is every fee of a plan as a part of its notional; `halted` says why no plan may use an instrument, or "".
    `news` are the edges, in the order of Direction, above which anything follows: from most frames nothing does.
    """

    finder: PairFinder
    books: tuple[Book, Book]
    fees: Decimal
    halted: str
    news: tuple[float, float] = (-math.inf, -math.inf)

    @classmethod
    def of(cls, finder: PairFinder, books: tuple[Book, Book]) -> Self:
        """Gather it for a pair."""
        upbit, binance = finder.pair.upbit, finder.pair.binance
        fees = 2 * upbit.taker_fee + binance.taker_fee  # both legs, and the conversion between KRW and USDT
        found = [(i, i.halted or i.held_back) for i in (upbit, binance)]
        halted = "; ".join(f"{i.venue} {i.symbol}: {why}" for i, why in found if why)
        return cls(finder, books, fees, halted)
