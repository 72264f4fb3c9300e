"""The checks before the first order, held against both venues' own words on the sandbox."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BootChecked, Event
from arbitrage.exchange.keys import ApiKeys
from arbitrage.live_shell.binance_link import BinanceLink
from arbitrage.live_shell.boot_checks import BootChecks, Check, NotDoneYet
from arbitrage.live_shell.links import VenueLink
from arbitrage.live_shell.readiness import balances_check, clock_check, key_check, stream_check
from arbitrage.live_shell.upbit_link import UpbitLink
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.sandbox.server import Sandbox
from tests.background import beside
from tests.clocks import ManualClock
from tests.live_daemon import PlayMarket, a_play_market, until

CLOCK = SystemClock()
UPBIT = ApiKeys(UPBIT_KEYS.access, UPBIT_KEYS.secret)
BINANCE = ApiKeys(BINANCE_KEYS.access, BINANCE_KEYS.secret)
TRADES = ["view_account", "view_orders", "make_orders", "manage_pockets"]
READS_AND_TRADES = ["enableReading", "enableSpotAndMarginTrading"]
DAY_S = 86_400


@pytest.fixture
async def market() -> AsyncIterator[PlayMarket]:
    async with a_play_market() as play:
        yield play


@asynccontextmanager
async def connected(
    sandbox: Sandbox, upbit_keys: ApiKeys = UPBIT, binance_keys: ApiKeys = BINANCE
) -> AsyncIterator[tuple[UpbitLink, BinanceLink]]:
    """Both accounts, with their connections and streams running."""
    heard: list[Event] = []
    links = (
        UpbitLink(sandbox.upbit_rest_url, sandbox.upbit_ws_url, upbit_keys, CLOCK, heard.append),
        BinanceLink(sandbox.binance_rest_url, sandbox.binance_ws_api_url, binance_keys, CLOCK, heard.append),
    )
    async with beside(*(work for link in links for _, work in link.work())):
        yield links


def checks_of(upbit: UpbitLink, binance: BinanceLink) -> list[Check]:
    each: tuple[VenueLink, ...] = (upbit, binance)
    made = [check for link in each for check in (key_check(link), balances_check(link))]
    return [clock_check(binance.measure_clock, lambda: 500), *made]


async def problems_of(sandbox: Sandbox, **keys: ApiKeys) -> Sequence[str]:
    async with connected(sandbox, **keys) as links:
        return await BootChecks(checks_of(*links), CLOCK, lambda event: None).problems()


async def test_a_key_that_only_trades_from_here_passes_every_check(market: PlayMarket) -> None:
    assert await problems_of(market.sandbox) == ()


@pytest.mark.parametrize(
    ("venue", "knobs", "told"),
    [
        ("upbit", {"permissions": [*TRADES, "withdraw"]}, "upbit: the key can move money out"),
        ("upbit", {"permissions": ["view_account", "manage_pockets"]}, "upbit: the key lacks make_orders, view_orders"),
        ("upbit", {"allowed_ips": []}, "upbit: the key can be used from any address"),
        ("upbit", {"allowed_ips": ["10.0.0.1"]}, "401 no_authorization_ip"),
        ("upbit", {"key_expires_in_s": DAY_S}, "upbit: the key expires in 1.0 days"),
        ("upbit", {"key_expires_in_s": 0}, "401 expired_access_key"),
        ("binance", {"permissions": ["enableReading"]}, "binance: the key may not read and trade"),
        ("binance", {"permissions": [*READS_AND_TRADES, "enableWithdrawals"]}, "binance: the key can withdraw"),
        ("binance", {"permissions": [*READS_AND_TRADES, "permitsUniversalTransfer"]}, "binance: the key can transfer"),
        ("binance", {"allowed_ips": []}, "binance: the key can be used from any address"),
        ("binance", {"allowed_ips": ["10.0.0.1"]}, "-2015"),
        ("binance", {"key_expires_in_s": DAY_S}, "binance: the key expires in 1.0 days"),
        ("binance", {"clock_ahead_ms": 10_000}, " ms off binance's (limit 500 ms)"),
    ],
)
async def test_what_is_wrong_is_told_in_one_line(
    market: PlayMarket, venue: str, knobs: dict[str, object], told: str
) -> None:
    market.knob(venue, **knobs)
    problems = await problems_of(market.sandbox)

    assert any(told in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"upbit_keys": ApiKeys(UPBIT_KEYS.access, "wrong")}, "401 jwt_verification"),
        ({"upbit_keys": ApiKeys("wrong", UPBIT_KEYS.secret)}, "401 invalid_access_key"),
        ({"binance_keys": ApiKeys(BINANCE_KEYS.access, "wrong")}, "-1022"),
        ({"binance_keys": ApiKeys("wrong", BINANCE_KEYS.secret)}, "-2015"),
    ],
)
async def test_keys_that_a_venue_does_not_take_are_told_and_never_shown(
    market: PlayMarket, keys: dict[str, ApiKeys], told: str
) -> None:
    problems = await problems_of(market.sandbox, **keys)

    assert any(told in problem for problem in problems), problems
    assert not any(key.secret in problem for problem in problems for key in (UPBIT, BINANCE))


async def test_a_private_stream_that_is_not_up_is_told(market: PlayMarket) -> None:
    async with connected(market.sandbox) as links:
        checks = BootChecks([stream_check(link) for link in links], CLOCK, lambda event: None)
        before = await checks.problems()
        await until(lambda: all(link.stream.is_up for link in links), 5, "both streams")

        assert before == ("upbit: the private stream is not up", "binance: the private stream is not up")
        assert await checks.problems() == ()


async def test_the_venue_tells_which_coins_can_be_moved(market: PlayMarket) -> None:
    market.knob("upbit", wallets={"XRP": "paused"})
    async with connected(market.sandbox) as (upbit, _):
        states = await upbit.wallets()

    assert (states["XRP"], states["BTC"]) == (frozenset({"paused"}), frozenset({"working"}))


async def test_checks_are_made_again_until_they_pass() -> None:
    answers = [["no"], ["still not"], []]
    told: list[Event] = []

    async def check() -> Sequence[str]:
        return answers.pop(0)

    await BootChecks([check], CLOCK, told.append, pauses_s=(0.0,)).run()

    assert [event.problems for event in told if isinstance(event, BootChecked)] == [("no",), ("still not",), ()]


async def test_a_check_that_is_not_done_yet_holds_back_and_is_no_failure() -> None:
    told: list[BootChecked] = []
    ways = ["looked at 1 of 2", "looked at 2 of 2"]
    clock = ManualClock()

    async def check() -> Sequence[str]:
        clock.advance(60)
        if ways:
            raise NotDoneYet(ways.pop(0))
        return ()

    def hear(event: Event) -> None:
        assert isinstance(event, BootChecked)
        told.append(event)

    await BootChecks([check], clock, hear, pauses_s=(0.0,)).run()

    assert [(event.problems, event.is_final) for event in told] == [
        (("looked at 1 of 2",), False),
        (("looked at 2 of 2",), False),
        ((), True),
    ]


async def test_once_the_daemon_stops_no_check_opens_the_gate_again() -> None:
    told: list[Event] = []

    async def check() -> Sequence[str]:
        return []

    checks = BootChecks([check], CLOCK, told.append)
    checks.end("stopping")
    with suppress(TimeoutError):
        await asyncio.wait_for(checks.run(), 1)

    assert [event.problems for event in told if isinstance(event, BootChecked)] == [("stopping",)]
