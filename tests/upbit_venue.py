"""An Upbit of one's own for tests: its private side on a loopback port, books that stand, and a client that signs."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web
from yarl import URL

from arbitrage.clock import SystemClock
from arbitrage.domain.instruments import Side, Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.grid import UNIT
from arbitrage.sandbox.keys import UPBIT_KEYS, Keys
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.upbit_private import UpbitPrivate
from tests.clocks import ManualClock

PATIENCE_S = 5.0
PLENTY = {"KRW": Decimal(100_000_000), "BTC": Decimal(2), "XRP": Decimal(10_000)}

Answer = tuple[int, Any, Mapping[str, str]]
"""Status, body, headers."""

_nonces = count(1)


@dataclass
class Signer:
    """Makes tokens, and spoils them where a test says so."""

    keys: Keys = UPBIT_KEYS
    algorithm: str = "HS512"
    claims: dict[str, object] = field(default_factory=dict)

    def token(self, signed: str | None, nonce: str | None = None) -> str:
        """Sign a request; `signed` is what the query hash is over, if anything."""
        payload: dict[str, object] = {"access_key": self.keys.access, "nonce": nonce or f"nonce-{next(_nonces)}"}
        if signed:
            payload["query_hash"] = hashlib.sha512(signed.encode()).hexdigest()
            payload["query_hash_alg"] = "SHA512"
        head, body = (_encoded(json.dumps(part)) for part in ({"alg": self.algorithm}, {**payload, **self.claims}))
        digest = {"HS512": "sha512"}.get(self.algorithm, "sha256")
        signature = hmac.new(self.keys.secret.encode(), f"{head}.{body}".encode(), digest).digest()
        return f"Bearer {head}.{body}.{_encoded(signature)}"


@dataclass
class UpbitVenue:
    """A running venue. `ask` signs and sends; requests go out exactly as written."""

    floor: Floor
    books: Mapping[str, MarketBook]
    private: UpbitPrivate
    port: int
    client: aiohttp.ClientSession
    signer: Signer = field(default_factory=Signer)

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/upbit"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/upbit/websocket/v1"

    async def get(self, path: str, *pairs: tuple[str, str]) -> Answer:
        return await self.ask("GET", path, pairs)

    async def delete(self, path: str, *pairs: tuple[str, str]) -> Answer:
        return await self.ask("DELETE", path, pairs)

    async def post(self, path: str, **fields: object) -> Answer:
        signed = "&".join(f"{key}={value}" for key, value in fields.items())
        return await self.send("POST", path, json.dumps(fields).encode(), self.signer.token(signed))

    async def buy(self, **fields: object) -> Answer:
        """Place a bid of 5,000 won far below the market, or what the fields say."""
        order = {"market": "KRW-BTC", "side": "bid", "volume": "0.0005", "price": "10000000", "ord_type": "limit"}
        return await self.post("/v1/orders", **{key: v for key, v in {**order, **fields}.items() if v is not None})

    async def ask(self, method: str, path: str, pairs: Sequence[tuple[str, str]]) -> Answer:
        query = "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs)
        return await self.send(method, f"{path}?{query}" if query else path, None, self.signer.token(unquote(query)))

    async def send(self, method: str, path: str, body: bytes | None, token: str | None, **headers: str) -> Answer:
        """Send a request as it is."""
        given = {"Authorization": token} if token else {}
        if body is not None:
            given["Content-Type"] = "application/json; charset=utf-8"
        url = URL(self.rest_url + path, encoded=True)
        async with self.client.request(method, url, data=body, headers={**given, **headers}) as reply:
            text = await reply.read()
            return reply.status, json.loads(text), reply.headers

    async def order_when(self, state: str, **name: str) -> dict[str, Any]:
        """Ask for an order until it is in a state."""

        async def look() -> dict[str, Any]:
            return dict((await self.get("/v1/order", *name.items()))[1])

        found: dict[str, Any] = await until(look, lambda body: body["state"] == state)
        return found

    def touch(self, side: Side, symbol: str = "KRW-BTC") -> Decimal:
        """Return the best price of a side (BUY: the bid)."""
        best = self.floor.best(symbol, side)
        assert best is not None
        return best

    def there(self, symbol: str = "KRW-BTC") -> Decimal:
        """Return the quantity that stands at the best ask."""
        return Decimal(self.books[symbol].asks.quantities[0]) / UNIT

    def shock(self, factor: str, symbol: str = "KRW-BTC") -> None:
        """Let a market jump."""
        self.floor.knobs.price_shock[symbol] = Decimal(factor)
        self.floor.market_moved(symbol)


@asynccontextmanager
async def an_upbit(
    balances: Mapping[str, Decimal] | None = None,
    clock: Clock | None = None,
    manners: Manners | None = None,
    **knobs: Any,
) -> AsyncIterator[UpbitVenue]:
    """Serve a venue whose books stand still, with its rate limits off and its clock standing unless told otherwise."""
    clock, manners = clock or ManualClock(), manners or Manners(limits=False)
    books = MarketModel(coins_of(("BTC", "ETH", "XRP")), 1).books(Venue.UPBIT)
    floor = Floor(Venue.UPBIT, books, Knobs(**knobs), clock)
    for currency, amount in (PLENTY if balances is None else balances).items():
        floor.core.account.deposit(currency, amount)
    private = UpbitPrivate(floor, UPBIT_KEYS, clock, manners)
    app = web.Application(client_max_size=65_536)
    app.router.add_routes(private.routes("/upbit"))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession() as client:
            yield UpbitVenue(floor, books, private, runner.addresses[0][1], client)
    finally:
        for connection in tuple(private.sockets.connections):
            connection.close(1001)
        await runner.cleanup()


@asynccontextmanager
async def a_lively_upbit(**knobs: Any) -> AsyncIterator[UpbitVenue]:
    """Serve a venue that answers before it matches, as the real one does, on the machine's clock."""
    lag = {"match_after_s": 0.01, "cancel_after_s": 0.01}
    async with an_upbit(clock=SystemClock(), **{**lag, **knobs}) as venue:
        yield venue


async def until(look: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool]) -> Any:
    """Look again and again until it is enough."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if enough(seen := await look()):
                return seen
            await asyncio.sleep(0.002)


def _encoded(part: str | bytes) -> str:
    return urlsafe_b64encode(part.encode() if isinstance(part, str) else part).rstrip(b"=").decode()
