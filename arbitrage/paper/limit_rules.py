"""How many plans, and how much at risk: the limits that are kept over time, counted again. It stops nothing."""

from collections import Counter, deque
from collections.abc import Iterator

from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import AdoptPlan, ReportPlanEnd, SubmitPlan
from arbitrage.domain.money import won, won_units
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.paper.rules import Found, Rule
from liveguard.pace import DAY, HOUR
from liveguard.risk_limits import RiskLimits


class LimitRules:
    """Counts plans and losses over all runs of the process."""

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._started: deque[Instant] = deque()
        self._in_flight: dict[str, tuple[str, int]] = {}
        self._results: Counter[str] = Counter()
        self._total = 0

    @property
    def is_calm(self) -> bool:
        """Tell whether no plan is in flight."""
        return not self._in_flight

    def open(self, sent: SubmitPlan) -> Iterator[Found]:
        """Count a plan that is sent; yield each limit that it exceeds."""
        yield from self._crowd(sent.plan)
        yield from self._pace(sent.plan.decided_at)
        self._in_flight[sent.plan.plan_id] = (sent.plan.base, sent.worst_case)
        yield from self._risk(sent)

    def adopt(self, adopted: AdoptPlan) -> None:
        """Count a plan that nobody chose to send."""
        self._in_flight[adopted.plan.plan_id] = (adopted.plan.base, adopted.worst_case)

    def end(self, report: ReportPlanEnd) -> Iterator[Found]:
        """Book a plan's result; yield what was lost beyond the day's limit and all that was at risk."""
        self._results[report.day] += report.end.result
        self._total += report.end.result
        most = won_units(self._limits.max_daily_loss) + self._at_risk()
        lost = -self._results[report.day]
        self._in_flight.pop(report.end.plan.plan_id, None)
        if lost > most:
            seen = f"{won(lost):,.0f} KRW on {report.day} (limit and risk {won(most):,.0f} KRW)"
            yield Rule.LOST_TOO_MUCH, seen

    def forget_total(self) -> None:
        """Begin to count the total loss anew, because a person said so."""
        self._total = 0

    # --- how

    def _at_risk(self) -> int:
        return sum(worst for _, worst in self._in_flight.values())

    def _crowd(self, plan: TwoLegPlan) -> Iterator[Found]:
        others, most = len(self._in_flight), self._limits.max_position_count
        if others >= most or any(base == plan.base for base, _ in self._in_flight.values()):
            yield Rule.TOO_MANY_AT_ONCE, f"{plan.plan_id} of {plan.base} beside {others} in flight (limit {most})"

    def _pace(self, at: Instant) -> Iterator[Found]:
        self._started.append(at)
        while self._started[0] <= at - DAY:
            self._started.popleft()
        hourly, daily = self._limits.max_trades_per_hour, self._limits.max_trades_per_day
        in_an_hour = sum(started > at - HOUR for started in self._started)
        for many, most, span in ((in_an_hour, hourly, "an hour"), (len(self._started), daily, "a day")):
            if many > most:
                yield Rule.TOO_MANY_TRADES, f"{many} within {span} (limit {most})"

    def _risk(self, sent: SubmitPlan) -> Iterator[Found]:
        limits, at_risk = self._limits, self._at_risk()
        for lost, limit, span in (
            (-self._results[sent.day], limits.max_daily_loss, f"on {sent.day}"),
            (-self._total, limits.max_total_loss, "in all"),
        ):
            risked = max(lost, 0) + at_risk
            if risked > won_units(limit):
                seen = f"{won(risked):,.0f} KRW lost and at risk {span} (limit {limit:,} KRW)"
                yield Rule.RISKED_TOO_MUCH, f"{sent.plan.plan_id}: {seen}"
