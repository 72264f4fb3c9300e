"""What a plan is judged by besides itself: plain facts of the moment, gathered by whoever asks. They judge nothing."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from arbitrage.domain.book_views import Reference
from arbitrage.domain.instants import Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import WonUnits


class Prices(Protocol):
    """Someone who knows what a price of an instrument can be held against."""

    def reference(self, venue: Venue, symbol: str) -> Reference | None:
        """Return it as it stands now, or None where the instrument is not watched."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Data ages in ns, what is in flight, and what the plan may lose at the most.

    `halted` says why an instrument must not be traded ("" if it may); the depths are base on the side that each leg
    takes; the references belong to each leg's instrument.
    """

    upbit_age: Nanos
    binance_age: Nanos
    fx_age: Nanos
    plans_in_flight: int
    notional_in_flight_krw: Decimal
    worst_case: WonUnits
    halted: str
    upbit_depth: float
    binance_depth: float
    upbit_reference: Reference | None
    binance_reference: Reference | None
