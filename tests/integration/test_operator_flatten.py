"""`arbitrage flatten`: the daemon is asked, its way to neutral is told, and what is left open is an exit code."""

import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.commands import flatten
from arbitrage.domain.errors import OperatorNeeded
from arbitrage.domain.events import Command, OperatorCommand
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.intents import Publish
from arbitrage.domain.views import EngineView, FlightLine, GuardView
from arbitrage.local_files import HaltFile
from arbitrage.settings import Settings
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.rows import to_json
from tests.clocks import NOON
from tests.daemon_rows import ago, rows_of_a_run
from tests.integration.test_operator_commands import BRIEFLY_S, settings_at, settings_in
from tests.operated_daemon import OperatedDaemon
from tests.plan_builders import a_view

HALTED = Latch(kind=LatchKind.OPERATOR, at=NOON, why="flatten: home", who="me@here", day="2026-11-22")


def a_flight(exposure: str = "0.01", waits_for: str = "a-1-b unknown") -> FlightLine:
    return FlightLine(
        plan_id="2d0489-1-7",
        base="BTC",
        direction="sell_upbit",
        since=ago(4),
        exposure=Decimal(exposure),
        waits_for=waits_for,
    )


def a_sight(*flights: FlightLine, latches: tuple[Latch, ...] = (HALTED,)) -> EngineView:
    """What a daemon shows now that was told to flatten."""
    return replace(a_view(SystemClock().now()), flights=flights, positions={}, guard=GuardView(latches=latches))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]):
    """Return a function that returns everything printed since the last time, in one line."""
    return lambda: " ".join("".join(capsys.readouterr()).split())


class Shown:
    """A daemon's window: what is put here is what `status` sees."""

    def __init__(self, address: RedisAddress, keys: StateKeys) -> None:
        self._address = address
        self._key = keys.view

    def show(self, view: EngineView) -> None:
        with Redis(host=self._address.host, port=self._address.port) as redis:
            redis.set(self._key, to_json(view))


async def a_window(address: RedisAddress, app_env: str) -> Shown:
    return Shown(address, await rows_of_a_run(address, app_env, Publish(a_view(ago(0.1)))))


def obeying(
    folder: Path, settings: Settings, react: Callable[[OperatorCommand], None], work_s: float = 3
) -> tuple[int, OperatorCommand]:
    """Flatten where a daemon reacts; return the exit code and what the daemon heard."""
    with OperatedDaemon(folder, when_told=react).running() as daemon:
        code = flatten.main(settings, "home", work_s)
    return code, daemon.heard[0]


async def test_a_daemon_with_nothing_in_flight_is_flat_at_once(tmp_path, redis_address, app_env, said):
    window = await a_window(redis_address, app_env)

    code, heard = obeying(tmp_path, settings_at(tmp_path, redis_address, app_env), lambda _: window.show(a_sight()))

    assert (code, heard.command, heard.why) == (0, Command.FLATTEN, "home")
    assert "no plan is in flight; no new plans: `arbitrage resume --reason ...`" in said()


async def test_the_way_to_neutral_is_told_as_it_goes(tmp_path, redis_address, app_env, said):
    window = await a_window(redis_address, app_env)
    later = threading.Timer(0.5, lambda: window.show(a_sight()))

    def react(_: OperatorCommand) -> None:
        window.show(a_sight(a_flight()))
        later.start()

    code, _ = obeying(tmp_path, settings_at(tmp_path, redis_address, app_env), react)
    later.join()

    told = said()
    assert code == 0
    assert told.startswith("in flight: 2d0489-1-7: +0.01 BTC open, waits for a-1-b unknown flat after")


async def test_what_is_still_open_when_time_is_up_is_told_and_ends_with_1(tmp_path, redis_address, app_env, said):
    window = await a_window(redis_address, app_env)
    flying = a_flight("-0.01", "no venue takes -0.01 BTC now")
    settings = settings_at(tmp_path, redis_address, app_env)

    code, _ = obeying(tmp_path, settings, lambda _: window.show(a_sight(flying)), work_s=0.5)

    assert code == 1
    assert "still in flight: 2d0489-1-7: -0.01 BTC open, waits for no venue takes -0.01 BTC now; the daemon" in said()


async def test_what_is_too_small_to_be_hedged_is_told(tmp_path, redis_address, app_env, said):
    window = await a_window(redis_address, app_env)
    dusty = {"BTC": Decimal("0.00000100"), "XRP": Decimal(0)}

    def react(_: OperatorCommand) -> None:
        window.show(replace(a_sight(), positions=dusty))

    code, _ = obeying(tmp_path, settings_at(tmp_path, redis_address, app_env), react)

    assert code == 0
    assert "no plan is in flight, too small to be hedged: +0.00000100 BTC;" in said()


@pytest.mark.parametrize(
    "sight",
    [
        pytest.param(lambda: a_sight(latches=()), id="not halted yet"),
        pytest.param(lambda: replace(a_sight(), at=ago(60)), id="from before"),
    ],
)
async def test_a_look_that_does_not_show_the_command_proves_nothing(tmp_path, redis_address, app_env, said, sight):
    window = await a_window(redis_address, app_env)
    settings = settings_at(tmp_path, redis_address, app_env)

    code, _ = obeying(tmp_path, settings, lambda _: window.show(sight()), work_s=0.4)

    assert code == 1
    assert "flat after" not in said()


def test_with_redis_dead_the_daemon_flattens_and_the_command_says_that_it_cannot_see_it(tmp_path, said):
    code, heard = obeying(tmp_path, settings_in(tmp_path), lambda _: None, work_s=0.3)

    assert (code, heard.command) == (1, Command.FLATTEN)
    assert "what is left cannot be seen: Redis at 127.0.0.1:1/0" in said()


def test_without_a_daemon_nothing_is_flattened_and_the_next_start_is_halted(tmp_path, said):
    code = flatten.main(settings_in(tmp_path), "home", patience_s=BRIEFLY_S)

    assert (code, list((tmp_path / "commands").iterdir())) == (1, [])
    assert f"no daemon answered: nothing was flattened; {tmp_path / 'HALT'} holds for the next start" in said()
    assert "flatten: home" in str(HaltFile(tmp_path / "HALT").read())


def test_a_mailbox_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "commands").touch()

    with pytest.raises(OperatorNeeded, match="commands: cannot be written"):
        flatten.main(settings_in(tmp_path), "home", patience_s=BRIEFLY_S)
