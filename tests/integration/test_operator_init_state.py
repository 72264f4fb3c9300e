"""`arbitrage init-state`: shown, asked for, written down, and only done while nobody trades."""

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from arbitrage.commands import init_state
from arbitrage.domain.errors import ConfigurationError, OperatorNeeded, StateHeld, StateUnavailable
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.intents import IntentLog
from arbitrage.local_files import HaltFile, LatchFile
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from liveguard.mode_gate import Mode
from tests.clocks import NOON
from tests.daemon_rows import ago, rows_of_a_run
from tests.redis_server import RedisServer

LIVE = {
    **{"LIVE_MODE": "true", "DRY_RUN": "false", "RISK_MAX_POSITION_SIZE": "500000", "RISK_MAX_DAILY_LOSS": "50000"},
    **dict.fromkeys(("UPBIT_API_KEY", "UPBIT_SECRET_KEY", "BINANCE_API_KEY", "BINANCE_SECRET_KEY"), "k3y"),
}


class Terminal(StringIO):
    """A person who types one line."""

    def isatty(self) -> bool:
        """Say that somebody is there."""
        return True


@pytest.fixture
def redis(redis_address: RedisAddress) -> Iterator[Redis]:
    with Redis(host=redis_address.host, port=redis_address.port, decode_responses=True) as connection:
        yield connection


@pytest.fixture
def settings(tmp_path: Path, redis_address: RedisAddress, app_env: str) -> Settings:
    return settings_at(tmp_path, redis_address, app_env)


def settings_at(folder: Path, address: RedisAddress, app_env: str, **more: str) -> Settings:
    given = {"STATE_DIR": str(folder), "REDIS_HOST": address.host, "REDIS_PORT": str(address.port), "APP_ENV": app_env}
    return load_settings(given | more, env_file=None)


def a_history(redis: Redis, namespace: str, folder: Path) -> StateKeys:
    """Leave behind what a guard leaves: losses, a plan in flight, a latch, its log and its latches file."""
    keys = StateKeys(namespace)
    losses = {"epoch": "e1", "day": "2026-11-22", "day_units": -820_000_000, "total_units": -840_000_000}
    redis.hset(keys.guard, mapping=losses)
    redis.hset(keys.guard_reserved, "p-1", 25_000_000)
    redis.zadd(keys.guard_results, {"p-0:-820000000": 1})
    redis.hset(keys.guard_latches, "daily_loss", "{}")
    account = folder / namespace.replace(":", "-")
    account.mkdir()
    (account / "intents.log").write_text("whatever it says\n")
    latch = Latch(kind=LatchKind.FOREIGN_STATE, at=NOON, why="another epoch", who="guard", day="2026-11-22")
    LatchFile(account / "latches.json").write([latch])
    return keys


def held(redis: Redis, keys: StateKeys) -> int:
    return int(redis.exists(keys.guard, keys.guard_reserved, keys.guard_results, keys.guard_latches))


def test_everything_that_the_guard_kept_is_forgotten_and_the_journal_says_who_and_why(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = a_history(redis, namespace, tmp_path)

    code = init_state.main(settings, "moved to a new Redis", True)

    ((_, row),) = redis.xrange(keys.journal)
    written = msgspec.json.decode(row["row"])
    assert (code, held(redis, keys), LatchFile(settings.account_dir(Mode.SHADOW) / "latches.json").read()) == (0, 0, ())
    assert (row["kind"], row["mode"], written["why"]) == ("init_state", "shadow", "moved to a new Redis")
    assert "@" in written["who"]
    (kept,) = settings.account_dir(Mode.SHADOW).glob("intents-*")
    assert kept.read_text() == "whatever it says\n"
    assert str(kept) in capsys.readouterr().out


def test_what_would_be_forgotten_is_shown_first(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_history(redis, namespace, tmp_path)

    init_state.main(settings, "a reason", True)

    shown = capsys.readouterr().out
    for told in (namespace, "2026-11-22: -82,000 KRW; in all: -84,000 KRW; plans in flight: 1", "intents.log"):
        assert told in shown
    assert "daily_loss, foreign_state" in shown


@pytest.mark.parametrize("typed", ["yes\n", "YES \n"])
def test_a_person_who_says_yes_means_it(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert (init_state.main(settings, "a reason", False), held(redis, keys)) == (0, 0)


@pytest.mark.parametrize("typed", ["y\n", "\n", "", "no\n", "yes please\n"])
def test_everything_else_is_a_no(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert (init_state.main(settings, "a reason", False), held(redis, keys)) == (1, 4)


def test_where_nobody_can_be_asked_it_must_be_said_beforehand(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))

    with pytest.raises(ConfigurationError, match="--yes"):
        init_state.main(settings, "a reason", False)

    assert held(redis, keys) == 4


def test_while_a_daemon_holds_the_log_nothing_is_forgotten(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    (settings.account_dir(Mode.SHADOW) / "intents.log").unlink()
    log = IntentLog.open(settings.account_dir(Mode.SHADOW) / "intents.log")

    with pytest.raises(StateHeld, match="a daemon is running"):
        init_state.main(settings, "a reason", True)
    log.close()

    assert held(redis, keys) == 4


async def test_while_a_heart_beats_elsewhere_nothing_is_forgotten(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, redis_address: RedisAddress, app_env: str
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    await rows_of_a_run(redis_address, app_env, at=ago(0.2))

    with pytest.raises(StateHeld, match="a daemon is running"):
        init_state.main(settings, "a reason", True)

    assert held(redis, keys) == 4


def test_a_damaged_state_can_be_forgotten_too(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    redis.delete(keys.guard)
    redis.set(keys.guard, "not a hash")

    assert init_state.main(settings, "a damaged hash", True) == 0
    assert "cannot be understood" in capsys.readouterr().out
    assert held(redis, keys) == 0


def test_nonsense_in_the_hash_is_shown_as_it_is(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = a_history(redis, namespace, tmp_path)
    redis.hset(keys.guard, mapping={"day_units": "--1", "total_units": "9" * 30})

    assert init_state.main(settings, "nonsense", True) == 0
    assert "--1; in all: 999999" in capsys.readouterr().out


def test_an_operators_halt_is_not_part_of_the_state(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    HaltFile(tmp_path / "HALT").write("me@here", "still", NOON)

    assert init_state.main(settings, "a reason", True) == 0
    assert HaltFile(tmp_path / "HALT").read()
    assert "HALT is still there" in capsys.readouterr().out


def test_in_live_the_accounts_state_is_meant_whatever_app_env_says(
    redis: Redis, redis_address: RedisAddress, app_env: str, tmp_path: Path
) -> None:
    settings = settings_at(tmp_path, redis_address, app_env, **LIVE)
    shadow = a_history(redis, namespace_of("shadow", app_env), tmp_path)
    live = a_history(redis, settings.guard_namespace(Mode.LIVE), tmp_path)

    assert init_state.main(settings, "a reason", True) == 0
    assert (held(redis, live), held(redis, shadow)) == (0, 4)


def test_a_folder_that_cannot_be_written_says_so_and_what_is_left_stops(
    settings: Settings, redis: Redis, namespace: str, tmp_path: Path
) -> None:
    a_history(redis, namespace, tmp_path)
    (settings.account_dir(Mode.SHADOW) / "latches.json").unlink()
    (settings.account_dir(Mode.SHADOW) / "latches.json").mkdir()

    with pytest.raises(OperatorNeeded, match="give the command again"):
        init_state.main(settings, "a reason", True)


def test_without_redis_nothing_is_forgotten(private_redis: RedisServer, tmp_path: Path) -> None:
    settings = settings_at(tmp_path, private_redis.address, "local")
    private_redis.stop()
    LatchFile(settings.account_dir(Mode.SHADOW) / "latches.json").write([])

    with pytest.raises(StateUnavailable):
        init_state.main(settings, "a reason", True)

    assert (settings.account_dir(Mode.SHADOW) / "latches.json").exists()


def test_a_reason_is_needed(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="--reason"):
        init_state.main(settings, " ", True)
