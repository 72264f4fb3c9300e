"""What the engine can be told. Every event carries its own time `at`; book and touch events are built once a frame.

The two hot events are not frozen: freezing costs 0.7 µs a frame and nobody keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.book_views import Depth
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.plans import Fill, LegEnd


@dataclass(slots=True)
class BookSnapshot:
    """A whole book. The touch has been looked at by the decoder's types only; `depth` belongs to the receiver.

    `at` is the arrival; `sequence` rises with each state of the book on the venue (0 where the venue has none).
    `venue_at` is the venue's own time stamp, or 0 where it sends none.
    """

    at: Instant
    venue: Venue
    symbol: str
    sequence: int
    venue_at: int
    depth: Depth


@dataclass(slots=True)
class TouchUpdate:
    """The best bid and ask of a book, newer than its levels if `sequence` is above the snapshot's."""

    at: Instant
    venue: Venue
    symbol: str
    sequence: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float


@dataclass(frozen=True, slots=True)
class BookRejected:
    """A frame for this book could not be believed: the book is not, until the next good one. `symbol` "" is unknown."""

    at: Instant
    venue: Venue
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class VenueUp:
    """The venue's market data socket is open and subscribed."""

    at: Instant
    venue: Venue


@dataclass(frozen=True, slots=True)
class VenueDown:
    """The venue's market data socket is gone, or never came: nothing held from it may be believed."""

    at: Instant
    venue: Venue
    reason: str


@dataclass(frozen=True, slots=True)
class ClockSample:
    """Our clock minus the venue's, measured by asking it (positive: ours is ahead)."""

    at: Instant
    venue: Venue
    skew: Nanos


@dataclass(frozen=True, slots=True)
class ReferenceRate:
    """A bank's KRW per USD of a day (YYYY-MM-DD). Shown, never traded on."""

    at: Instant
    krw_per_usd: float
    day: str


@dataclass(frozen=True, slots=True)
class UniverseChanged:
    """The instruments, as the venues describe them now."""

    at: Instant
    universe: Universe


@dataclass(frozen=True, slots=True)
class LegReport:
    """What became of an order, from a gateway."""

    at: Instant
    client_id: str
    plan_id: str
    venue: Venue
    end: LegEnd
    fill: Fill


@dataclass(frozen=True, slots=True)
class StateUp:
    """The state store can be written."""

    at: Instant


@dataclass(frozen=True, slots=True)
class StateDown:
    """The state store cannot be written: no new plans."""

    at: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class InventoryGiven:
    """What we own on each venue, by currency. An empty mapping means: start over with the virtual capital."""

    at: Instant
    balances: Mapping[Venue, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed: time to publish, and to look for what should have ended."""

    at: Instant


Event = (
    BookSnapshot
    | TouchUpdate
    | BookRejected
    | VenueUp
    | VenueDown
    | ClockSample
    | ReferenceRate
    | UniverseChanged
    | LegReport
    | StateUp
    | StateDown
    | InventoryGiven
    | Tick
)
