"""How the plans of one trading day went. It adds up; what a result means is for the guard."""

from collections import Counter

from arbitrage.domain.plans import Outcome, PlanEnd
from arbitrage.domain.views import ScoreLine


class DayScore:
    """Outcomes and the sum of results of one trading day."""

    def __init__(self, day: str, outcomes: dict[str, int] | None = None, result_units: int = 0) -> None:
        self.day = day
        self.outcomes: Counter[str] = Counter(outcomes or {})
        self.result_units = result_units

    def add(self, end: PlanEnd) -> None:
        """Count an ended plan. What could not be followed is counted, and worth nothing."""
        self.outcomes[end.outcome.value] += 1
        if end.outcome is not Outcome.UNSCORED:
            self.result_units += end.result

    def line(self) -> ScoreLine:
        """Show it."""
        return ScoreLine(
            day=self.day,
            plans=sum(self.outcomes.values()),
            outcomes=dict(self.outcomes),
            result_units=self.result_units,
        )
