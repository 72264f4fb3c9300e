"""GuardAccount: the guard's account as the entries lead to it, in memory, to be written again where Redis lost it.

The same arithmetic as the engine's and the intent log's; it judges nothing and talks to nobody.
"""

from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import AdoptPlan, ReportGuard, ReportPlanEnd, SubmitPlan
from arbitrage.state.guard_store import Entry
from liveguard.losses import DAY_NS, LossBook


class GuardAccount:
    """Losses and latches after the last entry that was taken in."""

    def __init__(self, memory: GuardMemory) -> None:
        self.sequence = memory.sequence
        self.latches = memory.latches
        self._book = LossBook(memory.losses)

    def take(self, entry: Entry) -> None:
        """Take an entry in; one that is not newer than the last changes nothing.

        Raises ValueError for a plan without a worst case, or that is in flight already.
        """
        if not entry.sequence > self.sequence:
            return
        self.sequence = entry.sequence
        self._book.roll(entry.day)
        match entry:
            case SubmitPlan() | AdoptPlan():
                self._book.reserve(entry.plan.plan_id, entry.worst_case)
            case ReportPlanEnd(end):
                self._book.settle(end.plan.plan_id, end.result, end.at)
                self._book.forget_old(Instant(end.at - DAY_NS))  # 48 hours, as Redis and the intent log
            case ReportGuard():
                self.latches = entry.latches
                if entry.total_from_zero:
                    self._book.clear_total()

    @property
    def memory(self) -> GuardMemory:
        """Return all of it, as it is kept."""
        return GuardMemory(sequence=self.sequence, losses=self._book.memory(), latches=self.latches)
