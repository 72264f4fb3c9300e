"""What the engine asks the shell to do. An intent is an order to the shell, not a request to be thought about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from arbitrage.domain.guarding import GuardEntry, Latch
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import WonUnits
from arbitrage.domain.plans import Direction, Fill, Order, PlanEnd, TwoLegPlan
from arbitrage.domain.verdicts import Approved, Refusal
from arbitrage.domain.views import EngineView

_NOTHING: Final = WonUnits(0)


@dataclass(frozen=True, slots=True)
class SubmitPlan:
    """Send both orders of an approved plan, now.

    `worst_case` is what the plan may lose at the most, in won units; `sequence` the number of this entry in the guard's
    account (intent log and Redis hold the same; 0: it is not in it); `day` the trading day that the account is in.
    """

    approved: Approved[TwoLegPlan]
    orders: tuple[Order, Order]
    worst_case: WonUnits = _NOTHING
    sequence: int = 0
    day: str = ""

    @property
    def plan(self) -> TwoLegPlan:
        """Return the plan itself."""
        return self.approved.what


@dataclass(frozen=True, slots=True)
class SubmitHedge:
    """Send an order that lowers the exposure of a plan in flight, now. It changes nothing in the guard's account."""

    order: Order


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    """Take an order that turned up after all as a plan of its own: its worst case is held, what it left is hedged.

    `booked` is, by client id, the part of a fill that belongs to the plan that it was of.
    """

    plan: TwoLegPlan
    orders: tuple[Order, ...]
    worst_case: WonUnits
    sequence: int
    day: str
    booked: Mapping[str, Fill] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskOrder:
    """Ask the order's venue what became of it."""

    order: Order


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask the order's venue to take it back."""

    order: Order


@dataclass(frozen=True, slots=True)
class InspectOrder:
    """Look for an order in the venue's lists, and at the balances: it seems never to have been created."""

    order: Order


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Tell the engine when this instant has come."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ReportRefusal:
    """Tell people of a refused opportunity: each reason at most once a second, with how often it was given since."""

    at: Instant
    base: str
    direction: Direction
    net_edge_bps: float
    reasons: tuple[tuple[Refusal, int], ...]


@dataclass(frozen=True, slots=True)
class ReportPlanEnd:
    """Write down how a plan ended: what was reserved for it is released, its result booked to the trading day `day`.

    `owned` is what we own since of the currencies that it traded, by venue.
    """

    end: PlanEnd
    sequence: int = 0
    day: str = ""
    owned: Mapping[Venue, Mapping[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportGuard:
    """Write down what happened to the guard.

    `latches` are all that hold now; with `total_from_zero` the count of the total loss starts anew.
    """

    at: Instant
    sequence: int
    day: str
    entries: tuple[GuardEntry, ...]
    latches: tuple[Latch, ...]
    total_from_zero: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """Show the state of things: once a second, and whenever something changed that people wait for."""

    view: EngineView


Intent = (
    SubmitPlan
    | SubmitHedge
    | AdoptPlan
    | AskOrder
    | CancelOrder
    | InspectOrder
    | WakeAt
    | ReportRefusal
    | ReportPlanEnd
    | ReportGuard
    | Publish
)

Noted = SubmitPlan | SubmitHedge | AdoptPlan | ReportPlanEnd | ReportGuard
"""The intents that the intent log holds, before anything comes of them."""
