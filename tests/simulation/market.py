"""The market: prices that wander and jump, and now and then a premium that is worth a plan. It knows no account."""

from decimal import Decimal
from random import Random
from typing import Final

from arbitrage.domain.book_views import ListedDepth
from arbitrage.domain.events import BookSnapshot
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Pair, Universe, Venue
from arbitrage.exchange.matching import ExactLevel

_START_USDT: Final = {"BTC": 85_000.0, "ETH": 3_000.0}
_LEVELS: Final = 4
_FX: Final = (1_400.0, 1_401.0)

Sides = tuple[list[ExactLevel], list[ExactLevel]]


class Market:
    """What both venues' books are made of."""

    def __init__(self, universe: Universe, seed: int) -> None:
        self.universe = universe
        self.is_lively = True
        self._random = Random(f"market {seed}")
        self._mids = {pair.base: _START_USDT[pair.base] for pair in universe.pairs}
        self._premium_bps = dict.fromkeys(self._mids, 0.0)

    def step(self, pair: Pair) -> None:
        """Let a pair's price and premium move on."""
        chance = self._random
        jump = self.is_lively and chance.random() < 0.05
        self._mids[pair.base] *= 1 + chance.gauss(0, 20 if jump else 1) / 10_000
        if not self.is_lively:
            self._premium_bps[pair.base] = 0.0
        elif chance.random() < 0.4:
            self._premium_bps[pair.base] = chance.choice((0.0, 0.0, 60.0, -70.0))

    def levels(self, pair: Pair, venue: Venue) -> Sides:
        """Return bids and asks of a pair at a venue, best first."""
        mid, instrument = self._mids[pair.base], pair.on(venue)
        if venue is Venue.UPBIT:
            mid *= sum(_FX) / 2 * (1 + self._premium_bps[pair.base] / 10_000)
        return self._side(instrument, mid, -1), self._side(instrument, mid, 1)

    def fx(self, at: Instant) -> BookSnapshot:
        """Return the fx book as it is told."""
        return BookSnapshot(
            at, Venue.UPBIT, self.universe.fx.symbol, 0, 0, ListedDepth([(_FX[0], 1e7)], [(_FX[1], 1e7)])
        )

    def _side(self, instrument: Instrument, mid: float, sign: int) -> list[ExactLevel]:
        notional = 700_000 if instrument.venue is Venue.UPBIT else 500
        tick = instrument.ticks.at(Decimal(mid))
        best = instrument.ticks.floor(Decimal(round(mid, 2))) + (tick if sign > 0 else 0)
        step = max(tick, instrument.ticks.floor(best * Decimal("0.00005")))
        sizes = (notional * self._random.uniform(0.5, 3.0) / mid for _ in range(_LEVELS))
        return [(best + sign * place * step, round(Decimal(size), 5)) for place, size in enumerate(sizes)]


def told(venue: Venue, symbol: str, sides: Sides, at: Instant) -> BookSnapshot:
    """Return a book as its venue tells it."""
    bids, asks = ([(float(price), float(size)) for price, size in side] for side in sides)
    return BookSnapshot(at, venue, symbol, 0, 0, ListedDepth(bids, asks))
