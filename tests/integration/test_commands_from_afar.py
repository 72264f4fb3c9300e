"""What people ask for through Redis: heard at once, bounded, and never anything that allows more."""

from typing import Any

import pytest

from arbitrage.domain.events import Command, Event, OperatorCommand
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.state.from_afar import heard
from arbitrage.state.keys import Command as RedisCommand
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.reading import CommandRow
from tests.clocks import NOON, ManualClock
from tests.state_desk import Desk, eventually, running

HEARD_WITHIN_S = 0.3


def a_row(command: str, *, given_at: Instant | None = NOON, row_id: str = "0-1", alert: str = "") -> CommandRow:
    return CommandRow(row_id, command, "mina@desk", "it smells", given_at, alert)


def obeyed(row: CommandRow, now: Instant = NOON) -> OperatorCommand:
    event = heard(row, now)
    assert isinstance(event, OperatorCommand)
    return event


def commands(told: list[Event]) -> list[OperatorCommand]:
    return [event for event in told if isinstance(event, OperatorCommand)]


@pytest.mark.parametrize("asked", ["halt", "flatten", "ack"])
async def test_a_command_is_heard_within_300_ms_however_the_daemons_clock_stands(
    asked: str, redis_address: RedisAddress, app_env: str
) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        await eventually(lambda: bool(desk.told))
        took: list[float] = []
        for number in range(5):
            row = {"do": asked, "who": "page", "why": "now", "alert": "7-1", "given_at": int(NOON)}
            desk.redis.xadd(desk.keys.commands, row)
            took.append(await eventually(lambda wanted=number + 1: len(commands(desk.told)) == wanted))  # type: ignore[misc]

        first = commands(desk.told)[0]
        assert sorted(took)[2] < HEARD_WITHIN_S
        assert (first.command.value, first.who, first.why, first.alert) == (asked, "page", "now", "7-1")


async def test_each_command_is_obeyed_once_over_a_restart(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.redis.xadd(desk.keys.commands, {"do": "flatten", "given_at": int(NOON)})
        await eventually(lambda: len(commands(desk.told)) == 1)
    again = Desk(redis_address, app_env)
    async with running(again):
        await eventually(lambda: bool(again.told))
        again.redis.xadd(again.keys.commands, {"do": "halt"})
        await eventually(lambda: bool(commands(again.told)))

        assert [command.command for command in commands(again.told)] == [Command.HALT]


@pytest.mark.parametrize("asked", ["resume", "lower", "accept", "FLATTEN", "flatten ", "", "dance"])
def test_whatever_allows_more_is_not_obeyed_from_afar(asked: str) -> None:
    assert heard(a_row(asked), NOON) is None


@pytest.mark.parametrize(
    ("given_s_ago", "row_id", "command"),
    [
        (0, "0-1", Command.FLATTEN),
        (60, "0-1", Command.FLATTEN),
        (61, "0-1", Command.HALT),
        (-3_600, "0-1", Command.FLATTEN),
        (None, f"{(NOON - 5 * NS_PER_S) // NS_PER_MS}-0", Command.FLATTEN),
        (None, f"{(NOON - 61 * NS_PER_S) // NS_PER_MS}-0", Command.HALT),
        (None, f"{'9' * 40}-0", Command.HALT),
    ],
)
def test_a_flatten_that_nobody_heard_for_a_minute_only_halts(
    given_s_ago: int | None, row_id: str, command: Command
) -> None:
    given_at = None if given_s_ago is None else Instant(NOON - given_s_ago * NS_PER_S)

    assert obeyed(a_row("flatten", given_at=given_at, row_id=row_id)).command is command


def test_a_command_from_the_future_counts_as_given_now() -> None:
    assert obeyed(a_row("halt", given_at=Instant(NOON + NS_PER_S))).given_at == NOON


async def test_texts_of_strangers_are_cut_to_one_printable_line(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        hostile = {"do": "ack", "who": "w" * 9_999, "why": "a\nb\x1b[2J\u202e", "alert": "\x00" * 9_999}
        desk.redis.xadd(desk.keys.commands, hostile | {"given_at": "9" * 9_000})
        await eventually(lambda: bool(commands(desk.told)))

        (told,) = commands(desk.told)
        assert (len(told.who), told.why, told.alert) == (200, "a b [2J", "")


class Notes:
    """A source of rows, which counts how often it was asked for all of them."""

    def __init__(self) -> None:
        self.new: list[str] = []
        self.all: list[str] = []
        self.anew = 0

    def note(self, text: str) -> None:
        self.new.append(text)
        self.all.append(text)

    def rows(self, keys: StateKeys, *, anew: bool) -> list[RedisCommand]:
        self.anew += anew
        texts, self.new = (self.all if anew else self.new), []
        return [("HSET", keys.alerts, text, text) for text in texts]


async def test_what_others_have_for_redis_is_written_and_again_after_it_was_emptied(
    redis_address: RedisAddress, app_env: str
) -> None:
    clock, notes = ManualClock(), Notes()
    desk = Desk(redis_address, app_env, clock, sources=(notes,))
    notes.note("first")
    async with running(desk):
        await eventually(lambda: b"first" in desk.hash(desk.keys.alerts))
        notes.note("second")
        await eventually(lambda: b"second" in desk.hash(desk.keys.alerts))
        names: Any = desk.redis.keys(f"{desk.keys.namespace}:*")
        desk.redis.delete(*names)
        clock.advance(1)
        await eventually(lambda: set(desk.hash(desk.keys.alerts)) == {b"first", b"second"})
        notes.note("last words")

    assert notes.anew == 2
    with_last = Desk(redis_address, app_env)
    assert set(with_last.hash(with_last.keys.alerts)) == {b"first", b"second", b"last words"}
    with_last.redis.close()
