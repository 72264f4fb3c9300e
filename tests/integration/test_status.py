"""`arbitrage status` and `arbitrage shadow reset` against a real Redis."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from redis import Redis

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.domain.views import EngineView, FlightLine, GuardView
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress, RunFacts
from arbitrage.state_manager import StateManager
from arbitrage.status import main, read_status, reset_shadow
from arbitrage.status.shape import what_is_stale
from arbitrage.status.text import show
from liveguard.mode_gate import API_KEYS, Mode
from tests.clocks import NOON, ManualClock
from tests.daemon_rows import LAYERS, ago, rows_of_a_run
from tests.daemon_views import guarded
from tests.plan_builders import a_submission, a_view, an_end
from tests.redis_server import RedisServer


def settings_for(address: RedisAddress, app_env: str, **more: str) -> Settings:
    given = {"REDIS_HOST": address.host, "REDIS_PORT": str(address.port), "APP_ENV": app_env, **more}
    return load_settings(given, env_file=None)


def text_of(status: dict[str, Any]) -> str:
    out = StringIO()
    show(status, out)
    return out.getvalue()


async def test_the_status_of_a_running_daemon_has_every_part(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env, a_submission(), ReportPlanEnd(an_end()), Publish(a_view(ago(0.3))))

    status = read_status(settings_for(redis_address, app_env))

    assert status["mode"] == "shadow"
    assert status["gate"] == list(LAYERS)
    assert (status["trading_state"], status["latches"]) == ("ACTIVE", [])
    assert status["circuit_breaker"] == {"active": False, "trips": []}
    assert status["orders"] == {"paper": 0, "shadow": 2, "live": 0}
    assert (status["plans"]["open"], status["plans"]["scored"], status["plans"]["outcomes"]) == (
        1,
        3,
        {"both": 2, "missed": 1},
    )
    assert (status["daily"]["day"], str(status["daily"]["result_krw"])) == ("2026-11-22", "2123.4567")
    assert set(status["venues"]) == {"upbit", "binance"}
    assert status["venues"]["upbit"]["connected"] is True
    assert status["venues"]["upbit"]["books"]["KRW-BTC"]["health"] == "good"
    assert (status["venues"]["binance"]["book_age_ms"], status["venues"]["binance"]["clock_skew_ms"]) == (52.5, -3.1)
    assert status["fx"] == {"bid": 1_399.0, "ask": 1_400.0, "age_ms": 310.0, "reference": None, "reference_day": None}
    assert status["edges"]["BTC"]["sell_upbit"] == {"bps": 4.2, "best_today_bps": 31.5}
    assert status["edges"]["BTC"]["buy_upbit"] == {"bps": None, "best_today_bps": None}
    assert status["left_out"] == {"DOGE": "not on binance"}
    assert status["refusals"] == {"edge_too_small": 12}
    assert status["version"] == "1.2.3"
    assert 0.1 < status["heartbeat_age_s"] < 5
    assert status["stopped"] is False
    assert status["state"]["reachable"] is True


async def test_what_holds_new_plans_back_is_shown_with_what_clears_it(
    redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.3))))

    status = read_status(settings_for(redis_address, app_env))

    assert status["circuit_breaker"]["active"] is True
    assert status["circuit_breaker"]["trips"] == [
        {
            "name": "venue_errors",
            "since": "2026-11-22T03:00:00.000+00:00",
            "why": "binance: 20 troubles within a minute",
        }
    ]
    daily, repeated = status["latches"]
    assert (daily["name"], daily["stops"], daily["cleared_by"]) == ("daily_loss", "everything", "the next trading day")
    assert (repeated["name"], repeated["stops"]) == ("repeated_execution:XRP", "XRP")
    assert "arbitrage resume" in repeated["cleared_by"]


def in_flight(at: Instant) -> EngineView:
    """A view with a plan whose leg stands alone, a side that has run dry, and a difference that nobody explains."""
    flight = FlightLine(
        plan_id="p-1",
        base="BTC",
        direction="sell_upbit",
        since=Instant(at - 2 * NS_PER_S),
        exposure=Decimal("-0.01"),
        waits_for="a-1 unknown",
    )
    return replace(
        a_view(at),
        flights=(flight,),
        runway={"BTC": {"sell_upbit": 0, "buy_upbit": 10}},
        unexplained=(("upbit", "KRW", Decimal(-500_000)),),
    )


async def test_what_is_in_flight_what_is_left_and_what_nobody_explains_is_shown(
    redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(in_flight(ago(0.3))))

    status = read_status(settings_for(redis_address, app_env))
    text = " ".join(text_of(status).split())

    (flight,) = status["flights"]
    assert (flight["exposure"], flight["waits_for"]) == (Decimal("-0.01"), "a-1 unknown")
    assert 2 < flight["age_s"] < 10
    assert status["runway"] == {"BTC": {"sell_upbit": 0, "buy_upbit": 10}}
    assert status["unexplained"] == [{"venue": "upbit", "currency": "KRW", "difference": Decimal(-500_000)}]
    assert "in flight: BTC sell_upbit for 2." in text
    assert "s, -0.01 BTC open, waits for a-1 unknown" in text
    assert "runway in plans that sell/buy on upbit: BTC 0/10" in text
    assert "unexplained: upbit -500000 KRW, see `arbitrage reconcile`" in text


async def test_a_difference_is_cleared_by_reconcile_and_not_by_resume(
    redis_address: RedisAddress, app_env: str
) -> None:
    latch = Latch(kind=LatchKind.UNEXPLAINED_FUNDS, at=NOON, why="KRW", who="guard", day="2026-11-22")
    await rows_of_a_run(redis_address, app_env, Publish(replace(a_view(ago(0.3)), guard=GuardView(latches=(latch,)))))

    (shown,) = read_status(settings_for(redis_address, app_env))["latches"]

    assert shown["cleared_by"] == "arbitrage reconcile --accept ..."


async def test_who_may_write_for_the_accounts_is_shown_to_who_holds_their_keys(
    redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.3))), mode="live")
    keys = dict.fromkeys(API_KEYS, f"key-of-{app_env}")
    owner = settings_for(redis_address, app_env, **keys)
    nobodys = read_status(owner)
    with Redis(host=redis_address.host, port=redis_address.port) as redis:
        redis.set(f"{owner.guard_namespace(Mode.LIVE)}:lease", "here-77-abc", px=60_000)
    held = read_status(owner)
    stranger = read_status(settings_for(redis_address, app_env))

    assert "lease: nobody's" in text_of(nobodys)
    assert held["lease"]["holder"] == "here-77-abc"
    assert 50_000 < held["lease"]["left_ms"] <= 60_000
    assert "lease: held by here-77-abc, " in text_of(held)
    assert stranger["lease"] is None


async def test_losses_are_exact_and_beside_their_limit(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.3))))

    status = read_status(settings_for(redis_address, app_env))

    assert {name: str(value) for name, value in status["daily"].items()} == {
        "day": "2026-11-22",
        "plans": "3",
        "result_krw": "2123.4567",
        "loss_krw": "82000",
        "limit_krw": "100000",
        "in_flight_krw": "2500.0001",
        "loss_24h_krw": "83000",
        "total_loss_krw": "84000",
    }
    assert status["limits"][0]["unit"] == "KRW"
    assert status["limits"][1]["share"] is None


async def test_the_text_tells_what_was_stopped_and_what_to_do(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.3), "HALTED")))

    text = " ".join(text_of(read_status(settings_for(redis_address, app_env))).split())

    for told in (
        "SHADOW LIVE HALTED",
        "stopped: daily_loss, set",
        "by guard: 82,000 of 100,000 KRW; cleared by the next trading day",
        "stopped: repeated_execution:XRP",
        "cleared by arbitrage resume --reason",
        "paused: venue_errors, since",
        "ends by itself",
        "lost today 82,000 of 100,000 KRW and at most 2,500 in flight; in 24 h 83,000, in all 84,000",
    ):
        assert told in text


@pytest.mark.parametrize(("shown", "left"), [("ACTIVE", "REDUCING"), ("REDUCING", "REDUCING"), ("HALTED", "HALTED")])
async def test_what_a_daemon_was_halted_for_is_not_known_either_when_it_is_gone(
    redis_address: RedisAddress, app_env: str, shown: str, left: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(60), shown)), at=ago(60))

    assert read_status(settings_for(redis_address, app_env))["trading_state"] == left


async def test_json_is_one_object_with_exact_numbers(
    redis_address: RedisAddress, app_env: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.3))))

    code = main(settings_for(redis_address, app_env), True, None)

    out = capsys.readouterr().out
    assert code == 0
    assert out.count("\n") == 1
    assert json.loads(out)["inventory"]["upbit"]["KRW"] == 9_000_000.5
    assert '"portfolio_krw":20001234.5678' in out


async def test_a_daemon_that_has_shown_nothing_yet_is_reducing(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env)

    status = read_status(settings_for(redis_address, app_env))

    assert (status["trading_state"], status["venues"], status["orders"]["shadow"]) == ("REDUCING", {}, 0)
    assert "not shown anything" in text_of(status)


async def test_the_text_fits_80_columns_and_tells_what_matters(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env, a_submission(), Publish(a_view(ago(0.3), accepting=False)))

    text = text_of(read_status(settings_for(redis_address, app_env)))

    assert max(len(line) for line in text.splitlines()) <= 80
    for told in (
        "SHADOW LIVE  REDUCING",
        "no new plans: the state cannot be written",
        "not live because of: LIVE_MODE",
        "KST",
        "120,000,000",
        "84,999.99",
        "+4.2",
        "+31.5",
        "1,399 / 1,400 KRW",
        "2 both, 1 missed; 1 open; result +2,123 KRW",
        "2 shadow",
        "9,000,000.50 KRW",
        "DOGE is left out: not on binance",
        "edge_too_small 12",
    ):
        assert told in text


async def test_what_a_daemon_left_that_stopped_on_purpose_says_so(redis_address: RedisAddress, app_env: str) -> None:
    clock = ManualClock(ago(60))
    facts = RunFacts(mode="shadow", app_env=app_env, version="1", started_at=clock.now(), pid=1)
    state = StateManager(redis_address, facts, clock, lambda event: None)
    await state.open()
    await state.close()

    status = read_status(settings_for(redis_address, app_env))

    assert status["stopped"] is True
    assert "stopped 60." in text_of(status)


def test_no_daemon_ever_is_one_line_and_exit_code_1(
    redis_address: RedisAddress, app_env: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(settings_for(redis_address, app_env), False, None)

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    assert "arbitrage run" in said.err


def test_state_in_memory_is_one_line_and_exit_code_1(
    redis_address: RedisAddress, app_env: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(settings_for(redis_address, app_env, STATE="memory"), True, None) == 1
    assert "STATE=memory" in capsys.readouterr().err


def test_redis_gone_is_one_line_with_its_address_and_no_password(private_redis: RedisServer) -> None:
    private_redis.stop()
    settings = settings_for(private_redis.address, "local", REDIS_PASSWORD="hunter2")

    with pytest.raises(StateUnavailable) as caught:
        main(settings, True, None)

    said = str(caught.value)
    assert str(private_redis.address) in said
    assert "REDIS_PORT" in said
    assert "hunter2" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"-NOAUTH Authentication required.\r\n" * 9]
)
async def test_something_else_on_the_port_is_told_in_one_line(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = RedisAddress("127.0.0.1", server.sockets[0].getsockname()[1])

    with pytest.raises(StateUnavailable, match=f"Redis at {address}") as caught:
        await asyncio.to_thread(read_status, settings_for(address, "local"))
    server.close()

    assert "\n" not in str(caught.value)


def test_a_password_that_redis_does_not_want_is_told_without_it(private_redis: RedisServer) -> None:
    settings = settings_for(private_redis.address, "local", REDIS_PASSWORD="hunter2")

    with pytest.raises(StateUnavailable, match="Redis at") as caught:
        read_status(settings)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["run", "view", "heartbeat", "order_counts"])
async def test_a_key_of_another_kind_is_an_error_of_one_line(
    redis_address: RedisAddress, app_env: str, key: str
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.3))))
    redis: Redis = Redis(host=redis_address.host, port=redis_address.port)
    redis.delete(getattr(keys, key))
    redis.lpush(getattr(keys, key), "x")

    with pytest.raises(StateUnavailable, match=getattr(keys, key)):
        read_status(settings_for(redis_address, app_env))
    redis.close()


async def test_a_view_of_another_version_is_named(redis_address: RedisAddress, app_env: str) -> None:
    key = (await rows_of_a_run(redis_address, app_env)).view
    with Redis(host=redis_address.host, port=redis_address.port) as redis:
        redis.set(key, '{"v": 2}')

    with pytest.raises(StateUnavailable, match=key):
        read_status(settings_for(redis_address, app_env))


@pytest.mark.parametrize("figure", ["NaN", "sNaN", "Infinity", "1e999999"])
async def test_a_figure_that_cannot_be_is_told_in_one_line(
    redis_address: RedisAddress, app_env: str, figure: str
) -> None:
    await rows_of_a_run(
        redis_address, app_env, Publish(replace(a_view(ago(0.3)), inventory={"upbit": {"KRW": Decimal(figure)}}))
    )

    with pytest.raises(StateUnavailable, match="view: not understood"):
        read_status(settings_for(redis_address, app_env))


async def test_text_that_another_program_wrote_cannot_steer_a_terminal(
    redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(replace(a_view(ago(0.3)), why_not="\x1b[2J" + "x" * 1_000_000)))

    text = text_of(read_status(settings_for(redis_address, app_env)))

    assert "\x1b" not in text
    assert len(text) < 10_000


async def test_the_mode_of_the_gate_comes_first_then_the_last_heartbeat(
    redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, mode="paper")
    only_paper = read_status(settings_for(redis_address, app_env))
    await rows_of_a_run(redis_address, app_env, at=ago(3600))
    both = read_status(settings_for(redis_address, app_env))
    paper_wanted = read_status(settings_for(redis_address, app_env, PAPER_MODE="true"))

    assert (only_paper["mode"], both["mode"], paper_wanted["mode"]) == ("paper", "shadow", "paper")


@pytest.mark.parametrize(
    ("case", "heartbeat_s", "view_s", "said"),
    [
        ("all fresh", 0.2, 0.2, ""),
        ("dead", 60, 0.2, "the last heartbeat was 60"),
        ("alive, but shows nothing new", 0.2, 60, "upbit: the newest book is 60"),
    ],
)
async def test_a_health_check_looks_at_heart_and_market(
    redis_address: RedisAddress, app_env: str, case: str, heartbeat_s: float, view_s: float, said: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(view_s))), at=ago(heartbeat_s))
    settings = settings_for(redis_address, app_env)

    assert what_is_stale(read_status(settings), 10).startswith(said)
    assert main(settings, True, 10.0) == bool(said)


async def test_a_health_check_wants_market_data(redis_address: RedisAddress, app_env: str) -> None:
    await rows_of_a_run(redis_address, app_env)

    assert what_is_stale(read_status(settings_for(redis_address, app_env)), 10) == "no market data yet"


async def test_a_reset_forgets_the_inventory_and_leaves_the_command(
    redis_address: RedisAddress, app_env: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.3))))

    code = reset_shadow(settings_for(redis_address, app_env))

    with Redis(host=redis_address.host, port=redis_address.port) as redis:
        assert redis.exists(keys.inventory) == 0
        assert redis.xlen(keys.commands) == 1
    assert code == 0
    assert "10,000,000 KRW" in (said := capsys.readouterr().out)
    assert "the running daemon" in said


def test_a_reset_without_a_daemon_says_so(
    redis_address: RedisAddress, app_env: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reset_shadow(settings_for(redis_address, app_env)) == 0
    assert "no daemon is running" in capsys.readouterr().out


def test_status_imports_nothing_heavy() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import arbitrage.status, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()

    assert not {"ccxt", "aiohttp", "picows", "uvloop", "redis", "structlog", "rich"} & set(seen)


@pytest.mark.parametrize(
    ("beat_s", "view_s", "running", "why"),
    [
        pytest.param(0.2, 0.2, True, "", id="alive"),
        pytest.param(60, 60, False, "not running: its last heartbeat was 60 s ago", id="killed"),
        pytest.param(-60, 0.2, False, "lies 60 s ahead", id="a clock set back"),
        pytest.param(0.2, 60, True, "shown nothing new for 60 s", id="alive, but stuck"),
    ],
)
async def test_what_a_daemon_last_showed_is_not_its_state_once_it_is_gone(
    redis_address: RedisAddress, app_env: str, beat_s: float, view_s: float, running: bool, why: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(view_s))), at=ago(beat_s))
    status = read_status(settings_for(redis_address, app_env))

    assert status["running"] is running
    assert status["trading_state"] == ("REDUCING" if why else "ACTIVE")
    assert why in status["trading_state_reason"]
    assert ("NOT RUNNING" in text_of(status)) is not running


async def test_a_redis_without_memory_can_still_be_read(private_redis: RedisServer) -> None:
    await rows_of_a_run(private_redis.address, "local", Publish(a_view(ago(0.2))))
    with Redis(host=private_redis.address.host, port=private_redis.address.port) as redis:
        redis.config_set("maxmemory", "1")

    assert read_status(settings_for(private_redis.address, "local"))["mode"] == "shadow"
