"""Real Live mode in a process of its own, which a drill may kill: what it logs, and what people tell it to do."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from arbitrage.clock import SystemClock
from arbitrage.commands import halt
from arbitrage.domain.events import Command
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.local_files import Mailbox, Request
from arbitrage.sandbox.listing import COINS as LISTED
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.server import SandboxOptions, serve_sandbox
from arbitrage.settings import load_settings
from arbitrage.state.keys import StateKeys, namespace_of
from arbitrage.status import read_status
from liveguard.mode_gate import Mode
from tests.live_daemon import PlayMarket, a_redis_for_live, play_environment, until
from tests.redis_server import RedisServer

CHECKOUT: Final = Path(__file__).parents[1]
COINS: Final = ("BTC", "ETH", "XRP", "SOL")
UP_S: Final = 30.0

EAGER: Final = {
    "PAIRS": ",".join(COINS),
    "RISK_MAX_POSITION_SIZE": "20000",
    "RISK_MAX_DAILY_LOSS": "10000000",
    "RISK_MAX_MESSAGES_PER_S": "100",
    "RISK_MAX_TRADES_PER_HOUR": "100000",
    "RISK_MAX_TRADES_PER_DAY": "100000",
    "RISK_MAX_REPEATS_PER_MINUTE": "100000",
    "RISK_MAX_FAILED_PLANS": "100000",
    "RISK_MAX_VENUE_ERRORS": "100000",
    "RISK_MIN_FILL_RATE": "0.001",
    "RISK_MAX_SLIPPAGE_PCT": "10",
    "RISK_CIRCUIT_BREAKER_COOLDOWN_S": "1",
    "LOG_FORMAT": "json",
}
"""Limits under which a drill may trade and fail as often as it likes."""

LEAST_USDT: Final = Decimal(6)
"""What either venue takes as an order is at the most 5 USDT, and a tenth more for the price to move."""


class LiveProcess:
    """`arbitrage run`, again and again, on the same state: what each run logs goes to the end of one file."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **environment}
        self._folder = folder
        self._log = folder / "daemon.log"
        self._log.touch()
        self._mailbox = Mailbox(Path(environment["STATE_DIR"]) / "commands")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until every check before the first order was passed."""
        passed = len(self.logged("boot_checks", passed=True))
        await self.spawn()
        await self.until("boot_checks", passed + 1, UP_S, passed=True)

    async def spawn(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            command = (sys.executable, "-m", "arbitrage.cli", "run")
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """End it by SIGKILL, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """End it by SIGTERM; return its exit code."""
        assert self._process is not None, "it was not started"
        self._process.terminate()
        return await self._process.wait()

    def say(self, command: Command) -> None:
        """Let a person drop a command."""
        self._mailbox.drop(Request(command, "mina@desk", "a drill", SystemClock().now()))

    def logged(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the entries of one event with these fields, of all runs."""
        entries = (json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{"))
        return [e for e in entries if e["event"] == event and all(e.get(name) == v for name, v in fields.items())]

    async def until(self, event: str, times: int = 1, within_s: float = 15.0, **fields: object) -> None:
        """Wait until something was logged so often."""
        try:
            await until(lambda: len(self.logged(event, **fields)) >= times, within_s, f"{event} {fields}")
        except AssertionError as never:
            raise AssertionError(f"{never}\n{self.last()}") from None

    def last(self, lines: int = 25) -> str:
        """Return the end of the log, for whoever reads why a drill failed."""
        told = [line[:300] for line in self._log.read_text().splitlines() if '"market"' not in line]
        return "\n".join(told[-lines:])

    def opening(self) -> set[str]:
        """Return the ids of the orders that were sent to open a plan."""
        return {entry["client_id"] for entry in self.logged("[LIVE] order", purpose="open")}


class Drill:
    """A market with play money, a Redis, and a daemon on both."""

    def __init__(self, market: PlayMarket, redis: RedisServer, environment: Mapping[str, str], folder: Path) -> None:
        self.market, self.redis = market, redis
        self.settings = load_settings(environment, None)
        self.daemon = LiveProcess(environment, folder)

    def price(self, factor: str | None, venue: str = "upbit") -> None:
        """Let every coin be dearer on a venue by a factor; None takes that back."""
        names = {"upbit": "KRW-{}", "binance": "{}USDT"}
        self.market.knob(venue, price_shock={names[venue].format(coin): factor for coin in COINS})

    @contextmanager
    def load(self) -> Iterator[None]:
        """Let there be a premium on every pair, to one side and then to the other, for as long as the block takes."""
        swinging = asyncio.create_task(self._swing())
        try:
            yield
        finally:
            swinging.cancel()
            self.price(None)

    async def _swing(self) -> None:
        while True:
            for factor in ("1.01", "0.99"):
                self.price(factor)
                await asyncio.sleep(0.4)

    def placed(self, since_ms: float = 0.0) -> list[Any]:
        """Return every request that was to place an order and came to a venue since then, whatever became of it."""
        rows = self.market.sandbox.director.truth.requests(100_000)["rows"]
        return [row for row in rows if row.at_ms >= since_ms and row.endpoint.startswith("POST ") and row.client_id]

    def resent(self) -> set[str]:
        """Return the ids that came to a venue more than once, taken on or not."""
        ids = [(row.venue, row.client_id) for row in self.placed()]
        return {client_id for venue, client_id in ids if ids.count((venue, client_id)) > 1}

    def net(self) -> dict[str, Decimal]:
        """Return what trading has changed of each coin over both venues, by the venues' own account."""
        return {coin: self.market.net(coin) for coin in COINS}

    def is_neutral(self) -> bool:
        """Tell whether less of each coin is left than a venue takes as an order."""
        return all(abs(left) * Decimal(LISTED[coin].usdt) < LEAST_USDT for coin, left in self.net().items())

    async def status(self) -> Mapping[str, Any]:
        """Return what `arbitrage status` shows."""
        return await asyncio.to_thread(read_status, self.settings)

    async def unexplained(self) -> dict[str, Decimal]:
        """Return by how much the venues' account of each coin is off the daemon's own."""
        believed = (await self.status())["positions"]
        return {
            coin: left - believed.get(coin, 0) for coin, left in self.net().items() if left != believed.get(coin, 0)
        }

    async def start_again(self) -> None:
        """Start the daemon on what a killed one has left, and wait until it may trade."""
        await self._free_lease()
        await self.daemon.start()

    async def spawn_again(self) -> None:
        """Start the daemon on what a killed one has left."""
        await self._free_lease()
        await self.daemon.spawn()

    async def _free_lease(self) -> None:
        """Let it be as if the seconds were over for which a killed daemon still has the lease, and may live yet."""
        address, accounts = self.redis.address, self.settings.guard_namespace(Mode.LIVE)
        state = StateKeys(namespace_of(Mode.LIVE.value, self.settings.app_env))
        async with Redis(host=address.host, port=address.port, protocol=2) as redis:
            await redis.delete(f"{accounts}:lease", state.heartbeat)

    async def quiet(self, within_s: float = 60.0) -> None:
        """Halt, and wait until what is in flight has ended: venues and daemon can be compared from then on."""
        await self.settle(within_s)
        await asyncio.to_thread(halt.main, self.settings, "to compare")
        await self.settle(within_s)

    def begun(self) -> set[str]:
        """Return the plans of which an order has come to a venue."""
        return {row.client_id.removeprefix("arb-").rsplit("-", 2)[0] for row in self.placed()}

    def unended(self) -> set[str]:
        """Return the plans that were sent and never ended, by the daemon's log."""
        sent = {entry["plan_id"] for entry in self.daemon.logged("[LIVE] order")}
        return sent - {entry["plan_id"] for entry in self.daemon.logged("plan_ended")}

    def struck(self) -> str:
        """Return how many of the private requests something happened to."""
        rows = self.market.sandbox.director.truth.requests(100_000)["rows"]
        return f"{sum(row.fault is not None for row in rows)} of {len(rows)}"

    def outcomes(self) -> dict[str, int]:
        """Return how the plans ended."""
        return dict(Counter(entry["outcome"] for entry in self.daemon.logged("plan_ended")))

    async def settle(self, within_s: float = 40.0) -> None:
        """Wait until the daemon shows that no plan is in flight."""
        async with asyncio.timeout(within_s):
            since = now_ms()
            while True:
                status = await self.status()
                if not status["flights"] and status["running"] and now_ms() - since > status["view_age_s"] * 1_000:
                    return
                await asyncio.sleep(0.2)


def now_ms() -> float:
    """Return the time as the venues stamp it."""
    return SystemClock().now() / NS_PER_MS


@asynccontextmanager
async def a_drill(binary: str, folder: Path, seed: int = 11, **given: str) -> AsyncIterator[Drill]:
    """Serve venues without rate limits of their own, run a Redis, and end whatever daemon is left at the end."""
    (folder / "redis").mkdir()
    options = SandboxOptions(port=0, control_port=0, seed=seed, manners=Manners(limits=False))
    with a_redis_for_live(binary, folder / "redis") as redis:
        async with serve_sandbox(options) as sandbox:
            market = PlayMarket(sandbox)
            for venue in ("upbit", "binance"):
                market.knob(venue, allowed_ips=["127.0.0.1"])
            variables = {**EAGER, "HALT_FILE": str(folder / "HALT"), **given}
            drill = Drill(market, redis, play_environment(sandbox, redis, folder / "state", **variables), folder)
            try:
                yield drill
            finally:
                await drill.daemon.kill()
