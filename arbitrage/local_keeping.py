"""What one run keeps on this machine: intent log, latches, mailbox and halt file, opened and wired. No decisions."""

from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Final

import structlog

from arbitrage.domain.events import PlanAbandoned
from arbitrage.domain.guarding import GuardMemory, Latch, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Intent, ReportGuard
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.intents import BootFacts, IntentLog, Logged, MemoryIntents, unclean_ends
from arbitrage.local_files import HaltFile, LatchFile, Mailbox, Places
from arbitrage.local_files.watch import OperatorWatch
from arbitrage.ports import Clock, Emit

log = structlog.get_logger()

MOST_UNCLEAN_ENDS: Final = 3
"""So many unclean ends within ten minutes are a crash loop: the next start waits for a person (RTS 6 Art 15(3))."""


class LocalKeeping:
    """The files of STATE_DIR that a daemon holds. As a sink it repeats every latch in the latches file."""

    def __init__(self, places: Places, *, lasting: bool, clock: Clock) -> None:
        """Take the files over; without `lasting` the intent log is kept in memory only.

        Raises StateHeld if another daemon holds them, OSError if they cannot be written.
        """
        places.account_dir.mkdir(parents=True, exist_ok=True)
        self.intents = IntentLog.open(places.intent_log) if lasting else MemoryIntents()
        self._latches = LatchFile(places.latches)
        self._watch = OperatorWatch(Mailbox(places.commands), HaltFile(places.halt_file), clock)
        self._clock = clock
        before = self.intents.logged
        self._unfinished: tuple[TwoLegPlan, ...] = _plans(before) if before else ()
        self._unclean = unclean_ends(before.boots, clock.now()) if before else 0

    def begin(self, past: Remembered, facts: BootFacts) -> Remembered:
        """Note the start; return the past with the latches that only this machine knows of. Raises OSError."""
        self.intents.note_boot(facts)
        here = (*self._latches.read(), *self._crash_loop(facts.at))
        latches = tuple({latch.name: latch for latch in (*here, *past.guard.latches)}.values())
        if latches != past.guard.latches:
            log.warning("latches_found", latches=[f"{latch.name}: {latch.why}" for latch in latches])
        self._write(latches)
        memory = GuardMemory(sequence=past.guard.sequence, losses=past.guard.losses, latches=latches)
        return replace(past, guard=memory)

    def abandoned(self, past: Remembered) -> Iterator[PlanAbandoned]:
        """Yield the end of each virtual plan that an earlier run left in flight."""
        plans = {plan.plan_id: plan for plan in (*self._unfinished, *past.open_plans)}
        return (PlanAbandoned(self._clock.now(), plan) for plan in plans.values())

    def publish(self, intent: Intent) -> None:
        """Repeat the latches in their file whenever something happened to them."""
        if isinstance(intent, ReportGuard):
            self._write(intent.latches)

    def work(self, emit: Emit) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
        """Yield what has to run beside the daemon: looking for commands, and bringing the log to the disk."""
        yield "operator-watch", self._watch.watch(emit)
        yield "intent-log", self.intents.keep_synced()

    def end(self, at: Instant) -> None:
        """Note that this run stops on purpose, and let go of the files."""
        try:
            self.intents.note_stop(at)
        except OSError as failure:
            log.warning("stop_not_noted", reason=failure.strerror)
        self.intents.close()

    def _crash_loop(self, at: Instant) -> Iterator[Latch]:
        if self._unclean >= MOST_UNCLEAN_ENDS:
            why = f"{self._unclean} unclean ends within ten minutes"
            yield Latch(kind=LatchKind.RESTARTS, at=at, why=why, who="start", day="")

    def _write(self, latches: tuple[Latch, ...]) -> None:
        try:
            self._latches.write(latches)
        except OSError as failure:
            log.error("latches_not_written", reason=failure.strerror, kept="in the intent log and in Redis")


def _plans(logged: Logged) -> tuple[TwoLegPlan, ...]:
    return tuple(row.read_plan() for row in logged.open_plans)
