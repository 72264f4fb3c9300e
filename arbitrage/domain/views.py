"""What the engine shows once a second: plain facts for state, status and metrics. Nothing is decided on it."""

from dataclasses import dataclass, field
from decimal import Decimal

from arbitrage.domain.guarding import Latch, TradingState
from arbitrage.domain.instants import NEVER, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """One book: health, age in ms since its last frame, and the touch."""

    symbol: str
    health: str
    age_ms: float | None
    bid: float | None
    ask: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLine:
    """One venue: whether its socket lives, since when or since when not, ages, skew, rates, and its books."""

    connected: bool
    since: Instant | None
    reason: str
    book_age_ms: float | None
    clock_skew_ms: float | None
    messages_per_s: float
    messages: int
    rejected: int
    books: tuple[BookLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FxLine:
    """KRW per USDT, executable, with its age; and beside it a bank's KRW per USD with its day, where it is known."""

    bid: float | None
    ask: float | None
    age_ms: float | None
    reference: float | None = None
    reference_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLine:
    """The edge at the touch of one pair in one direction, in bps; None where a book is not good."""

    base: str
    direction: str
    bps: float | None
    best_today_bps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalLine:
    """How often one reason was given."""

    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """Ended plans by outcome, and the sum of their results in integer won units."""

    day: str
    plans: int
    outcomes: dict[str, int]
    result_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TripLine:
    """One trip of the circuit breaker: since when, and why."""

    name: str
    since: Instant
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """How much of a limit is used, in the limit's own unit; `share` 1.0 is all of it, None where nothing counts up."""

    name: str
    used: Decimal | None
    limit: Decimal
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardView:
    """What the guard holds: trips, latches, losses in integer won units (0 or above), and each limit's use."""

    trips: tuple[TripLine, ...] = ()
    latches: tuple[Latch, ...] = ()
    lost_today: int = 0
    lost_24h: int = 0
    lost_in_all: int = 0
    in_flight: int = 0
    uses: tuple[LimitUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightLine:
    """A plan in flight: since when, the base that it leaves open as far as is proven, and what it waits for."""

    plan_id: str
    base: str
    direction: str
    since: Instant
    exposure: Decimal
    waits_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineView:
    """All of it. `left_out` and `notices` pair a base or a symbol with what is to be said of it.

    `trading_state` is what may leave; `accepting` says whether that is everything, and `why_not` in one line why not.
    `runway` is how many more plans of the largest size either side can pay for, by base and direction; `unexplained` is
    (venue, currency, difference) that no plan and no transfer explains; `private_streams` says of each venue's, where
    there is one, why it is down, "" if it is up. `unknown_orders` counts the orders whose fate is not known; orders may
    leave until `lease_until`, which is 0 where there is no lease.
    """

    at: Instant
    accepting: bool
    why_not: str
    venues: dict[str, VenueLine]
    fx: FxLine
    edges: tuple[EdgeLine, ...]
    left_out: tuple[tuple[str, str], ...]
    notices: tuple[tuple[str, str], ...]
    plans_open: int
    score_today: ScoreLine
    refusals: tuple[RefusalLine, ...]
    inventory: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    positions: dict[str, Decimal] = field(default_factory=dict)
    portfolio_krw: Decimal | None = None
    events: int = 0
    flights: tuple[FlightLine, ...] = ()
    runway: dict[str, dict[str, int]] = field(default_factory=dict)
    unexplained: tuple[tuple[str, str, Decimal], ...] = ()
    private_streams: dict[str, str] = field(default_factory=dict)
    unknown_orders: int = 0
    lease_until: Instant = NEVER
    trading_state: str = TradingState.REDUCING.value
    guard: GuardView = field(default_factory=GuardView)
