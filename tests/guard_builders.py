"""Entries of the guard's account with good defaults, so that a test names only what it is about."""

from collections.abc import Mapping
from dataclasses import replace

from arbitrage.domain.guarding import GuardAct, GuardEntry, GuardMemory, Latch, LatchKind, LossMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.domain.money import WonUnits
from tests.clocks import NOON
from tests.plan_builders import a_submission, an_end

DAY = "2026-11-22"
NEXT_DAY = "2026-11-23"


def a_start(sequence: int, plan_id: str = "p-1", cost: int = 100, day: str = DAY) -> SubmitPlan:
    """A plan that may lose 100 won units."""
    return replace(a_submission(plan_id), worst_case=WonUnits(cost), sequence=sequence, day=day)


def a_finish(
    sequence: int, plan_id: str = "p-1", result: int = -40, day: str = DAY, at: Instant = NOON
) -> ReportPlanEnd:
    """The end of that plan, with a loss of 40 won units."""
    return ReportPlanEnd(an_end(plan_id, at, result=result), sequence, day)


def a_latch(kind: LatchKind = LatchKind.REPEATED_EXECUTION, scope: str = "", at: Instant = NOON) -> Latch:
    """A latch that stops everything, set by the guard."""
    return Latch(kind=kind, at=at, why="31 plans of BTC within a minute", who="guard", day=DAY, scope=scope)


def a_report(
    sequence: int,
    *latches: Latch,
    act: GuardAct = GuardAct.LATCHED,
    name: str = "repeated_execution",
    day: str = DAY,
    total_from_zero: bool = False,
) -> ReportGuard:
    """A piece of evidence, with all latches that hold after it."""
    entry = GuardEntry(at=NOON, act=act, name=name, who="guard", why="because")
    return ReportGuard(NOON, sequence, day, (entry,), latches, total_from_zero)


def an_account(
    sequence: int = 7,
    *latches: Latch,
    day: str = DAY,
    today: int = -140,
    total: int = -900,
    recent: tuple[tuple[int, int], ...] = ((int(NOON) - 5_000_000_000, -100), (int(NOON) - 1_000_000_000, -40)),
    reserved: Mapping[str, int] | None = None,
) -> GuardMemory:
    """An account with some losses behind it, and a plan in flight."""
    losses = LossMemory(
        day=day,
        day_units=today,
        total_units=total,
        recent=tuple((Instant(at), units) for at, units in recent),
        reserved={"p-9": 60} if reserved is None else reserved,
    )
    return GuardMemory(sequence=sequence, losses=losses, latches=latches)
