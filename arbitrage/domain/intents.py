"""What the engine asks the shell to do. An intent is an order to the shell, not a request to be thought about."""

from dataclasses import dataclass
from typing import Final

from arbitrage.domain.guarding import GuardEntry, Latch
from arbitrage.domain.instants import Instant
from arbitrage.domain.money import WonUnits
from arbitrage.domain.plans import Direction, Order, PlanEnd, TwoLegPlan
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
    """Write down how a plan ended: what was reserved for it is released, its result booked to the trading day `day`."""

    end: PlanEnd
    sequence: int = 0
    day: str = ""


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


Intent = SubmitPlan | ReportRefusal | ReportPlanEnd | ReportGuard | Publish
