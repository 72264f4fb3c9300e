"""Disks that fill up, fail or vanish under the intent log: OSError, and a file that still reads to its last good line.

What a disk does is played with real descriptors: the log's own is exchanged for one that behaves like that.
"""

import asyncio
import os
import resource
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from arbitrage.domain.guarding import GuardMemory
from arbitrage.intents import IntentLog, read_log
from tests.intent_builders import NAMESPACE, guarded, opened, planned


@pytest.fixture
def path(tmp_path):
    return tmp_path / "intents.log"


def descriptor_of(path: Path) -> int:
    """Find the descriptor that this process holds a file open with."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}") == str(path):
                return int(name)
    raise LookupError(path)


@contextmanager
def standing_in(path: Path, other: Path | str, flags: int):
    """Let the open log meet another file, or its own opened with other rights, for a while."""
    lines = descriptor_of(path)
    kept, other = os.dup(lines), os.open(other, flags)
    os.dup2(other, lines)
    try:
        yield
    finally:
        os.dup2(kept, lines)
        os.close(kept)
        os.close(other)


@contextmanager
def files_at_most(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 8, 100, 1_000])
def test_a_disk_with_room_for_half_a_line_is_left_with_whole_lines(path, room):
    with opened(path) as log:
        log.note(planned(1, "before"))
        size = path.stat().st_size
        with files_at_most(size + room), pytest.raises(OSError, match="File too large"):
            log.note(planned(2, "lost"))
        left = path.stat().st_size
        log.note(planned(3, "after"))

    known = read_log(path)

    assert left == size
    assert list(known.losses.reserved) == ["before", "after"]
    assert known.torn == 0


@pytest.mark.parametrize(
    ("disk", "flags", "why"),
    [("/dev/full", os.O_WRONLY, "No space left"), ("/dev/null", os.O_RDONLY, "Bad file descriptor")],
)
def test_a_disk_that_takes_nothing_is_an_error_and_forgiven_when_it_recovers(path, disk, flags, why):
    with opened(path) as log:
        with standing_in(path, disk, flags), pytest.raises(OSError, match=why):
            log.note(planned(1, "lost"))
        log.note(planned(1, "kept"))

    assert list(read_log(path).losses.reserved) == ["kept"]


def test_half_a_line_that_could_not_be_taken_back_is_taken_back_before_the_next(path):
    with opened(path) as log:
        for room in (b"half a line", b"another half"):
            with standing_in(path, "/dev/full", os.O_WRONLY), pytest.raises(OSError, match=r"No space|Invalid"):
                log.note(planned(1, "lost"))
            with path.open("ab") as file:
                file.write(room)
        log.note(planned(1, "kept"))

    known = read_log(path)

    assert list(known.losses.reserved) == ["kept"]
    assert known.torn == 0


def test_a_new_file_that_cannot_be_written_leaves_the_old_one_in_use(path):
    with opened(path) as log:
        log.note(planned(1, "before"))
        with files_at_most(10), pytest.raises(OSError, match="File too large"):
            log.rebase(NAMESPACE, "def456", GuardMemory(sequence=7))
        log.note(planned(2, "after"))

    known = read_log(path)

    assert (known.epoch, known.sequence) == ("abc123", 2)


def test_a_torn_last_line_is_cut_off_and_reported(path):
    with opened(path) as log:
        log.note(planned(1))
        log.note(planned(2, "cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])

    with opened(path) as log:
        torn = log.logged.torn
        log.note(planned(3, "next"))

    known = read_log(path)

    assert torn == len(whole.splitlines(keepends=True)[-1]) - 20
    assert list(known.losses.reserved) == ["p-1", "next"]


async def synced(log: IntentLog) -> asyncio.Task[None]:
    """Let the log's background sync come around at least once."""
    task = asyncio.create_task(log.keep_synced())
    await asyncio.sleep(0.25)
    return task


async def test_what_was_written_is_brought_to_the_disk_behind(path):
    with opened(path) as log:
        task = await synced(log)
        log.note(planned(1))
        await asyncio.sleep(0.25)
        log.note(planned(2, "p-2"))
        running = not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert running
    assert read_log(path).sequence == 2


async def test_a_disk_that_could_not_sync_is_not_trusted_again(path):
    with opened(path) as log:
        log.note(planned(1))
        with standing_in(path, path, os.O_PATH):  # may be looked at, and neither written nor synced
            task = await synced(log)
        with pytest.raises(OSError, match="was lost: Bad file descriptor"):
            log.note(planned(2, "refused"))
        log.rebase(NAMESPACE, "abc123", GuardMemory(sequence=2))
        log.note(planned(3, "after a new beginning"))
        task.cancel()

    assert list(read_log(path).losses.reserved) == ["after a new beginning"]


async def test_a_log_that_is_moved_away_stops_the_writing(path):
    with opened(path) as log:
        path.rename(path.with_name("elsewhere.log"))
        task = await synced(log)
        with pytest.raises(OSError, match="was lost"):
            log.note(guarded(1))
        task.cancel()
