"""The daemon's user of infra/redis.users on a real Redis: it may do all that a run does, and Redis logs no refusal."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import StateUp
from arbitrage.domain.guarding import GuardAct
from arbitrage.intents import IntentLog
from arbitrage.state.glance import ask
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring, LossLimits
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.lease import Lease
from tests.guard_builders import a_finish, a_report, a_start
from tests.redis_server import RedisServer
from tests.state_desk import Desk, eventually, running

USERS = Path(__file__).parents[2] / "infra" / "redis.users"
NAMESPACE = "arbitrage:live:acct-0123456789ab"
DISPENSABLE = {"client", "client|setinfo"}
"""What the library tries at each connection and does without; a name that Redis 7.0 does not know yet."""


def acl() -> str:
    """Return the lines that every version with users understands: selectors and key rights came with Redis 7."""
    text = re.sub(r"^#.*\n", "", USERS.read_text(), flags=re.MULTILINE)
    lines = [" ".join(line.split()) for line in re.split(r"(?=^user )", text, flags=re.MULTILINE) if line.strip()]
    ours = [re.sub("#ARBITRAGE_SHA256", ">secret", line) for line in lines if not line.startswith("user dashboard")]
    return "\n".join([*ours, "user looker on nopass ~* +@all", ""])


@pytest.fixture
def server(redis_binary: str, tmp_path: Path) -> Iterator[RedisServer]:
    """A server with our users, which remembers."""
    (tmp_path / "users.acl").write_text(acl())
    server = RedisServer(redis_binary, tmp_path, append_only=True)
    server.options["--aclfile"] = str(tmp_path / "users.acl")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def address(server: RedisServer) -> RedisAddress:
    """How the daemon reaches it."""
    return RedisAddress("127.0.0.1", server.address.port, password="secret", username="arbitrage")


def refused(address: RedisAddress) -> set[str]:
    with Redis(port=address.port, username="looker", password="any", protocol=2) as looker:
        rows: Any = looker.acl_log()
        return {row["object"] for row in rows} - DISPENSABLE


async def test_a_run_with_plans_a_guard_and_a_lease_is_refused_nothing(address: RedisAddress, tmp_path: Path) -> None:
    limits = LossLimits(daily_units=1_000, total_units=5_000)
    log = IntentLog.open(tmp_path / "intents.log")
    guard = GuardWiring(namespace=NAMESPACE, intents=log, on_foreign=ForeignPolicy.STOP, limits=lambda: limits)
    desk = Desk(address, "local", SystemClock(), guard=guard)
    lease = Lease(address, NAMESPACE, "me", SystemClock(), lambda _: None)

    holder = await lease.take()
    async with running(desk):
        await eventually(lambda: desk.kinds() == [StateUp])
        for entry in (a_start(2, "p-1"), a_finish(3, "p-1", -40), a_report(4, act=GuardAct.TRIPPED)):
            log.note(entry)
            desk.state.publish(entry)
        await desk.state.verify_server()
    await lease.close()
    log.close()
    (total,) = ask(address, ("HGET", StateKeys(NAMESPACE).guard, "total_units"))

    assert (holder, total) == ("", b"-40")
    assert refused(address) == set()


@pytest.mark.parametrize(
    "command",
    [("FLUSHALL",), ("CONFIG", "SET", "appendonly", "no"), ("KEYS", "*"), ("SET", "other", "1")],
)
def test_what_is_not_its_business_is_refused_in_one_line(address: RedisAddress, command: tuple[str, ...]) -> None:
    with pytest.raises(StateUnavailable, match="no permissions"):
        ask(address, command)


def test_a_stranger_is_told_nothing(address: RedisAddress) -> None:
    stranger = RedisAddress(address.host, address.port)

    with pytest.raises(StateUnavailable, match="Authentication required"):
        ask(stranger, ("GET", StateKeys(NAMESPACE).epoch))


def test_the_health_check_learns_that_it_lives_and_nothing_else(address: RedisAddress) -> None:
    health = RedisAddress(address.host, address.port, password="none", username="health")

    with pytest.raises(StateUnavailable, match="no permissions"):  # to select a database, which `ask` does first
        ask(health, ("PING",))
    with Redis(port=address.port, username="health", password="none", protocol=2) as probe:
        assert probe.ping() is True


def test_what_was_written_in_a_transaction_outlives_the_server(server: RedisServer, address: RedisAddress) -> None:
    # 7.0 plays its file back as the default user, and drops each transaction that this user may not run (issue 14541)
    ask(address, ("MULTI",), ("SET", "arbitrage:kept", "1"), ("EXEC",))
    server.stop()
    server.start()

    assert ask(address, ("GET", "arbitrage:kept")) == [b"1"]
