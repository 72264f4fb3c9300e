"""Plans of two legs, the orders that carry them out, and how they ended. Facts only; nothing here decides."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from arbitrage.domain.book_views import Level
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import WonUnits


class Direction(StrEnum):
    """Which way a plan moves base: named after what it does on Upbit, the KRW side."""

    SELL_UPBIT = "sell_upbit"
    BUY_UPBIT = "buy_upbit"

    def side(self, venue: Venue) -> Side:
        """Return what the plan does on a venue."""
        sells = (venue is Venue.UPBIT) is (self is Direction.SELL_UPBIT)
        return Side.SELL if sells else Side.BUY


class Purpose(StrEnum):
    """Why an order exists: to start a plan, or to lower the exposure of one."""

    OPEN = "open"
    REDUCE = "reduce"


@dataclass(frozen=True, slots=True)
class FxQuote:
    """KRW per USDT as it can be executed, frozen at an instant."""

    bid: Decimal
    ask: Decimal
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One side of a plan: an immediate-or-cancel limit order on one venue.

    `quantity` is what is ordered, in base; `limit_price` in quote, on the instrument's tick; `vwap` is the expected
    average price of the levels walked, which are kept in `levels` for the journal.
    """

    venue: Venue
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    vwap: float
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoLegPlan:
    """Two legs, one on each venue, equal in base after fees.

    `base_quantity` is the base that ends up on the other venue; `notional_krw` what the Upbit leg is worth;
    `net_edge_bps` what should be left after every fee and the fx, of the notional; `expected_krw` the same in won.
    """

    plan_id: str
    base: str
    direction: Direction
    decided_at: Instant
    upbit: Leg
    binance: Leg
    fx: FxQuote
    base_quantity: Decimal
    notional_krw: Decimal
    net_edge_bps: float
    expected_krw: Decimal

    @property
    def legs(self) -> tuple[Leg, Leg]:
        """Return both legs, Upbit's first."""
        return self.upbit, self.binance

    def on(self, venue: Venue) -> Leg:
        """Return the leg on a venue."""
        return self.upbit if venue is Venue.UPBIT else self.binance


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What goes to a gateway. `client_id` is ours, deterministic, and at most 36 of [A-Za-z0-9_-].

    `net_edge_bps` is what its plan expects to keep, for the log line that an order leaves behind.
    """

    client_id: str
    plan_id: str
    venue: Venue
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    purpose: Purpose
    decided_at: Instant
    net_edge_bps: float


class LegEnd(StrEnum):
    """How a leg ended. `UNSEEN`: there was no believable book to follow it on (a virtual order only)."""

    FILLED = "filled"
    PARTIAL = "partial"
    EMPTY = "empty"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What an order came to: base `quantity`, gross `funds` in quote, and a `fee` in `fee_currency`."""

    quantity: Decimal
    funds: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFill:
    """What one order of a plan came to."""

    client_id: str
    venue: Venue
    side: Side
    fill: Fill


class Outcome(StrEnum):
    """How a plan ended, for people and for the score."""

    BOTH = "both"
    UNEVEN = "uneven"
    ONE_LEG = "one_leg"
    MISSED = "missed"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEnd:
    """The end of a plan: its outcome, both legs' ends, and the realised result in integer won units.

    The result holds the KRW flows, the USDT flows at the fx frozen at decision, and what base is left over at the
    worse executable side (design: the result of a plan). `residual_base` is that left-over: positive is long. The fills
    are those of the opening orders; `hedges` are the orders that lowered the exposure which these had left.
    `neutral_after` is the time from the first fill to neutral, None where nothing filled.
    """

    plan: TwoLegPlan
    at: Instant
    outcome: Outcome
    upbit_end: LegEnd
    binance_end: LegEnd
    upbit_fill: Fill
    binance_fill: Fill
    residual_base: Decimal
    result: WonUnits
    hedges: tuple[OrderFill, ...] = ()
    neutral_after: Nanos | None = None
