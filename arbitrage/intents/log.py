"""IntentLog: one line on this machine before an order leaves, by one `write`. It never waits for the disk to do it.

A line survives the death of the process as soon as it is written; `keep_synced` brings it to the disk behind. What
could not be written in whole is taken back, so that the file ends with a finished line, and OSError says so.
"""

import asyncio
import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Final, Self

import msgspec
import structlog

from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Noted
from arbitrage.domain.plans import Order, TwoLegPlan
from arbitrage.intents.holding import open_held
from arbitrage.intents.replay import Entry, Logged, read_log, replayed
from arbitrage.intents.rows import (
    AnyRow,
    BootFacts,
    Chain,
    EndRow,
    GuardRow,
    HeadRow,
    LogDamaged,
    OrderRow,
    PlanRow,
    StopRow,
    row_of,
    to_json,
)
from arbitrage.local_files.durable import open_nameless, sync_folder, write_whole

log = structlog.get_logger()

ROTATE_BYTES: Final = 16 * 1024 * 1024
"""A log that is larger at boot is begun anew."""

ENTRIES_KEPT: Final = 2_000
"""What a new file repeats of the old one, so that a Redis that lost its last seconds can still be compared with it."""

BOOTS_KEPT: Final = 16
SYNC_EVERY_S: Final = 0.1


class IntentLog:
    """The log of one guard, held by one process at a time. Made by `open`."""

    def __init__(self, path: Path, lines: int, logged: Logged | None, damage: LogDamaged | None) -> None:
        self.logged = logged
        self.damage = damage
        self._path = path
        self._lines = lines
        self._chain = copy(logged.chain) if logged else Chain()
        self._sequence = self._begun_at = logged.sequence if logged else -1
        self._owed: deque[EndRow | GuardRow] = deque()
        self._must_cut = False
        self._dirty = False
        self._failure = ""
        self._scratch: int | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Take the log over: read it, cut off a line that was never finished, begin a new file if it grew large.

        A damaged log is left as it is: `damage` says what is wrong, and nothing can be noted before `rebase`. Raises
        StateHeld if another process writes it, OSError if it cannot be written.
        """
        lines = open_held(path)
        logged, damage = None, None
        try:
            logged = read_log(path)
        except LogDamaged as damaged:
            damage = damaged
            log.error("intent_log_damaged", path=str(path), reason=str(damaged))
        made = cls(path, lines, logged, damage)
        try:
            if logged:
                made._tidy(logged)
        except OSError:
            made.close()
            raise
        return made

    def note(self, intent: Noted) -> None:
        """Write an entry down. Raises OSError, and the file is as it was, if that fails.

        Raises ValueError for an entry that no reader could take in: no rising number, no worst case.
        """
        row = row_of(intent)
        if isinstance(row, OrderRow):
            self._append(row)
            return
        if not row.sequence > self._sequence:
            raise ValueError(f"entry {row.sequence} comes after entry {self._sequence}")
        if isinstance(row, PlanRow) and not row.worst_case > 0:
            raise ValueError(f"plan {row.plan_id} has no worst case")
        if not isinstance(row, PlanRow):
            self._owed.append(row)  # what has happened has happened: it is written as soon as that can be done
            self._sequence = row.sequence
        self._write_owed()
        if isinstance(row, PlanRow):
            self._append(row)
            self._sequence = row.sequence

    def rehearse(self, plan: TwoLegPlan, orders: tuple[Order, ...]) -> None:
        """Write a plan out as a line into a file without a name, over the line before; where that cannot be, it is not.

        The kernel's way to this disk is not at hand either when it has not been gone for a while.
        """
        written, ordered = msgspec.Raw(to_json(plan)), msgspec.Raw(to_json(orders))
        row = PlanRow(sequence=0, day="", plan_id=plan.plan_id, worst_case=0, plan=written, orders=ordered)
        line = self._chain.line(row)
        with suppress(OSError):  # a disk that is full now has room again later, and nothing is lost by it here
            if self._scratch is None:
                self._scratch = open_nameless(self._path.parent)
            os.pwrite(self._scratch, line, 0)

    def _write_owed(self) -> None:
        """Write what could not be written before. Nothing is noted after a hole."""
        while self._owed:
            self._append(self._owed[0])
            self._owed.popleft()

    def note_boot(self, facts: BootFacts) -> None:
        """Write down that the daemon started, and with what. Raises OSError if that fails."""
        self._append(facts)

    def note_stop(self, at: Instant) -> None:
        """Write down that the daemon stops on purpose. Raises OSError if that fails."""
        self._write_owed()
        self._append(StopRow(at=at))

    def rebase(self, namespace: str, epoch: str, memory: GuardMemory) -> None:
        """Begin a new file with a checkpoint, and keep the old one beside it under the number of its last entry.

        What is known of the plans that are still in flight, and of past boots, is taken along. Raises OSError if that
        fails; the old file then goes on. Raises ValueError if this run noted entries that `memory` does not hold.
        """
        if memory.sequence < self._sequence != self._begun_at:
            raise ValueError(f"a checkpoint at entry {memory.sequence} would forget those up to {self._sequence}")
        past = self._read_again()
        head = HeadRow(
            namespace=namespace,
            epoch=epoch,
            sequence=memory.sequence,
            losses=memory.losses,
            latches=memory.latches,
            open_plans=tuple(row for row in past.open_plans if row.plan_id in memory.losses.reserved) if past else (),
            hedges=past.hedges if past else (),
            dust=past.dust if past else {},
            boots=past.boots[-BOOTS_KEPT:] if past else (),
        )
        self._begin(head, ())
        self._owed.clear()  # the checkpoint holds what they say
        log.info("intent_log_rebased", namespace=namespace, epoch=epoch, sequence=memory.sequence)

    async def keep_synced(self) -> None:
        """Bring what was written to the disk until cancelled, in another thread, at most each 100 ms.

        A disk that refuses is not asked again: it may have dropped the lines for good, so `note` refuses from then on.
        The same holds for a file that was moved or removed under us.
        """
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            if self._failure:
                continue
            try:
                _check_in_place(self._lines, self._path)
                if self._dirty:
                    self._dirty = False
                    await asyncio.to_thread(_sync, os.dup(self._lines))
            except OSError as error:
                self._failure = error.strerror or "unknown"
                log.error("intent_log_lost", path=str(self._path), reason=self._failure)

    def close(self) -> None:
        """Bring the rest to the disk and let go of the file."""
        with suppress(OSError):  # what was written is in the file; nothing more can be done for it here
            os.fdatasync(self._lines)
        os.close(self._lines)
        if self._scratch is not None:
            os.close(self._scratch)
            self._scratch = None

    def _tidy(self, logged: Logged) -> None:
        if logged.torn:
            log.warning("intent_log_torn", path=str(self._path), bytes=logged.torn, action="cut off")
            os.ftruncate(self._lines, logged.chain.length)
        if logged.chain.length > ROTATE_BYTES:
            self._rotate(logged)

    def _rotate(self, logged: Logged) -> None:
        old, kept = logged.entries[:-ENTRIES_KEPT], logged.entries[-ENTRIES_KEPT:]
        before = replayed(logged.head, old)
        head = HeadRow(
            namespace=logged.namespace,
            epoch=logged.epoch,
            sequence=before.sequence,
            losses=before.losses,
            latches=before.latches,
            open_plans=tuple(before.open_plans.values()),
            hedges=logged.hedges,
            dust=before.dust,
            boots=logged.boots[-BOOTS_KEPT:],
        )
        self._begin(head, kept)
        log.info("intent_log_rotated", path=str(self._path), bytes=logged.chain.length)

    def _begin(self, head: HeadRow, entries: Iterable[Entry]) -> None:
        chain, last = Chain(), head.sequence
        fresh = self._path.with_suffix(".new")
        lines = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for row in (head, *entries):
                line = chain.line(row)
                write_whole(lines, line)
                chain.added(line)
                last = row.sequence
            os.fsync(lines)
            self._keep_old()
            fresh.replace(self._path)
        except OSError:
            os.close(lines)
            raise
        os.close(self._lines)
        self._lines, self._chain = lines, chain
        self._sequence = self._begun_at = last
        self._must_cut, self._failure, self.damage = False, "", None
        sync_folder(self._path.parent)

    def _read_again(self) -> Logged | None:
        with suppress(LogDamaged):  # nothing can be taken along from it
            return read_log(self._path)
        return None

    def _keep_old(self) -> None:
        if not (self._path.exists() and self._path.stat().st_size):
            return
        name = f"intents-{self._sequence}" if self._sequence >= 0 else "intents-damaged"
        for again in range(1_000):
            with suppress(FileExistsError):  # evidence is never written over
                os.link(self._path, self._path.with_name(f"{name}.{again}.log" if again else f"{name}.log"))
                return
        raise OSError(errno.EEXIST, f"too many old intent logs beside {self._path}")

    def _append(self, row: AnyRow) -> None:
        if not self._chain.length:
            raise OSError(errno.ENODATA, "the intent log has no head: it is new or damaged")
        if self._failure:
            raise OSError(errno.EIO, f"the intent log was lost: {self._failure}")
        if self._must_cut:
            self._cut_back()
        line = self._chain.line(row)
        try:
            write_whole(self._lines, line)
        except OSError:
            self._must_cut = True
            with suppress(OSError):  # then the next write tries again, before anything else
                self._cut_back()
            raise
        self._chain.added(line)
        self._dirty = True

    def _cut_back(self) -> None:
        os.ftruncate(self._lines, self._chain.length)
        self._must_cut = False


def _check_in_place(lines: int, path: Path) -> None:
    held, there = os.fstat(lines), path.stat()
    if (held.st_dev, held.st_ino) != (there.st_dev, there.st_ino):
        raise OSError(errno.ESTALE, f"another file is at {path}")


def _sync(lines: int) -> None:
    try:
        os.fdatasync(lines)
    finally:
        os.close(lines)
