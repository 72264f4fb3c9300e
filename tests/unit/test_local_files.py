"""Latches, halt file and mailbox: what people leave in STATE_DIR reaches the daemon, and nothing hostile harms it."""

import asyncio
import json
import os
import random
import stat
from decimal import Decimal

import pytest

from arbitrage.domain.events import Command, OperatorCommand
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.local_files import HaltFile, LatchFile, Mailbox, Request
from arbitrage.local_files.mailbox import MOST_AT_ONCE
from arbitrage.local_files.watch import OperatorWatch
from tests.clocks import NOON, ManualClock
from tests.intent_builders import a_latch, seconds


def a_request(command=Command.HALT, at=NOON, **changes):
    return Request(**{"command": command, "who": "mina@desk", "why": "the numbers look odd", "given_at": at, **changes})


class Desk:
    """STATE_DIR with a watch on it, and every event that it brought."""

    def __init__(self, folder, clock=None):
        self.clock = clock or ManualClock()
        self.folder = folder
        self.mailbox = Mailbox(folder / "commands")
        self.halt_file = HaltFile(folder / "HALT")
        self.watch = OperatorWatch(self.mailbox, self.halt_file, self.clock)
        self.events = []

    def look(self):
        """Look once; return what that brought."""
        before = len(self.events)
        self.watch.look(self.events.append)
        return self.events[before:]

    def leave(self, name, data):
        (self.folder / "commands").mkdir(exist_ok=True)
        (self.folder / "commands" / name).write_bytes(data)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# the latches


@pytest.fixture
def latch_file(tmp_path):
    return LatchFile(tmp_path / "latches.json")


def test_no_latch_file_is_no_latch(latch_file):
    assert latch_file.read() == ()


def test_latches_are_read_as_they_were_written(latch_file):
    latches = (a_latch(), a_latch(LatchKind.IMPLAUSIBLE_EDGE, scope="BTC"))
    latch_file.write(latches)

    assert latch_file.read() == latches

    latch_file.write(())

    assert latch_file.read() == ()


def test_a_latch_file_is_for_its_owner_only_and_leaves_nothing_beside_it(latch_file, tmp_path):
    latch_file.write((a_latch(),))

    assert [found.name for found in tmp_path.iterdir()] == ["latches.json"]
    assert stat.S_IMODE((tmp_path / "latches.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"latches": [{"kind": "unheard_of"}]}',
        b'{"latches": [], "more": 1}',
        b'{"latches": [',
        b'{"latches": []}' + b" " * 1_000_000,
    ],
)
def test_a_latch_file_that_cannot_be_understood_is_itself_a_latch(latch_file, tmp_path, data):
    (tmp_path / "latches.json").write_bytes(data)

    (latch,) = latch_file.read()

    assert (latch.kind, latch.who) == (LatchKind.FOREIGN_STATE, "latch file")
    assert "cannot be understood" in latch.why


def test_a_latch_file_that_cannot_be_opened_is_itself_a_latch(latch_file, tmp_path):
    (tmp_path / "latches.json").mkdir()

    assert [latch.kind for latch in latch_file.read()] == [LatchKind.FOREIGN_STATE]


def test_no_flipped_bit_of_a_latch_file_frees_us(latch_file, tmp_path):
    latch_file.write((a_latch(),))
    data = (tmp_path / "latches.json").read_bytes()
    rng = random.Random(5)
    freed = []
    for _ in range(300):
        flipped, offset, bit = bytearray(data), rng.randrange(len(data)), rng.randrange(8)
        flipped[offset] ^= 1 << bit
        (tmp_path / "latches.json").write_bytes(flipped)
        if not latch_file.read():
            freed.append((offset, bit))

    assert freed == []


# the halt file


def test_a_halt_file_says_who_and_why(desk):
    desk.halt_file.write("mina@desk", "the numbers look odd", NOON)

    assert desk.halt_file.read() == "the numbers look odd (mina@desk, 2026-11-22 03:00:00 UTC)"

    desk.halt_file.remove()
    desk.halt_file.remove()

    assert desk.halt_file.read() is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the halt file is there"),
        (b"\x1b[2J stop\r\n now\x00", "[2J stop now"),
        (b"\xff", "\ufffd"),
        (b"x" * 5_000, "the halt file is there, and cannot be read: more than 4096 bytes"),
        (b"x" * 4_000, "x" * 300),
    ],
)
def test_whatever_a_halt_file_holds_it_is_one_printable_line(desk, data, reason):
    (desk.folder / "HALT").write_bytes(data)

    assert desk.halt_file.read() == reason


def test_a_halt_file_is_made_even_if_there_is_only_room_for_its_name(tmp_path, desk):
    blocked = tmp_path / f".HALT.{os.getpid()}"
    blocked.mkdir()

    desk.halt_file.write("mina@desk", "disk full", NOON)

    assert desk.halt_file.read() == "the halt file is there"


def test_a_halt_file_halts_once_each_time_it_appears(desk):
    (desk.folder / "HALT").touch()
    first, again = desk.look(), desk.look()
    desk.halt_file.remove()
    gone = desk.look()
    desk.halt_file.write("mina@desk", "once more", NOON)
    second = desk.look()

    assert [(event.command, event.who, event.why) for event in first] == [
        (Command.HALT, "halt file", "the halt file is there")
    ]
    assert (again, gone) == ([], [])
    assert second[0].why.startswith("once more")


def test_a_halt_file_that_was_replaced_between_two_looks_halts_again(desk):
    desk.halt_file.write("mina@desk", "first", NOON)
    desk.look()
    desk.halt_file.remove()
    desk.halt_file.write("mina@desk", "second", NOON)

    assert len(desk.look()) == 1


def test_a_directory_in_the_place_of_the_halt_file_halts_too(desk):
    (desk.folder / "HALT").mkdir()

    assert [event.command for event in desk.look()] == [Command.HALT]


def test_a_halt_file_that_cannot_be_looked_for_halts_too(tmp_path, desk):
    (tmp_path / "file").touch()
    halt_file = HaltFile(tmp_path / "file" / "HALT")
    events = []
    OperatorWatch(desk.mailbox, halt_file, desk.clock).look(events.append)

    assert [event.why for event in events] == ["the halt file is there, and cannot be read: Not a directory"]


# the mailbox


def test_a_command_reaches_the_engine_once_as_it_was_given(desk):
    path = desk.mailbox.drop(a_request(Command.LOWER, limit="max_daily_loss", value=Decimal("50000.5")))
    mode = stat.S_IMODE(path.stat().st_mode)
    desk.clock.advance(3)

    assert desk.look() == [
        OperatorCommand(
            at=seconds(3),
            command=Command.LOWER,
            who="mina@desk",
            why="the numbers look odd",
            given_at=NOON,
            limit="max_daily_loss",
            value=Decimal("50000.5"),
        )
    ]
    assert mode == 0o600
    assert not path.exists()
    assert desk.look() == []


def test_commands_come_in_the_order_in_which_they_were_given(desk):
    desk.mailbox.drop(a_request(Command.RESUME, seconds(-1), latch="operator"))
    desk.mailbox.drop(a_request(Command.HALT, seconds(-2)))

    assert [event.command for event in desk.look()] == [Command.HALT, Command.RESUME]


def test_a_resume_says_when_it_was_given_however_long_it_lay_there(desk):
    desk.mailbox.drop(a_request(Command.RESUME, seconds(-3_600)))

    (event,) = desk.look()

    assert (event.at, event.given_at) == (NOON, seconds(-3_600))


def test_a_resume_from_the_future_counts_as_given_now(desk):
    desk.mailbox.drop(a_request(Command.RESUME, seconds(3_600)))

    (event,) = desk.look()

    assert event.given_at == NOON


def test_a_halt_file_outweighs_a_resume_of_the_same_moment(desk):
    desk.mailbox.drop(a_request(Command.RESUME))
    (desk.folder / "HALT").touch()

    assert [event.command for event in desk.look()] == [Command.RESUME, Command.HALT]


def test_a_flood_is_taken_in_portions(desk):
    for number in range(MOST_AT_ONCE + 5):
        desk.mailbox.drop(a_request(at=Instant(NOON - number)))

    assert [len(desk.look()) for _ in range(3)] == [MOST_AT_ONCE, 5, 0]


GOOD = {"command": "resume", "who": "mina", "why": "looked at it", "given_at": NOON}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00\xff",
        json.dumps(GOOD)[:-5].encode(),
        json.dumps(GOOD | {"command": "liquidate"}).encode(),
        json.dumps(GOOD | {"who": ""}).encode(),
        json.dumps(GOOD | {"why": "  "}).encode(),
        json.dumps(GOOD | {"why": "a\u001b[31mb"}).encode(),
        json.dumps(GOOD | {"why": "x" * 301}).encode(),
        json.dumps(GOOD | {"given_at": "noon"}).encode(),
        json.dumps(GOOD | {"value": "NaN"}).encode(),
        json.dumps(GOOD | {"value": "1e999999"}).encode(),
        json.dumps(GOOD | {"value": "1e-999999"}).encode(),
        json.dumps(GOOD).encode() + b" " * 5_000,
        b"[" * 4_000,
    ],
)
def test_a_file_that_is_no_command_is_moved_aside_and_harms_nothing(desk, data):
    desk.leave("1.json", data)
    desk.mailbox.drop(a_request())

    assert [event.command for event in desk.look()] == [Command.HALT]
    assert (desk.folder / "commands.refused" / "1.json").read_bytes() == data
    assert os.listdir(desk.folder / "commands") == []


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_ordinary_file_is_moved_aside(desk, kind):
    target = desk.folder / "elsewhere"
    target.write_text(json.dumps(GOOD))
    desk.leave("other", b"ignored: not a command's name")
    made = desk.folder / "commands" / "1.json"
    {"folder": made.mkdir, "link": lambda: made.symlink_to(target), "pipe": lambda: os.mkfifo(made)}[kind]()
    taken = desk.mailbox.take()

    assert taken.requests == ()
    assert [name for name, _ in taken.refused] == ["'1.json'"]
    assert target.read_text() == json.dumps(GOOD)
    assert desk.mailbox.take().refused == ()


def test_a_file_that_can_neither_be_read_nor_moved_is_reported_once(desk):
    desk.leave("1.json", b"{")
    (desk.folder / "commands.refused").write_text("in the way")

    assert [len(desk.mailbox.take().refused) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    "changes",
    [
        {"why": ""},
        {"who": " "},
        {"why": "two\nlines"},
        {"why": "x" * 301},
        {"latch": "\x1b"},
        {"value": Decimal("Infinity")},
        {"value": Decimal("1e400")},
    ],
)
def test_a_request_that_no_daemon_would_obey_cannot_be_made(changes):
    with pytest.raises(ValueError, match=r"must be|needs to say"):
        a_request(**changes)


def test_no_folder_is_an_empty_mailbox(tmp_path):
    assert Mailbox(tmp_path / "nowhere").take().requests == ()


async def test_the_watch_looks_until_it_is_cancelled(desk):
    seen = asyncio.Event()
    task = asyncio.create_task(desk.watch.watch(lambda event: seen.set()))
    await asyncio.sleep(0)
    desk.mailbox.drop(a_request())
    await asyncio.wait_for(seen.wait(), 2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
