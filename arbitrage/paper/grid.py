"""Steps of prices and quantities in floats, for books that are made by the million. No order is ever rounded here."""

import math
from math import ceil as _ceil
from math import floor as _floor
from typing import Final

from arbitrage.domain.instruments import Instrument

# A quotient that should be whole may come out a little below.
_HAIR: Final = 1e-6


class FloatGrid:
    """An instrument's ticks and lot. Remembers the band that the last price was in: prices seldom leave it."""

    def __init__(self, instrument: Instrument) -> None:
        self._bands = [(float(band.from_price), *_step(float(band.tick))) for band in instrument.ticks.bands]
        self._lot, self._lot_digits = _step(float(instrument.lot))
        self._low = self._high = 0.0
        self._tick, self._digits = 1.0, 0

    def tick(self, price: float) -> float:
        """Return the tick at a price."""
        if not self._low <= price < self._high:
            self._enter(price)
        return self._tick

    def floor(self, price: float) -> float:
        """Round a price down to its tick."""
        tick = self.tick(price)
        return round(_floor(price / tick + _HAIR) * tick, self._digits)

    def ceil(self, price: float) -> float:
        """Round a price up to its tick."""
        tick = self.tick(price)
        return round(_ceil(price / tick - _HAIR) * tick, self._digits)

    def outwards(self, bid: float, ask: float) -> tuple[float, float]:
        """Round a bid down and an ask up: both at once, because this is done for every frame."""
        if self._low <= bid <= ask < self._high:
            tick, digits = self._tick, self._digits
            return round(_floor(bid / tick + _HAIR) * tick, digits), round(_ceil(ask / tick - _HAIR) * tick, digits)
        return self.floor(bid), self.ceil(ask)

    def lots(self, quantity: float) -> float:
        """Round a quantity down to whole lots, one at least."""
        whole = max(1, _floor(quantity / self._lot + _HAIR))
        return round(whole * self._lot, self._lot_digits)

    def _enter(self, price: float) -> None:
        high = math.inf
        for low, tick, digits in self._bands:
            if price >= low:
                self._low, self._high, self._tick, self._digits = low, high, tick, digits
                return
            high = low


def _step(step: float) -> tuple[float, int]:
    """Return a step with how many decimals its multiples have."""
    return step, max(0, -math.floor(math.log10(step) + _HAIR))
