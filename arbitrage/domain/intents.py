"""What the engine asks the shell to do. An intent is an order to the shell, not a request to be thought about."""

from dataclasses import dataclass

from arbitrage.domain.instants import Instant
from arbitrage.domain.plans import Direction, Order, PlanEnd, TwoLegPlan
from arbitrage.domain.verdicts import Approved, Refusal
from arbitrage.domain.views import EngineView


@dataclass(frozen=True, slots=True)
class SubmitPlan:
    """Send both orders of an approved plan, now."""

    approved: Approved[TwoLegPlan]
    orders: tuple[Order, Order]


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
    """Write down how a plan ended."""

    end: PlanEnd


@dataclass(frozen=True, slots=True)
class Publish:
    """Show the state of things: once a second, and whenever something changed that people wait for."""

    view: EngineView


Intent = SubmitPlan | ReportRefusal | ReportPlanEnd | Publish
