"""Real Live mode on this machine: a sandbox with play money, a Redis that Live accepts, and daemons on both."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.live_trader import LiveTrader
from arbitrage.sandbox.faults import Fault
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.sandbox.knob_changes import KnobChange
from arbitrage.sandbox.server import Sandbox, SandboxOptions, serve_sandbox
from arbitrage.settings import Settings, load_settings
from liveguard.mode_gate import decide
from tests.redis_server import RedisServer

OLDEST_REDIS = 7
PREMIUM = "1.01"
"""A premium of one percent is a plan's whole size within the next frame."""


def needs_redis_7(binary: str) -> None:
    """Skip where the only Redis is one that Live refuses."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\d+)", said)
    if found is None or int(found[1]) < OLDEST_REDIS:
        pytest.skip(f"Live needs Redis {OLDEST_REDIS} or later on the PATH, this is {said.strip()[:40]}")


@contextmanager
def a_redis_for_live(binary: str, folder: Path) -> Iterator[RedisServer]:
    """Run a server with the settings that Live demands."""
    needs_redis_7(binary)
    server = RedisServer(binary, folder, append_only=True)
    server.options["--appendfsync"] = "everysec"
    server.start()
    try:
        yield server
    finally:
        server.stop()


def play_settings(sandbox: Sandbox, redis: RedisServer, folder: Path, **given: str) -> Settings:
    """The settings of a Live daemon on the sandbox; `given` goes over them."""
    return load_settings(play_environment(sandbox, redis, folder, **given), None)


def live_flags_and_state(redis: RedisServer, folder: Path) -> dict[str, str]:
    """What Live needs besides limits and venues: flags, play keys, and where the state is kept."""
    return {
        "LIVE_MODE": "true",
        "SAFETY_MODE": "true",
        "DRY_RUN": "false",
        "UPBIT_API_KEY": UPBIT_KEYS.access,
        "UPBIT_SECRET_KEY": UPBIT_KEYS.secret,
        "BINANCE_API_KEY": BINANCE_KEYS.access,
        "BINANCE_SECRET_KEY": BINANCE_KEYS.secret,
        "REDIS_HOST": redis.address.host,
        "REDIS_PORT": str(redis.address.port),
        "STATE_DIR": str(folder),
        "REFERENCE_RATE_URL": "off",
    }


def play_environment(sandbox: Sandbox, redis: RedisServer, folder: Path, **given: str) -> Mapping[str, str]:
    """The same as variables."""
    return {
        **live_flags_and_state(redis, folder),
        "RISK_MAX_POSITION_SIZE": "300000",
        "RISK_MAX_DAILY_LOSS": "100000",
        "PAIRS": "BTC",
        "UPBIT_REST_URL": sandbox.upbit_rest_url,
        "UPBIT_WS_URL": sandbox.upbit_ws_url,
        "BINANCE_REST_URL": sandbox.binance_rest_url,
        "BINANCE_WS_URL": sandbox.binance_ws_url,
        "BINANCE_WS_API_URL": sandbox.binance_ws_api_url,
        "METRICS_PORT": "0",
        **given,
    }


@asynccontextmanager
async def a_play_market(seed: int = 7) -> AsyncIterator["PlayMarket"]:
    """Serve a market that hardly moves by itself, on accounts whose keys may be used from here only."""
    async with serve_sandbox(SandboxOptions(port=0, control_port=0, seed=seed)) as sandbox:
        market = PlayMarket(sandbox)
        market.knob("upbit", allowed_ips=["127.0.0.1"])
        market.knob("binance", allowed_ips=["127.0.0.1"])
        yield market


class PlayMarket:
    """The sandbox as a test's author uses it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def knob(self, venue: str, **knobs: object) -> None:
        """Turn knobs of a venue."""
        self.sandbox.director.turn([msgspec.convert({"venue": venue, "set": knobs}, KnobChange)])

    def premium(self, factor: str | None = PREMIUM) -> None:
        """Let Upbit's bitcoin be dearer by a factor; None takes that back."""
        self.knob("upbit", price_shock={"KRW-BTC": factor})

    def fault(self, **fault: object) -> None:
        """Let something go wrong."""
        self.sandbox.director.add([msgspec.convert(fault, Fault)])

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.sandbox.director.plan.clear()

    def orders(self) -> list[dict[str, Any]]:
        """Every order that the venues took on."""
        rows: list[dict[str, Any]] = self.sandbox.director.truth.orders(10_000)["rows"]
        return rows

    def doubled(self) -> int:
        """How many client ids were taken on twice."""
        total: int = self.sandbox.director.truth.duplicates()["total"]
        return total

    def net(self, currency: str = "BTC") -> Decimal:
        """What trading has changed of a currency over both venues."""
        return Decimal(self.sandbox.director.truth.net()[currency]["net"])


class LiveDaemon:
    """A running LiveTrader, and what it logs."""

    def __init__(self, settings: Settings, *, waits: bool = True) -> None:
        self.trader = LiveTrader(settings, decide(settings.gate_evidence()), SystemClock(), waits=waits)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it."""
        self.task = asyncio.create_task(self.trader.run())

    async def stop(self) -> None:
        """Ask it to end as SIGTERM does, and wait for that."""
        self.trader.stop()
        if self.task is not None:
            await self.task

    async def die(self) -> None:
        """End it without letting it finish anything."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class Diary:
    """Everything that was logged."""

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries

    def of(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the entries of one event with these fields."""
        return [e for e in self.entries if e["event"] == event and all(e.get(k) == v for k, v in fields.items())]

    async def until(self, event: str, times: int = 1, within_s: float = 15.0, **fields: object) -> dict[str, Any]:
        """Wait until something was logged so often; return the last of it."""
        await until(lambda: len(self.of(event, **fields)) >= times, within_s, f"{event} {fields}", self)
        return self.of(event, **fields)[-1]


@contextmanager
def a_diary() -> Iterator[Diary]:
    """Keep what is logged."""
    with capture_logs() as entries:
        yield Diary(entries)


async def until(holds: Callable[[], object], within_s: float, what: str, diary: Diary | None = None) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - it may be anything, and has no event of its own
                await asyncio.sleep(0.01)
    except TimeoutError:
        last = "\n".join(str(entry) for entry in diary.entries[-25:] if entry["event"] != "market") if diary else ""
        raise AssertionError(f"never: {what}\n{last}") from None
