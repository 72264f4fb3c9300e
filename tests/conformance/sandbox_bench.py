"""The bench of Live against the sandbox: the last gate, both venues' real senders, and HTTP over loopback.

The sandbox runs in this process, so the truth of its accounts can be looked at; its market stands still.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

import aiohttp

from arbitrage.clock import SystemClock
from arbitrage.domain.book_views import Reference
from arbitrage.domain.events import Event
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.binance import BinanceOrders
from arbitrage.exchange.binance_limits import ALLOWANCES, WANTED_HEADERS
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.exchange.live import LiveGateway, Sender
from arbitrage.exchange.upbit import UpbitOrders, upbit_lines
from arbitrage.exchange.upbit_limits import upbit_limiter
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.ports import Clock, Emit
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from arbitrage.sandbox.options import Manners, SandboxOptions
from arbitrage.sandbox.server import Sandbox, serve_sandbox
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineHooks, LineLimits, OrderLines
from tests import builders as make
from tests.background import beside
from tests.conformance.bench import SYMBOLS, Bench, Place, Stand
from tests.conformance.virtual_benches import MONEY
from tests.flight_builders import a_plan
from tests.safety_builders import CALM, guard
from tests.venue_fakes import eventually

LINES: Final = LineLimits(connections=4, first_backoff_s=0.01, longest_backoff_s=0.05)
WORD_WITHIN_S: Final = 3.0

_DEPTHS: Final = {
    Venue.UPBIT: "/upbit/v1/orderbook?markets=KRW-BTC&count=5",
    Venue.BINANCE: "/binance/api/v3/depth?symbol=BTCUSDT&limit=5",
}

_WORDS: Final = {Side.BUY: "asks", Side.SELL: "bids"}

Book = Mapping[Side, Sequence[ExactLevel]]
"""What an order of each side can take, best first."""


class LiveBench(Bench):
    """The gateway of Live. The guard lets each order pass once, as it would one of an approved plan."""

    mark = "[LIVE]"

    def __init__(self, mids: Mapping[str, float]) -> None:
        super().__init__()
        self.clock: Clock = SystemClock()
        self.lines: list[OrderLines] = []
        self._mids = mids
        self.safety = guard(make.limits(), prices=self)  # type: ignore[arg-type]  # prices are who has a reference
        self.safety.lease_until = Instant(self.clock.now() + 3_600 * NS_PER_S)

    def reference(self, venue: Venue, symbol: str) -> Reference | None:
        """Return what a price is held against: the market's middle, here, elsewhere and for the last minute."""
        mid = self._mids.get(symbol, 1.0)
        return Reference(mid, mid, mid, mid)

    def gateway(self, senders: Mapping[Venue, Sender]) -> LiveGateway:
        """Return the gateway over some venues' senders."""
        return LiveGateway(self.safety, senders, self.clock, self.emit)

    def emit(self, event: Event) -> None:
        self.runner.on_event(event)

    def now(self) -> Instant:
        return self.clock.now()

    def allow(self, order: Order) -> None:
        plan = replace(a_plan(plan_id=order.plan_id), decided_at=order.decided_at)
        never_sent = replace(order, client_id=f"{order.client_id}-twin")
        self.safety.start(plan, (order, never_sent), CALM)

    async def hear(self, order: Order, words: int) -> None:
        await eventually(lambda: len(self.words(order)) >= words, WORD_WITHIN_S)

    async def rest(self) -> None:
        await eventually(lambda: all(lines.idle == LINES.connections for lines in self.lines))


class SandboxBench(LiveBench):
    """Live against the sandbox's two venues."""

    def __init__(self, sandbox: Sandbox, books: Mapping[Venue, Book]) -> None:
        mids = {
            SYMBOLS[venue]: float(book[Side.BUY][0][0] + book[Side.SELL][0][0]) / 2 for venue, book in books.items()
        }
        super().__init__(mids)
        self._floors = sandbox.director.floors
        self._books = books
        upbit = upbit_sender(sandbox.upbit_rest_url, self.clock, self.emit)
        binance = binance_sender(sandbox.binance_rest_url, self.clock, self.emit)
        self.lines += [upbit[1], binance[1]]
        self.wire(self.gateway({Venue.UPBIT: upbit[0], Venue.BINANCE: binance[0]}))
        self.remember()

    def levels(self, place: Place) -> Sequence[ExactLevel]:
        venue, side = place
        return self._books[venue][side]

    def instrument(self, venue: Venue) -> Instrument:
        return self._floors[venue].core.instruments[SYMBOLS[venue]]

    def owned(self, venue: Venue) -> dict[str, Decimal]:
        return {name: held.total for name, held in self._floors[venue].core.account.balances().items()}

    def open_orders(self, venue: Venue) -> int:
        core = self._floors[venue].core
        return len(core.live_orders()) + sum(held.locked != 0 for held in core.account.balances().values())

    def shift(self, venue: Venue, factor: Decimal) -> None:
        self._floors[venue].knobs.price_shock[SYMBOLS[venue]] = factor
        self._floors[venue].market_moved(SYMBOLS[venue])

    def halt(self, venue: Venue) -> None:
        self._floors[venue].knobs.halted[SYMBOLS[venue]] = "BREAK"

    def lose(self, venue: Venue) -> None:
        self._floors[venue].knobs.maintenance = True


def upbit_sender(url: str, clock: Clock, emit: Emit) -> tuple[UpbitOrders, OrderLines]:
    """Return order entry at an Upbit, with its connections."""
    lines = upbit_lines(url, clock, Random(1), lambda: None, lambda reason: None, LINES)
    signer = UpbitSigner(ApiKeys(UPBIT_KEYS.access, UPBIT_KEYS.secret))
    return UpbitOrders(lines, signer, clock, emit, upbit_limiter()), lines


def binance_sender(url: str, clock: Clock, emit: Emit) -> tuple[BinanceOrders, OrderLines]:
    """Return order entry at a Binance, with its connections."""
    lines = OrderLines("binance", url, clock, Random(1), LineHooks(wanted=WANTED_HEADERS), LINES)
    requests = BinanceRequests(lines.address, ApiKeys(BINANCE_KEYS.access, BINANCE_KEYS.secret), clock)
    return BinanceOrders(lines, requests, Limiter(ALLOWANCES), clock, emit), lines


@asynccontextmanager
async def connected(bench: LiveBench) -> AsyncIterator[None]:
    """Keep a bench's connections up while the context lasts."""
    async with beside(*(lines.run() for lines in bench.lines)):
        await bench.rest()
        yield


@asynccontextmanager
async def a_sandbox_bench() -> AsyncIterator[SandboxBench]:
    """Put Live's gateway on a bench, with a sandbox of its own at the other end."""
    options = SandboxOptions(port=0, control_port=0, symbols=("BTC",), manners=Manners(limits=False))
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(serve_sandbox(options))
        sandbox.market.cancel()
        for venue, money in MONEY.items():
            account = sandbox.director.floors[venue].core.account
            for currency, amount in money.items():
                account.deposit(currency, amount - account.balance(currency).free)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        root = f"http://{sandbox.host}:{sandbox.port}"
        books = {venue: await _book(client.get(f"{root}{path}")) for venue, path in _DEPTHS.items()}
        bench = SandboxBench(sandbox, books)
        await stack.enter_async_context(connected(bench))
        yield bench


async def _book(asking: Any) -> Book:
    async with asking as reply:
        body = json.loads(await reply.read(), parse_float=Decimal, parse_int=Decimal)
    if isinstance(body, dict):
        return {side: [(Decimal(price), Decimal(size)) for price, size in body[word]] for side, word in _WORDS.items()}
    units = body[0]["orderbook_units"]
    return {
        side: [(unit[f"{word[:3]}_price"], unit[f"{word[:3]}_size"]) for unit in units] for side, word in _WORDS.items()
    }


SANDBOX = Stand("sandbox-live", a_sandbox_bench)
