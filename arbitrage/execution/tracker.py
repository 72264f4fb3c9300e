"""Plans in flight, one per pair at most, and how they end. It learns from reports; it never asks and never sends."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from arbitrage.domain.events import LegReport
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Pair, Venue
from arbitrage.domain.plans import TwoLegPlan


class Progress(StrEnum):
    """How much of a plan is known."""

    BOTH_OUT = "both_out"
    UPBIT_ENDED = "upbit_ended"
    BINANCE_ENDED = "binance_ended"
    BOTH_ENDED = "both_ended"


MOVES: Final[dict[tuple[Progress, Venue], Progress]] = {
    (Progress.BOTH_OUT, Venue.UPBIT): Progress.UPBIT_ENDED,
    (Progress.BOTH_OUT, Venue.BINANCE): Progress.BINANCE_ENDED,
    (Progress.UPBIT_ENDED, Venue.BINANCE): Progress.BOTH_ENDED,
    (Progress.BINANCE_ENDED, Venue.UPBIT): Progress.BOTH_ENDED,
}
"""Every legal move: which state follows when a venue's leg has ended. A second end of the same leg is not one."""


@dataclass(slots=True)
class PlanInFlight:
    """A plan that was sent, the pair as it was then, and what is known of its legs."""

    plan: TwoLegPlan
    pair: Pair
    progress: Progress = Progress.BOTH_OUT
    reports: dict[Venue, LegReport] = field(default_factory=dict)


class PlanTracker:
    """Knows the plans in flight by pair, and when each pair's last plan ended."""

    def __init__(self) -> None:
        self._by_base: dict[str, PlanInFlight] = {}
        self._last_end: dict[str, Instant] = {}

    def __len__(self) -> int:
        return len(self._by_base)

    def open(self, plan: TwoLegPlan, pair: Pair) -> None:
        """Start to follow a plan. Raises ValueError if its pair has one in flight already."""
        if plan.base in self._by_base:
            raise ValueError(f"{plan.base} already has a plan in flight")
        self._by_base[plan.base] = PlanInFlight(plan, pair)

    def in_flight(self, base: str) -> TwoLegPlan | None:
        """Return the pair's plan in flight, if there is one."""
        flying = self._by_base.get(base)
        return flying.plan if flying else None

    def notional_krw(self) -> Decimal:
        """Return what all plans in flight are worth together."""
        return sum((flying.plan.notional_krw for flying in self._by_base.values()), Decimal(0))

    def drop(self, plan_id: str) -> PlanInFlight | None:
        """Forget a plan whose orders never left; return it, or None if it is not in flight."""
        flying = next((f for f in self._by_base.values() if f.plan.plan_id == plan_id), None)
        return self._by_base.pop(flying.plan.base) if flying else None

    def last_end(self, base: str) -> Instant:
        """Return when the pair's last plan ended; both books must be younger before it may trade again."""
        return self._last_end.get(base, Instant(0))

    def learn(self, report: LegReport) -> PlanInFlight | None:
        """Take a leg's end; return the plan once both have ended. What is not in flight, or known, is ignored."""
        flying = next((f for f in self._by_base.values() if f.plan.plan_id == report.plan_id), None)
        following = MOVES.get((flying.progress, report.venue)) if flying else None
        if flying is None or following is None:
            return None
        flying.progress = following
        flying.reports[report.venue] = report
        if following is not Progress.BOTH_ENDED:
            return None
        del self._by_base[flying.plan.base]
        self._last_end[flying.plan.base] = report.at
        return flying
