"""Binance alone, on a loopback port and on a market that stands still, with a client that signs for itself."""

import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web
from yarl import URL

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Side, Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_private_rest import BinancePrivateRest
from arbitrage.sandbox.binance_rest import BinanceRest
from arbitrage.sandbox.binance_ws_api import BinanceWsApi
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.options import Manners
from tests.clocks import ManualClock

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> int:
        return int(self.body["code"])


@dataclass(frozen=True)
class BinanceVenue:
    """The venue, and how a client sees it."""

    floor: Floor
    rest: BinancePrivateRest
    sockets: BinanceWsApi
    clock: Clock
    address: str
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://{self.address}/binance"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.address}/binance/ws-api/v3"

    def now_ms(self) -> int:
        return self.clock.now() // NS_PER_MS

    def ask(self, symbol: str = "BTCUSDT") -> Decimal:
        found = self.floor.best(symbol, Side.SELL)
        assert found is not None
        return found

    def bid(self, symbol: str = "BTCUSDT") -> Decimal:
        found = self.floor.best(symbol, Side.BUY)
        assert found is not None
        return found

    async def send(self, method: str, path: str, payload: str, key: str = BINANCE_KEYS.access) -> Reply:
        """Send a payload as it is: in the query for GET and DELETE, in the body otherwise."""
        in_query = method in ("GET", "DELETE")
        url = URL(f"{self.url}{path}" + (f"?{payload}" if in_query else ""), encoded=True)
        headers = {"X-MBX-APIKEY": key, "Content-Type": "application/x-www-form-urlencoded"}
        data = None if in_query else io.BytesIO(payload.encode())
        async with self.session.request(method, url, data=data, headers=headers) as reply:
            return Reply(reply.status, json.loads(await reply.read()), reply.headers)

    async def call(self, method: str, path: str, **params: Any) -> Reply:
        """Send a request that is signed and stamped as the venue wants it."""
        payload = urlencode({"timestamp": self.now_ms(), **params})
        return await self.send(method, path, f"{payload}&signature={signature(payload)}")

    async def order(self, **params: Any) -> Reply:
        """Place an order: by default one that rests far from the market."""
        usual: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        usual |= {"quantity": "0.001", "price": "50000"}
        wanted = {name: value for name, value in (usual | params).items() if value is not None}
        return await self.call("POST", "/api/v3/order", **wanted)


def signature(payload: str | bytes) -> str:
    """Sign as a client does."""
    data = payload if isinstance(payload, bytes) else payload.encode()
    return hmac.new(BINANCE_KEYS.secret.encode(), data, hashlib.sha256).hexdigest()


def signed_params(now_ms: int, **params: Any) -> dict[str, Any]:
    """Complete the parameters of a websocket request: key, time, and a signature over all of them by name."""
    full = {"apiKey": BINANCE_KEYS.access, "timestamp": now_ms, **params}
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in full.items()}
    payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
    return {**full, "signature": signature(payload)}


def escaped(value: str) -> str:
    """Percent-encode every character that is not a letter or a digit."""
    return quote(value, safe="")


@asynccontextmanager
async def a_binance(
    clock: Clock | None = None, knobs: Knobs | None = None, manners: Manners | None = None
) -> AsyncIterator[BinanceVenue]:
    """Serve a funded Binance while the context lasts."""
    clock, manners = clock or ManualClock(), manners or Manners()
    books = MarketModel(coins_of(("BTC", "ETH", "XRP")), 1).books(Venue.BINANCE)
    floor = Floor(Venue.BINANCE, books, knobs or Knobs(), clock)
    floor.core.account.deposit("USDT", Decimal(100_000))
    floor.core.account.deposit("BTC", Decimal(2))
    rest = BinancePrivateRest(floor, BINANCE_KEYS, clock, manners)
    sockets = BinanceWsApi(floor, BINANCE_KEYS, clock, manners, rest.private)
    public = BinanceRest(books, floor, manners, floor.knobs, rest.private.weights)
    app = web.Application()
    app.router.add_routes([*public.routes("/binance"), *rest.routes("/binance")])
    app.router.add_get("/binance/ws-api/v3", sockets.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield BinanceVenue(floor, rest, sockets, clock, f"127.0.0.1:{runner.addresses[0][1]}", session)
    finally:
        for connection in tuple(sockets.connections):
            connection.close(1001)
        await runner.cleanup()
