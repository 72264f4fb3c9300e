"""The sandbox's REST as a client meets it, and its bodies beside recordings of the real venues."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import yaml

from arbitrage.sandbox.listing import COINS
from arbitrage.sandbox.server import Sandbox, SandboxOptions, serve_sandbox
from tests.clocks import ManualClock
from tests.recordings import recordings


@asynccontextmanager
async def a_sandbox(clock: ManualClock | None = None) -> AsyncIterator[tuple[Sandbox, aiohttp.ClientSession]]:
    options = SandboxOptions(port=0)
    async with (
        serve_sandbox(options, clock or ManualClock()) as sandbox,
        aiohttp.ClientSession(auto_decompress=True) as client,
    ):
        yield sandbox, client


async def ask(client: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, Any, Any]:
    async with client.get(url, headers=headers) as reply:
        text = await reply.text()
        is_json = reply.content_type == "application/json"
        return reply.status, json.loads(text) if is_json else text, reply.headers


def shape(value: object) -> object:
    """The keys and kinds of a JSON value, without its numbers: whole and broken numbers are one kind."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__
    return "number"


@pytest.mark.parametrize(
    ("recording", "path"),
    [
        ("get_orderbooks", "/v1/orderbook?markets=KRW-BTC"),
        ("get_orderbook_instruments", "/v1/orderbook/instruments?markets=KRW-BTC"),
        ("get_tickers", "/v1/ticker?markets=KRW-BTC"),
        ("get_tickers_by_quote", "/v1/ticker/all?quote_currencies=KRW"),
        ("get_trades", "/v1/trades/ticks?market=KRW-BTC"),
    ],
)
async def test_upbit_bodies_have_the_recorded_shape(recording: str, path: str) -> None:
    file = recordings() / "upbit" / "rest" / "quotation" / f"{recording}.yaml"
    recorded = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"][0]["response"]
    async with a_sandbox() as (sandbox, client):
        status, body, headers = await ask(client, sandbox.upbit_rest_url + path)
    group = recorded["headers"]["Remaining-Req"][0].partition(";")[0]

    assert status == recorded["status"]["code"]
    assert shape(body) == shape(json.loads(recorded["body"]["string"]))
    assert headers["Remaining-Req"].startswith(f"{group}; min=600; sec=")
    assert headers["Content-Type"] == recorded["headers"]["Content-Type"][0]


async def test_binance_symbols_have_the_recorded_shape_and_filters() -> None:
    recorded = _exchange_info(json.loads((recordings() / "binance/rest/exchange_info.json").read_text("utf-8")))
    real = next(symbol for symbol in recorded["symbols"] if symbol["symbol"] == "BTCUSDT")
    async with a_sandbox() as (sandbox, client):
        _, body, _ = await ask(client, f"{sandbox.binance_rest_url}/api/v3/exchangeInfo?symbol=BTCUSDT")
    (ours,) = body["symbols"]
    filters, real_filters = ({f["filterType"]: f for f in symbol["filters"]} for symbol in (ours, real))

    assert body.keys() == recorded.keys()
    assert shape(body["rateLimits"]) == shape(recorded["rateLimits"])
    assert shape({**ours, "filters": []}) == shape({**real, "filters": []})
    assert {name: shape(f) for name, f in filters.items()} == {name: shape(f) for name, f in real_filters.items()}
    assert filters["PRICE_FILTER"]["tickSize"] == real_filters["PRICE_FILTER"]["tickSize"]
    assert filters["LOT_SIZE"]["stepSize"] == real_filters["LOT_SIZE"]["stepSize"]


def _exchange_info(document: Any) -> Any:
    """Find the reply inside its recording."""
    if isinstance(document, dict) and "symbols" in document:
        return document
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return next((found for part in inner if (found := _exchange_info(part))), None)


async def test_binance_depth_has_the_recorded_shape() -> None:
    recorded = json.loads((recordings() / "binance" / "rest" / "depth.json").read_text("utf-8"))
    async with a_sandbox() as (sandbox, client):
        status, body, headers = await ask(client, f"{sandbox.binance_rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5")

    assert status == 200
    assert shape(body) == shape(recorded)
    assert len(body["bids"]) == len(body["asks"]) == 5
    assert headers["X-MBX-USED-WEIGHT-1M"] == "5"


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/v1/ticker", 400, 400),
        ("/v1/ticker/all", 400, 400),
        ("/v1/orderbook?markets=", 400, 400),
        ("/v1/orderbook?markets=KRW-BTC&count=x", 400, 400),
        ("/v1/trades/ticks", 400, 400),
        ("/v1/orderbook?markets=KRW-BTC,KRW-NOPE", 404, 404),
        ("/v1/ticker?markets=krw-btc", 404, 404),
        ("/v1/trades/ticks?market=KRW-NOPE", 404, 404),
        ("/v1/candles/days?market=KRW-BTC", 404, "not_found"),
        ("/nonsense", 404, "not_found"),
    ],
)
async def test_upbit_refuses_in_its_own_shape(path: str, status: int, name: int | str) -> None:
    async with a_sandbox() as (sandbox, client):
        seen, body, headers = await ask(client, sandbox.upbit_rest_url + path)

    assert (seen, body["error"]["name"]) == (status, name)
    assert ("Remaining-Req" in headers) == isinstance(name, int)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v3/depth", 400, -1102),
        ("/api/v3/depth?symbol=", 400, -1102),
        ("/api/v3/depth?symbol=btcusdt", 400, -1100),
        ("/api/v3/depth?symbol=NOPEUSDT", 400, -1121),
        ("/api/v3/depth?symbol=BTCUSDT&limit=many", 400, -1100),
        ("/api/v3/depth?symbol=BTCUSDT&limit=0", 400, -1130),
        ("/api/v3/ticker/bookTicker?symbols=BTCUSDT", 400, -1100),
        ('/api/v3/exchangeInfo?symbols=["BTCUSDT","NOPEUSDT"]', 400, -1121),
        ('/api/v3/exchangeInfo?symbol=BTCUSDT&symbols=["BTCUSDT"]', 400, -1128),
    ],
)
async def test_binance_refuses_in_its_own_shape(path: str, status: int, code: int) -> None:
    async with a_sandbox() as (sandbox, client):
        seen, body, _ = await ask(client, sandbox.binance_rest_url + path)

    assert (seen, body["code"]) == (status, code)
    assert isinstance(body["msg"], str)


async def test_an_unknown_binance_path_is_a_page() -> None:
    async with a_sandbox() as (sandbox, client):
        status, body, headers = await ask(client, f"{sandbox.binance_rest_url}/api/v3/nonsense")

    assert (status, headers["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert "404 Not found" in body


async def test_upbit_counts_each_group_and_then_blocks() -> None:
    clock = ManualClock()
    async with a_sandbox(clock) as (sandbox, client):
        tickers = f"{sandbox.upbit_rest_url}/v1/ticker?markets=KRW-BTC"
        first = [(await ask(client, tickers))[0] for _ in range(11)]
        other_group, _, headers = await ask(client, f"{sandbox.upbit_rest_url}/v1/market/all")
        insisting = [(await ask(client, tickers))[0] for _ in range(11)]
        clock.advance(5)
        later, _, _ = await ask(client, tickers)

    assert first == [200] * 10 + [429]
    assert (other_group, headers["Remaining-Req"]) == (200, "group=market; min=600; sec=9")
    assert insisting[-1] == 418
    assert later == 200


async def test_upbit_hardly_serves_who_sends_an_origin() -> None:
    clock = ManualClock()
    async with a_sandbox(clock) as (sandbox, client):
        url = f"{sandbox.upbit_rest_url}/v1/market/all"
        first, _, headers = await ask(client, url, Origin="http://localhost")
        second, _, _ = await ask(client, url, Origin="http://localhost")
        clock.advance(10)
        third, _, _ = await ask(client, url, Origin="http://localhost")

    assert (first, second, third) == (200, 429, 200)
    assert headers["Remaining-Req"] == "group=origin; min=6; sec=0"


async def test_binance_counts_weight_and_says_when_to_come_back() -> None:
    clock = ManualClock()
    async with a_sandbox(clock) as (sandbox, client):
        url = f"{sandbox.binance_rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000"
        used = [(await ask(client, url))[2]["X-MBX-USED-WEIGHT-1M"] for _ in range(24)]
        refused, body, headers = await ask(client, url)
        clock.advance(float(headers["Retry-After"]))
        later, _, _ = await ask(client, url)

    assert used[:2] == ["250", "500"]
    assert (refused, body["code"], later) == (429, -1003, 200)


async def test_upbit_compresses_when_asked_and_serves_without_a_prefix() -> None:
    async with (
        serve_sandbox(SandboxOptions(port=0), ManualClock()) as sandbox,
        aiohttp.ClientSession(auto_decompress=False) as client,
    ):
        url = f"http://{sandbox.host}:{sandbox.port}/v1/market/all"
        _, _, headers = await ask_raw(client, url, "gzip")
        _, plain_body, plain_headers = await ask_raw(client, url, "identity")

    assert headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain_headers
    assert {market["market"] for market in json.loads(plain_body)} >= {"KRW-BTC", "KRW-USDT"}


async def ask_raw(client: aiohttp.ClientSession, url: str, encoding: str) -> tuple[int, bytes, Any]:
    async with client.get(url, headers={"Accept-Encoding": encoding}) as reply:
        return reply.status, await reply.read(), reply.headers


async def test_both_venues_quote_the_same_markets() -> None:
    async with a_sandbox() as (sandbox, client):
        _, tickers, _ = await ask(client, f"{sandbox.binance_rest_url}/api/v3/ticker/bookTicker")
        _, one, _ = await ask(client, f"{sandbox.binance_rest_url}/api/v3/ticker/24hr?symbol=ETHUSDT")
        _, prices, _ = await ask(client, f'{sandbox.binance_rest_url}/api/v3/ticker/price?symbols=["SOLUSDT"]')
        _, trades, _ = await ask(client, f"{sandbox.binance_rest_url}/api/v3/trades?symbol=XRPUSDT&limit=1")
        _, markets, _ = await ask(client, f"{sandbox.upbit_rest_url}/v1/market/all?is_details=true")

    assert list(tickers[0]) == ["symbol", "bidPrice", "bidQty", "askPrice", "askQty"]
    assert [t["symbol"] for t in tickers] == [f"{base}USDT" for base in COINS]
    assert (one["symbol"], [p["symbol"] for p in prices], len(trades)) == ("ETHUSDT", ["SOLUSDT"], 1)
    assert [m["market"] for m in markets] == ["KRW-USDT", *(f"KRW-{base}" for base in COINS if base != "BNB")]
    assert not any(m["market_event"]["warning"] for m in markets)
