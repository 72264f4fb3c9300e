"""A real Prometheus reads a running daemon: every query of every dashboard finds something, and nobody is called."""

import asyncio
import json
import math
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import pytest
import yaml
from redis import Redis

from arbitrage.settings import load_settings
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.state.series import ROW, SeriesRow
from tests.live_daemon import (
    Diary,
    LiveDaemon,
    PlayMarket,
    a_diary,
    a_play_market,
    a_redis_for_live,
    play_settings,
    until,
)

ROOT = Path(__file__).parents[2]
UP_S = 20.0
SCRAPED = 3
"""A rate needs two scrapes after the first view."""


class Prometheus:
    """A server of our own, on a free port of loopback."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    async def ask(self, path: str, **parameters: str) -> Any:
        """Return what it answers."""

        def asked() -> Any:
            with urlopen(f"{self._url}/{path}?{urlencode(parameters)}", timeout=10) as reply:
                return json.load(reply)["data"]

        return await asyncio.to_thread(asked)

    async def values(self, query: str) -> list[float]:
        """Return the value of each series that a query finds now."""
        found = (await self.ask("query", query=query))["result"]
        return [float(series["value"][1]) for series in found]

    async def has_scraped(self, times: int) -> None:
        """Wait until the daemon was read so often since its first view."""
        query, found = f"count_over_time(arbitrage_plans_in_flight[1m]) >= {times}", []
        async with asyncio.timeout(UP_S):
            while not found:
                await asyncio.sleep(0.2)
                with suppress(OSError):
                    found = await self.values(query)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def a_prometheus(daemon_port: int, folder: Path) -> AsyncIterator[Prometheus]:
    """Run the configuration of the compose project, against a daemon on this machine and five times as often."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no prometheus on the PATH (Debian's package prometheus)")
    given = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text())
    given["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    given["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{daemon_port}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(given))
    shutil.copy(ROOT / "infra" / "prometheus" / "alerts.yml", folder)
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(binary, "--config.file=prometheus.yml", "--storage.tsdb.path=data"),
            f"--web.listen-address=127.0.0.1:{port}",
            cwd=folder,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"]},
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def a_demo(address: RedisAddress, app_env: str, folder: Path) -> AsyncIterator[tuple[PlayMarket, Diary, int]]:
    """Run Shadow Live on a sandbox, until it has followed a plan to its end; yield its metrics port as well."""
    port = free_port()
    async with a_play_market() as market:
        sandbox = market.sandbox
        environment = {
            "REDIS_HOST": address.host, "REDIS_PORT": str(address.port), "APP_ENV": app_env, "PAIRS": "BTC,ETH",
            "STATE_DIR": str(folder / "state"), "REFERENCE_RATE_URL": "off", "METRICS_PORT": str(port),
            "UPBIT_REST_URL": sandbox.upbit_rest_url, "UPBIT_WS_URL": sandbox.upbit_ws_url,
            "BINANCE_REST_URL": sandbox.binance_rest_url, "BINANCE_WS_URL": sandbox.binance_ws_url,
        }  # fmt: skip
        daemon = LiveDaemon(load_settings(environment, None))
        with a_diary() as diary:
            daemon.start()
            try:
                await diary.until("market")
                market.premium()
                await diary.until("plan_ended")
                market.premium(None)
                yield market, diary, port
            finally:
                await daemon.stop()


def queries() -> list[tuple[str, str]]:
    boards = sorted((ROOT / "infra" / "grafana" / "dashboards").glob("*.json"))
    panels = [(path.stem, panel) for path in boards for panel in json.loads(path.read_text())["panels"]]
    return [(f"{name}: {panel['title']}", target["expr"]) for name, panel in panels for target in panel["targets"]]


async def test_every_query_of_every_panel_finds_a_series_in_a_running_demo(
    redis_address: RedisAddress, app_env: str, tmp_path: Path
) -> None:
    async with a_demo(redis_address, app_env, tmp_path) as (_, _, port), a_prometheus(port, tmp_path) as prometheus:
        await prometheus.has_scraped(SCRAPED)
        found = {(panel, query): await prometheus.values(query) for panel, query in queries()}
        firing = await prometheus.ask("alerts")
        rules = await prometheus.ask("rules")

    assert len(found) > 50
    assert [key for key, values in found.items() if not values] == []
    assert [alert["labels"] for alert in firing["alerts"] if alert["state"] == "firing"] == []
    assert [rule["name"] for group in rules["groups"] for rule in group["rules"] if rule["health"] != "ok"] == []
    assert only(found, "overview: New plans") == [1.0]
    assert only(found, "guard: Redis: a ping")[0] < 1
    assert all(value > 0 for value in only(found, "venues: Frames per second"))
    assert all(map(math.isfinite, only(found, "overview: Edge at the touch")))
    assert sum(only(found, "guard: Limits used", finite=True)) > 0


async def test_the_series_in_redis_has_a_row_for_each_second(
    redis_address: RedisAddress, app_env: str, tmp_path: Path
) -> None:
    keys = StateKeys(namespace_of("shadow", app_env))
    with Redis(host=redis_address.host, port=redis_address.port, protocol=2) as redis:
        async with a_demo(redis_address, app_env, tmp_path):
            await until(lambda: int(redis.xlen(keys.series)) >= 3, UP_S, "three seconds of the series")
        held: Any = redis.xrange(keys.series)
    rows = [msgspec.json.decode(fields[ROW.encode()], type=SeriesRow) for _, fields in held]
    last = rows[-1]

    assert len({row.at // 10**9 for row in rows}) == len(rows)
    assert {(base, way) for base, way, _ in last.edges} == {
        (base, way) for base in ("BTC", "ETH") for way in ("sell_upbit", "buy_upbit")
    }
    assert last.premium is not None
    assert last.premium.keys() == {"BTC", "ETH"}
    assert last.fx is not None
    assert last.fx[0] < last.fx[1]


async def test_live_tells_of_its_orders_its_lease_and_its_keys(redis_binary: str, tmp_path: Path) -> None:
    port = free_port()
    with a_redis_for_live(redis_binary, tmp_path) as redis, a_diary() as diary:
        async with a_play_market() as market:
            daemon = LiveDaemon(play_settings(market.sandbox, redis, tmp_path / "state", METRICS_PORT=str(port)))
            daemon.start()
            await diary.until("boot_checks", passed=True)
            market.premium()
            await diary.until("plan_ended")
            told = {}
            async with asyncio.timeout(UP_S):
                while told.get('arbitrage_plans_ended_total{outcome="both"}') != 1:
                    told = await asyncio.to_thread(scrape, port)
            await daemon.stop()

    assert told['arbitrage_mode{mode="live"}'] == 1
    assert 0 < told["arbitrage_lease_remaining_seconds"] < 8
    assert told['arbitrage_api_key_expiry_timestamp_seconds{venue="upbit"}'] > told["arbitrage_start_timestamp_seconds"]
    for venue in ("upbit", "binance"):
        assert told[f'arbitrage_order_reply_seconds_count{{purpose="open",venue="{venue}"}}'] == 1
        assert 0 < told[f'arbitrage_order_reply_seconds_sum{{purpose="open",venue="{venue}"}}'] < 1
        assert told[f'arbitrage_private_stream_up{{venue="{venue}"}}'] == 1


def scrape(port: int) -> dict[str, float]:
    """Return every sample, by its name with its labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def only(found: dict[tuple[str, str], list[float]], panel: str, *, finite: bool = False) -> list[float]:
    values = [value for (name, _), each in found.items() if name == panel for value in each]
    return [value for value in values if math.isfinite(value)] if finite else values
