"""What one run keeps on this machine: intent log, latches, mailbox and halt file, opened and wired. No decisions."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog

from arbitrage.domain.events import PlanAbandoned, PlanRecovered
from arbitrage.domain.guarding import GuardAct, Latch, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, ReportGuard
from arbitrage.domain.plans import Order, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.execution.numbering import opening_orders
from arbitrage.intents import BootFacts, EndRow, GuardRow, IntentLog, Logged, MemoryIntents, PlanRow, unclean_ends
from arbitrage.local_files import HaltFile, LatchFile, Mailbox, Places
from arbitrage.local_files.lowered_limits import LoweredLimits
from arbitrage.local_files.watch import OperatorWatch
from arbitrage.ports import Clock, Emit
from liveguard.losses import DAY_NS
from liveguard.risk_limits import RiskLimits

log = structlog.get_logger()

MOST_UNCLEAN_ENDS: Final = 3
"""So many unclean ends within ten minutes are a crash loop: the next start waits for a person (RTS 6 Art 15(3))."""


class LocalKeeping:
    """The files of STATE_DIR that a daemon holds. As a sink it repeats every latch in the latches file.

    `unclean_ends` is, from `begin` on, how many runs of the last ten minutes nobody had asked to end.
    """

    def __init__(self, places: Places, *, lasting: bool, clock: Clock) -> None:
        """Take the files over; without `lasting` the intent log is kept in memory only.

        Raises StateHeld if another daemon holds them, OSError if they cannot be written.
        """
        places.account_dir.mkdir(parents=True, exist_ok=True)
        self.intents = IntentLog.open(places.intent_log) if lasting else MemoryIntents()
        self._latches = LatchFile(places.latches)
        self._watch = OperatorWatch(Mailbox(places.commands), HaltFile(places.halt_file), clock)
        self._clock = clock
        self._before = self.intents.logged
        self.is_virgin = self._before is None and self.intents.damage is None and not any(_set_aside(places))
        self._lowered = LoweredLimits(places.lowered_limits)
        self.unclean_ends = 0
        self._has_begun = False
        self.when_lowered: Callable[[], RiskLimits | None] = lambda: None

    def begin(self, facts: BootFacts) -> tuple[Latch, ...]:
        """Note the start; return the latches that hold on this machine, whatever Redis says. Raises OSError."""
        self.intents.note_boot(facts)
        self._has_begun = True
        found = (*self._latches.read(), *self._crash_loop(facts.at))
        if found:
            log.warning("latches_found", latches=[f"{latch.name}: {latch.why}" for latch in found])
        return found

    def starts(self, remembered: tuple[Instant, ...]) -> tuple[Instant, ...]:
        """Return when the plans of the last 24 hours were started, by whichever of Redis and log knows more of them."""
        before = self._before
        plans = [row.read_plan() for row in before.entries if isinstance(row, PlanRow)] if before else []
        logged = tuple(plan.decided_at for plan in plans if plan.decided_at > self._clock.now() - DAY_NS)
        return max(remembered, logged, key=len)

    def dust(self, remembered: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """Return what ended plans left over, by asset: as the log has it, else as Redis was told last."""
        return remembered if self._before is None else self._before.dust

    def owned(self, past: Remembered) -> Mapping[Venue, Mapping[str, Decimal]]:
        """Return what we own: as Redis was told last, and since then as the log has it after each end of a plan."""
        if self._before is None or not past.inventory:
            return past.inventory
        owned = {venue: dict(balances) for venue, balances in past.inventory.items()}
        for row in self._before.entries:
            if isinstance(row, EndRow) and row.at > past.inventory_at:
                for venue, balances in row.owned.items():
                    owned.setdefault(venue, {}).update(balances)
        return owned

    def lowered(self, limits: RiskLimits) -> RiskLimits:
        """Return limits with those stricter that a person lowered in a run that did not end on purpose."""
        return self._lowered.over(limits)

    def abandoned(self, past: Remembered) -> Iterator[PlanAbandoned]:
        """Yield the end of each virtual plan that an earlier run left in flight."""
        return (PlanAbandoned(self._clock.now(), plan) for plan, _ in self._unfinished(past))

    def recovered(self, past: Remembered) -> Iterator[PlanRecovered]:
        """Yield each plan that an earlier run left in flight, with every order that may have left for it."""
        booked = {row.plan_id: row.booked for row in self._before.open_plans} if self._before else {}
        return (
            PlanRecovered(self._clock.now(), plan, orders, booked.get(plan.plan_id, {}))
            for plan, orders in self._unfinished(past)
        )

    def publish(self, intent: Intent) -> None:
        """Repeat latches, and limits that were lowered, in their files whenever something happened to them."""
        if not isinstance(intent, ReportGuard):
            return
        self._write(intent.latches)
        limits = self.when_lowered()
        if limits is not None and any(entry.act is GuardAct.LOWERED for entry in intent.entries):
            self._lowered.keep(limits)

    def work(self, emit: Emit) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
        """Yield what has to run beside the daemon: looking for commands, and bringing the log to the disk."""
        yield "operator-watch", self._watch.watch(emit)
        yield "intent-log", self.intents.keep_synced()

    def end(self, at: Instant, *, on_purpose: bool) -> None:
        """Let go of the files; where a person asked for the end, note it, and let the configured limits hold again.

        Of a run that never came to `begin` nothing is noted: its stop would pass for that of the run before it.
        """
        if on_purpose and self._has_begun:
            try:
                self.intents.note_stop(at)
                self._lowered.forget()
            except OSError as failure:
                log.warning("stop_not_noted", reason=failure.strerror)
        self.intents.close()

    def _unfinished(self, past: Remembered) -> Iterator[tuple[TwoLegPlan, tuple[Order, ...]]]:
        logged = self._before.open_plans if self._before else ()
        hedges = self._before.hedges if self._before else ()
        for row in logged:
            hedged = (hedge.read_order() for hedge in hedges if hedge.plan_id == row.plan_id)
            yield row.read_plan(), (*row.read_orders(), *hedged)
        known = {row.plan_id for row in logged}
        # Only Redis knows of these: the log is gone, and with it the hedges, if any. Redis is told behind; a plan whose
        # worst case is not held any more has ended, and would be hedged a second time.
        held = past.guard.losses.reserved
        only_in_redis = (plan for plan in past.open_plans if plan.plan_id in held and plan.plan_id not in known)
        yield from ((plan, opening_orders(plan)) for plan in only_in_redis)

    def _crash_loop(self, at: Instant) -> Iterator[Latch]:
        before = self._before
        # those that a person has looked at count no more
        boots = [boot for boot in before.boots if boot.at > _resumed_at(before)] if before else []
        unclean = self.unclean_ends = unclean_ends(boots, at)
        if unclean >= MOST_UNCLEAN_ENDS:
            why = f"{unclean} unclean ends within ten minutes"
            yield Latch(kind=LatchKind.RESTARTS, at=at, why=why, who="start", day="")

    def _write(self, latches: tuple[Latch, ...]) -> None:
        try:
            self._latches.write(latches)
        except OSError as failure:
            log.error("latches_not_written", reason=failure.strerror, kept="in the intent log and in Redis")


def _resumed_at(logged: Logged) -> Instant:
    cleared = (
        entry.at
        for row in logged.entries
        if isinstance(row, GuardRow)
        for entry in row.entries
        if entry.act is GuardAct.UNLATCHED and entry.name == LatchKind.RESTARTS
    )
    return max(cleared, default=Instant(0))


def _set_aside(places: Places) -> Iterator[Path]:
    """Yield the logs that a person, or a damage, has set aside: the state is new then, and not without a past."""
    log_file = places.intent_log
    return log_file.parent.glob(f"{log_file.stem}-*{log_file.suffix}")
