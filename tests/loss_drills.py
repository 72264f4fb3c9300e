"""Where losing accounts live, and what is asked of each after whatever happened to it."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import structlog
from redis import Redis

from arbitrage.state.keys import RedisAddress
from tests.breaking_points import Killed, Step, Steps
from tests.drilled_daemon import Daemon
from tests.losing_account import DAILY_KRW, HELD_S, Account

EVERY: Final = os.environ.get("ARBITRAGE_DRILLS") == "all"
"""Whether no step is left out, and of pairs of steps many are taken: some minutes."""

MANY: Final = 1_500
NAMESPACE: Final = "arbitrage:live:acct-0123456789ab"
NOT_WORTH_A_PLAN_KRW: Final = 250
"""With less room than this below the limit, no plan is large enough for the venues."""

# A kill leaves what was written to the kernel, so that a disk in memory is as good, and much faster.
_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None

Volume = dict[bytes, bytes]


class House:
    """Where accounts begin with nothing: a Redis of ours with two databases, and folders that need no slow disk."""

    def __init__(self, address: RedisAddress, folder: Path) -> None:
        self._address = address
        self._folder = folder
        self._folders = count()
        self._clients: list[Redis] = []
        self._accounts: list[Account] = []

    def account(self, namespace: str = NAMESPACE, db: int = 0) -> Account:
        """Return an account that never traded; what an earlier one left in this database is gone."""
        folder = self._folder / str(next(self._folders))
        folder.mkdir()
        address = replace(self._address, db=db)
        self.redis(address).flushdb()
        account = Account(address, folder, namespace)
        self._accounts.append(account)
        return account

    def redis(self, address: RedisAddress) -> Any:
        client = Redis(host=address.host, port=address.port, db=address.db, protocol=2)
        self._clients.append(client)
        return client

    def volume(self, account: Account) -> Volume:
        """Return all that an account's Redis holds."""
        redis = self.redis(account.server)
        return {key: redis.dump(key) for key in redis.scan_iter()}

    def swap_volume(self, account: Account, volume: Volume) -> None:
        """Let an account's Redis hold exactly this."""
        redis = self.redis(account.server)
        redis.flushdb()
        for key, value in volume.items():
            redis.restore(key, 0, value)

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        for account in self._accounts:
            if account.daemon is not None:  # a scenario failed
                await account.daemon.die()


@asynccontextmanager
async def a_house(address: RedisAddress) -> AsyncIterator[House]:
    """Give a house, and let go of all that is in it. Thousands of starts say nothing meanwhile."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with TemporaryDirectory(dir=_MEMORY) as folder:
            house = House(address, Path(folder))
            try:
                yield house
            finally:
                await house.close()
    finally:
        structlog.reset_defaults()


async def a_run(account: Account, steps: Steps | None = None) -> Daemon | None:
    """Start, try to trade while a plan may be in flight from before, settle that, and trade until it is refused.

    None if it was killed on the way.
    """
    daemon = Daemon(account, steps)
    try:
        await daemon.start()
        assert daemon.covers_the_loss or stopping(daemon), daemon.steps.names
        if await daemon.offer():
            await daemon.finish()
        await daemon.recover()
        await daemon.trade()
    except Killed:
        await daemon.die()
        account.pass_time(HELD_S)
        return None
    return daemon


async def a_killed_run(account: Account, at: Step) -> None:
    """Run until this step, or to the end if it is over sooner; then it is killed."""
    daemon = await a_run(account, Steps({at: Steps.die}))
    if daemon is not None:
        await daemon.die()
        account.pass_time(HELD_S)


def stopping(daemon: Daemon) -> set[str]:
    """Return the latches that say that something is wrong; the daily loss is what should be reached."""
    return daemon.latched - {"daily_loss"}


def verdict(account: Account, daemon: Daemon, where: object) -> str:
    """Return "correct" or "stopped"; nothing else may be, and never may more be lost than the limit."""
    assert account.most_lost() <= DAILY_KRW, where
    if stopping(daemon):
        assert daemon.is_stopped, where
        return "stopped"
    assert daemon.knows_the_loss, where
    assert account.lost() > DAILY_KRW - NOT_WORTH_A_PLAN_KRW, where
    return "correct"


async def undisturbed(house: House) -> tuple[str, ...]:
    """Return the names of all steps of a day on which nothing happens."""
    account = house.account()
    daemon = await a_run(account)
    assert daemon is not None
    assert verdict(account, daemon, "undisturbed") == "correct"
    names = tuple(daemon.steps.names)
    await daemon.stop()
    return names


def some(numbers: range, at_most: int) -> list[int]:
    """Return all of them, or so many that are spread over them."""
    return sorted(Random(0).sample(numbers, min(MANY if EVERY else at_most, len(numbers))))
