"""What a Binance account says of itself, from a server that says what a test wants it to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.exchange.binance_account import BinanceAccount
from arbitrage.exchange.binance_limits import ALLOWANCES, WANTED_HEADERS, WEIGHT
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineHooks, OrderLines
from tests.clocks import NOON, ManualClock
from tests.unit.exchange.binance_orders_desk import KEYS
from tests.venue_fakes import FakeRest, eventually

HOUR_MS = 3_600_000
NOON_MS = NOON // NS_PER_MS
RIGHTS = {
    "ipRestrict": True,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
}
RATES = {"maker": "0.001", "taker": "0.001", "buyer": "0.0001", "seller": "0.0003"}
NO_RATES = {name: "0" for name in RATES}


def a_row(order_id: int, at_ms: int, **changes: Any) -> dict[str, Any]:
    """An order in a list; by default one that somebody gave by hand and that is over."""
    usual = {"symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": f"web_{order_id}", "side": "SELL"}
    usual |= {"origQty": "0.01", "executedQty": "0.01", "cummulativeQuoteQty": "650", "status": "FILLED"}
    return {**usual, "time": at_ms, **changes}


@asynccontextmanager
async def an_account(rest: FakeRest) -> AsyncIterator[tuple[BinanceAccount, BinanceRequests, Limiter]]:
    clock, limiter = ManualClock(), Limiter(ALLOWANCES)
    async with rest:
        lines = OrderLines("binance", rest.url, clock, Random(1), LineHooks(wanted=WANTED_HEADERS))
        requests = BinanceRequests(lines.address, KEYS, clock)
        running = asyncio.create_task(lines.run())
        try:
            await eventually(lambda: lines.idle > 1)
            yield BinanceAccount(lines, requests, limiter, clock), requests, limiter
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def answering(path: str, body: object, status: int = 200) -> FakeRest:
    rest = FakeRest()
    rest.answers[path] = (status, body if isinstance(body, bytes) else json.dumps(body).encode())
    return rest


async def test_a_long_list_of_orders_is_read_window_by_window_and_page_by_page() -> None:
    # 2,300 within two hours of a day, five of each millisecond, and some on either side
    crowd = [a_row(n, NOON_MS - 30 * HOUR_MS + n // 5) for n in range(2_300)]
    rows = [a_row(-1, NOON_MS - 50 * HOUR_MS), *crowd, a_row(9_000, NOON_MS - HOUR_MS), a_row(9_001, NOON_MS)]

    def list_orders(query: dict[str, str]) -> tuple[int, bytes]:
        if "startTime" not in query:
            return 200, json.dumps(rows[-int(query["limit"]) :]).encode()
        start_ms, end_ms = int(query["startTime"]), int(query["endTime"])
        assert end_ms - start_ms <= 24 * HOUR_MS
        found = [row for row in rows if start_ms <= row["time"] <= end_ms]
        return 200, json.dumps(found[: int(query["limit"])]).encode()

    rest = FakeRest()
    rest.answers["/api/v3/allOrders"] = list_orders
    async with an_account(rest) as (account, _, _):
        listed = await account.orders_since("BTCUSDT", Instant(NOON - 48 * 3_600 * NS_PER_S))

    assert [int(order.order_id) for order in listed] == [*range(2_300), 9_000, 9_001]
    assert len(rest.asked) == 1 + 4


@pytest.mark.parametrize(
    ("ages_h", "found"), [((72, 48.001, 48, 1), ["2", "3"]), ((30, 2), ["0", "1"]), ((72,), []), ((), [])]
)
async def test_two_days_of_a_market_with_few_orders_are_one_question(ages_h: tuple[float], found: list[str]) -> None:
    page = [a_row(number, NOON_MS - round(hours * HOUR_MS)) for number, hours in enumerate(ages_h)]
    async with an_account(answering("/api/v3/allOrders", page)) as (account, _, limiter):
        listed = await account.orders_since("BTCUSDT", Instant(NOON - 48 * 3_600 * NS_PER_S))

    assert [order.order_id for order in listed] == found
    assert limiter.left(WEIGHT, NOON) == 6_000 - 20


async def test_a_full_page_is_all_there_is_if_it_reaches_back_far_enough() -> None:
    page = [a_row(number, NOON_MS - 49 * HOUR_MS + number * 36_000) for number in range(1_000)]
    rest = answering("/api/v3/allOrders", page)
    async with an_account(rest) as (account, _, _):
        listed = await account.orders_since("BTCUSDT", Instant(NOON - 48 * 3_600 * NS_PER_S))

    assert [int(order.order_id) for order in listed] == list(range(100, 1_000))
    assert len(rest.asked) == 1


async def test_a_list_without_end_is_not_believed() -> None:
    page = [a_row(n, NOON_MS - HOUR_MS) for n in range(1_000)]
    async with an_account(answering("/api/v3/allOrders", page)) as (account, _, _):
        with pytest.raises(VenueFailed, match="it has no end"):
            await account.orders_since("BTCUSDT", NOON)


@pytest.mark.parametrize("missing", sorted(RIGHTS))
async def test_a_right_that_is_not_mentioned_is_not_taken_for_a_no(missing: str) -> None:
    told = {name: value for name, value in RIGHTS.items() if name != missing}
    async with an_account(answering("/sapi/v1/account/apiRestrictions", told)) as (account, _, _):
        with pytest.raises(VenueFailed, match="cannot be believed"):
            await account.key_rights()


@pytest.mark.parametrize("transfer", ["enableInternalTransfer", "permitsUniversalTransfer"])
async def test_each_way_to_move_funds_is_a_transfer(transfer: str) -> None:
    told = {**RIGHTS, transfer: True, "tradingAuthorityExpirationTime": NOON_MS}
    async with an_account(answering("/sapi/v1/account/apiRestrictions", told)) as (account, _, _):
        rights = await account.key_rights()

    assert (rights.may_transfer, rights.may_withdraw, rights.is_address_bound) == (True, False, True)
    assert rights.expires_at == NOON


async def test_a_commission_is_the_worse_sides_sum_of_all_rates() -> None:
    told = {
        "symbol": "BTCUSDT",
        "standardCommission": RATES,
        "specialCommission": {**NO_RATES, "taker": "0.0002"},
        "taxCommission": NO_RATES,
        "discount": {"enabledForAccount": True, "enabledForSymbol": True, "discountAsset": "BNB"},
    }
    async with an_account(answering("/api/v3/account/commission", told)) as (account, _, _):
        commission = await account.commission("BTCUSDT")

    assert (str(commission.taker), commission.is_paid_in_bnb) == ("0.0015", True)


@pytest.mark.parametrize(
    ("case", "status", "body"),
    [
        ("not a number", 200, {"balances": [{"asset": "BTC", "free": "NaN", "locked": "0"}]}),
        ("below zero", 200, {"balances": [{"asset": "BTC", "free": "-1", "locked": "0"}]}),
        ("no balances", 200, {}),
        ("a page", 200, b"<html>"),
        ("nothing", 200, b""),
        ("a failure", 502, b"<html>"),
        ("moved", 302, b""),
        ("refused", 401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
    ],
)
async def test_balances_that_cannot_be_believed_are_one_line(case: str, status: int, body: object) -> None:
    rest = answering("/api/v3/account", body, status)
    async with an_account(rest) as (account, _, _):
        with pytest.raises(VenueFailed) as failed:
            await account.balances()

    assert "GET /api/v3/account answered" in str(failed.value), case
    assert "\n" not in str(failed.value)
    assert "signature" not in repr(failed.value)
    assert len(rest.asked) == 1  # no redirect is followed, and nothing is asked again


async def test_a_clock_that_shows_no_time_is_not_taken_over() -> None:
    async with an_account(answering("/api/v3/time", {"serverTime": -1})) as (account, requests, _):
        with pytest.raises(VenueFailed, match="not a time"):
            await account.measure_clock()

    assert requests.skew == 0


async def test_without_room_under_the_limit_nothing_is_asked() -> None:
    rest = answering("/api/v3/account", {"balances": []})
    async with an_account(rest) as (account, _, limiter):
        limiter.block(Instant(NOON + NS_PER_S))
        with pytest.raises(VenueFailed, match="no room under the venue's limit"):
            await account.balances()

    assert rest.asked == []
