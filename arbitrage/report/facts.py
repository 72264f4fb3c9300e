"""What a day came to, as facts: the object that `report --json` prints. Pure; it reads and judges nothing.

Every text of it is safe to print: whatever wrote the rows, no line of it can end or colour what is around it.

Money is in KRW, edges in bps of the notional, times with their unit in the name; instants are Korean time.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from arbitrage.domain.guarding import GuardAct, GuardEntry
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.money import won
from arbitrage.domain.plans import Outcome, PlanEnd
from arbitrage.kst import at_kst
from arbitrage.report.reading import DayRows
from arbitrage.report.tally import FeeLine, Spread, Tally, fees, time_to_neutral
from arbitrage.telemetry.cleaning import clean_text

_STOPS: Final = frozenset({GuardAct.TRIPPED, GuardAct.LATCHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One ended plan."""

    plan_id: str
    base: str
    direction: str
    decided_at: str
    outcome: str
    notional_krw: Decimal
    net_edge_bps: float
    expected_krw: Decimal
    result_krw: Decimal
    neutral_ms: float | None
    hedges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLine:
    """What stopped new plans: a trip or a latch, how often, when first, and why at the last."""

    kind: str
    name: str
    times: int
    first_at: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """A day. `by_hour` has only hours in which a plan ended; `refusals` are counted each time they were given."""

    day: str
    mode: str
    is_over: bool
    total: Tally
    daily_limit_krw: Decimal | None
    best: PlanLine | None
    worst: PlanLine | None
    fees: tuple[FeeLine, ...]
    fees_krw: Decimal
    time_to_neutral: Spread | None
    orders: dict[str, int]
    refusals: dict[str, int]
    stops: tuple[StopLine, ...]
    starts: int
    by_pair: dict[str, Tally]
    by_hour: dict[str, Tally]
    plans: tuple[PlanLine, ...]
    notes: tuple[str, ...]


def day_facts(rows: DayRows) -> DayFacts:
    """Return what a day came to."""
    ends, paid = rows.ends, fees(rows.ends)
    scored = sorted((end for end in ends if end.outcome is not Outcome.UNSCORED), key=lambda end: end.result)
    return DayFacts(
        day=rows.span.day,
        mode=rows.facts.mode,
        is_over=rows.span.is_over,
        total=Tally.of(ends),
        daily_limit_krw=rows.daily_limit_krw,
        best=plan_line(scored[-1]) if scored else None,
        worst=plan_line(scored[0]) if scored else None,
        fees=paid,
        fees_krw=sum((fee.krw for fee in paid), Decimal(0)),
        time_to_neutral=time_to_neutral(ends),
        orders=dict(sorted(Counter(f"{row.order.venue} {row.order.purpose}" for row in rows.orders).items())),
        refusals=_refusals(rows),
        stops=tuple(_stops(rows)),
        starts=rows.starts,
        by_pair=_grouped(ends, lambda end: clean_text(end.plan.base)),
        by_hour=_grouped(ends, lambda end: hour_of(end.at)),
        plans=tuple(plan_line(end) for end in ends),
        notes=tuple(map(clean_text, rows.notes)),
    )


def hour_of(at: Instant) -> str:
    """Return the Korean hour that an instant lies in, as "14:00"."""
    return f"{at_kst(at):%H}:00"


def hours_of(rows: DayRows) -> Iterator[str]:
    """Yield the names of all hours of a day, in their order."""
    first = at_kst(rows.span.start)
    count = (rows.span.end - rows.span.start) // (3_600 * 1_000 * NS_PER_MS)
    yield from (f"{first + timedelta(hours=hour):%H}:00" for hour in range(count))


def plan_line(end: PlanEnd) -> PlanLine:
    """Return an ended plan as a line."""
    plan = end.plan
    return PlanLine(
        plan_id=clean_text(plan.plan_id),
        base=clean_text(plan.base),
        direction=plan.direction.value,
        decided_at=at_kst(plan.decided_at).isoformat(timespec="milliseconds"),
        outcome=end.outcome.value,
        notional_krw=plan.notional_krw,
        net_edge_bps=plan.net_edge_bps,
        expected_krw=plan.expected_krw,
        result_krw=won(end.result),
        neutral_ms=None if end.neutral_after is None else end.neutral_after / NS_PER_MS,
        hedges=len(end.hedges),
    )


def _grouped(ends: Sequence[PlanEnd], name_of: Callable[[PlanEnd], str]) -> dict[str, Tally]:
    """Return what the plans of each name came to, in the order in which the names were met."""
    groups: dict[str, list[PlanEnd]] = {}
    for end in ends:
        groups.setdefault(name_of(end), []).append(end)
    return {name: Tally.of(those) for name, those in groups.items()}


def _refusals(rows: DayRows) -> dict[str, int]:
    counts = Counter[str]()
    for refused in rows.refused:
        for reason, times in refused.reasons:
            counts[clean_text(reason.code)] += times
    return dict(counts.most_common())


def _stops(rows: DayRows) -> Iterator[StopLine]:
    found: dict[tuple[str, str], list[GuardEntry]] = {}
    for entry in rows.guard:
        if entry.act in _STOPS:
            found.setdefault((entry.act.value, entry.name), []).append(entry)
    for (kind, name), entries in found.items():
        yield StopLine(
            kind=kind,
            name=clean_text(name),
            times=len(entries),
            first_at=at_kst(entries[0].at).isoformat(timespec="seconds"),
            why=clean_text(entries[-1].why),
        )
