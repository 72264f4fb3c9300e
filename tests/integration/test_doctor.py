"""`arbitrage doctor` against the sandbox, against a wrong one, and where nothing answers at all."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arbitrage.clock import SystemClock
from arbitrage.commands.doctor import main
from arbitrage.doctor import venues
from arbitrage.doctor.finding import Finding, Verdict, examine
from arbitrage.doctor.rounds import rounds
from arbitrage.domain.errors import VenueUnreachable
from arbitrage.settings import Settings, load_settings
from tests.live_daemon import PlayMarket, a_play_market, play_environment
from tests.redis_server import RedisServer


@pytest.fixture
async def market() -> AsyncIterator[PlayMarket]:
    async with a_play_market() as made:
        yield made


def settings_for(market: PlayMarket, redis: RedisServer, folder: Path, **given: str) -> Settings:
    return load_settings(play_environment(market.sandbox, redis, folder, METRICS_PORT="0", **given), None)


async def examined(settings: Settings, limit_s: float = 10.0) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in await examine(list(rounds(settings, SystemClock())), lambda waiting: None, limit_s):
        found.setdefault(finding.name, []).append(finding)
    return found


def of(found: dict[str, list[Finding]], *names: str) -> set[Verdict]:
    return {finding.verdict for name in names for finding in found[name]}


async def test_venues_keys_and_clock_that_are_right_are_ok_and_no_order_is_sent(
    market: PlayMarket, shared_redis: RedisServer, tmp_path: Path
) -> None:
    found = await examined(settings_for(market, shared_redis, tmp_path))
    asked = ("gate", "limits", "upbit", "binance", "clock", "upbit stream", "binance stream", "binance orders")

    assert of(found, *asked, "upbit key", "binance key") == {Verdict.OK}
    assert "answers in" in found["redis"][0].seen
    assert market.orders() == []


async def test_keys_that_may_do_too_much_or_too_little_are_bad(
    market: PlayMarket, shared_redis: RedisServer, tmp_path: Path
) -> None:
    market.knob("upbit", permissions=["view_account", "view_orders", "make_orders", "manage_pockets", "withdraw"])
    market.knob("binance", permissions=["enableReading"])
    found = await examined(settings_for(market, shared_redis, tmp_path))

    assert "the key can move money out" in found["upbit key"][0].seen
    assert "the key may not read and trade" in found["binance key"][0].seen
    assert of(found, "upbit key", "binance key") == {Verdict.BAD}


async def test_what_the_venue_does_not_trade_and_a_wrong_secret_are_told(
    market: PlayMarket, shared_redis: RedisServer, tmp_path: Path
) -> None:
    settings = settings_for(market, shared_redis, tmp_path, PAIRS="BTC,NOSUCH", BINANCE_SECRET_KEY="wrong")
    found = await examined(settings)

    assert [finding.fix for finding in found["upbit"] if finding.verdict is Verdict.WARN] == [
        "take NOSUCH out of PAIRS"
    ]
    assert of(found, "binance key") == {Verdict.BAD}
    assert "wrong" not in found["binance key"][0].seen


@contextmanager
def a_silent_peer() -> Iterator[int]:
    """A port that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


def nowhere(port: int, folder: Path) -> dict[str, str]:
    place = f"127.0.0.1:{port}"
    return {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(port),
        "STATE_DIR": str(folder),
        "METRICS_PORT": "0",
        "UPBIT_REST_URL": f"http://{place}",
        "UPBIT_WS_URL": f"ws://{place}",
        "BINANCE_REST_URL": f"http://{place}",
        "BINANCE_WS_URL": f"ws://{place}",
        "REFERENCE_RATE_URL": f"http://{place}",
        **dict.fromkeys(("UPBIT_API_KEY", "UPBIT_SECRET_KEY", "BINANCE_API_KEY", "BINANCE_SECRET_KEY"), "k3y"),
    }


async def test_where_nothing_answers_everything_ends_in_time_and_says_so(tmp_path: Path) -> None:
    with a_silent_peer() as port:
        async with asyncio.timeout(4):
            found = await examined(load_settings(nowhere(port, tmp_path), None), limit_s=0.5)

    names = ("redis", "upbit", "binance", "upbit stream", "binance stream", "upbit key", "binance key")
    assert of(found, *names) == {Verdict.BAD}
    assert all(finding.fix for name in names for finding in found[name])
    assert of(found, "state folder", "python", "halt file") <= {Verdict.OK, Verdict.WARN}


async def test_a_name_that_nobody_resolves_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    # the machine's resolver, not code of ours: there is no other way to make it hang
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(5))
    monkeypatch.setattr(venues, "NAME_S", 0.1)
    try:
        with pytest.raises(VenueUnreachable, match=r"nobody\.invalid: its name was not resolved within 0\.1 s"):
            await venues.resolve("https://nobody.invalid/v1")
    finally:
        never.set()


def test_the_command_prints_json_and_fails_where_something_is_bad(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    given = {name: text for name, text in nowhere(port, tmp_path).items() if "KEY" not in name}
    code = main(load_settings(given | {"STATE": "memory", "BINANCE_API_KEY": "k3y"}, None), as_json=True)
    facts = json.loads(capsys.readouterr().out)
    halt_file = {"name": "halt file", "verdict": "ok", "seen": f"{tmp_path}/HALT is not there", "fix": ""}

    assert (code, facts["verdict"]) == (1, "bad")
    assert halt_file in facts["findings"]
    assert "k3y" not in json.dumps(facts)
