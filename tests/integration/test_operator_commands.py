"""`arbitrage halt`, `resume`, `limits --lower`: what a person says reaches a daemon, with Redis dead as well."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from arbitrage.commands import halt, limits, lower, resume
from arbitrage.commands.waiting import wait_until
from arbitrage.domain.errors import ConfigurationError, OperatorNeeded
from arbitrage.domain.events import Command, OperatorCommand
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.intents import Publish
from arbitrage.domain.views import LimitUse
from arbitrage.local_files import HaltFile, LatchFile, Mailbox
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress
from arbitrage.state.rows import to_json
from tests.clocks import NOON
from tests.daemon_rows import ago, rows_of_a_run
from tests.daemon_views import guarded
from tests.operated_daemon import OperatedDaemon, account_dir

NOBODY = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"}
"""A port where no Redis ever is."""

BRIEFLY_S = 0.2
"""Long enough for a daemon that is not there."""


def settings_in(folder: Path, **more: str) -> Settings:
    return load_settings({"STATE_DIR": str(folder), **NOBODY, **more}, env_file=None)


def settings_at(folder: Path, address: RedisAddress, app_env: str) -> Settings:
    return settings_in(folder, REDIS_HOST=address.host, REDIS_PORT=str(address.port), APP_ENV=app_env)


def a_latch(kind: LatchKind, scope: str = "") -> Latch:
    return Latch(kind=kind, at=NOON, why="a reason", who="guard", day="2026-11-22", scope=scope)


def names(folder: Path) -> list[str]:
    return [latch.name for latch in LatchFile(account_dir(folder) / "latches.json").read()]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """Return a function that returns everything printed since the last time, in one line."""
    return lambda: " ".join("".join(capsys.readouterr()).split())


# --- halt


def test_a_halt_reaches_a_running_daemon_with_redis_dead_and_says_how_fast(tmp_path, said):
    with OperatedDaemon(tmp_path).running() as daemon:
        code = halt.main(settings_in(tmp_path), "the venue announced a maintenance")

    printed = said()
    assert code == 0
    assert int(re.findall(r"halted after (\d+) ms", printed)[0]) < 500
    assert names(tmp_path) == ["operator"]
    assert daemon.heard[0].why == "the venue announced a maintenance"
    assert "@" in daemon.heard[0].who


def test_a_halt_without_a_daemon_holds_for_the_next_start(tmp_path, said):
    code = halt.main(settings_in(tmp_path), "not now", BRIEFLY_S)
    waiting = list((tmp_path / "commands").iterdir())

    with OperatedDaemon(tmp_path).running():
        again = halt.main(settings_in(tmp_path), "really not")

    assert (code, again, waiting) == (0, 0, [])
    assert f"no daemon answered; {tmp_path / 'HALT'} holds for the next start" in said()
    assert names(tmp_path) == ["operator"]


def test_who_was_halted_and_resumed_without_a_daemon_starts_unhalted(tmp_path):
    settings = settings_in(tmp_path)
    halt.main(settings, "not now", BRIEFLY_S)
    resume.main(settings, "now", patience_s=BRIEFLY_S)

    with OperatedDaemon(tmp_path).running() as daemon:
        code = resume.main(settings, "once more, to see that it looked")

    assert (code, names(tmp_path)) == (0, [])
    assert {command.command for command in daemon.heard} == {Command.RESUME}


def test_a_second_halt_leaves_no_letter_that_outlives_a_resume(tmp_path):
    LatchFile(account_dir(tmp_path) / "latches.json").write([a_latch(LatchKind.OPERATOR)])

    halt.main(settings_in(tmp_path), "me too")

    assert list((tmp_path / "commands").iterdir()) == []


def test_a_second_halt_says_who_was_first(tmp_path, said):
    LatchFile(account_dir(tmp_path) / "latches.json").write([a_latch(LatchKind.OPERATOR)])

    assert halt.main(settings_in(tmp_path), "me too") == 0
    assert "halted already, by guard: a reason" in said()
    assert HaltFile(tmp_path / "HALT").read()


def test_a_halt_that_can_write_nothing_and_reach_nobody_says_so(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OperatorNeeded, match=r"HALT: Not a directory, .* nothing was halted"):
        halt.main(settings_in(tmp_path / "file" / "var"), "help")


def test_one_of_two_ways_is_enough(tmp_path, said):
    (tmp_path / "commands").touch()

    with OperatedDaemon(tmp_path).running():
        code = halt.main(settings_in(tmp_path), "the mailbox cannot be written")

    assert (code, names(tmp_path)) == (0, ["operator"])
    assert "halted after" in said()


@pytest.mark.parametrize("blocked", ["commands", "HALT"])
def test_one_of_two_ways_is_enough_for_the_next_start_too(tmp_path, said, blocked):
    if blocked == "commands":
        (tmp_path / "commands").touch()
    (tmp_path / "elsewhere").touch()
    halt_file = tmp_path / ("elsewhere/HALT" if blocked == "HALT" else "HALT")

    code = halt.main(settings_in(tmp_path, HALT_FILE=str(halt_file)), "one way only", BRIEFLY_S)
    with OperatedDaemon(tmp_path).running():
        wait_until(lambda: names(tmp_path) == ["operator"], 2)

    assert (code, names(tmp_path)) == (0, ["operator"])
    assert "holds for the next start" in said()


async def test_a_daemon_elsewhere_is_told_through_redis(tmp_path, redis_address, app_env, said):
    keys = await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.1))))

    code = halt.main(settings_at(tmp_path, redis_address, app_env), "from another machine", BRIEFLY_S)

    with Redis(host=redis_address.host, port=redis_address.port) as redis:
        ((_, row),) = redis.xrange(keys.commands)
    assert code == 0
    assert (row[b"do"], row[b"why"]) == (b"halt", b"from another machine")
    assert b"@" in row[b"who"]
    assert "a daemon is running but has not confirmed" in said()


async def test_a_daemon_elsewhere_confirms_through_redis(tmp_path, redis_address, app_env, said):
    view = guarded(ago(0.1))
    halted = replace(view, guard=replace(view.guard, latches=(a_latch(LatchKind.OPERATOR),)))
    await rows_of_a_run(redis_address, app_env, Publish(halted))

    assert halt.main(settings_at(tmp_path, redis_address, app_env), "from another machine", BRIEFLY_S) == 0
    assert "halted after" in said()


async def test_a_daemon_that_is_gone_is_not_rung(tmp_path, redis_address, app_env, said):
    keys = await rows_of_a_run(redis_address, app_env, at=ago(60))

    halt.main(settings_at(tmp_path, redis_address, app_env), "anyone there?", BRIEFLY_S)

    with Redis(host=redis_address.host, port=redis_address.port) as redis:
        assert redis.xlen(keys.commands) == 0
    assert "no daemon answered" in said()


# --- resume


def test_a_resume_clears_what_a_person_may_clear(tmp_path, said):
    latches = a_latch(LatchKind.OPERATOR), a_latch(LatchKind.IMPLAUSIBLE_EDGE, "XRP")
    with OperatedDaemon(tmp_path, *latches).running() as daemon:
        code = resume.main(settings_in(tmp_path), "looked at both accounts")

    assert (code, names(tmp_path)) == (0, [])
    assert said() == "cleared: operator, implausible_edge:XRP"
    assert daemon.heard[0].why == "looked at both accounts"


def test_a_halt_and_a_resume_leave_nothing_behind(tmp_path, said):
    settings = settings_in(tmp_path)
    with OperatedDaemon(tmp_path).running():
        codes = halt.main(settings, "a break"), resume.main(settings, "back")

    assert codes == (0, 0)
    assert said().endswith("cleared: operator")
    assert HaltFile(tmp_path / "HALT").read() is None


def test_the_daily_loss_stays_and_says_until_when(tmp_path, said):
    latches = a_latch(LatchKind.OPERATOR), a_latch(LatchKind.DAILY_LOSS)
    with OperatedDaemon(tmp_path, *latches).running():
        code = resume.main(settings_in(tmp_path), "please")

    assert (code, names(tmp_path)) == (1, ["daily_loss"])
    assert "daily_loss stays: a reason; only the next trading day clears it" in said()


def test_one_latch_can_be_cleared_by_name(tmp_path):
    latches = a_latch(LatchKind.TOTAL_LOSS), a_latch(LatchKind.IMPLAUSIBLE_EDGE, "XRP")
    HaltFile(tmp_path / "HALT").write("me@here", "still", NOON)
    with OperatedDaemon(tmp_path, *latches).running():
        code = resume.main(settings_in(tmp_path), "the premium was real", "implausible_edge:XRP")

    assert code == 0
    assert "total_loss" in names(tmp_path)
    assert "implausible_edge:XRP" not in names(tmp_path)
    assert HaltFile(tmp_path / "HALT").read() is not None


def test_a_latch_that_does_not_hold_is_wrong_usage_and_changes_nothing(tmp_path):
    LatchFile(account_dir(tmp_path) / "latches.json").write([a_latch(LatchKind.TOTAL_LOSS)])
    HaltFile(tmp_path / "HALT").write("me@here", "still", NOON)

    with pytest.raises(ConfigurationError, match="'daily_loss' does not hold; what holds: total_loss"):
        resume.main(settings_in(tmp_path), "oops", "daily_loss")

    assert HaltFile(tmp_path / "HALT").read() is not None
    assert Mailbox(tmp_path / "commands").take().requests == ()


def test_a_resume_without_a_daemon_waits_in_the_mailbox(tmp_path, said):
    code = resume.main(settings_in(tmp_path), "for the next start", patience_s=BRIEFLY_S)

    (request,) = Mailbox(tmp_path / "commands").take().requests
    assert code == 0
    assert (request.command, request.why) == (Command.RESUME, "for the next start")
    assert "no daemon runs; the request lies in" in said()


def test_nothing_to_clear_is_no_failure(tmp_path, said):
    with OperatedDaemon(tmp_path).running():
        code = resume.main(settings_in(tmp_path), "just to be sure")

    assert (code, said()) == (0, "nothing was latched")


@pytest.mark.parametrize("reason", ["", "  ", "\n", "\x1b[31mred", "\u202eevil", "x" * 301])
def test_a_reason_must_be_a_line_of_text(tmp_path, reason):
    with pytest.raises(ConfigurationError, match="--reason: must"):
        resume.main(settings_in(tmp_path), reason)

    assert not list(tmp_path.iterdir())


# --- limits


async def test_the_limits_are_shown_with_what_would_trip_next(tmp_path, redis_address, app_env, said):
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.1))))
    settings = settings_at(tmp_path, redis_address, app_env)

    assert limits.main(settings, False) == 0
    text = said()
    assert limits.main(settings, True) == 0
    facts = json.loads(said())

    assert "max_daily_loss 85,500.0001 100,000 KRW 86%" in text
    assert "max_position_size – 1,000,000 KRW –" in text
    assert text.endswith("next to trip: max_daily_loss, 86% used")
    assert (facts["next"]["name"], facts["limits"][1]["used"]) == ("max_daily_loss", None)


def test_without_a_daemon_there_is_nothing_to_show(tmp_path, redis_address, app_env, said):
    assert limits.main(settings_at(tmp_path, redis_address, app_env), True) == 1
    assert "arbitrage run" in said()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("max_daily_loss", "must be NAME=VALUE"),
        ("daily_loss=5", "must be NAME=VALUE with one of max_position_size"),
        ("max_daily_loss=much", "must be a plain number"),
        ("max_daily_loss=NaN", "must be a plain number"),
        ("max_daily_loss=-1", "must be a plain number"),
        ("max_daily_loss=1e3", "must be a plain number"),
        ("max_daily_loss=0", "finite and above zero"),
        ("max_daily_loss=100000", "can only be made stricter"),
        ("max_daily_loss=100001", "can only be made stricter"),
        ("min_spread_pct=0.09", "can only be made stricter"),
        ("max_position_count=1.5", "must be a whole number"),
        ("RISK_COLLAR_PCT=2", "can only be made stricter"),
    ],
)
def test_a_change_that_is_not_stricter_is_wrong_usage_and_nothing_is_asked(tmp_path, change, why):
    with pytest.raises(ConfigurationError, match=f"--lower: .*{why}") as refused:
        lower.main(settings_in(tmp_path), change, "a reason")

    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_limit_that_no_daemon_took_is_not_left_for_the_next(tmp_path, said):
    code = lower.main(settings_in(tmp_path), "max_daily_loss=50000", "a nervous market", BRIEFLY_S)

    assert (code, list((tmp_path / "commands").iterdir())) == (1, [])
    assert "set RISK_MAX_DAILY_LOSS=50000 for the next start" in said()


async def test_a_limit_that_was_lowered_already_cannot_be_raised_again(tmp_path, redis_address, app_env):
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.1))))
    settings = settings_at(tmp_path, redis_address, app_env)

    with pytest.raises(ConfigurationError, match="max_daily_loss is 100000"):
        lower.main(settings.model_copy(update={"risk_max_daily_loss": 900_000}), "max_daily_loss=200000", "oops")


async def test_a_limit_is_lowered_when_the_daemon_shows_it(tmp_path, redis_address, app_env, said):
    view = guarded(ago(0.1))
    keys = await rows_of_a_run(redis_address, app_env, Publish(view))

    def show(command: OperatorCommand) -> None:
        use = LimitUse(name=command.limit, used=None, limit=command.value, share=None)
        shown = replace(view, guard=replace(view.guard, uses=(use,)))
        with Redis(host=redis_address.host, port=redis_address.port) as redis:
            redis.set(keys.view, to_json(shown))

    with OperatedDaemon(tmp_path, when_told=show).running() as daemon:
        code = lower.main(settings_at(tmp_path, redis_address, app_env), "max_daily_loss=50000", "careful")

    assert (code, daemon.heard[0].limit, daemon.heard[0].value) == (0, "max_daily_loss", 50_000)
    assert "max_daily_loss is 50000 until the daemon ends" in said()


def test_a_limit_that_no_daemon_shows_was_perhaps_not_lowered(tmp_path, said):
    with OperatedDaemon(tmp_path).running() as daemon:
        code = lower.main(settings_in(tmp_path), "max_daily_loss=50000", "careful", BRIEFLY_S)

    assert (code, len(daemon.heard)) == (1, 1)
    assert "took it but does not show it" in said()


# --- as commands


def test_halt_imports_nothing_heavy(tmp_path):
    program = (
        "import sys; sys.argv = ['arbitrage', 'halt']\n"
        "try:\n    from arbitrage.cli import main; main()\n"
        "except SystemExit:\n    print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    LatchFile(account_dir(tmp_path) / "latches.json").write([a_latch(LatchKind.OPERATOR)])
    environ = {"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path), **NOBODY}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    heavy = {"ccxt", "aiohttp", "picows", "uvloop", "redis", "structlog", "rich", "prometheus_client"}
    assert "halted already" in done.stdout
    assert not heavy & set(done.stdout.splitlines()[-1].split())
