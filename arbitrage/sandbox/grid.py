"""Exact prices and quantities: integers of 1e-8, their texts, and the steps that venues allow. No floats."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

UNIT: Final = 100_000_000
"""How many of our integer units make 1: both venues write at most eight decimals."""


def units(text: str) -> int:
    """Turn a decimal text of at most eight decimals into integer units. Raises ValueError if it does not fit."""
    scaled = Decimal(text) * UNIT
    if scaled != scaled.to_integral_value():
        raise ValueError(f"more than eight decimals: {text}")
    return int(scaled)


@lru_cache(maxsize=8_192)
def plain(value: int) -> str:
    """Write units without exponent and without trailing zeros."""
    whole, rest = divmod(abs(value), UNIT)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest:08d}".rstrip("0") if rest else f"{sign}{whole}"


@lru_cache(maxsize=8_192)
def eight_decimals(value: int) -> str:
    """Write units with all eight decimals."""
    whole, rest = divmod(abs(value), UNIT)
    return f"{'-' if value < 0 else ''}{whole}.{rest:08d}"


@dataclass(frozen=True, slots=True)
class Grid:
    """Price steps by bands `(from, tick)`, both in units, highest band first."""

    bands: tuple[tuple[int, int], ...]

    def tick(self, price: int) -> int:
        """Return the step at a price."""
        return next(tick for start, tick in self.bands if price >= start)

    def floor(self, price: int) -> int:
        """Round down to the step at the price."""
        return price - price % self.tick(price)

    def ceil(self, price: int) -> int:
        """Round up to the step at the price; a band begins on a step of the band below, so that none is missed."""
        tick = self.tick(price)
        return -(-price // tick) * tick


def single_step(tick: str) -> Grid:
    """Make a grid with one step for every price."""
    return Grid(((0, units(tick)),))


# docs.upbit.com krw-market-info, policy of 2025-07-31
_KRW_STEPS: Final = (
    ("1000000", "1000"),
    ("500000", "500"),
    ("100000", "100"),
    ("50000", "50"),
    ("10000", "10"),
    ("5000", "5"),
    ("100", "1"),
    ("10", "0.1"),
    ("1", "0.01"),
    ("0.1", "0.001"),
    ("0.01", "0.0001"),
    ("0.001", "0.00001"),
    ("0.0001", "0.000001"),
    ("0.00001", "0.0000001"),
    ("0", "0.00000001"),
)

KRW_GRID: Final = Grid(tuple((units(start), units(tick)) for start, tick in _KRW_STEPS))
"""The steps of Upbit's KRW market."""
