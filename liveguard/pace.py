"""How often plans are started: in an hour, in a day, and of one pair and direction in a minute. It only counts."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.verdicts import Refusal, RefusalCode
from liveguard.risk_limits import RiskLimits

MINUTE: Final = Nanos(60 * NS_PER_S)
HOUR: Final = Nanos(3_600 * NS_PER_S)
DAY: Final = Nanos(24 * 3_600 * NS_PER_S)


class Pace:
    """The starts of the last 24 hours; those of an earlier run are told at the beginning."""

    def __init__(self, started: Iterable[Instant]) -> None:
        self._started = sorted(started)
        self._alike: dict[tuple[str, Direction], deque[Instant]] = {}

    def note(self, plan: TwoLegPlan) -> None:
        """Remember that a plan was started, and forget those of more than a day ago."""
        at = plan.decided_at
        del self._started[: bisect_left(self._started, at - DAY)]
        self._started.append(at)
        alike = self._alike.setdefault((plan.base, plan.direction), deque())
        alike.append(at)
        while alike[0] <= at - MINUTE:
            alike.popleft()

    def within(self, window: Nanos, now: Instant) -> int:
        """Return how many plans were started within the window that ends now."""
        return len(self._started) - bisect_left(self._started, now - window)

    def alike(self, base: str, direction: Direction, now: Instant) -> int:
        """Return how many plans of this pair and direction were started within the last minute."""
        alike = self._alike.get((base, direction))
        return len(alike) - bisect_right(alike, now - MINUTE) if alike else 0

    def most_alike(self, now: Instant) -> int:
        """Return that number for the pair and direction that has most."""
        return max((self.alike(*which, now) for which in self._alike), default=0)

    def judge(
        self, plan: TwoLegPlan, in_flight: int, limits: RiskLimits, now: Instant, refusals: list[Refusal]
    ) -> None:
        """Find each count that is reached."""
        if not in_flight < limits.max_position_count:
            refusals.append(
                _too_many(RefusalCode.TOO_MANY_POSITIONS, in_flight, "in flight", limits.max_position_count)
            )
        if not (started := self.within(HOUR, now)) < limits.max_trades_per_hour:
            limit = limits.max_trades_per_hour
            refusals.append(_too_many(RefusalCode.TOO_MANY_TRADES_HOUR, started, "in an hour", limit))
        if not (started := self.within(DAY, now)) < limits.max_trades_per_day:
            limit = limits.max_trades_per_day
            refusals.append(_too_many(RefusalCode.TOO_MANY_TRADES_DAY, started, "in 24 hours", limit))
        if not (started := self.alike(plan.base, plan.direction, now)) < limits.max_repeats_per_minute:
            what = f"of {plan.base} {plan.direction} in a minute"
            refusals.append(_too_many(RefusalCode.REPEATED_EXECUTION, started, what, limits.max_repeats_per_minute))


def _too_many(code: RefusalCode, seen: int, of: str, limit: int) -> Refusal:
    return Refusal(code, f"{seen} {of}", str(limit))
