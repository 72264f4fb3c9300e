"""ccxt as a stranger with a key: it trades on the sandbox's Upbit and takes its refusals for what they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest

from arbitrage.domain.instruments import Side
from arbitrage.sandbox.keys import UPBIT_KEYS
from arbitrage.sandbox.options import Manners
from tests.upbit_venue import UpbitVenue, a_lively_upbit, an_upbit, until

PATIENCE_S = 5.0
MARKETS = [{"market": code} for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-USDT")]
FAR = 10_000_000
"""A price at which nothing is sold."""


@asynccontextmanager
async def ccxt_at(venue: UpbitVenue, **changes: str) -> AsyncIterator[Any]:
    """A client that knows nothing of the sandbox but its addresses."""
    exchange = ccxt.pro.upbit(
        {"apiKey": UPBIT_KEYS.access, "secret": UPBIT_KEYS.secret, "enableRateLimit": False, **changes}
    )
    exchange.urls["api"] = {"public": venue.rest_url, "private": venue.rest_url, "ws": venue.ws_url}
    exchange.set_markets(exchange.parse_markets(MARKETS))
    try:
        yield exchange
    finally:
        await exchange.close()


async def test_ccxt_creates_finds_lists_and_cancels() -> None:
    async with a_lively_upbit() as venue, ccxt_at(venue) as upbit:
        created = await upbit.create_order("BTC/KRW", "limit", "buy", 0.0005, FAR, {"clientOrderId": "mine-1"})
        found = await upbit.fetch_order(created["id"])
        by_client = upbit.parse_order(await upbit.private_get_order({"identifier": "mine-1"}))
        (listed,) = await upbit.fetch_open_orders("BTC/KRW")
        cancelled = await upbit.cancel_order(created["id"])
        gone = await until(lambda: upbit.fetch_canceled_orders("BTC/KRW"), bool)

    assert (created["status"], created["clientOrderId"], created["remaining"]) == ("open", "mine-1", 0.0005)
    assert found["id"] == by_client["id"] == listed["id"] == cancelled["id"] == gone[0]["id"]
    assert (cancelled["status"], gone[0]["status"]) == ("open", "canceled")


async def test_ccxt_buys_by_cost_and_sells_by_quantity() -> None:
    async with a_lively_upbit() as venue, ccxt_at(venue) as upbit:
        bought = await upbit.create_order("BTC/KRW", "market", "buy", None, None, {"cost": 100_000})
        filled = await until(lambda: upbit.fetch_order(bought["id"]), lambda order: order["status"] != "open")
        sold = await upbit.create_order("BTC/KRW", "market", "sell", 0.001)
        closed = await until(lambda: upbit.fetch_closed_orders("BTC/KRW"), bool)

    assert (filled["status"], filled["type"]) == ("canceled", "market")
    assert 0 < filled["filled"] < 0.01
    assert 99_000 < filled["cost"] < 100_000
    assert filled["fee"]["currency"] == "KRW"
    assert (closed[0]["id"], closed[0]["status"], closed[0]["filled"]) == (sold["id"], "closed", 0.001)


@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
async def test_ccxt_takes_at_once_or_not(time_in_force: str) -> None:
    async with a_lively_upbit() as venue, ccxt_at(venue) as upbit:
        ask = float(venue.touch(Side.SELL))
        order = await upbit.create_order("BTC/KRW", "limit", "buy", 0.001, ask, {"timeInForce": time_in_force})
        missed = await upbit.create_order("BTC/KRW", "limit", "buy", 0.001, FAR, {"timeInForce": time_in_force})
        filled = await until(lambda: upbit.fetch_order(order["id"]), lambda order: order["status"] != "open")
        ended = await until(lambda: upbit.fetch_order(missed["id"]), lambda order: order["status"] != "open")

    assert (filled["status"], filled["filled"]) == ("closed", 0.001)
    assert (ended["status"], ended["filled"]) == ("canceled", 0)


async def test_ccxt_reads_balances_fees_and_tries_an_order() -> None:
    async with an_upbit() as venue, ccxt_at(venue) as upbit:
        tried = await upbit.create_order("BTC/KRW", "limit", "buy", 0.0005, FAR, {"test": True})
        await upbit.create_order("BTC/KRW", "limit", "buy", 0.0005, FAR)
        balance = await upbit.fetch_balance()
        fee = await upbit.fetch_trading_fee("BTC/KRW")
        everything = await upbit.private_delete_orders_open({"cancel_side": "all", "pairs": "KRW-BTC", "count": 300})

    assert tried["status"] == "open"
    assert balance["KRW"] == {"free": 99_994_997.5, "used": 5_002.5, "total": 100_000_000.0}
    assert balance["BTC"]["free"] == 2
    assert fee["taker"] == 0.0005
    assert everything["success"]["count"] == 1


async def test_ccxt_watches_orders_trades_and_balances_on_one_socket() -> None:
    async with a_lively_upbit() as venue, ccxt_at(venue) as upbit:
        watching = [
            asyncio.create_task(watch()) for watch in (upbit.watch_orders, upbit.watch_my_trades, upbit.watch_balance)
        ]
        await until(_heard(venue), lambda channels: channels >= {"myOrder", "myAsset"})
        created = await upbit.create_order("BTC/KRW", "limit", "buy", 0.001, float(venue.touch(Side.SELL)))
        orders, trades, balance = await asyncio.wait_for(asyncio.gather(*watching), PATIENCE_S)
        while orders[-1]["status"] != "closed":
            orders = await asyncio.wait_for(upbit.watch_orders(), PATIENCE_S)

    assert trades[0]["order"] == orders[-1]["id"] == created["id"]
    assert (trades[0]["amount"], orders[-1]["filled"]) == (0.001, 0.001)
    assert balance["KRW"]["total"] <= 100_000_000


def _heard(venue: UpbitVenue) -> Any:
    async def look() -> set[str]:
        return {channel.type for channel in venue.private.sockets.channels}

    return look


Ask = dict[str, Any]

# (what is wrong, knobs, what is asked, the class that protocol notes list for the venue's answer, its name there)
ERRORS: list[tuple[str, dict[str, Any], Ask, type[Exception], str]] = [
    ("no funds", {}, {"price": "90000000", "volume": "2"}, ccxt.InsufficientFunds, "insufficient_funds_bid"),
    ("no coins", {}, {"side": "ask", "volume": "3"}, ccxt.InsufficientFunds, "insufficient_funds_ask"),
    ("too little", {}, {"volume": "0.0004"}, ccxt.ExchangeError, "under_min_total_bid"),
    ("too little to sell", {}, {"side": "ask", "volume": "0.0004"}, ccxt.ExchangeError, "under_min_total_ask"),
    ("off the tick", {}, {"price": "10000001"}, ccxt.ExchangeError, "invalid_price_bid"),
    ("off the tick to sell", {}, {"side": "ask", "price": "10000001"}, ccxt.ExchangeError, "invalid_price_ask"),
    ("too much", {}, {"volume": "101"}, ccxt.ExchangeError, "over_krw_funds_bid"),
    ("too much to sell", {}, {"side": "ask", "volume": "101"}, ccxt.ExchangeError, "over_krw_funds_ask"),
    ("not encoded", {}, {"path": "closed"}, ccxt.ExchangeError, "invalid_parameter"),
    ("no side", {}, {"side": None}, ccxt.ExchangeError, "validation_error"),
    ("time in force", {}, {"time_in_force": "gtd"}, ccxt.ExchangeError, "invalid_time_in_force"),
    ("post only", {}, {"time_in_force": "post_only", "price": "200000000"}, ccxt.ExchangeError, "invalid_post_only"),
    ("off the lot", {}, {"volume": "0.000500001"}, ccxt.ExchangeError, "invalid_volume_bid"),
    ("market at a price", {}, {"ord_type": "market", "side": "ask"}, ccxt.ExchangeError, "create_ask_error"),
    ("no such market", {}, {"market": "KRW-BTCs"}, ccxt.ExchangeError, "notfoundmarket"),
    ("identifier", {}, {"identifier": "used"}, ccxt.ExchangeError, "duplicated_identifier"),
    ("an old key", {"key_expires_in_s": 0.0}, {}, ccxt.ExchangeError, "expired_access_key"),
    ("an address", {"allowed_ips": {"10.0.0.1"}}, {}, ccxt.ExchangeError, "no_authorization_ip"),
    ("a wrong secret", {}, {"secret": "guessed"}, ccxt.AuthenticationError, "jwt_verification"),
    ("a wrong key", {}, {"apiKey": "guessed"}, ccxt.AuthenticationError, "invalid_access_key"),
    ("not allowed", {"permissions": {"view_orders"}}, {}, ccxt.PermissionDenied, "out_of_scope"),
    ("maintenance", {"maintenance": True}, {}, ccxt.ExchangeError, "market_offline"),
    ("unknown order", {}, {"path": "order"}, ccxt.OrderNotFound, "order_not_found"),
    ("a nonce twice", {}, {"nonce": "twice"}, ccxt.ExchangeError, "nonce_used"),
    ("other parameters", {}, {"hash": "other"}, ccxt.ExchangeError, "invalid_query_payload"),
    ("no token", {}, {"token": "none"}, ccxt.ExchangeError, "no_authorization_token"),
]


@pytest.mark.parametrize(("case", "knobs", "asked", "kind", "name"), ERRORS, ids=[row[0] for row in ERRORS])
async def test_ccxt_takes_each_refusal_for_what_it_is(
    case: str, knobs: dict[str, Any], asked: Ask, kind: type[Exception], name: str
) -> None:
    keys = {key: asked[key] for key in ("secret", "apiKey") if key in asked}
    async with an_upbit(**knobs) as venue, ccxt_at(venue, **keys) as upbit:
        with pytest.raises(kind, match=f'"name":"{name}"') as caught:
            await provoke(upbit, asked)

    # exactly that class: a subclass would be told apart by clients
    assert type(caught.value) is kind


async def provoke(upbit: Any, asked: Ask) -> None:
    """Ask twice, because some refusals are of the second."""
    match asked:
        case {"path": "order"}:
            await upbit.fetch_order("unknown")
        case {"path": "closed"}:
            sign = upbit.sign
            upbit.sign = lambda *a: {**sign(*a), "url": sign(*a)["url"].replace("%3A", ":")}
            await upbit.private_get_orders_closed({"end_time": "2026-11-22T12:00:00+09:00"})
        case {"nonce": nonce}:
            upbit.uuid = lambda: nonce
        case {"hash": _}:
            upbit.hash = lambda *_: "0" * 128
        case {"token": _}:
            sign = upbit.sign
            upbit.sign = lambda *a: {**sign(*a), "headers": {"Content-Type": "application/json"}}
    order = {"market": "KRW-BTC", "side": "bid", "volume": "0.0005", "price": str(FAR), "ord_type": "limit"}
    fields = {key: value for key, value in {**order, **asked}.items() if key in (*order, "identifier", "time_in_force")}
    for _ in range(2):
        await upbit.private_post_orders({key: value for key, value in fields.items() if value is not None})


async def test_ccxt_takes_too_many_requests_for_an_exchange_error_because_the_answer_is_json() -> None:
    async with an_upbit(manners=Manners()) as venue, ccxt_at(venue) as upbit:
        await upbit.private_delete_orders_open()
        with pytest.raises(ccxt.ExchangeError, match="too_many_requests") as caught:
            await upbit.private_delete_orders_open()

    assert type(caught.value) is ccxt.ExchangeError


async def test_ccxt_sees_a_partial_fill_as_cancelled() -> None:
    async with a_lively_upbit(fill_share=Decimal("0.5")) as venue, ccxt_at(venue) as upbit:
        ask, there = float(venue.touch(Side.SELL)), float(venue.there())
        order = await upbit.create_order("BTC/KRW", "limit", "buy", there, ask, {"timeInForce": "IOC"})
        ended = await until(lambda: upbit.fetch_order(order["id"]), lambda order: order["status"] != "open")

    assert ended["status"] == "canceled"
    assert 0 < ended["filled"] < there
    assert ended["remaining"] > 0
