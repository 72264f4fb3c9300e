"""Holds Redis and the local intent log against each other at start. Pure: it says what counts, and writes nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from arbitrage.domain.guarding import GuardMemory, Latch, LatchKind, LossMemory
from arbitrage.domain.instants import NS_PER_MS, Instant

WHO = "state"
"""Who sets a latch because Redis and the log do not agree."""

STATE_LATCHES: Final = frozenset({LatchKind.FOREIGN_STATE, LatchKind.EMPTIED_STATE})
"""The latches that say that Redis and the log differ. Once a person clears them, our account is written again."""

Results = Iterable[tuple[Instant, int]]


class Logged(Protocol):
    """What the intent log says."""

    @property
    def namespace(self) -> str: ...

    @property
    def epoch(self) -> str: ...

    @property
    def memory(self) -> GuardMemory: ...

    def losses_at(self, sequence: int) -> LossMemory | None:
        """Return the losses as they stood after an entry; None for what the log does not reach."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log that has just been begun anew."""

    namespace: str
    epoch: str
    memory: GuardMemory

    def losses_at(self, sequence: int) -> LossMemory | None:
        """Return the losses, if they are asked for as they stand."""
        return self.memory.losses if sequence == self.memory.sequence else None


@dataclass(frozen=True, slots=True)
class Kept:
    """What Redis says: whose state it is, the number of the run that may write, and the account."""

    epoch: str
    fence: int
    memory: GuardMemory


@dataclass(frozen=True, slots=True)
class Damaged:
    """In place of either: it is there, but cannot be believed."""

    why: str


class Accord(StrEnum):
    """Whether Redis and the log tell the same story, and whose counts if not."""

    START_NEW = "start_new"
    GO_ON = "go_on"
    HEAL = "heal"
    LOG_BEHIND = "log_behind"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The accord, and the account to go on with; at STOP the kind of the latch to set, and why.

    `epoch` is "" where neither side has one that may be kept: then a new one is due. `fence` is below that of the next
    run: no run that used order ids of this epoch had a higher one. An old Redis file may hold the number of a run whose
    ids are used up, but each run numbers its entries above its fence, so the end of the log is above them all.
    """

    accord: Accord
    epoch: str = ""
    fence: int = 0
    memory: GuardMemory = field(default_factory=GuardMemory)
    kind: LatchKind = LatchKind.FOREIGN_STATE
    why: str = ""


def agree(logged: Logged | Damaged | None, kept: Kept | Damaged | None, namespace: str) -> Agreement:
    """Say what counts, given what the log and Redis say of the state `namespace`; None is "nothing is there"."""
    sound = None if isinstance(kept, Damaged) else kept
    if isinstance(logged, Damaged):
        return _stop(None, sound, logged.why)
    if logged is not None and logged.namespace != namespace:
        if has_history(logged.memory):
            strange = _stop(logged, sound, f"the intent log belongs to {logged.namespace}, not to {namespace}")
            return replace(strange, epoch="")
        logged = None
    if isinstance(kept, Damaged):
        return _stop(logged, None, kept.why)
    if logged is None:
        return _without_log(kept)
    return _without_redis(logged) if kept is None else _both(logged, kept)


def with_latch(agreement: Agreement, at: Instant) -> GuardMemory:
    """Return the account of a STOP with its latch set; where one of its kind holds already, the first reason stays."""
    memory = agreement.memory
    if any(latch.kind in STATE_LATCHES for latch in memory.latches):
        return memory
    latch = Latch(kind=agreement.kind, at=at, why=agreement.why, who=WHO, day=memory.losses.day)
    return replace(memory, latches=(*memory.latches, latch))


def same_losses(mine: LossMemory, other: LossMemory) -> bool:
    """Tell whether two accounts hold the same, as far back as both know results, which Redis keeps to the ms."""
    since = max((_ms(book.recent[0][0]) for book in (mine, other) if book.recent), default=0)
    return _figures(mine) == _figures(other) and _counted(mine.recent, since) == _counted(other.recent, since)


def same_account(mine: GuardMemory, other: GuardMemory) -> bool:
    """Tell whether two accounts hold the same losses and latches at the same entry."""
    return (
        mine.sequence == other.sequence
        and set(mine.latches) == set(other.latches)
        and same_losses(mine.losses, other.losses)
    )


def worse_of(mine: GuardMemory, other: GuardMemory) -> GuardMemory:
    """Return the worse of two accounts, figure by figure; no result, plan in flight or latch of either is left out."""
    first, second = mine.losses, other.losses
    day = max(first.day, second.day)
    losses = LossMemory(
        day=day,
        day_units=min(book.day_units for book in (first, second) if book.day == day),
        total_units=min(first.total_units, second.total_units),
        recent=_all_results(first.recent, second.recent),
        reserved={
            plan_id: max(first.reserved.get(plan_id, 0), second.reserved.get(plan_id, 0))
            for plan_id in (*first.reserved, *second.reserved)
        },
    )
    return GuardMemory(
        sequence=max(mine.sequence, other.sequence), losses=losses, latches=_merged(mine.latches, other.latches)
    )


def _without_log(kept: Kept | None) -> Agreement:
    if kept is None:
        return Agreement(accord=Accord.START_NEW)
    why = "Redis holds losses and latches, but the local intent log is gone"
    return _stop(None, kept, why, LatchKind.EMPTIED_STATE)


def _without_redis(logged: Logged) -> Agreement:
    if not has_history(logged.memory):
        return Agreement(accord=Accord.START_NEW, epoch=logged.epoch)
    why = "the intent log holds losses and latches, but Redis holds none: it was emptied, or is another one"
    return _stop(logged, None, why, LatchKind.EMPTIED_STATE)


def _both(logged: Logged, kept: Kept) -> Agreement:
    mine, theirs = logged.memory, kept.memory
    if logged.epoch != kept.epoch:
        return _stop(logged, kept, f"Redis has the epoch {kept.epoch[:20]!a}, the intent log {logged.epoch!a}")
    if theirs.sequence > mine.sequence:
        return Agreement(accord=Accord.LOG_BEHIND, epoch=kept.epoch, fence=kept.fence, memory=theirs)
    then = mine.losses if theirs.sequence == mine.sequence else logged.losses_at(theirs.sequence)
    if then is None:
        return _stop(logged, kept, f"Redis ends at entry {theirs.sequence}, before the intent log begins")
    if not same_losses(then, theirs.losses):
        return _stop(logged, kept, f"Redis and the intent log hold different losses at entry {theirs.sequence}")
    if theirs.sequence == mine.sequence:
        both = worse_of(mine, theirs)
        return Agreement(accord=Accord.GO_ON, epoch=kept.epoch, fence=kept.fence, memory=both)
    fence = max(kept.fence, mine.sequence)
    return Agreement(accord=Accord.HEAL, epoch=kept.epoch, fence=fence, memory=mine)


def _stop(logged: Logged | None, kept: Kept | None, why: str, kind: LatchKind = LatchKind.FOREIGN_STATE) -> Agreement:
    """Return the worse of both. Only the epoch of a log that is ours may go on: it alone knows what was used."""
    mine = logged.memory if logged else GuardMemory()
    theirs = kept.memory if kept else GuardMemory()
    return Agreement(
        accord=Accord.STOP,
        epoch=logged.epoch if logged else "",
        fence=max(mine.sequence, kept.fence if kept else 0),
        memory=worse_of(mine, theirs) if logged and kept else mine if logged else theirs,
        kind=kind,
        why=why,
    )


def has_history(memory: GuardMemory) -> bool:
    """Tell whether anything ever happened to an account."""
    return memory != GuardMemory()


def _figures(losses: LossMemory) -> tuple[object, ...]:
    return losses.day, losses.day_units, losses.total_units, dict(losses.reserved)


def _counted(results: Results, since_ms: int) -> Counter[tuple[int, int]]:
    return Counter((_ms(at), units) for at, units in results if _ms(at) >= since_ms)


def _all_results(mine: Results, other: Results) -> tuple[tuple[Instant, int], ...]:
    mine = tuple(mine)
    counted = _counted(mine, 0)
    missing = []
    for at, units in other:
        if counted[_ms(at), units] > 0:
            counted[_ms(at), units] -= 1
        else:
            missing.append((at, units))
    return tuple(sorted((*mine, *missing)))


def _merged(mine: Iterable[Latch], other: Iterable[Latch]) -> tuple[Latch, ...]:
    return tuple({latch.name: latch for latch in (*mine, *other)}.values())


def _ms(at: Instant) -> int:
    return at // NS_PER_MS
