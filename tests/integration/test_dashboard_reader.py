"""What the dashboard reads from a real Redis and leaves there: typed, nothing invented, and only commands written."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.dashboard.actions import Action, Actions, Forbidden, NoDaemon
from arbitrage.dashboard.connection import Connection
from arbitrage.dashboard.page.pieces import pieces_of
from arbitrage.dashboard.page.words import Words
from arbitrage.dashboard.reader import Picture, Reader
from arbitrage.dashboard.sessions import Visitor
from arbitrage.dashboard.tokens import Role
from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.state.rows import to_json
from tests.clocks import NOON
from tests.daemon_rows import a_living_daemon, ago, rows_of_a_run
from tests.daemon_views import guarded, peaceful
from tests.plan_builders import a_refusal, a_submission, a_view, an_end
from tests.redis_server import RedisServer

HUGE = to_json(replace(a_view(Instant(10**30)), portfolio_krw=Decimal("1e999999")))
OPERATOR = Visitor(Role.CONTROL, "mina", "127.0.0.1")
READER = Visitor(Role.READ, "read", "127.0.0.1")


class Desk:
    """A reader and its actions on one Redis."""

    def __init__(self, address: RedisAddress, app_env: str) -> None:
        clock = SystemClock()
        self.connection = Connection(address)
        self.reader = Reader(self.connection, app_env, clock)
        self.actions = Actions(self.connection, self.reader, clock)

    async def look(self) -> Picture:
        return await self.reader.look()


@pytest.fixture
async def desk(redis_address: RedisAddress, app_env: str) -> AsyncIterator[Desk]:
    made = Desk(redis_address, app_env)
    yield made
    await made.connection.close()


@pytest.fixture
def redis(redis_address: RedisAddress):
    with Redis(host=redis_address.host, port=redis_address.port) as client:
        yield client


async def test_all_that_a_daemon_wrote_is_read(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    end, refused = ReportPlanEnd(an_end("p-0")), a_refusal()
    keys = await rows_of_a_run(redis_address, app_env, a_submission(), end, refused, Publish(peaceful(ago(0.1))))
    alert = Alert(id="1-1", at=NOON, severity=Severity.CRITICAL, kind="naked_leg", text="x", runbook="r", last_at=NOON)
    redis.hset(keys.alerts, mapping={"1-1": to_json(alert), "1-0": to_json(replace(alert, id="1-0", acked_at=NOON))})
    redis.xadd(
        keys.log, {"line": b'{"timestamp":"2026-11-22T03:00:00Z","level":"info","event":"state_up","epoch":"ab"}'}
    )

    picture = await desk.look()

    assert (picture.reachable, picture.problem, picture.namespace) == (True, "", keys.namespace)
    assert picture.status is not None
    assert (picture.status.mode, picture.status.trading_state, picture.status.running) == ("shadow", "ACTIVE", True)
    assert [plan.plan_id for plan in picture.open_plans] == ["p-1"]
    assert [(plan.plan_id, plan.outcome, plan.legs[0].end) for plan in picture.closed_plans] == [
        ("p-0", "both", "filled")
    ]
    assert picture.status.refusals == {line.code: line.count for line in peaceful(NOON).refusals}
    assert picture.refusals[0].reasons[0] == "edge_too_small: 4.2 bps (limit 10 bps)"
    assert [(row.id, row.acked_at is None) for row in picture.alerts] == [("1-1", True), ("1-0", False)]
    assert [(line.event, line.text) for line in picture.log] == [("state_up", "epoch=ab")]
    assert [point.edges[0][:2] for point in picture.series] == [("BTC", "sell_upbit")]


async def test_where_no_daemon_ever_ran_nothing_is_known_and_nothing_is_zero(desk: Desk) -> None:
    picture = await desk.look()

    assert (picture.reachable, picture.status, picture.namespace) == (True, None, "")
    assert "no daemon has run" in picture.problem


async def test_what_is_new_is_added_to_what_was_read(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, ReportPlanEnd(an_end("p-0")))
    first = await desk.look()
    row = to_json(an_end("p-1"))
    redis.xadd(keys.plans_closed, {"row": row})
    redis.xadd(keys.plans_closed, {"row": b"nonsense"})
    redis.xadd(keys.plans_closed, {"row": to_json(an_end("p-2"))})
    second = await desk.look()
    third = await desk.look()

    assert [plan.plan_id for plan in first.closed_plans] == ["p-0"]
    assert [plan.plan_id for plan in second.closed_plans] == ["p-2", "p-1", "p-0"]
    assert third.closed_plans == second.closed_plans


async def test_a_state_that_was_emptied_is_not_mixed_with_the_one_before(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, ReportPlanEnd(an_end("p-0")), Publish(a_view(ago(0.1))))
    before = await desk.look()
    redis.delete(*redis.scan_iter(f"{keys.namespace}:*"))
    await rows_of_a_run(redis_address, app_env, ReportPlanEnd(an_end("p-9")), Publish(a_view(ago(0.1))))
    after = await desk.look()

    assert [plan.plan_id for plan in before.closed_plans] == ["p-0"]
    assert [plan.plan_id for plan in after.closed_plans] == ["p-9"]


async def test_of_two_daemons_the_one_with_real_orders_is_shown(
    desk: Desk, redis_address: RedisAddress, app_env: str
) -> None:
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.1))), mode="live")
    await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.1))), mode="shadow")

    picture = await desk.look()

    assert picture.status is not None
    assert picture.status.mode == "live"
    assert len(picture.living) == 2


@pytest.mark.parametrize("part", ["view", "run", "plans_open", "plans_closed", "refused", "series", "log", "alerts"])
@pytest.mark.parametrize("with_what", [b"\xff not JSON", b'{"at": 1e999}', b"[]", b"9" * 5_000, HUGE])
async def test_what_is_not_understood_costs_its_own_part_and_no_more(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis, part: str, with_what: bytes
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, a_submission(), Publish(guarded(ago(0.1))))
    key = getattr(keys, part)
    redis.delete(key)
    if part in {"plans_open", "alerts"}:
        redis.hset(key, "x", with_what)
    elif part in {"view", "run"}:
        redis.set(key, with_what)
    else:
        redis.xadd(key, {"row": with_what})

    picture = await desk.look()

    assert picture.reachable
    assert (picture.status is None) == (part in {"view", "run"})
    assert bool(picture.problem) == (part in {"view", "run"})
    assert len(picture.open_plans) == (part != "plans_open")


@pytest.mark.parametrize(
    "part", ["plans_open", "plans_closed", "series", "log", "alerts", "refusals", "refused", "epoch"]
)
async def test_a_key_that_holds_another_kind_of_thing_costs_its_own_part(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis, part: str
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, Publish(guarded(ago(0.1))))
    redis.delete(getattr(keys, part))
    redis.sadd(getattr(keys, part), "x")

    assert (await desk.look()).status is not None


@pytest.mark.parametrize("figure", ["NaN", "sNaN", "-Infinity", "1e999999", 10**40, -1])
@pytest.mark.parametrize("name", ["notional_krw", "expected_krw", "net_edge_bps", "decided_at", "quantity"])
async def test_a_row_with_a_figure_that_is_none_is_left_out_and_the_others_stay(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis, name: str, figure: object
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, Publish(peaceful(ago(0.1))))
    odd = msgspec.json.decode(to_json(an_end("p-odd")))
    (odd["plan"]["upbit"] if name == "quantity" else odd["plan"])[name] = figure
    redis.hset(keys.plans_open, "p-odd", msgspec.json.encode(odd["plan"]))
    redis.xadd(keys.plans_closed, {"row": msgspec.json.encode(odd)})
    redis.xadd(keys.plans_closed, {"row": to_json(an_end("p-1"))})

    picture = await desk.look()
    "".join(pieces_of(picture, NOON, OPERATOR, Words("en")).values())

    assert picture.closed_plans[0].plan_id == "p-1"


async def test_a_redis_that_goes_away_leaves_the_last_picture_and_its_age(
    private_redis: RedisServer, app_env: str
) -> None:
    desk = Desk(private_redis.address, app_env)
    await rows_of_a_run(private_redis.address, app_env, Publish(guarded(ago(0.1))))
    before = await desk.look()
    private_redis.stop()
    gone = await desk.look()
    later = gone.link(Instant((gone.at or 0) + 7 * NS_PER_S))
    with pytest.raises(StateUnavailable, match="Redis at"):
        await desk.actions.give(OPERATOR, Action.HALT, "help")
    private_redis.start()
    back = await desk.look()
    await desk.connection.close()

    assert before.reachable
    assert (gone.reachable, gone.status) == (False, before.status)
    assert "Redis at" in gone.problem
    assert (later.reachable, later.picture_age_s) == (False, 7.0)
    assert back.reachable


async def test_a_redis_that_hangs_is_as_gone_as_one_that_is_dead(private_redis: RedisServer, app_env: str) -> None:
    desk = Desk(private_redis.address, app_env)
    await desk.look()
    private_redis.freeze()
    async with asyncio.timeout(5):
        gone = await desk.look()
    private_redis.thaw()
    await desk.connection.close()

    assert not gone.reachable


@pytest.mark.parametrize("action", Action)
async def test_a_command_is_left_with_who_and_why(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis, action: Action
) -> None:
    with a_living_daemon(redis_address, app_env) as keys:
        await _until_alive(desk)
        given = await desk.actions.give(OPERATOR, action, "a reason", "1-1")
    ((_, row),) = redis.xrange(keys.commands)

    assert (given.command, given.daemon_alive, given.told) == (action, True, [keys.namespace])
    assert row[b"do"] == action.encode()
    assert (row[b"who"], row[b"why"]) == (b"mina@dashboard (127.0.0.1)", b"a reason")
    assert row.get(b"alert") == (b"1-1" if action is Action.ACK else None)
    assert abs(SystemClock().now() - int(row[b"given_at"])) < 5 * NS_PER_S


async def test_a_halt_waits_for_the_next_start_and_nothing_else_does(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    keys = await rows_of_a_run(redis_address, app_env, Publish(a_view(ago(0.1))))
    redis.hset(keys.heartbeat, "stopped", "true")
    await desk.look()
    given = await desk.actions.give(OPERATOR, Action.HALT, "not now")
    for action in (Action.FLATTEN, Action.ACK):
        with pytest.raises(NoDaemon, match="no daemon runs"):
            await desk.actions.give(OPERATOR, action, "not now")

    assert (given.daemon_alive, "its next start" in given.detail) == (False, True)
    assert redis.xlen(keys.commands) == 1


async def test_a_halt_is_left_for_a_frozen_daemon_too_although_another_lives(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    frozen = await rows_of_a_run(redis_address, app_env, mode="live")
    stopped = await rows_of_a_run(redis_address, app_env, mode="paper")
    redis.hset(frozen.heartbeat, "at", ago(30))
    redis.hset(stopped.heartbeat, mapping={"at": ago(30), "stopped": "true"})
    with a_living_daemon(redis_address, app_env) as living:
        await _until_alive(desk)
        given = await desk.actions.give(OPERATOR, Action.HALT, "now")
        acked = await desk.actions.give(OPERATOR, Action.ACK, "seen")

    assert given.told == [living.namespace, frozen.namespace]
    assert acked.told == [living.namespace]
    assert [redis.xlen(keys.commands) for keys in (living, frozen, stopped)] == [2, 1, 0]


async def test_who_may_only_look_leaves_nothing(
    desk: Desk, redis_address: RedisAddress, app_env: str, redis: Redis
) -> None:
    with a_living_daemon(redis_address, app_env) as keys:
        await _until_alive(desk)
        for action in Action:
            with pytest.raises(Forbidden):
                await desk.actions.give(READER, action, "a reason")

    assert redis.exists(keys.commands) == 0


async def test_where_nobody_ever_ran_there_is_nobody_to_halt(desk: Desk) -> None:
    await desk.look()

    with pytest.raises(NoDaemon, match="no daemon has run"):
        await desk.actions.give(OPERATOR, Action.HALT, "a reason")


async def _until_alive(desk: Desk) -> None:
    async with asyncio.timeout(5):
        while not await desk.reader.living():  # noqa: ASYNC110 - the heart beats in another thread
            await asyncio.sleep(0.01)


def test_nothing_here_can_allow_more(redis_address: RedisAddress) -> None:
    source = "".join(path.read_text() for path in Path("arbitrage/dashboard").rglob("*.py"))

    assert {action.value for action in Action} == {"halt", "flatten", "ack"}
    assert "RESUME" not in source
    assert StateKeys(namespace_of("live", "x")).commands == "arbitrage:live:x:commands"
