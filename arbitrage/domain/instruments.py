"""Venues, their instruments, and pairs of instruments. What a venue allows is data here; nothing is fetched."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from arbitrage.domain.money import ceil_to, floor_to


class Venue(StrEnum):
    """The two places that we trade at."""

    UPBIT = "upbit"
    BINANCE = "binance"


class Side(StrEnum):
    """What an order does to our base asset."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell: the direction in which base moves."""
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class TickBand:
    """Prices from `from_price` (inclusive) move in steps of `tick`, up to the next band."""

    from_price: Decimal
    tick: Decimal


@dataclass(frozen=True, slots=True)
class TickTable:
    """The price steps of one instrument: bands by descending `from_price`, the last one from zero."""

    bands: tuple[TickBand, ...]

    def __post_init__(self) -> None:
        starts = [band.from_price for band in self.bands]
        if not starts or starts != sorted(starts, reverse=True) or starts[-1] != 0:
            raise ValueError("tick bands must go down to zero")
        if any(not band.tick > 0 for band in self.bands):
            raise ValueError("ticks must be positive")

    @classmethod
    def single(cls, tick: Decimal) -> "TickTable":
        """Make a table with the same tick at every price."""
        return cls((TickBand(Decimal(0), tick),))

    def at(self, price: Decimal) -> Decimal:
        """Return the tick that holds at a price."""
        for band in self.bands:
            if price >= band.from_price:
                return band.tick
        raise ValueError(f"no tick for a negative price: {price}")

    def floor(self, price: Decimal) -> Decimal:
        """Round a price down to its tick."""
        return floor_to(price, self.at(price))

    def ceil(self, price: Decimal) -> Decimal:
        """Round a price up to a tick of the band that it lands in."""
        rounded = ceil_to(price, self.at(price))
        return ceil_to(rounded, self.at(rounded))

    def with_tick_at(self, price: Decimal, tick: Decimal) -> "TickTable":
        """Return the table with the band that holds at `price` set to the venue's own `tick`."""
        held = next(band for band in self.bands if price >= band.from_price)
        return TickTable(tuple(TickBand(b.from_price, tick) if b is held else b for b in self.bands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One market of one venue, as the venue describes it.

    `lot` and the quantity bounds are in base; `min_notional` and `max_notional` in quote; `taker_fee` is a fraction
    of the notional (0.0005 is 0.05 %). `halted` says why the market must not be traded, or is empty; `held_back` why
    no new plan may use it, while a way out may; `warnings` are the venue's own flags, shown to people.
    """

    venue: Venue
    symbol: str
    base: str
    quote: str
    ticks: TickTable
    lot: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    taker_fee: Decimal
    halted: str = ""
    held_back: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A base asset that is traded on both venues."""

    base: str
    upbit: Instrument
    binance: Instrument

    def on(self, venue: Venue) -> Instrument:
        """Return the pair's instrument on a venue."""
        return self.upbit if venue is Venue.UPBIT else self.binance


@dataclass(frozen=True, slots=True)
class Universe:
    """What can be traded now: the pairs, the fx instrument, and the wanted pairs that are left out, with why."""

    pairs: tuple[Pair, ...]
    fx: Instrument
    left_out: tuple[tuple[str, str], ...] = ()
