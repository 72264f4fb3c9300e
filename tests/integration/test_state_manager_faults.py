"""What a Redis can do to us, done by a real one: it is told within one look, and nothing is in the way."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import StateDown, StateUp
from arbitrage.intents import IntentLog
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring, LossLimits
from arbitrage.state.keys import RedisAddress
from tests.guard_builders import a_finish, a_start
from tests.redis_server import RedisServer
from tests.state_desk import Desk, eventually, running

ACCOUNT = "arbitrage:live:acct-0123456789ab"
LIMITS = LossLimits(daily_units=10**6, total_units=10**6)
Act = Callable[[RedisServer, Redis], object]


def spoil(server: RedisServer, redis: Redis) -> None:
    redis.rename(f"{ACCOUNT}:guard", "aside")
    redis.set(f"{ACCOUNT}:guard", "something else")


def unspoil(server: RedisServer, redis: Redis) -> None:
    redis.rename("aside", f"{ACCOUNT}:guard")


def lock(server: RedisServer, redis: Redis) -> None:
    redis.config_set("requirepass", "secret")
    redis.client_kill_filter(_type="normal", skipme=True)


def unlock(server: RedisServer, redis: Redis) -> None:
    redis.config_set("requirepass", "")


def keep_still(server: RedisServer, redis: Redis) -> None:
    """Answer after 700 ms: slow, but alive."""
    redis.client_pause(700)


def nothing(server: RedisServer, redis: Redis) -> None:
    """It passes by itself."""


FAULTS: dict[str, tuple[Act, Act, str]] = {
    "stopped": (lambda server, redis: server.stop(), lambda server, redis: server.start(), "connect|Connection"),
    "killed": (lambda server, redis: server.kill(), lambda server, redis: server.start(), "connect|Connection"),
    "frozen": (lambda server, redis: server.freeze(), lambda server, redis: server.thaw(), "Timeout"),
    "slow": (keep_still, nothing, "Timeout"),
    "readonly": (
        lambda server, redis: redis.replicaof("127.0.0.1", 1),
        lambda server, redis: redis.replicaof("NO", "ONE"),
        "read only|READONLY",
    ),
    "out of memory": (
        lambda server, redis: redis.config_set("maxmemory", "1"),
        lambda server, redis: redis.config_set("maxmemory", "0"),
        "maxmemory",
    ),
    "no password": (lock, unlock, "Authentication required|unauthenticated"),
    "another kind of key": (spoil, unspoil, "WRONGTYPE"),
}


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[GuardWiring]:
    log = IntentLog.open(tmp_path / "intents.log")
    yield GuardWiring(namespace=ACCOUNT, intents=log, on_foreign=ForeignPolicy.STOP, limits=lambda: LIMITS)
    log.close()


def downs(desk: Desk) -> list[str]:
    return [event.reason for event in desk.told if isinstance(event, StateDown)]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_told_within_a_look_and_every_entry_counts_once(
    private_redis: RedisServer, guard: GuardWiring, fault: str
) -> None:
    hurt, heal, reason = FAULTS[fault]
    desk = Desk(private_redis.address, "local", SystemClock(), guard=guard)
    async with running(desk) as past:
        sequence = past.guard.sequence
        await eventually(lambda: desk.kinds() == [StateUp])
        hurt(private_redis, desk.redis)
        noticed_s = await eventually(lambda: StateDown in desk.kinds())
        start = time.perf_counter()
        for number in range(1, 101):
            desk.state.publish(a_start(sequence + 2 * number - 1, f"p-{number}", 10))
            desk.state.publish(a_finish(sequence + 2 * number, f"p-{number}", -3))
        in_the_way_s = time.perf_counter() - start
        heal(private_redis, desk.redis)
        await eventually(lambda: desk.redis.hget(f"{ACCOUNT}:guard", "sequence") == str(sequence + 200).encode())
        await eventually(lambda: desk.kinds()[-1] is StateUp)

        # a busy machine may take its time; on a quiet one it is the 0.25 s of a look, the 0.25 s of an answer, and
        # for what only writing shows the second of a heartbeat
        assert noticed_s < 3.0
        assert in_the_way_s < 0.1
        assert any(_matches(reason, told) for told in downs(desk))
        assert set(desk.kinds()) == {StateUp, StateDown}
        assert desk.redis.hmget(f"{ACCOUNT}:guard", "total_units", "reserved_units", "results") == [
            b"-300",
            b"0",
            b"100",
        ]


async def test_scripts_that_are_gone_are_no_fault_at_all(private_redis: RedisServer, guard: GuardWiring) -> None:
    desk = Desk(private_redis.address, "local", SystemClock(), guard=guard)
    async with running(desk) as past:
        desk.redis.script_flush()
        desk.state.publish(a_start(past.guard.sequence + 1, "p-1", 10))
        await eventually(lambda: desk.redis.hget(f"{ACCOUNT}:guard", "reserved_units") == b"10")

        assert StateDown not in desk.kinds()


async def test_a_redis_that_is_still_loading_is_waited_for(private_redis: RedisServer, guard: GuardWiring) -> None:
    desk = Desk(private_redis.address, "local", SystemClock(), guard=guard)
    pipe = desk.redis.pipeline(transaction=False)
    for number in range(10_000):
        pipe.set(f"filler:{number}", "x")
    pipe.execute()
    async with running(desk) as past:
        await eventually(lambda: desk.kinds() == [StateUp])
        private_redis.stop()
        private_redis.options = {"--key-load-delay": "50"}
        desk.state.publish(a_start(past.guard.sequence + 1, "p-1", 10))
        await asyncio.to_thread(private_redis.start)
        await eventually(lambda: desk.kinds()[-1] is StateUp and len(desk.kinds()) > 1)

        # a machine that is busy besides may not even say that it is loading
        assert any(_matches("loading|Timeout", reason) for reason in downs(desk))
        assert desk.redis.hget(f"{ACCOUNT}:guard", "reserved_units") == b"10"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("maxmemory-policy", "allkeys-lru"),
        ("maxmemory-policy", "volatile-lru"),
        ("appendonly", "no"),
        ("appendfsync", "no"),
    ],
)
async def test_a_setting_that_could_forget_a_loss_is_named(
    private_redis: RedisServer, guard: GuardWiring, setting: str, value: str
) -> None:
    desk = Desk(private_redis.address, "local", guard=guard)
    desk.redis.config_set("appendfsync", "everysec")
    before = await desk.state.verify_server()
    desk.redis.config_set(setting, value)
    after = await desk.state.verify_server()
    await desk.state.close()
    desk.redis.close()

    assert [line for line in before if "version" not in line] == []
    assert [line for line in after if "version" not in line] == [line for line in after if line.startswith(setting)]
    assert any(value in line for line in after)


async def test_a_server_that_does_not_tell_its_settings_is_not_trusted(
    private_redis: RedisServer, guard: GuardWiring
) -> None:
    desk = Desk(private_redis.address, "local", guard=guard)
    desk.redis.acl_setuser("default", commands=["-config", "-info"])
    problems = await desk.state.verify_server()
    await desk.state.close()
    desk.redis.close()

    assert len(problems) == 4
    assert all("cannot be read" in problem for problem in problems)


async def test_a_start_without_redis_says_where_it_was_looked_for(guard: GuardWiring) -> None:
    desk = Desk(RedisAddress("127.0.0.1", 1), "local", guard=guard)

    with pytest.raises(StateUnavailable, match=r"127\.0\.0\.1:1/0"):
        await desk.state.open()
    await asyncio.gather(desk.state.close())
    desk.redis.close()


def _matches(reason: str, told: str) -> bool:
    return any(word in told for word in reason.split("|"))
