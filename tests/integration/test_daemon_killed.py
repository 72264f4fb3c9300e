"""The daemon itself, killed again and again: what its log, its Redis and its status say is the same."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.events import Command
from arbitrage.domain.money import won
from arbitrage.intents import Logged, read_log
from arbitrage.local_files import Mailbox
from arbitrage.local_files.mailbox import Request
from arbitrage.sandbox.options import SandboxOptions
from arbitrage.sandbox.server import Sandbox, serve_sandbox
from arbitrage.state.agreement import Kept, same_account
from arbitrage.state.guard_store import GuardStore
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.state.link import StateLink
from tests.redis_server import RedisServer
from tests.state_desk import eventually

CHECKOUT: Final = Path(__file__).parents[2]
APP_ENV: Final = "drill"
NAMESPACE: Final = namespace_of("shadow", APP_ENV)
KILLS: Final = 5
LATEST_KILL_S: Final = 0.6
A_LOOK_S: Final = 1.1
"""Within this a running daemon has shown what is so: it does each second."""


class Installation:
    """A daemon's surroundings, and what people see of it from outside."""

    def __init__(self, address: RedisAddress, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.keys = StateKeys(NAMESPACE)
        self.redis: Any = Redis(host=address.host, port=address.port, protocol=2)
        self._mailbox = Mailbox(folder / "commands")
        self._environ: dict[str, str] = {}
        self._processes: list[asyncio.subprocess.Process] = []

    def trade_on(self, sandbox: Sandbox) -> None:
        """Let the next daemons trade on this sandbox."""
        self._environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "REDIS_HOST": self.address.host,
            "REDIS_PORT": str(self.address.port),
            "APP_ENV": APP_ENV,
            "STATE_DIR": str(self.folder),
            "UPBIT_REST_URL": sandbox.upbit_rest_url,
            "UPBIT_WS_URL": sandbox.upbit_ws_url,
            "BINANCE_REST_URL": sandbox.binance_rest_url,
            "BINANCE_WS_URL": sandbox.binance_ws_url,
            "METRICS_PORT": "0",
            "LOG_LEVEL": "CRITICAL",
        }

    async def start(self) -> asyncio.subprocess.Process:
        """Start the daemon, wait until it has the state, and let a person clear what its start latched."""
        self.redis.delete(self.keys.heartbeat)  # as if the five seconds were over in which its last run may live yet
        process = await self.arbitrage("run")
        await eventually(lambda: bool(self.redis.exists(self.keys.heartbeat)), within_s=20)
        self.say(Command.RESUME)
        return process

    def say(self, command: Command) -> None:
        """Let a person drop a command."""
        self._mailbox.drop(Request(command, "mina@desk", "the drill", SystemClock().now()))

    async def arbitrage(self, *words: str) -> asyncio.subprocess.Process:
        """Run the program with these arguments."""
        command = (sys.executable, "-m", "arbitrage.cli", *words)
        process = await asyncio.create_subprocess_exec(
            *command, env=self._environ, cwd=self.folder, stdout=asyncio.subprocess.PIPE
        )
        self._processes.append(process)
        return process

    async def close(self) -> None:
        """Let nothing run on, whatever failed."""
        self.redis.close()
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def status(self) -> Any:
        """Return what `arbitrage status` says."""
        said, _ = await (await self.arbitrage("status", "--json")).communicate()
        return json.loads(said, parse_float=Decimal)

    def logged(self) -> Logged:
        """Return what the intent log says."""
        logged = read_log(self.folder / NAMESPACE.replace(":", "-") / "intents.log")
        assert logged is not None
        return logged

    async def kept(self) -> Kept:
        """Return what Redis says."""
        link = StateLink(self.address, self.keys)
        try:
            kept = await GuardStore(link, self.keys).read()
        finally:
            await link.close()
        assert kept is not None
        return kept


@pytest.fixture
async def site(private_redis: RedisServer, tmp_path: Path) -> AsyncIterator[Installation]:
    site = Installation(private_redis.address, tmp_path)
    yield site
    await site.close()


async def test_killed_five_times_log_redis_and_status_tell_the_same(site: Installation) -> None:
    moments = Random(7)
    async with serve_sandbox(SandboxOptions(port=0, control_port=0, speed=10.0)) as sandbox:
        site.trade_on(sandbox)
        for _ in range(KILLS):
            process = await site.start()
            await asyncio.sleep(moments.uniform(0.0, LATEST_KILL_S))
            process.kill()
            await process.wait()
        process = await site.start()
        await eventually(lambda: bool(site.logged().losses.recent), within_s=20)
        site.say(Command.HALT)
        await eventually(lambda: bool(site.logged().latches) and not site.logged().open_plans, within_s=20)
        await asyncio.sleep(A_LOOK_S)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    logged, kept, status = site.logged(), await site.kept(), await site.status()
    losses, told = logged.losses, status["daily"]

    assert code == 0
    assert len(logged.boots) == KILLS + 1
    assert logged.epoch == kept.epoch
    assert same_account(logged.memory, kept.memory)
    assert losses.reserved == {}
    assert [latch["name"] for latch in status["latches"]] == [latch.name for latch in logged.latches] == ["operator"]
    assert told["day"] == losses.day
    assert told["loss_krw"] == max(0, -won(losses.day_units))
    assert told["total_loss_krw"] == max(0, -won(losses.total_units))
    assert told["in_flight_krw"] == 0
