"""What the breaker trips on: how plans end, and the venues' troubles. It counts; the breaker keeps the trips."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from arbitrage.domain.guarding import Trip
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import won
from arbitrage.domain.plans import Outcome, PlanEnd
from liveguard.risk_limits import RiskLimits

PLANS_JUDGED: Final = 20
"""How many ended plans the fill rate is taken over."""

MINUTE: Final = 60 * NS_PER_S

_LEGS: Final = 2


class PlanWatch:
    """Looks at how plans end: failures in a row, fill rate, slippage."""

    def __init__(self) -> None:
        self.failed_in_a_row = 0
        self._filled: deque[bool] = deque(maxlen=PLANS_JUDGED)

    def learn(self, end: PlanEnd, limits: RiskLimits) -> Iterator[tuple[Trip, str]]:
        """Take a plan's end; yield what it trips and why. What could not be followed says nothing."""
        if end.outcome is Outcome.UNSCORED:
            return
        yield from self._row(end, limits)
        yield from self._rate(end, limits)
        if end.outcome is Outcome.BOTH:
            yield from _slippage(end, limits)

    def fill_rate(self) -> Decimal | None:
        """Return the part of the last plans that filled on both legs; None before there are enough to judge.

        Exact, so that a limit of 0.3 is met by 6 of 20.
        """
        return Decimal(sum(self._filled)) / PLANS_JUDGED if len(self._filled) == PLANS_JUDGED else None

    def _row(self, end: PlanEnd, limits: RiskLimits) -> Iterator[tuple[Trip, str]]:
        if end.outcome is Outcome.MISSED:  # nothing was traded: neither a failure nor a success
            return
        failed = end.outcome is not Outcome.BOTH or end.result < 0
        self.failed_in_a_row = self.failed_in_a_row + 1 if failed else 0
        if not self.failed_in_a_row < limits.max_failed_plans:
            yield Trip.FAILED_PLANS, f"{self.failed_in_a_row} plans in a row lost or left a leg open"
            self.failed_in_a_row = 0

    def _rate(self, end: PlanEnd, limits: RiskLimits) -> Iterator[tuple[Trip, str]]:
        self._filled.append(end.outcome in {Outcome.BOTH, Outcome.UNEVEN})
        rate = self.fill_rate()
        if rate is not None and not rate >= limits.min_fill_rate:
            yield Trip.FILL_RATE, f"{rate:.0%} of the last {PLANS_JUDGED} plans filled on both legs"
            self._filled.clear()  # judged anew after the pause


class VenueWatch:
    """Counts each venue's troubles within a minute."""

    def __init__(self) -> None:
        self._troubles: dict[Venue, deque[Instant]] = {venue: deque() for venue in Venue}

    def learn(self, venue: Venue, at: Instant, what: str, limits: RiskLimits) -> Iterator[tuple[Trip, str]]:
        """Take one trouble; yield the trip if it is one too many."""
        troubles = self._troubles[venue]
        troubles.append(at)
        while troubles[0] <= at - MINUTE:
            troubles.popleft()
        if not len(troubles) < limits.max_venue_errors:
            yield Trip.VENUE_ERRORS, f"{venue}: {len(troubles)} troubles within a minute, the last: {what[:120]}"
            troubles.clear()

    def within_a_minute(self, at: Instant) -> int:
        """Return the larger number of troubles that a venue had in the last minute."""
        return max(sum(seen > at - MINUTE for seen in troubles) for troubles in self._troubles.values())


def _slippage(end: PlanEnd, limits: RiskLimits) -> Iterator[tuple[Trip, str]]:
    # each leg's limit allows one max_slippage_pct; a plan that fell short by more than both was not filled as it said
    part = end.upbit_fill.quantity / end.plan.upbit.quantity
    short_krw = end.plan.expected_krw * part - won(end.result)
    allowed_krw = end.plan.notional_krw * _LEGS * limits.max_slippage_pct / 100
    if not (Decimal(short_krw).is_finite() and short_krw <= allowed_krw):
        yield Trip.SLIPPAGE, f"plan {end.plan.plan_id} came {short_krw:,.0f} KRW short of what it expected"
