"""Ways in which a limit or a latch was once lost, or a command once lied. Each is a story that must not come again."""

from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from arbitrage.clock import SystemClock
from arbitrage.domain.events import Command, LatchFound, OperatorCommand
from arbitrage.domain.guarding import GuardAct, GuardMemory, Latch, LatchKind, TradingState
from arbitrage.domain.instants import Instant
from arbitrage.intents import BootFacts, IntentLog, read_log
from arbitrage.local_files import LatchFile, Places
from arbitrage.local_keeping import LocalKeeping
from arbitrage.state.reading import _command
from liveguard.keeper import Keeper
from liveguard.messages import MessageBucket
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests import intent_builders as intents

TODAY = "2026-11-26"


def a_latch(kind: LatchKind, day: str = TODAY, at: Instant = make.NOON) -> Latch:
    return Latch(kind=kind, at=at, why="a reason", who="guard", day=day)


def places(folder: Path) -> Places:
    return Places(folder, folder / "account", folder / "HALT")


def keeping(folder: Path) -> LocalKeeping:
    made = LocalKeeping(places(folder), lasting=True, clock=SystemClock())
    if made.intents.logged is None:
        made.intents.rebase("arbitrage:shadow:local", "e1", GuardMemory())
    return made


def boot(keeping: LocalKeeping) -> tuple[Latch, ...]:
    return keeping.begin(BootFacts(at=SystemClock().now(), version="1", config_digest="d", limits={}))


def names(latches: tuple[Latch, ...]) -> set[str]:
    return {latch.name for latch in latches}


@pytest.mark.parametrize(("day", "stays"), [(TODAY, True), ("2026-11-25", False)])
def test_a_daily_loss_latch_outlives_the_loss_of_the_account_that_set_it(day: str, stays: bool) -> None:
    keeper = Keeper(GuardMemory(), cooldown_s=60)
    keeper.find(a_latch(LatchKind.DAILY_LOSS, day), make.NOON)
    keeper.begin_day(TODAY, make.NOON)

    assert (LatchKind.DAILY_LOSS in {latch.kind for latch in keeper.latches}) is stays


def test_three_ends_that_nobody_asked_for_make_the_next_start_wait(tmp_path: Path) -> None:
    for _ in range(3):
        crashing = keeping(tmp_path)
        boot(crashing)
        crashing.end(SystemClock().now(), on_purpose=False)

    assert "restarts" in names(boot(keeping(tmp_path)))


def test_a_crash_loop_that_a_person_has_looked_at_is_not_held_against_the_next_start(tmp_path: Path) -> None:
    for _ in range(3):
        crashing = keeping(tmp_path)
        boot(crashing)
        crashing.end(SystemClock().now(), on_purpose=False)
    resumed = keeping(tmp_path)
    keeper = Keeper(GuardMemory(latches=boot(resumed)), cooldown_s=60)
    now = SystemClock().now()
    keeper.resume(now, "kim", "the disk was full", given_at=now)
    report = keeper.report(now)
    assert report is not None
    resumed.intents.note(report)
    resumed.publish(report)
    resumed.end(now, on_purpose=True)

    assert "restarts" not in names(boot(keeping(tmp_path)))


def test_a_stop_while_redis_was_waited_for_does_not_excuse_the_crash_before_it(tmp_path: Path) -> None:
    for _ in range(3):
        crashing = keeping(tmp_path)
        boot(crashing)
        crashing.end(SystemClock().now(), on_purpose=False)
    keeping(tmp_path).end(SystemClock().now(), on_purpose=True)
    again = keeping(tmp_path)

    assert "restarts" in names(boot(again))
    assert again.unclean_ends == 3


def test_a_stop_before_there_is_a_log_has_nothing_to_note(tmp_path: Path, lines: StringIO) -> None:
    LocalKeeping(places(tmp_path), lasting=True, clock=SystemClock()).end(SystemClock().now(), on_purpose=True)

    assert lines.getvalue() == ""


def test_what_could_not_be_noted_is_noted_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = IntentLog.open(tmp_path / "intents.log")
    log.rebase("arbitrage:shadow:local", "e1", GuardMemory())
    log.note(intents.planned(1, "p-1"))
    with monkeypatch.context() as full:
        full.setattr("arbitrage.intents.log.write_whole", _no_room)
        with pytest.raises(OSError, match="No space"):
            log.note(intents.ended(2, "p-1", result=-900_000_000))
        with pytest.raises(OSError, match="No space"):
            log.note(intents.planned(3, "p-2"))
    log.note(intents.planned(4, "p-2"))
    log.close()
    logged = read_log(tmp_path / "intents.log")

    assert logged is not None
    assert [row.sequence for row in logged.entries] == [1, 2, 4]
    assert logged.losses.day_units == -900_000_000


def test_a_halt_that_is_older_than_the_last_resume_does_not_halt_again() -> None:
    story = make.Story()
    story.tell(command(Command.HALT, 1), command(Command.RESUME, 2), command(Command.HALT, 1, told_at=3))

    assert story.engine.safety.state is TradingState.ACTIVE
    story.tell(command(Command.HALT, 4))
    assert story.engine.safety.state is TradingState.REDUCING


def test_a_latch_of_a_clock_that_ran_ahead_can_be_cleared() -> None:
    keeper = Keeper(GuardMemory(), cooldown_s=60)
    keeper.find(a_latch(LatchKind.IMPLAUSIBLE_EDGE, at=make.after_ms(3_600_000)), make.NOON)
    keeper.resume(make.NOON, "kim", "looked at it", given_at=make.NOON)

    assert not keeper.latches


def test_a_latch_that_only_this_machine_knew_is_evidence_too() -> None:
    story = make.Story()
    story.tell(LatchFound(make.NOON, a_latch(LatchKind.OPERATOR)))
    entries = [entry for told in story.intents for entry in getattr(told, "entries", ())]

    assert [(entry.act, entry.name) for entry in entries] == [(GuardAct.LATCHED, "operator")]


def test_a_lowered_limit_outlives_a_crash_and_ends_with_a_stop_on_purpose(tmp_path: Path) -> None:
    configured = RiskLimits.over_cautious({})
    lowered = replace(configured, max_daily_loss=Decimal(20_000))
    first = keeping(tmp_path)
    boot(first)
    first.when_lowered = lambda: lowered
    keeper = Keeper(GuardMemory(), cooldown_s=60)
    keeper.note(GuardAct.LOWERED, "max_daily_loss", make.NOON, "to 20000: a calm week", "kim")
    report = keeper.report(make.NOON)
    assert report is not None
    first.publish(report)
    first.end(make.NOON, on_purpose=False)
    keeping(tmp_path).end(make.NOON, on_purpose=True)  # while it waited for Redis: it is not the run that was stopped
    second = keeping(tmp_path)
    boot(second)
    after_the_crash = second.lowered(configured)
    second.end(make.NOON, on_purpose=True)

    assert after_the_crash == lowered
    assert keeping(tmp_path).lowered(configured) == configured


def test_the_starts_of_the_day_are_known_from_the_log_where_redis_forgot_them(tmp_path: Path) -> None:
    now = SystemClock().now()
    first = keeping(tmp_path)
    sent = intents.planned(1, "p-1")
    plan = replace(sent.approved.what, decided_at=now)
    first.intents.note(replace(sent, approved=replace(sent.approved, what=plan)))
    first.end(now, on_purpose=False)

    assert keeping(tmp_path).starts(()) == (now,)


def test_no_text_of_the_redis_stream_can_pass_for_a_line_of_ours() -> None:
    row = _command(b"1-0", {b"do": b"halt", b"who": b"a\x1b[31m\nb", b"why": "x\u202ey\r\nACTIVE".encode()})

    assert row.who.isprintable()
    assert row.why.isprintable()


@pytest.mark.parametrize("per_second", [1, 2, 3, 6])
def test_the_smallest_message_rate_still_lets_a_plan_leave(per_second: int) -> None:
    assert MessageBucket(per_second).left_for_open(make.NOON) >= 1.0


def test_a_latches_file_is_found_in_the_accounts_own_folder(tmp_path: Path) -> None:
    LatchFile(places(tmp_path).latches).write([a_latch(LatchKind.TOTAL_LOSS)])

    assert names(boot(keeping(tmp_path))) == {"total_loss"}


def command(kind: Command, given_ms: int, told_at: int | None = None) -> OperatorCommand:
    told = make.after_ms(given_ms if told_at is None else told_at)
    return OperatorCommand(at=told, command=kind, who="kim", why="a reason", given_at=make.after_ms(given_ms))


def _no_room(descriptor: int, line: bytes) -> None:
    raise OSError(28, "No space left on device")
