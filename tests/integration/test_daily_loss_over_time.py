"""The daily loss survives clocks that are wrong, and midnight; told of the same daemon that loses all that it may."""

from collections.abc import AsyncIterator

import pytest

from arbitrage.domain.events import Tick
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.money import won
from tests.breaking_points import Steps
from tests.builders import NOON
from tests.drilled_daemon import Daemon
from tests.losing_account import DAILY_KRW, DAY_S, HELD_S, Account
from tests.loss_drills import House, a_house, a_killed_run, a_run, some, stopping, undisturbed, verdict
from tests.redis_server import RedisServer


@pytest.fixture
async def house(private_redis: RedisServer) -> AsyncIterator[House]:
    async with a_house(private_redis.address) as house:
        yield house


@pytest.mark.parametrize("step_s", [-3_600, -10, 3_600, DAY_S])
async def test_killed_at_a_step_and_the_clock_is_wrong_for_a_while(house: House, step_s: int) -> None:
    names = await undisturbed(house)
    for at in some(range(len(names)), 6):
        account = house.account()
        await a_killed_run(account, at)
        account.clock_is_off = Nanos(step_s * NS_PER_S)
        sent = len(account.losses)
        wrong = await a_run(account)
        assert wrong is not None
        assert len(account.losses) == sent, "it traded by a clock that is known to be wrong"
        await wrong.stop()
        account.pass_time(HELD_S)
        account.clock_is_off = Nanos(0)
        right = await a_run(account)
        assert right is not None
        assert verdict(account, right, names[at]) == "correct"
        await right.stop()


@pytest.mark.parametrize(
    "step_s",
    [
        -10,
        3_600,
        DAY_S,
        -3_600,
        -3 * DAY_S,
        3 * DAY_S,
    ],
)
async def test_what_was_settled_by_a_wrong_clock_counts_for_24_hours_all_the_same(house: House, step_s: int) -> None:
    account = house.account()
    await a_killed_run(account, ("binance order sent", 1 if step_s < 0 else 2))
    for is_off_s, pass_s in ((step_s, HELD_S), (0, DAY_S - 1_800), (0, 0)):  # the last: in another trading day
        account.clock_is_off = Nanos(is_off_s * NS_PER_S)
        daemon = await a_run(account)
        assert daemon is not None
        await daemon.stop()
        account.pass_time(pass_s)

    assert account.most_lost() <= DAILY_KRW


@pytest.mark.parametrize("step_s", [-3_600, -10, 3_600, DAY_S])
async def test_the_clock_is_set_at_a_step_under_a_running_daemon(house: House, step_s: int) -> None:
    names = await undisturbed(house)
    for at in some(range(len(names)), 4):
        account = house.account()

        def set_clock(_: Steps, account: Account = account) -> None:
            account.clock_is_off = Nanos(step_s * NS_PER_S)

        running = await a_run(account, Steps({at: set_clock}))
        assert running is not None
        await running.die()
        account.pass_time(HELD_S)
        account.clock_is_off = Nanos(0)
        after = await a_run(account)
        assert after is not None
        assert verdict(account, after, names[at]) == "correct"
        await after.stop()


# --- over midnight


async def test_a_plan_that_midnight_finds_in_flight_counts_on_both_days(house: House) -> None:
    account = house.account()
    account.at = before_midnight(3)
    daemon = await Daemon(account).start()
    assert await daemon.offer()
    account.pass_time(4)
    await daemon.finish()
    traded = await daemon.trade()

    assert verdict(account, daemon, "after midnight") == "correct"
    assert traded == 1
    await daemon.stop()


async def test_what_was_lost_at_23_59_is_not_lost_again_at_00_01(house: House) -> None:
    account = house.account()
    account.at = before_midnight(60)
    daemon = await Daemon(account).start()
    before = await daemon.trade()
    account.pass_time(120)
    after = await daemon.trade()
    account.pass_time(DAY_S - 240)
    later = await daemon.trade()
    account.pass_time(240)
    next_day = await daemon.trade()

    assert (before, after, later, next_day) == (2, 0, 0, 2)
    assert verdict(account, daemon, "two days") == "correct"
    await daemon.stop()


@pytest.mark.parametrize("down_s", [120, DAY_S - 600, DAY_S + 600, 3 * DAY_S])
async def test_killed_at_a_step_before_midnight_and_started_after_it(house: House, down_s: int) -> None:
    names = await undisturbed(house)
    for at in some(range(len(names)), 5):
        account = house.account()
        account.at = before_midnight(60)
        await a_killed_run(account, at)
        account.pass_time(down_s)
        after = await a_run(account)
        assert after is not None
        assert after.knows_the_loss, names[at]
        assert account.most_lost() <= DAILY_KRW, names[at]
        assert not stopping(after), names[at]
        await after.stop()


async def test_what_is_lost_in_the_first_second_belongs_to_the_day(house: House) -> None:
    account = house.account()
    daemon = await Daemon(account).start()
    assert await daemon.offer(with_tick=False)
    await daemon.finish()
    await daemon.tell(Tick(daemon.clock.now()))

    assert won(daemon.engine.safety.keeper.losses.lost_today) == account.lost()
    await daemon.stop()


def before_midnight(seconds: int) -> Instant:
    """Return so many seconds before the trading day of noon ends, in Seoul."""
    return Instant(NOON + (DAY_S // 2 - seconds) * NS_PER_S)
