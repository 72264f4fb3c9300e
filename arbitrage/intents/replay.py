"""What an intent log says: its entries replayed with the guard's own arithmetic. Pure but for reading the file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from arbitrage.domain.guarding import GuardMemory, Latch, LossMemory
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.intents.rows import (
    VERSION,
    AnyRow,
    Boot,
    BootFacts,
    Chain,
    EndRow,
    GuardRow,
    HeadRow,
    LogDamaged,
    OrderRow,
    PlanRow,
    StopRow,
)
from liveguard.losses import DAY_NS, LossBook

Entry = PlanRow | EndRow | GuardRow
"""A row that has a number."""

RESTART_WINDOW_NS: Final = 600 * NS_PER_S
"""Unclean ends of the last ten minutes count against the restart budget."""


class Replay:
    """The guard's account, carried forward row by row from a head."""

    def __init__(self, head: HeadRow) -> None:
        self.sequence = head.sequence
        self.latches = head.latches
        self.open_plans = {row.plan_id: row for row in head.open_plans}
        self.hedges = list(head.hedges)
        self.dust = dict(head.dust)
        self.boots = list(head.boots)
        self._book = LossBook(head.losses)

    def apply(self, row: AnyRow) -> None:
        """Take a row in. Raises ValueError if it cannot follow what came before."""
        match row:
            case PlanRow() | EndRow() | GuardRow():
                self._enter(row)
            case OrderRow():
                self.hedges.append(row)
            case BootFacts():
                self.boots.append(Boot(row.at))
            case StopRow():
                self.boots[-1:] = [Boot(boot.at, row.at) for boot in self.boots[-1:]]
            case HeadRow():
                raise ValueError("a second head")

    def _enter(self, row: Entry) -> None:
        if not row.sequence > self.sequence:
            raise ValueError(f"entry {row.sequence} comes after entry {self.sequence}")
        self.sequence = row.sequence
        self._book.roll(row.day)
        match row:
            case PlanRow():
                self._book.reserve(row.plan_id, row.worst_case)
                self.open_plans[row.plan_id] = row
            case EndRow():
                self._book.settle(row.plan_id, row.result, row.at)
                # twice the 24 hours that count, as Redis keeps them: a clock that runs ahead must not forget a loss
                self._book.forget_old(Instant(row.at - DAY_NS))
                self.open_plans.pop(row.plan_id, None)
                if row.residual:
                    self.dust[row.base] = self.dust.get(row.base, Decimal(0)) + row.residual
                if self.hedges:
                    self.hedges = [hedge for hedge in self.hedges if hedge.plan_id != row.plan_id]
            case GuardRow():
                self.latches = row.latches
                if row.total_from_zero:
                    self._book.clear_total()

    @property
    def losses(self) -> LossMemory:
        """Return the losses as they stand."""
        return self._book.memory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """All that an intent log says.

    namespace, epoch   whose it is
    head               the checkpoint that it begins with; nothing is known of what was before `head.sequence`
    entries            the numbered rows after it, in their order
    sequence           number of the last entry
    losses, latches    as they stand after it
    open_plans         plans without an end, oldest first, with their opening orders
    hedges             the orders that were sent since to lower what those plans left open
    dust               base that ended plans left over, by asset
    boots              every start, and whether a clean stop followed
    chain              where the good lines end; `torn` bytes behind them are of a line that was never finished
    """

    namespace: str
    epoch: str
    head: HeadRow
    entries: tuple[Entry, ...]
    sequence: int
    losses: LossMemory
    latches: tuple[Latch, ...]
    open_plans: tuple[PlanRow, ...]
    hedges: tuple[OrderRow, ...]
    dust: Mapping[str, Decimal]
    boots: tuple[Boot, ...]
    chain: Chain

    @property
    def torn(self) -> int:
        """Return how many bytes of an unfinished last line there are."""
        return self.chain.torn

    @property
    def memory(self) -> GuardMemory:
        """Return what the guard may be told of it."""
        return GuardMemory(sequence=self.sequence, losses=self.losses, latches=self.latches)

    def rows_after(self, sequence: int) -> Iterator[Entry]:
        """Yield the entries with a higher number."""
        return (row for row in self.entries if row.sequence > sequence)

    def losses_at(self, sequence: int) -> LossMemory | None:
        """Return the losses as they stood once this entry was taken in; None before the head and after the end."""
        if not self.head.sequence <= sequence <= self.sequence:
            return None
        return replayed(self.head, (row for row in self.entries if row.sequence <= sequence)).losses


def replayed(head: HeadRow, rows: Iterable[AnyRow]) -> Replay:
    """Return the account that rows lead to from a head. Raises ValueError if one cannot follow."""
    replay = Replay(head)
    for row in rows:
        replay.apply(row)
    return replay


def read_log(path: Path) -> Logged | None:
    """Return what a log says; None if there is no file, or nothing in it. Changes nothing.

    Raises LogDamaged if it cannot be read, or if any finished line is not as it was written.
    """
    try:
        with path.open("rb") as lines:
            return _logged(lines)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogDamaged("line 1", f"it cannot be read ({error.strerror})") from error


def unclean_ends(boots: Sequence[Boot], now: Instant) -> int:
    """Return how many of the boots within the last ten minutes no clean stop followed.

    `boots` are those of earlier runs. One that lies ahead of `now` counts: the clock was set back, not the boot undone.
    """
    return sum(boot.stopped_at is None and boot.at > now - RESTART_WINDOW_NS for boot in boots)


def _logged(lines: Iterable[bytes]) -> Logged | None:
    chain = Chain()
    rows = chain.read(lines)
    head = next(rows, None)
    if head is None and not chain.torn:
        return None
    if not isinstance(head, HeadRow):
        raise LogDamaged("line 1", "it is cut" if head is None else "it is not the head of a log")
    if head.version != VERSION:
        raise LogDamaged("line 1", f"it is of version {head.version}, and this program reads version {VERSION}")
    replay, entries = Replay(head), []
    for number, row in enumerate(rows, 2):
        try:
            replay.apply(row)
        except ValueError as error:
            raise LogDamaged(f"line {number}", str(error)) from error
        if isinstance(row, PlanRow | EndRow | GuardRow):
            entries.append(row)
    return Logged(
        namespace=head.namespace,
        epoch=head.epoch,
        head=head,
        entries=tuple(entries),
        sequence=replay.sequence,
        losses=replay.losses,
        latches=replay.latches,
        open_plans=tuple(replay.open_plans.values()),
        hedges=tuple(replay.hedges),
        dust=dict(replay.dust),
        boots=tuple(replay.boots),
        chain=chain,
    )
