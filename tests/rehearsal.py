"""A whole sandbox on free ports, with clients that sign for both venues and one that speaks to the control API."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.sandbox.options import Manners, SandboxOptions
from arbitrage.sandbox.server import Sandbox, serve_sandbox
from tests.binance_venue import signature
from tests.upbit_venue import Signer

ENDPOINTS = {Venue.UPBIT: "POST /v1/orders", Venue.BINANCE: "POST /api/v3/order"}
PLACED = {Venue.UPBIT: 201, Venue.BINANCE: 200}


@dataclass(frozen=True)
class Seen:
    """What a client was sent."""

    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Rehearsal:
    """The sandbox, and what people do with it."""

    sandbox: Sandbox
    client: aiohttp.ClientSession
    sockets: AsyncExitStack

    async def order(self, venue: Venue, client_id: str) -> Seen:
        """Place a bid that rests far below the market."""
        if venue is Venue.UPBIT:
            order = {"market": "KRW-BTC", "side": "bid", "volume": "0.0005", "price": "10000000", "ord_type": "limit"}
            fields = {**order, "identifier": client_id}
            signed = "&".join(f"{key}={value}" for key, value in fields.items())
            headers = {"Authorization": Signer().token(signed), "Content-Type": "application/json"}
            url = f"{self.sandbox.upbit_rest_url}/v1/orders"
            return await self.send("POST", url, json.dumps(fields).encode(), **headers)
        now_ms = SystemClock().now() // NS_PER_MS
        given = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
        given |= {"price": "50000", "newClientOrderId": client_id, "timestamp": str(now_ms), "recvWindow": "60000"}
        payload = urlencode(given)
        body = f"{payload}&signature={signature(payload)}".encode()
        headers = {"X-MBX-APIKEY": BINANCE_KEYS.access, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.send("POST", f"{self.sandbox.binance_rest_url}/api/v3/order", body, **headers)

    async def accounts(self) -> Seen:
        """Ask Upbit for the account's balances."""
        url = f"{self.sandbox.upbit_rest_url}/v1/accounts"
        return await self.send("GET", url, None, Authorization=Signer().token(None))

    async def send(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Seen:
        data = None if body is None else io.BytesIO(body)
        async with self.client.request(method, URL(url), data=data, headers=headers) as reply:
            return Seen(reply.status, await reply.read(), reply.headers)

    async def connect(self, url: str, **headers: str) -> aiohttp.ClientWebSocketResponse:
        """Open a websocket that is closed with the rehearsal."""
        # a stalled one does not answer a close
        patience = aiohttp.ClientWSTimeout(ws_close=0.1)
        return await self.sockets.enter_async_context(self.client.ws_connect(url, headers=headers, timeout=patience))

    async def control(self, method: str, path: str, body: object = None) -> Seen:
        """Speak to the control API."""
        data = None if body is None else json.dumps(body).encode()
        return await self.send(method, f"{self.sandbox.control_url}{path}", data)

    async def fault(self, kind: str, venue: Venue | None = None, **more: object) -> None:
        """Let something go wrong."""
        named = {} if venue is None else {"venue": venue.value}
        added = await self.control("POST", "/faults", {"kind": kind, **named, **more})
        assert added.status == 201, added.body

    async def truth(self, of: str) -> Any:
        return (await self.control("GET", f"/truth/{of}")).json

    async def client_ids(self) -> list[str]:
        """Return the client ids of all orders that were taken on, in truth."""
        return [row["client_id"] for row in (await self.truth("orders"))["rows"]]


@asynccontextmanager
async def a_rehearsal(**options: Any) -> AsyncIterator[Rehearsal]:
    """Run a sandbox without rate limits while the context lasts."""
    given = SandboxOptions(**{"port": 0, "control_port": 0, "manners": Manners(limits=False), **options})
    async with serve_sandbox(given) as sandbox, aiohttp.ClientSession() as client, AsyncExitStack() as sockets:
        yield Rehearsal(sandbox, client, sockets)
