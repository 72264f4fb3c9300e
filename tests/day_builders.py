"""Days for reports: plans that ended at some time of 2024-03-05 in Seoul, and what Redis holds of them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from arbitrage.domain.guarding import GuardAct, GuardEntry
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.plans import Outcome, PlanEnd
from arbitrage.report.reading import DayRows
from arbitrage.report.span import DaySpan, span_of
from arbitrage.state.keys import RunFacts
from tests.plan_builders import an_end

DAY = "2024-03-05"
ZONE = "Asia/Seoul"
NEXT_MORNING = Instant(1_709_680_800 * NS_PER_S)
"""2024-03-06 08:20 in Seoul: long ago, so that the day is over by any clock."""


def the_day() -> DaySpan:
    """The day, when it is over."""
    return span_of(DAY, ZONE, NEXT_MORNING)


def at(clock: str) -> Instant:
    """That time of the day in Seoul, as HH:MM or HH:MM:SS."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return Instant(the_day().start + (hours * 3_600 + minutes * 60 + sum(seconds)) * NS_PER_S)


def ended(clock: str, krw: int = 1_500, *, base: str = "BTC", neutral_ms: float | None = None, **more: Any) -> PlanEnd:
    """A plan that ended then with that result; of 1,704 won expected."""
    end = an_end(f"p-{clock}", at(clock), more.pop("outcome", Outcome.BOTH), krw * 10_000)
    neutral = None if neutral_ms is None else round(neutral_ms * NS_PER_MS)
    return replace(end, plan=replace(end.plan, base=base), neutral_after=neutral, **more)


def a_trip(clock: str, name: str = "venue_errors", why: str = "binance: 20 troubles within a minute") -> GuardEntry:
    """The breaker's trip at that time."""
    return GuardEntry(at=at(clock), act=GuardAct.TRIPPED, name=name, who="guard", why=why)


def rows_of(*ends: PlanEnd, **more: Any) -> DayRows:
    """The day, with these plans."""
    facts = RunFacts(
        mode="shadow",
        app_env="local",
        version="1.2.3",
        started_at=at("00:00"),
        pid=1,
        limits={"max_daily_loss": "50000"},
    )
    given: dict[str, Any] = {"refused": (), "orders": (), "guard": (), "starts": 1}
    return DayRows(span=the_day(), facts=facts, ends=ends, **given | more)


def krw(amount: str) -> Decimal:
    """An amount, as it stands in facts."""
    return Decimal(amount)
