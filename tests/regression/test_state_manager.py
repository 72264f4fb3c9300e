"""StateManager against a real Redis: what is written comes back, once; and what happens when Redis does not."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.domain.events import InventoryGiven, StateDown, StateUp
from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.domain.plans import Direction, Outcome, PlanEnd, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.ports import Clock
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.link import StateLink
from arbitrage.state.rows import RowWriter
from tests.clocks import NOON, ManualClock
from tests.plan_builders import a_plan, a_refusal, a_submission, a_view, an_end
from tests.redis_server import RedisServer
from tests.state_desk import Desk, eventually, facts, running

DAY = "2026-11-22"


async def past_of(address: RedisAddress, app_env: str, clock: Clock | None = None) -> Remembered:
    desk = Desk(address, app_env, clock)
    async with running(desk) as past:
        return past


async def test_a_virgin_state_remembers_nothing_and_gets_an_epoch(redis_address: RedisAddress, app_env: str) -> None:
    past = await past_of(redis_address, app_env)

    assert past == Remembered(epoch=past.epoch, fence=1, guard=GuardMemory(sequence=1))
    assert len(past.epoch) == 6
    assert past.epoch.isalnum()


async def test_what_one_run_did_the_next_one_remembers(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission("p-1", Instant(NOON - NS_PER_S)))
        desk.state.publish(a_submission("p-2"))
        desk.state.publish(ReportPlanEnd(an_end("p-1", outcome=Outcome.BOTH, result=15_000_001)))
        desk.state.publish(ReportPlanEnd(an_end("p-2", outcome=Outcome.ONE_LEG, result=-20_000_003)))
        desk.state.publish(Publish(a_view()))

    past = await past_of(redis_address, app_env)

    assert past.trade_instants == (NOON - NS_PER_S, NOON)
    assert past.inventory == {Venue(venue): held for venue, held in a_view().inventory.items()}
    assert past.best_edges == {("BTC", Direction.SELL_UPBIT): 31.5}
    assert past.open_plans == ()
    assert past.score is not None
    assert (past.score.day, past.score.plans, past.score.result_units) == (DAY, 2, -5_000_002)
    assert past.score.outcomes == {"both": 1, "one_leg": 1}


async def test_every_row_is_there_and_reads_back_exactly(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission("p-1"))
        desk.state.publish(a_submission("p-2"))
        desk.state.publish(ReportPlanEnd(an_end("p-1")))
        desk.state.publish(a_refusal(times=7))
        desk.state.publish(Publish(a_view()))
        await eventually(lambda: desk.redis.exists(desk.keys.view) == 1)

        closed: Any = desk.redis.xrange(desk.keys.plans_closed)

        assert desk.journal() == [b"plan", b"plan", b"plan_end"]
        assert desk.redis.xlen(desk.keys.refused) == 1
        assert msgspec.json.decode(closed[0][1][b"row"], type=PlanEnd) == an_end("p-1")
        assert msgspec.json.decode(desk.hash(desk.keys.plans_open)[b"p-2"], type=TwoLegPlan) == a_plan("p-2")
        assert set(desk.hash(desk.keys.orders(DAY))) == {b"p-1-0", b"p-1-1", b"p-2-0", b"p-2-1"}
        assert msgspec.json.decode(desk.hash(desk.keys.orders(DAY))[b"p-1-0"])["mode"] == "shadow"
        assert desk.hash(desk.keys.order_counts) == {b"shadow": b"4"}
        assert desk.hash(desk.keys.refusals) == {b"edge_too_small": b"7", b"fx_too_old": b"7"}


async def test_metrics_hold_the_flags_and_the_numbers(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission())
        desk.state.publish(ReportPlanEnd(an_end()))
        desk.state.publish(Publish(a_view(accepting=False)))
        await eventually(lambda: b"trading_state" in desk.hash(desk.keys.metrics))

        assert desk.hash(desk.keys.metrics) == {
            b"mode": b"shadow",
            b"live_enabled": b"false",
            b"live_mode": b"false",
            b"safety_mode": b"true",
            b"dry_run": b"true",
            b"circuit_breaker_active": b"false",
            b"version": b"1.2.3",
            b"pid": b"77",
            b"started_at": str(NOON).encode(),
            b"trips": b"0",
            b"latches": b"0",
            b"loss_krw_today": b"0",
            b"loss_krw_24h": b"0",
            b"loss_krw_total": b"0",
            b"loss_krw_in_flight": b"0",
            b"trading_state": b"REDUCING",
            b"trading_state_reason": b"the state cannot be written",
            b"plans_open": b"1",
            b"plans_today": b"3",
            b"plans_closed": b"1",
            b"orders_shadow": b"2",
            b"result_krw_today": b"2123.4567",
            b"refusals": b"12",
            b"events_total": b"123456",
            b"view_at": str(NOON).encode(),
            b"last_plan_id": b"p-1",
            b"last_outcome": b"both",
            b"last_result_krw": b"1500",
        }


async def test_nothing_has_a_time_to_live(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        for intent in (a_submission(), ReportPlanEnd(an_end()), a_refusal(), Publish(a_view())):
            desk.state.publish(intent)
        await eventually(lambda: desk.redis.exists(desk.keys.view) == 1)

        keys = list(desk.redis.scan_iter(f"{desk.keys.namespace}:*"))

        assert len(keys) > 12
        assert {desk.redis.ttl(key) for key in keys} == {-1}


async def test_yesterdays_score_and_best_edge_are_not_todays(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(ReportPlanEnd(an_end()))
        desk.state.publish(Publish(a_view()))

    past = await past_of(redis_address, app_env, ManualClock(Instant(NOON + 12 * 3600 * NS_PER_S)))

    assert past.score is None
    assert past.best_edges == {}
    assert past.inventory


async def test_trades_older_than_a_day_are_forgotten(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission())

    past = await past_of(redis_address, app_env, ManualClock(Instant(NOON + 24 * 3600 * NS_PER_S + NS_PER_S)))

    assert past.trade_instants == ()


async def test_orders_are_kept_for_35_days(redis_address: RedisAddress, app_env: str) -> None:
    clock = ManualClock()
    desk = Desk(redis_address, app_env, clock)
    async with running(desk):
        desk.state.publish(a_submission("old"))
        desk.state.publish(a_submission("young", Instant(NOON + 25 * 3600 * NS_PER_S)))
        await eventually(lambda: desk.redis.exists(desk.keys.orders("2026-11-23")) == 1)
        clock.advance(36 * 24 * 3600)

        await eventually(lambda: desk.redis.exists(desk.keys.orders(DAY)) == 0)

        assert desk.redis.exists(desk.keys.orders("2026-11-23")) == 1
        assert desk.redis.zrange(desk.keys.trades, 0, -1) == [b"young"]
        assert desk.redis.zrange(desk.keys.order_days, 0, -1) == [b"2026-11-23"]


async def test_a_plan_left_open_is_closed_as_unscored(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission("p-1"))

    second = Desk(redis_address, app_env)
    async with running(second) as past:
        assert past.open_plans == (a_plan("p-1"),)
        assert past.score is not None
        assert past.score.outcomes == {"unscored": 1}
        assert second.hash(second.keys.plans_open) == {}
        assert second.journal() == [b"plan", b"plan_end"]

    assert (await past_of(redis_address, app_env)).open_plans == ()


async def test_a_start_that_failed_half_way_closes_a_plan_once(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission("p-1"))
    second = Desk(redis_address, app_env)
    second.redis.rename(desk.keys.journal, f"{app_env}:aside")
    second.redis.set(desk.keys.journal, "not a stream")
    with pytest.raises(StateUnavailable, match=desk.keys.journal):
        await second.state.open()
    second.redis.rename(f"{app_env}:aside", desk.keys.journal)

    async with running(second):
        await eventually(lambda: StateUp in second.kinds())

        assert second.hash(desk.keys.score(DAY))[b"outcome:unscored"] == b"1"
        assert second.journal() == [b"plan", b"plan_end"]


async def test_an_engine_that_knows_no_inventory_does_not_erase_it(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(Publish(a_view()))
        await eventually(lambda: desk.redis.exists(desk.keys.inventory) == 1)
        desk.state.publish(Publish(replace(a_view(), inventory={}, events=7)))
        await eventually(lambda: desk.hash(desk.keys.metrics)[b"events_total"] == b"7")

    assert (await past_of(redis_address, app_env)).inventory


async def test_a_batch_that_is_repeated_counts_once(redis_address: RedisAddress, app_env: str) -> None:
    keys = StateKeys(facts(app_env).namespace)
    rows = RowWriter(keys, facts(app_env))
    link = StateLink(redis_address, keys)
    await link.claim()
    batch = [*rows.rows(a_submission()), *rows.rows(ReportPlanEnd(an_end()))]

    for _ in range(3):
        await link.apply(1, batch)
    await link.close()

    desk = Desk(redis_address, app_env)
    assert desk.hash(keys.score(DAY)) == {b"plans": b"1", b"outcome:both": b"1", b"result_units": b"15000000"}
    assert desk.journal() == [b"plan", b"plan_end"]
    assert desk.hash(keys.order_counts) == {b"shadow": b"2"}


async def test_a_batch_with_one_bad_key_is_not_half_written(redis_address: RedisAddress, app_env: str) -> None:
    keys = StateKeys(facts(app_env).namespace)
    link = StateLink(redis_address, keys)
    desk = Desk(redis_address, app_env)
    await link.claim()
    desk.redis.set(keys.journal, "not a stream")

    with pytest.raises(StateUnavailable, match=keys.journal):
        await link.apply(1, RowWriter(keys, facts(app_env)).rows(a_submission()))
    await link.close()

    assert desk.redis.exists(keys.plans_open, keys.order_counts, keys.trades) == 0


async def test_of_two_daemons_only_the_later_one_writes(redis_address: RedisAddress, app_env: str) -> None:
    first, second = Desk(redis_address, app_env, SystemClock()), Desk(redis_address, app_env, SystemClock())
    async with running(first), running(second):
        await eventually(lambda: StateUp in second.kinds())
        await eventually(lambda: StateDown in first.kinds())

        assert StateDown not in second.kinds()
        assert any("another daemon" in event.reason for event in first.told if isinstance(event, StateDown))
        assert isinstance(first.state.failure, StateHeld)


async def test_a_second_daemon_is_refused_while_the_hearts_of_others_beat(
    redis_address: RedisAddress, app_env: str
) -> None:
    clock = ManualClock()
    first, second = Desk(redis_address, app_env, clock), Desk(redis_address, app_env, clock, pid=78)
    async with running(first):
        await eventually(lambda: first.redis.exists(first.keys.heartbeat) == 1)
        with pytest.raises(StateHeld, match="another daemon uses the state"):
            await second.state.open()
    first_ended_well = await second.state.open()
    await second.state.close()
    second.redis.close()

    assert first_ended_well.fence == 2


async def test_a_dead_daemons_place_is_free_after_its_heart_was_silent_for_a_while(
    redis_address: RedisAddress, app_env: str
) -> None:
    clock = ManualClock()
    keys = StateKeys(facts(app_env).namespace)
    link = StateLink(redis_address, keys)
    await link.claim()
    await link.apply(1, RowWriter(keys, facts(app_env)).heartbeat(clock.now()))
    await link.close()
    clock.advance(5.001)
    heir = Desk(redis_address, app_env, clock, pid=78)
    async with running(heir):
        assert heir.redis.get(keys.fence) == b"2"


async def test_a_number_that_cannot_be_added_to_stops_a_batch_before_its_first_row(
    redis_address: RedisAddress, app_env: str
) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        await eventually(lambda: StateUp in desk.kinds())
        desk.redis.hset(desk.keys.score(DAY), "plans", "abc")
        desk.state.publish(a_submission("p-1"))
        desk.state.publish(ReportPlanEnd(an_end("p-1")))
        await eventually(lambda: StateDown in desk.kinds())
        while_spoilt = (desk.redis.exists(desk.keys.plans_closed), desk.journal())
        desk.redis.hset(desk.keys.score(DAY), "plans", "0")
        await eventually(lambda: desk.redis.xlen(desk.keys.plans_closed) == 1)

        assert while_spoilt == (0, [])
        assert desk.journal() == [b"plan", b"plan_end"]


@pytest.mark.parametrize(
    ("key", "spoil"),
    [
        ("epoch", lambda redis, key: redis.hset(key, "a", "b")),
        ("fence", lambda redis, key: redis.set(key, "seven")),
        ("inventory", lambda redis, key: redis.set(key, '{"upbit": {"KRW": "NaN"}}')),
        ("inventory", lambda redis, key: redis.set(key, '{"upbit": {"KRW": "-1"}}')),
        ("inventory", lambda redis, key: redis.set(key, '{"kraken": {}}')),
        ("inventory", lambda redis, key: redis.set(key, b"\xff\x00")),
        ("inventory", lambda redis, key: redis.lpush(key, "a")),
        ("trades", lambda redis, key: redis.set(key, "a")),
        ("plans_open", lambda redis, key: redis.hset(key, "p-1", "{}")),
        ("plans_open", lambda redis, key: redis.set(key, "{}")),
        ("commands_seen", lambda redis, key: redis.lpush(key, "a")),
        ("view", lambda redis, key: redis.lpush(key, "a")),
    ],
)
async def test_a_key_that_holds_something_else_stops_the_start_and_is_named(
    redis_address: RedisAddress, app_env: str, key: str, spoil: Callable[[Redis, str], object]
) -> None:
    desk = Desk(redis_address, app_env)
    name = getattr(desk.keys, key)
    spoil(desk.redis, name)

    with pytest.raises(StateUnavailable, match=name) as caught:
        await desk.state.open()
    await desk.state.close()

    assert "\n" not in str(caught.value)


async def test_a_score_that_is_no_number_stops_the_start(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    desk.redis.hset(desk.keys.score(DAY), "result_units", "1e9")

    with pytest.raises(StateUnavailable, match=desk.keys.score(DAY)):
        await desk.state.open()
    await desk.state.close()


async def test_a_view_of_another_version_is_only_left_aside(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    desk.redis.set(desk.keys.view, '{"v": 2}')

    assert (await past_of(redis_address, app_env)).best_edges == {}


async def test_redis_gone_at_start_is_said_in_one_line_with_the_address(private_redis: RedisServer) -> None:
    private_redis.stop()
    desk = Desk(private_redis.address, "local")

    with pytest.raises(StateUnavailable) as caught:
        await desk.state.open()
    await desk.state.close()

    assert str(private_redis.address) in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_redis_stopped_is_told_and_nothing_is_lost(private_redis: RedisServer) -> None:
    desk = Desk(private_redis.address, "local", SystemClock())
    async with running(desk):
        await eventually(lambda: desk.kinds() == [StateUp])
        private_redis.stop()
        noticed_s = await eventually(lambda: StateDown in desk.kinds(), within_s=1.0)
        for number in range(300):
            desk.state.publish(a_submission(f"p-{number}"))
            desk.state.publish(ReportPlanEnd(an_end(f"p-{number}", result=1)))
        private_redis.start()
        await eventually(lambda: desk.kinds()[-1] is StateUp)

        assert noticed_s < 3.0
        assert desk.kinds() == [StateUp, StateDown, StateUp]
        assert desk.journal() == [b"plan", b"plan_end"] * 300
        assert desk.hash(desk.keys.score(DAY))[b"result_units"] == b"300"
        assert desk.hash(desk.keys.plans_open) == {}


async def test_a_redis_that_hangs_is_noticed_and_its_late_writes_count_once(private_redis: RedisServer) -> None:
    desk = Desk(private_redis.address, "local", SystemClock())
    async with running(desk):
        await eventually(lambda: desk.kinds() == [StateUp])
        private_redis.freeze()
        desk.state.publish(a_submission("p-1"))
        desk.state.publish(ReportPlanEnd(an_end("p-1", result=5)))
        noticed_s = await eventually(lambda: StateDown in desk.kinds(), within_s=1.0)
        await asyncio.sleep(0.3)  # let it try again, so that several copies of the batch wait in the server's sockets
        private_redis.thaw()
        await eventually(lambda: desk.kinds()[-1] is StateUp)

        assert noticed_s < 3.0
        assert desk.journal() == [b"plan", b"plan_end"]
        assert desk.hash(desk.keys.score(DAY))[b"result_units"] == b"5"


async def test_a_hang_is_noticed_within_half_a_second_even_when_nothing_is_written(private_redis: RedisServer) -> None:
    desk = Desk(private_redis.address, "local", ManualClock())
    async with running(desk):
        await eventually(lambda: desk.kinds() == [StateUp])
        private_redis.freeze()

        assert (
            await eventually(lambda: StateDown in desk.kinds()) < 3.0
        )  # 0.25 s pause and 0.25 s time-out, on a busy machine
        private_redis.thaw()


async def test_a_state_flushed_under_us_is_told_and_initialised_again(private_redis: RedisServer) -> None:
    desk = Desk(private_redis.address, "local", SystemClock())
    async with running(desk) as past:
        await eventually(lambda: desk.kinds() == [StateUp])
        desk.redis.flushall()
        await eventually(lambda: desk.kinds() == [StateUp, StateDown, StateUp])
        desk.state.publish(a_submission("p-1"))
        await eventually(lambda: desk.journal() == [b"plan"])

        down = desk.told[1]
        assert isinstance(down, StateDown)
        assert down.reason == "state was emptied or replaced"
        assert desk.redis.get(desk.keys.epoch) not in (None, past.epoch.encode())
        assert desk.hash(desk.keys.metrics)[b"version"] == b"1.2.3"


async def test_an_operators_reset_reaches_the_engine_once(redis_address: RedisAddress, app_env: str) -> None:
    clock = ManualClock()
    desk = Desk(redis_address, app_env, clock)
    async with running(desk):
        desk.redis.xadd(desk.keys.commands, {"do": "dance"})
        desk.redis.xadd(desk.keys.commands, {"do": "reset_inventory"})
        clock.advance(1)
        await eventually(lambda: InventoryGiven in desk.kinds())
        clock.advance(1)
        await eventually(lambda: desk.hash(desk.keys.heartbeat)[b"at"] == str(clock.now()).encode())

    again = Desk(redis_address, app_env)
    async with running(again):
        await eventually(lambda: StateUp in again.kinds())

        assert desk.kinds().count(InventoryGiven) == 1
        assert again.kinds() == [StateUp]


async def test_a_cancelled_run_ends_whatever_it_was_doing(redis_address: RedisAddress, app_env: str) -> None:
    moments = random.Random(5)
    for _ in range(40):
        desk = Desk(redis_address, app_env)
        await desk.state.open()
        task = asyncio.create_task(desk.state.run())
        cancel_at = time.perf_counter() + moments.random() * 0.01
        while time.perf_counter() < cancel_at:
            desk.state.publish(Publish(a_view()))
            await asyncio.sleep(0)
        task.cancel()

        ended, _ = await asyncio.wait([task], timeout=1)

        assert ended
        await desk.state.close()


async def test_the_heart_beats_each_second_and_stops_with_a_word(redis_address: RedisAddress, app_env: str) -> None:
    clock = ManualClock()
    desk = Desk(redis_address, app_env, clock)
    async with running(desk):
        first = desk.hash(desk.keys.heartbeat)
        clock.advance(1)
        await eventually(lambda: desk.hash(desk.keys.heartbeat)[b"at"] == str(NOON + NS_PER_S).encode())

    assert first[b"stopped"] == b"false"
    assert Desk(redis_address, app_env).hash(desk.keys.heartbeat)[b"stopped"] == b"true"


async def test_a_row_that_cannot_be_written_does_not_stop_the_others(redis_address: RedisAddress, app_env: str) -> None:
    desk = Desk(redis_address, app_env)
    async with running(desk):
        desk.state.publish(a_submission("\ud800"))
        desk.state.publish(a_submission("p-2"))
        await eventually(lambda: desk.journal() == [b"plan"])

        assert set(desk.hash(desk.keys.plans_open)) == {b"p-2"}


async def test_a_full_queue_loses_refusals_first_and_owns_up_to_it(private_redis: RedisServer) -> None:
    desk = Desk(private_redis.address, "local")
    async with running(desk):
        for _ in range(10_005):
            desk.state.publish(a_refusal())
        desk.state.publish(a_submission("p-1"))
        await eventually(lambda: b"lost" in desk.journal(), within_s=5)

        assert desk.redis.xlen(desk.keys.refused) == 10_000
        assert desk.journal().count(b"plan") == 1
