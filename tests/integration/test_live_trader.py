"""Real Live mode against the sandbox over HTTP and a real Redis: what leaves, what does not, and how it ends."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from arbitrage.domain.errors import StateHeld
from liveguard.mode_gate import ARM_PHRASE
from tests.live_daemon import (
    Diary,
    LiveDaemon,
    PlayMarket,
    a_diary,
    a_play_market,
    a_redis_for_live,
    play_settings,
    until,
)
from tests.redis_server import RedisServer


@pytest.fixture
def redis(redis_binary: str, tmp_path: Path) -> Iterator[RedisServer]:
    with a_redis_for_live(redis_binary, tmp_path) as server:
        yield server


@pytest.fixture
async def market() -> AsyncIterator[PlayMarket]:
    async with a_play_market() as play:
        yield play


@pytest.fixture
def diary() -> Iterator[Diary]:
    with a_diary() as kept:
        yield kept


def a_daemon(market: PlayMarket, redis: RedisServer, folder: Path, *, waits: bool = True, **given: str) -> LiveDaemon:
    return LiveDaemon(play_settings(market.sandbox, redis, folder / "state", **given), waits=waits)


async def test_a_premium_is_traded_on_both_venues_and_ends_neutral(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    daemon = a_daemon(market, redis, tmp_path)
    daemon.start()
    await diary.until("boot_checks", passed=True)
    market.premium()
    end = await diary.until("plan_ended")
    market.premium(None)
    await daemon.stop()

    assert end["outcome"] == "both"
    assert {row["venue"] for row in market.orders()} == {"upbit", "binance"}
    assert len(market.orders()) == len(diary.of("[LIVE] order"))
    assert market.doubled() == 0
    assert abs(market.net()) < 1e-8
    assert diary.of("nothing_left_behind")


async def test_a_stop_finishes_what_is_in_flight(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    daemon = a_daemon(market, redis, tmp_path)
    daemon.start()
    await diary.until("boot_checks", passed=True)
    market.fault(kind="delay_before", venue="binance", endpoint="POST /api/v3/order", s=1.0, count=0)
    market.premium()
    await diary.until("[LIVE] order", 2)
    await daemon.stop()

    assert diary.of("plan_ended")
    assert diary.of("nothing_left_behind")
    assert abs(market.net()) < 1e-8


async def test_what_a_crash_leaves_is_brought_to_its_end_before_anything_else(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    first = a_daemon(market, redis, tmp_path)
    first.start()
    await diary.until("boot_checks", passed=True)
    market.fault(kind="error_5xx", venue="binance", endpoint="POST /api/v3/order", executed=False, count=0)
    market.premium()
    await diary.until("[LIVE] order", 2)
    await first.die()
    market.premium(None)
    market.heal()
    sent = len(market.orders())
    second = a_daemon(market, redis, tmp_path)
    second.start()
    await diary.until("plan_recovered")
    end = await diary.until("plan_ended", within_s=40)
    await second.stop()

    assert sent == 1
    assert end["outcome"] == "one_leg"
    assert abs(market.net()) < 1e-5
    assert market.doubled() == 0


async def test_two_daemons_on_the_same_keys_do_not_trade_at_once(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    first = a_daemon(market, redis, tmp_path, APP_ENV="one")
    second = a_daemon(market, redis, tmp_path, APP_ENV="two")
    first.start()
    await diary.until("state_opened")
    second.start()
    await diary.until("standing_by")
    await diary.until("boot_checks", passed=True)
    market.premium()
    await diary.until("plan_ended")
    alone = len(diary.of("state_opened"))
    await first.stop()
    taken_over = await diary.until("state_opened", 2)
    await diary.until("boot_checks", 2, passed=True)
    await second.stop()

    assert alone == 1
    assert taken_over["fence"] > diary.of("state_opened")[0]["fence"]


async def test_a_second_daemon_that_does_not_wait_ends(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    first = a_daemon(market, redis, tmp_path, APP_ENV="one")
    first.start()
    await diary.until("state_opened")
    second = a_daemon(market, redis, tmp_path, APP_ENV="two", waits=False)

    with pytest.raises(StateHeld):
        await second.trader.run()
    await first.stop()


async def test_an_arm_file_that_vanishes_takes_the_permit_back(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    arm = tmp_path / "ARM"
    arm.write_text(f"{ARM_PHRASE}\n")
    daemon = a_daemon(market, redis, tmp_path, LIVE_ARM_FILE=str(arm))
    daemon.start()
    await diary.until("boot_checks", passed=True)
    arm.unlink()
    await diary.until("disarmed")
    market.premium()
    refused = await diary.until("opportunity_refused")
    await daemon.stop()

    assert market.orders() == []
    assert "not armed any more" in refused["reasons"][0]


async def test_a_coin_that_is_paused_at_the_start_holds_back_its_own_pair_until_it_can_be_moved(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    market.knob("upbit", wallets={"BTC": "paused"})
    daemon = a_daemon(market, redis, tmp_path, PAIRS="BTC,ETH")
    daemon.start()
    await diary.until("boot_checks", passed=True)
    stuck = await diary.until("wallets_stuck")
    market.premium()
    refused = await diary.until("opportunity_refused", base="BTC")
    sent = len(market.orders())
    market.knob("upbit", wallets={"BTC": None})
    end = await diary.until("plan_ended", base="BTC")
    market.premium(None)
    await daemon.stop()

    assert stuck["coins"] == ["BTC"]
    assert any("upbit KRW-BTC: the wallet of BTC is paused" in reason for reason in refused["reasons"])
    assert (sent, end["outcome"]) == (0, "both")


async def test_a_key_that_can_withdraw_is_told_and_nothing_leaves(
    market: PlayMarket, redis: RedisServer, tmp_path: Path, diary: Diary
) -> None:
    market.knob("upbit", permissions=["view_account", "view_orders", "make_orders", "withdraw", "manage_pockets"])
    daemon = a_daemon(market, redis, tmp_path)
    daemon.start()
    market.premium()
    told = await diary.until("boot_checks", passed=False)
    await until(lambda: diary.of("opportunity_refused"), 10, "a refusal")
    await daemon.stop()

    assert any("move money" in problem for problem in told["problems"])
    assert market.orders() == []
