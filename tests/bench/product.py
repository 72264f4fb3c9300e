"""The product itself, whole: `arbitrage run` in Live mode on a variant's port, with Redis and its files on this disk.

Every guard is on; limits are wide only where the bench trades more often than anybody would.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import children, cores
from tests.bench.children import end, environment
from tests.bench.frames import coins, market_frames
from tests.bench.market import AT_REST, FEW, BenchMarket
from tests.bench.venue_port import VenuePort
from tests.certificates import for_localhost
from tests.live_daemon import live_flags_and_state
from tests.redis_server import RedisServer

UP_S: Final = 600.0
"""With 200 pairs the checks before the first order ask 400 questions, as fast as the venues allow: three minutes."""

LOOK_S: Final = 0.5
MOST_SHOWN: Final = 400
"""Characters of a line of the log; of a longer one the end says more, where a traceback names what went wrong."""

LOG: Final = "daemon.log"
REDIS: Final = "redis"
NO_REDIS: Final = "nothing of the product in Live: there is no redis-server 7 or newer on the PATH"

WIDE: Final = {
    "RISK_MAX_POSITION_SIZE": "100000",
    "RISK_MAX_DAILY_LOSS": "10000000",
    "RISK_MAX_MESSAGES_PER_S": "100",
    "RISK_MAX_TRADES_PER_HOUR": "100000",
    "RISK_MAX_TRADES_PER_DAY": "100000",
    "RISK_MAX_REPEATS_PER_MINUTE": "100000",
    "RISK_CIRCUIT_BREAKER_COOLDOWN_S": "1",
    # while the others have their turns nothing is sent to the product, which is no fault of its
    "RISK_MAX_BOOK_AGE_MS": "600000",
    "RISK_MAX_FX_AGE_MS": "600000",
}


class Product:
    """A running daemon and what it logs."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    def logged(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the log's entries of one event."""
        entries = (json.loads(line) for line in self._log.read_text().splitlines() if f'"{event}"' in line)
        return [e for e in entries if e.get("event") == event and all(e.get(k) == v for k, v in fields.items())]

    def last_words(self, lines: int = 12) -> str:
        """Return the end of the log."""
        told = [line for line in self._log.read_text().splitlines() if '"market"' not in line]
        return "\n".join(
            line if len(line) <= MOST_SHOWN else f"{line[:150]} ... {line[-250:]}" for line in told[-lines:]
        )

    async def ready(self, market: BenchMarket) -> None:
        """Wait until every check before the first order was passed. Raises RuntimeError with its last words."""
        await self.until("boot_checks", market, passed=True)

    async def until(self, event: str, market: BenchMarket, **fields: object) -> None:
        """Wait until something was logged, while the market lives. Raises RuntimeError with the last words."""
        try:
            async with asyncio.timeout(UP_S):
                while not self.logged(event, **fields):
                    if self.process.returncode is not None:
                        raise TimeoutError
                    await market.breathe(LOOK_S, AT_REST)
        except TimeoutError:
            raise RuntimeError(f"the product never logged {event}:\n{self.last_words()}") from None


def variables(port: VenuePort, sandbox: int, redis: RedisServer, folder: Path, pairs: int) -> Mapping[str, str]:
    """Return the settings of a Live daemon on a variant's port."""
    base, sockets = port.base_url, f"ws{port.base_url.removeprefix('http')}"
    return {
        **live_flags_and_state(redis, folder / "state"),
        "HALT_FILE": str(folder / "HALT"),
        "PAIRS": ",".join(coin.base for coin in coins(pairs)),
        "UPBIT_REST_URL": f"{base}/upbit",
        "UPBIT_WS_URL": f"{sockets}/upbit/websocket/v1",
        "BINANCE_REST_URL": f"{base}/binance",
        "BINANCE_WS_URL": f"{sockets}/binance",
        "BINANCE_WS_API_URL": f"ws://127.0.0.1:{sandbox}/binance/ws-api/v3",
        "LOG_FORMAT": "json",
        "METRICS_PORT": str(_free_port()),
        **WIDE,
    }


@dataclass(frozen=True, slots=True)
class Site:
    """All that a product needs around it: its venues, its Redis, its folder, and its settings."""

    folder: Path
    pairs: int
    port: VenuePort
    market: BenchMarket
    variables: Mapping[str, str]


@asynccontextmanager
async def site(folder: Path, pairs: int, redis_binary: str, *, tls: bool = False) -> AsyncIterator[Site]:
    """Put everything up for a product of so many pairs. With many, a first daemon gives the state a past."""
    (folder / REDIS).mkdir(parents=True)
    context, trusted = for_localhost(folder) if tls else (None, None)
    async with (
        children.play_venues(pairs) as sandbox,
        redis_for_live(redis_binary, folder / REDIS) as redis,
        VenuePort(sandbox, context) as port,
    ):
        market = BenchMarket(port, market_frames(pairs))
        given = variables(port, sandbox, redis, folder, pairs)
        found = Site(folder, pairs, port, market, {**given, "SSL_CERT_FILE": str(trusted)} if trusted else given)
        if pairs > FEW:
            await _give_it_a_past(found)
        yield found


async def started(
    stack: AsyncExitStack, at: Site, entry: str = "arbitrage.cli", given: Mapping[str, str] | None = None
) -> Product:
    """Start the product there, to run until the stack is left, and wait until it may trade."""
    daemon = await stack.enter_async_context(running({**at.variables, **(given or {})}, at.folder, entry))
    await daemon.ready(at.market)
    at.market.why = daemon.last_words
    return daemon


async def _give_it_a_past(at: Site) -> None:
    """Let a daemon begin the state and end. One without any past asks Binance for the orders of every pair, which for
    hundreds of them is more than a minute's allowance.
    """
    async with running(at.variables, at.folder) as daemon:
        await daemon.until("state_opened", at.market)
    forget_log(at.folder)


@asynccontextmanager
async def running(given: Mapping[str, str], folder: Path, entry: str = "arbitrage.cli") -> AsyncIterator[Product]:
    """Run `arbitrage run` with these settings while the context lasts."""
    log = folder / LOG
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *children.tethered(sys.executable, "-m", entry, "run"),
            env=environment(given),
            cwd=folder,
            stdout=file,
            stderr=file,
        )
    cores.place(process.pid)
    try:
        yield Product(process, log)
    finally:
        await end(process)


def forget_log(folder: Path) -> None:
    """Let the next daemon's log begin anew."""
    (folder / LOG).unlink(missing_ok=True)


@asynccontextmanager
async def redis_for_live(binary: str, folder: Path) -> AsyncIterator[RedisServer]:
    """Run a Redis that Live accepts, on this disk."""
    server = RedisServer(binary, folder, append_only=True)
    server.options["--appendfsync"] = "everysec"
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
