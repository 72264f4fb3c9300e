"""ccxt as a stranger with a key: it trades at the sandbox's Binance, and gets the exception class for each refusal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest

from arbitrage.clock import SystemClock
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.options import Manners
from tests.binance_venue import PATIENCE_S, BinanceVenue, a_binance

BTC = "BTC/USDT"


@asynccontextmanager
async def ccxt_at(venue: BinanceVenue, **config: Any) -> AsyncIterator[Any]:
    """Give ccxt the addresses and nothing else."""
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    keys = {"apiKey": BINANCE_KEYS.access, "secret": BINANCE_KEYS.secret}
    exchange = ccxt.pro.binance({"enableRateLimit": False, "options": options, **keys, **config})
    # it would wait a quarter of a second for TLS to end, of which there is none
    exchange.timeout_on_exit = 0
    exchange.urls["api"] |= {
        "public": f"{venue.url}/api/v3",
        "private": f"{venue.url}/api/v3",
        "sapi": f"{venue.url}/sapi/v1",
    }
    exchange.urls["api"]["ws"]["ws-api"]["spot"] = venue.ws_url
    try:
        yield exchange
    finally:
        await exchange.close()


@asynccontextmanager
async def trading(
    knobs: Knobs | None = None, manners: Manners | None = None, **config: Any
) -> AsyncIterator[tuple[Any, BinanceVenue]]:
    async with a_binance(SystemClock(), knobs, manners) as venue, ccxt_at(venue, **config) as exchange:
        yield exchange, venue


async def test_an_order_is_placed_found_and_cancelled() -> None:
    async with trading() as (exchange, _):
        placed = await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000, {"newClientOrderId": "mine-1"})
        found = await exchange.fetch_order(None, BTC, {"clientOrderId": "mine-1"})
        listed = await exchange.fetch_open_orders(BTC)
        canceled = await exchange.cancel_order(placed["id"], BTC)
        history = await exchange.fetch_orders(BTC)

    assert (placed["status"], placed["clientOrderId"], placed["timeInForce"]) == ("open", "mine-1", "GTC")
    assert (found["id"], found["price"], found["amount"]) == (placed["id"], 50_000, 0.001)
    assert [order["id"] for order in listed] == [placed["id"]]
    assert (canceled["status"], canceled["filled"]) == ("canceled", 0)
    assert [order["status"] for order in history] == ["canceled"]


async def test_an_ioc_order_expires_with_what_it_got() -> None:
    async with trading() as (exchange, venue):
        order = await exchange.create_order(BTC, "limit", "buy", 1, float(venue.ask()), {"timeInForce": "IOC"})
        trades = await exchange.fetch_my_trades(BTC)
        balance = await exchange.fetch_balance()

    assert (order["status"], order["filled"] + order["remaining"]) == ("expired", 1)
    assert 0 < order["filled"] < 1
    assert (trades[0]["amount"], trades[0]["takerOrMaker"]) == (order["filled"], "taker")
    # what is received is what pays
    assert trades[0]["fee"] == {"currency": "BTC", "cost": pytest.approx(order["filled"] / 1_000, abs=1e-8)}
    assert balance["BTC"]["free"] == pytest.approx(2 + order["filled"] * 0.999, abs=1e-8)


async def test_market_orders_maker_orders_and_tests() -> None:
    async with trading() as (exchange, _):
        by_quote = await exchange.create_order(BTC, "market", "buy", 0, None, {"cost": 100})
        sold = await exchange.create_order(BTC, "market", "sell", 0.001)
        maker = await exchange.create_order(BTC, "limit", "sell", 0.001, 90_000, {"postOnly": True})
        tested = await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000, {"test": True})
        cleared = await exchange.cancel_all_orders(BTC)

    assert (by_quote["status"], sold["status"]) == ("closed", "closed")
    assert by_quote["cost"] == pytest.approx(100, abs=1)
    assert (maker["type"], maker["postOnly"]) == ("limit", True)
    assert tested["id"] is None
    assert [order["id"] for order in cleared] == [maker["id"]]


async def test_the_keys_rights_and_the_rates_are_read() -> None:
    async with trading() as (exchange, _):
        rights = await exchange.sapi_get_account_apirestrictions()
        commission = await exchange.private_get_account_commission({"symbol": "BTCUSDT"})
        counts = await exchange.private_get_ratelimit_order()
        status = await exchange.fetch_status()

    assert (rights["enableSpotAndMarginTrading"], rights["enableWithdrawals"]) == (True, False)
    assert commission["standardCommission"]["taker"] == "0.00100000"
    assert len(counts) == 2
    assert status["status"] == "ok"


async def test_orders_and_balances_are_watched() -> None:
    async with trading() as (exchange, venue), asyncio.timeout(PATIENCE_S):
        await exchange.load_markets()
        await exchange.authenticate()
        orders = asyncio.create_task(exchange.watch_orders(BTC))
        balances = asyncio.create_task(exchange.watch_balance())
        trades = asyncio.create_task(exchange.watch_my_trades(BTC))
        placed = await exchange.create_order_ws(
            BTC, "limit", "buy", 1, float(venue.ask()), {"timeInForce": "IOC", "newClientOrderId": "seen"}
        )
        seen = [(order["clientOrderId"], order["status"]) for order in await orders]
        while seen[-1][1] == "open":
            seen += [(order["clientOrderId"], order["status"]) for order in await exchange.watch_orders(BTC)]
        balance, (trade, *_) = await balances, await trades

    assert placed["status"] == "expired"
    assert seen[-1] == ("seen", "expired")
    assert balance["BTC"]["free"] == pytest.approx(2 + placed["filled"] * 0.999, abs=1e-8)
    assert (trade["order"], trade["amount"]) == (placed["id"], placed["filled"])


async def test_orders_go_their_way_over_the_websocket_api() -> None:
    async with trading() as (exchange, _), asyncio.timeout(PATIENCE_S):
        placed = await exchange.create_order_ws(BTC, "limit", "buy", 0.001, 50_000)
        found = await exchange.fetch_order_ws(placed["id"], BTC)
        listed = await exchange.fetch_open_orders_ws(BTC)
        canceled = await exchange.cancel_order_ws(placed["id"], BTC)
        balance = await exchange.fetch_balance_ws()

    assert (found["id"], [order["id"] for order in listed]) == (placed["id"], [placed["id"]])
    assert canceled["status"] == "canceled"
    # it reads spot balances as if they were those of futures, and finds none; the reply has them
    assert [row["asset"] for row in balance["info"]["balances"] if float(row["free"])] == ["BTC", "USDT"]


# --- refusals: one row an error, as ccxt maps it with or without the venue's own addresses

Attempt = Callable[[Any, BinanceVenue], Awaitable[Any]]


def placing(**params: Any) -> Attempt:
    """Place an order without ccxt's own checks before it."""
    usual = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    wanted = {name: value for name, value in (usual | {"price": "50000"} | params).items() if value is not None}

    async def attempt(exchange: Any, _: BinanceVenue) -> None:
        await exchange.private_post_order(wanted)

    return attempt


async def twice_with_one_id(exchange: Any, _: BinanceVenue) -> None:
    for _attempt in range(2):
        await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000, {"newClientOrderId": "same"})


async def into_a_halted_market(exchange: Any, venue: BinanceVenue) -> None:
    venue.floor.knobs.halted["BTCUSDT"] = "BREAK"
    await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000)


async def during_maintenance(exchange: Any, venue: BinanceVenue) -> None:
    venue.floor.knobs.maintenance = True
    await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000)


async def with_a_maker_that_would_take(exchange: Any, _: BinanceVenue) -> None:
    await exchange.create_order(BTC, "limit", "buy", 0.001, 86_000, {"postOnly": True})


async def with_a_clock_behind(exchange: Any, venue: BinanceVenue) -> None:
    venue.floor.knobs.clock_ahead_ms = 60_000
    await exchange.fetch_balance()


async def with_a_clock_ahead(exchange: Any, venue: BinanceVenue) -> None:
    venue.floor.knobs.clock_ahead_ms = -60_000
    await exchange.fetch_balance()


async def with_a_wrong_secret(exchange: Any, _: BinanceVenue) -> None:
    exchange.secret = "wrong"
    await exchange.fetch_balance()


async def with_a_key_that_is_none(exchange: Any, _: BinanceVenue) -> None:
    exchange.apiKey = "no key!"
    await exchange.fetch_balance()


async def from_elsewhere(exchange: Any, venue: BinanceVenue) -> None:
    venue.floor.knobs.allowed_ips = {"10.0.0.1"}
    await exchange.fetch_balance()


async def from_elsewhere_after_a_success(exchange: Any, venue: BinanceVenue) -> None:
    await exchange.fetch_balance()
    await from_elsewhere(exchange, venue)


async def cancelling_what_is_over(exchange: Any, _: BinanceVenue) -> None:
    order = await exchange.create_order(BTC, "limit", "buy", 0.001, 50_000)
    for _attempt in range(2):
        await exchange.cancel_order(order["id"], BTC)


async def asking_for_nobodys_order(exchange: Any, _: BinanceVenue) -> None:
    await exchange.fetch_order("999", BTC)


async def asking_too_often(exchange: Any, _: BinanceVenue) -> None:
    # a minute may end in between
    for _attempt in range(151):
        await exchange.private_get_openorders()


async def asking_on_and_on(exchange: Any, _: BinanceVenue) -> None:
    for _attempt in range(170):
        try:
            await exchange.private_get_openorders()
        except ccxt.DDoSProtection as e:
            if "418" in str(e):
                raise


async def ordering_too_often(exchange: Any, _: BinanceVenue) -> None:
    # windows of ten seconds: a hundred orders may be the rest of one and the start of the next
    for _attempt in range(201):
        await exchange.private_post_order(
            {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC"}
            | {"quantity": "0.001", "price": "50000"}
        )


@pytest.mark.parametrize(
    ("code", "text", "exception", "attempt"),
    [
        (-1013, "Filter failure: PRICE_FILTER", ccxt.InvalidOrder, placing(price="50000.001")),
        (-1013, "Filter failure: LOT_SIZE", ccxt.InvalidOrder, placing(quantity="0.000015")),
        (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", ccxt.InvalidOrder, placing(price="500")),
        (-1013, "Filter failure: NOTIONAL", ccxt.BadRequest, placing(quantity="0.00009")),
        (-1021, "outside of the recvWindow", ccxt.InvalidNonce, with_a_clock_behind),
        (-1021, "1000ms ahead", ccxt.InvalidNonce, with_a_clock_ahead),
        (-1022, "Signature for this request is not valid.", ccxt.AuthenticationError, with_a_wrong_secret),
        (-1100, "Illegal characters", ccxt.BadRequest, placing(price="high")),
        (-1102, "Mandatory parameter 'side'", ccxt.BadRequest, placing(side=None)),
        (-1104, "Not all sent parameters were read", ccxt.BadRequest, placing(colour="red")),
        (-1106, "Parameter 'price' sent", ccxt.BadRequest, placing(type="MARKET", timeInForce=None)),
        (-1111, "too much precision", ccxt.BadRequest, placing(quantity="0.001000001")),
        (-1121, "Invalid symbol.", ccxt.BadSymbol, placing(symbol="NOPEUSDT")),
        (-2010, "insufficient balance", ccxt.InsufficientFunds, placing(quantity="2.1")),
        (-2010, "Duplicate order sent.", ccxt.InvalidOrder, twice_with_one_id),
        (-2010, "Order would immediately match", ccxt.OrderImmediatelyFillable, with_a_maker_that_would_take),
        (-2010, "Market is closed.", ccxt.MarketClosed, into_a_halted_market),
        (-2011, "Unknown order sent.", ccxt.OrderNotFound, cancelling_what_is_over),
        (-2013, "Order does not exist.", ccxt.OrderNotFound, asking_for_nobodys_order),
        (-2014, "API-key format invalid.", ccxt.AuthenticationError, with_a_key_that_is_none),
        (-2015, "Invalid API-key, IP", ccxt.AuthenticationError, from_elsewhere),
        (-2015, "Invalid API-key, IP", ccxt.DDoSProtection, from_elsewhere_after_a_success),
        (-1003, "429", ccxt.DDoSProtection, asking_too_often),
        (-1003, "418", ccxt.DDoSProtection, asking_on_and_on),
        (-1015, "Too many new orders", ccxt.DDoSProtection, ordering_too_often),
        (1, "System is under maintenance.", ccxt.OnMaintenance, during_maintenance),
    ],
)
async def test_a_refusal_is_the_exception_that_ccxt_promises(
    code: int, text: str, exception: type[Exception], attempt: Attempt
) -> None:
    async with trading() as (exchange, venue):
        with pytest.raises(exception) as raised:
            await attempt(exchange, venue)

    assert type(raised.value) is exception
    assert text in str(raised.value)


async def test_refusals_over_the_websocket_api_are_the_same_exceptions() -> None:
    async with trading() as (exchange, _), asyncio.timeout(PATIENCE_S):
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order_ws(BTC, "limit", "buy", 3, 50_000)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order_ws("999", BTC)


async def test_nothing_is_lost_while_ccxt_trades() -> None:
    async with trading() as (exchange, venue):
        for side in ("buy", "sell"):
            await exchange.create_order(BTC, "market", side, 0.01)
        totals = (await exchange.fetch_balance())["total"]

        assert venue.floor.core.account.discrepancy() == {}
        assert Decimal(str(totals["BTC"])) == venue.floor.core.account.balance("BTC").total
