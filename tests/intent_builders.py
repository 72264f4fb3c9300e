"""Numbered entries and intent logs with good defaults, so that a test names only what it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbitrage.domain.guarding import GuardAct, GuardEntry, GuardMemory, Latch, LatchKind, LossMemory
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.domain.money import WonUnits
from arbitrage.intents import BootFacts, IntentLog
from tests.clocks import NOON
from tests.plan_builders import a_submission, an_end

TODAY = "2026-11-22"
NAMESPACE = "arbitrage:shadow:local"
COST = 50_000_000


def seconds(count: float) -> Instant:
    """The instant that lies so many seconds after noon."""
    return Instant(NOON + round(count * NS_PER_S))


def planned(sequence: int, plan_id: str = "p-1", cost: int = COST, day: str = TODAY) -> SubmitPlan:
    """A plan is about to be sent."""
    sent = a_submission(plan_id)
    return SubmitPlan(sent.approved, sent.orders, WonUnits(cost), sequence, day)


def ended(
    sequence: int, plan_id: str = "p-1", result: int = -10_000, day: str = TODAY, at: Instant = NOON
) -> ReportPlanEnd:
    """A plan ended, by default with a loss of one won."""
    return ReportPlanEnd(an_end(plan_id, at, result=result), sequence, day)


def a_latch(kind: LatchKind = LatchKind.OPERATOR, scope: str = "", at: Instant = NOON) -> Latch:
    """A latch that someone set at noon."""
    return Latch(kind=kind, at=at, why="the numbers look odd", who="mina@desk", day=TODAY, scope=scope)


def guarded(sequence: int, *latches: Latch, day: str = TODAY, total_from_zero: bool = False) -> ReportGuard:
    """From now on exactly these latches hold."""
    entries = tuple(
        GuardEntry(at=latch.at, act=GuardAct.LATCHED, name=latch.name, who=latch.who, why=latch.why)
        for latch in latches
    )
    return ReportGuard(NOON, sequence, day, entries, latches, total_from_zero)


def a_boot(at: Instant = NOON) -> BootFacts:
    """A start of the daemon."""
    return BootFacts(at=at, version="0.1.0", config_digest="0123456789ab", limits={"max_daily_loss": "100000"})


@contextmanager
def opened(path: Path) -> Iterator[IntentLog]:
    """A log that is closed again whatever happens; a new one is given its head."""
    log = IntentLog.open(path)
    try:
        if log.logged is None and log.damage is None:
            log.rebase(NAMESPACE, "abc123", GuardMemory(losses=LossMemory(day=TODAY)))
        yield log
    finally:
        log.close()


def write_day(path: Path, plans: int) -> None:
    """A log with a boot, so many plans that ended, one that did not, and a latch."""
    with opened(path) as log:
        log.note_boot(a_boot())
        for number in range(plans):
            log.note(planned(2 * number + 1, f"p-{number}"))
            log.note(ended(2 * number + 2, f"p-{number}", result=-number))
        log.note(planned(2 * plans + 1, "open"))
        log.note(guarded(2 * plans + 2, a_latch()))
