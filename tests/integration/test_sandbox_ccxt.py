"""ccxt as a stranger: it knows nothing of the sandbox but its addresses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro
import pytest

from arbitrage.sandbox.server import Sandbox, SandboxOptions, serve_sandbox


@asynccontextmanager
async def a_sandbox() -> AsyncIterator[Sandbox]:
    async with serve_sandbox(SandboxOptions(port=0, speed=10)) as sandbox:
        yield sandbox


@asynccontextmanager
async def upbit_at(sandbox: Sandbox) -> AsyncIterator[Any]:
    exchange = ccxt.pro.upbit({"enableRateLimit": False})
    exchange.urls["api"] = {
        "public": sandbox.upbit_rest_url,
        "private": sandbox.upbit_rest_url,
        "ws": sandbox.upbit_ws_url,
    }
    try:
        yield exchange
    finally:
        await exchange.close()


@asynccontextmanager
async def binance_at(sandbox: Sandbox) -> AsyncIterator[Any]:
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    exchange = ccxt.pro.binance({"enableRateLimit": False, "options": options})
    exchange.urls["api"]["public"] = f"{sandbox.binance_rest_url}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"{sandbox.binance_ws_url}/stream/ws"
    try:
        yield exchange
    finally:
        await exchange.close()


async def test_ccxt_trusts_upbits_rest() -> None:
    async with a_sandbox() as sandbox, upbit_at(sandbox) as upbit:
        markets = await upbit.load_markets()
        book = await upbit.fetch_order_book("BTC/KRW")
        ticker = await upbit.fetch_ticker("USDT/KRW")
        trades = await upbit.fetch_trades("ETH/KRW", limit=1)

    assert {"BTC/KRW", "ETH/KRW", "XRP/KRW", "SOL/KRW", "USDT/KRW"} <= markets.keys()
    assert 0 < book["bids"][0][0] < book["asks"][0][0]
    assert 1_300 < ticker["last"] < 1_500
    assert trades[0]["side"] in ("buy", "sell")


async def test_ccxt_trusts_binances_rest() -> None:
    async with a_sandbox() as sandbox, binance_at(sandbox) as binance:
        markets = await binance.load_markets()
        book = await binance.fetch_order_book("BTC/USDT")
        ticker = await binance.fetch_ticker("ETH/USDT")
        bids_asks = await binance.fetch_bids_asks(["XRP/USDT"])
        time_ms = await binance.fetch_time()

    assert (markets["BTC/USDT"]["precision"]["amount"], markets["BTC/USDT"]["precision"]["price"]) == (1e-05, 0.01)
    assert markets["BTC/USDT"]["limits"]["cost"]["min"] == 5
    assert 0 < book["bids"][0][0] < book["asks"][0][0]
    assert ticker["last"] > 0
    assert bids_asks["XRP/USDT"]["bid"] < bids_asks["XRP/USDT"]["ask"]
    assert time_ms > 0


async def test_ccxt_knows_both_venues_refusals() -> None:
    async with a_sandbox() as sandbox, upbit_at(sandbox) as upbit, binance_at(sandbox) as binance:
        with pytest.raises(ccxt.ExchangeError, match="Code not found"):
            await upbit.public_get_orderbook({"markets": "KRW-NOPE"})
        with pytest.raises(ccxt.BadSymbol, match="Invalid symbol"):
            await binance.public_get_depth({"symbol": "NOPEUSDT"})


async def test_ccxt_watches_a_book_of_each_venue() -> None:
    async with a_sandbox() as sandbox, upbit_at(sandbox) as upbit, binance_at(sandbox) as binance:
        for exchange, symbol in ((upbit, "BTC/KRW"), (binance, "BTC/USDT")):
            books = [await exchange.watch_order_book(symbol) for _ in range(5)]
            best = [(book["bids"][0][0], book["asks"][0][0]) for book in books]

            assert all(0 < bid < ask for bid, ask in best)
