"""The disk that outlives crashes: the rows of the intent log, and what a restart reads out of them."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from errno import ENOSPC
from random import Random
from typing import Final

from arbitrage.domain.events import PlanRecovered
from arbitrage.domain.guarding import GuardMemory, LossMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Noted, ReportPlanEnd, SubmitPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.intents.replay import Replay, replayed
from arbitrage.intents.rows import AnyRow, HeadRow, row_of

EPOCH: Final = "sim"


class Disk:
    """An intent log that a crash may hit right before and right after each write, and that is full now and then.

    Left-over base by asset is kept beside it, as if it were just as lasting.
    """

    def __init__(self, seed: int, *, forgets: bool = False) -> None:
        self.may_crash: Callable[[], None] = lambda: None
        self.boots = 0
        self._forgets = forgets
        self._chance = Random(f"disk {seed}")
        self._rows: list[AnyRow] = []
        self._left_over: dict[str, Decimal] = {}

    def note(self, intent: Noted) -> None:
        """Write an entry down (Intents)."""
        self.may_crash()
        if isinstance(intent, SubmitPlan) and self._chance.random() < 0.03:
            raise OSError(ENOSPC, "no space left")
        self._rows.append(row_of(intent))
        if isinstance(intent, ReportPlanEnd):
            base = intent.end.plan.base
            self._left_over[base] = self._left_over.get(base, Decimal(0)) + intent.end.residual_base
        self.may_crash()

    def boot(self) -> tuple[Remembered, Replay]:
        """Return what a new run is told, and the account that it comes from."""
        self.boots += 1
        if self._forgets:
            self._rows.clear()
        account = self.account()
        guard = GuardMemory(sequence=account.sequence, losses=account.losses, latches=account.latches)
        past = Remembered(epoch=EPOCH, fence=self.boots, positions=dict(self._left_over), guard=guard)
        return past, account

    def account(self) -> Replay:
        """Return the guard's account as the rows have it."""
        head = HeadRow(namespace="simulation", epoch=EPOCH, sequence=0, losses=LossMemory(), latches=())
        return replayed(head, self._rows)


def left_behind(account: Replay, at: Instant) -> Iterator[PlanRecovered]:
    """Yield the plans without an end, each with every order that may have left for it."""
    for row in account.open_plans.values():
        hedges = tuple(hedge.read_order() for hedge in account.hedges if hedge.plan_id == row.plan_id)
        yield PlanRecovered(at, row.read_plan(), (*row.read_orders(), *hedges), row.booked)
