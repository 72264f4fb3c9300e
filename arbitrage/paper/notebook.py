"""The notebook: the intent log of a scenario, kept in memory but beyond each run of the process. It decides nothing."""

from collections.abc import Iterator
from errno import ENOSPC
from typing import Final

from arbitrage.domain.events import LatchFound, PlanRecovered
from arbitrage.domain.guarding import GuardMemory, Latch, LatchKind, LossMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Noted
from arbitrage.domain.remembered import Remembered
from arbitrage.intents import unclean_ends
from arbitrage.intents.replay import Replay, replayed
from arbitrage.intents.rows import AnyRow, BootFacts, HeadRow, PlanRow, StopRow, row_of
from arbitrage.local_keeping import MOST_UNCLEAN_ENDS
from arbitrage.paper.wire_names import EPOCH
from liveguard.losses import DAY_NS

_HEAD: Final = HeadRow(namespace="paper", epoch=EPOCH, sequence=0, losses=LossMemory(), latches=())


class Notebook:
    """Rows, as the intent log would hold them. While it `is_full` nothing can be noted. `boots` counts the starts."""

    def __init__(self) -> None:
        self.is_full = False
        self.boots = 0
        self._rows: list[AnyRow] = []

    def note(self, intent: Noted) -> None:
        """Write an entry down (Intents)."""
        if self.is_full:
            raise OSError(ENOSPC, "no space left on device")
        self._rows.append(row_of(intent))

    def note_stop(self, at: Instant) -> None:
        """Write down that the process ended on purpose."""
        self._rows.append(StopRow(at=at))

    def boot(self, at: Instant) -> tuple[Remembered, "LeftBehind"]:
        """Begin a run: return what the engine is told of the past, and what the shell has to tell."""
        self.boots += 1
        account = replayed(_HEAD, self._rows)
        left = LeftBehind(account, at)
        self._rows.append(BootFacts(at=at, version="", config_digest="", limits={}))
        started = (row.read_plan().decided_at for row in self._rows if isinstance(row, PlanRow))
        past = Remembered(
            epoch=EPOCH,
            fence=self.boots,
            trade_instants=tuple(when for when in started if when > at - DAY_NS),
            positions=account.dust,
            guard=GuardMemory(sequence=account.sequence, losses=account.losses, latches=account.latches),
        )
        return past, left


class LeftBehind:
    """What earlier runs left to do."""

    def __init__(self, account: Replay, at: Instant) -> None:
        self._account = account
        self._at = at

    def plans(self) -> Iterator[PlanRecovered]:
        """Yield the plans without an end, each with every order that may have left for it."""
        for row in self._account.open_plans.values():
            hedges = tuple(hedge.read_order() for hedge in self._account.hedges if hedge.plan_id == row.plan_id)
            yield PlanRecovered(self._at, row.read_plan(), (*row.read_orders(), *hedges), row.booked)

    def latches(self) -> Iterator[LatchFound]:
        """Yield the latch of a crash loop, where there is one."""
        unclean = unclean_ends(self._account.boots, self._at)
        if unclean >= MOST_UNCLEAN_ENDS:
            why = f"{unclean} unclean ends within ten minutes"
            yield LatchFound(self._at, Latch(kind=LatchKind.RESTARTS, at=self._at, why=why, who="start", day=""))
