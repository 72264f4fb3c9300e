"""A process that sends orders, one at a time: `python -m tests.bench.order_client WHO VENUE BASE_URL`.

WHO is ours, echo, `ccxt-unlimited` or `ccxt-defaults`. Told `go COUNT PACE_S SPINS` it prints each round trip in µs:
from the call that sends until the reply was understood. Ours is the product's own order entry on its warm connections;
the echo writes a signed order's finished bytes, always the same, and takes whatever comes back for the reply.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

import uvloop

from arbitrage.clock import SystemClock
from arbitrage.domain.events import Event, OrderReply, ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Order, Purpose
from arbitrage.event_loop import collect_garbage
from arbitrage.exchange.binance import BinanceOrders
from arbitrage.exchange.binance_limits import ALLOWANCES as BINANCE_ALLOWANCES
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit import UpbitOrders, upbit_lines
from arbitrage.exchange.upbit_limits import ALLOWANCES as UPBIT_ALLOWANCES
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.telemetry.log import configure
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.limiter import Allowance, Limiter
from arbitrage.wire.order_line import OrderLines
from tests.bench.children import eventually
from tests.bench.spinning import kept_spinning

RoundTrip = Callable[[Order], Awaitable[None]]

KEYS: Final = ApiKeys("bench-access-key", "bench-secret-key-of-no-worth-at-all")
OPEN_S: Final = 10.0
_ENOUGH: Final = Allowance(limit=1_000_000, window=Nanos(NS_PER_S), kept=1)
_CONFIRMED: Final = frozenset({ReplyKind.ACCEPTED, ReplyKind.ENDED})


class Ours:
    """The product's order entry of one venue; limits that never bind are still asked."""

    def __init__(self, venue: Venue, base_url: str) -> None:
        clock, url = SystemClock(), f"{base_url}/{venue.value}"
        self._told: asyncio.Future[OrderReply] | None = None
        self.orders: UpbitOrders | BinanceOrders
        if venue is Venue.UPBIT:
            self.lines = upbit_lines(url, clock, Random(1), lambda: None, lambda reason: None)
            limiter = Limiter(dict.fromkeys(UPBIT_ALLOWANCES, _ENOUGH))
            self.orders = UpbitOrders(self.lines, UpbitSigner(KEYS), clock, self._hear, limiter)
        else:
            self.lines = OrderLines(venue.value, url, clock, Random(1))
            limiter = Limiter(dict.fromkeys(BINANCE_ALLOWANCES, _ENOUGH))
            requests = BinanceRequests(HttpAddress.parse(url), KEYS, clock)
            self.orders = BinanceOrders(self.lines, requests, limiter, clock, self._hear)

    async def round_trip(self, order: Order) -> None:
        """Send an order and wait for what the venue says of it. Raises RuntimeError for anything but a yes."""
        self._told = asyncio.get_running_loop().create_future()
        self.orders.send(order)
        reply = await self._told
        if reply.kind not in _CONFIRMED:
            raise RuntimeError(f"{reply.kind}: {reply.reason}")

    def _hear(self, event: Event) -> None:
        if isinstance(event, OrderReply) and self._told is not None and not self._told.done():
            self._told.set_result(event)


class Echo(asyncio.Protocol):
    """Finished bytes out, bytes back, whatever they are."""

    def __init__(self) -> None:
        self._back: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport

    async def round_trip(self, request: bytes) -> None:
        """Write, and wait for anything."""
        self._back = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._back

    def data_received(self, data: bytes) -> None:
        """Take the reply (asyncio)."""
        if self._back is not None and not self._back.done():
            self._back.set_result(None)


def _order(venue: Venue, number: int) -> Order:
    sells = venue is Venue.UPBIT
    return Order(
        client_id=f"arb-bench0-1-{number}-{venue.value[0]}-1",
        plan_id=f"bench0-1-{number}",
        venue=venue,
        symbol="KRW-BTC" if sells else "BTCUSDT",
        side=Side.SELL if sells else Side.BUY,
        quantity=Decimal("0.001"),
        limit_price=Decimal(119_000_000 if sells else 85_000),
        purpose=Purpose.OPEN,
        decided_at=Instant(1_770_000_000_000_000_000),
        net_edge_bps=30.0,
    )


async def _ours(venue: Venue, base_url: str, tasks: set[asyncio.Task[None]]) -> RoundTrip:
    ours = Ours(venue, base_url)
    tasks.add(asyncio.create_task(ours.lines.run()))
    tasks.add(asyncio.create_task(collect_garbage()))  # as the daemon does
    await eventually(lambda: ours.lines.idle, OPEN_S)
    return ours.round_trip


async def _echo(venue: Venue, base_url: str) -> RoundTrip:
    transport, echo = await asyncio.get_running_loop().create_connection(
        Echo, "127.0.0.1", HttpAddress.parse(base_url).port
    )
    echo.transport = transport
    transport.set_write_buffer_limits(high=0)
    request = Ours(venue, base_url).orders.sign(_order(venue, 1))  # as long as ours, so that the port reads as much
    return lambda order: echo.round_trip(request)


def _ccxt(venue: Venue, base_url: str, how: str) -> tuple[RoundTrip, Any]:
    from tests.bench import ccxt_clients  # noqa: PLC0415 - a hundred megabytes that no other sender carries along

    make = ccxt_clients.upbit if venue is Venue.UPBIT else ccxt_clients.binance
    exchange = make(base_url, enableRateLimit=how == "ccxt-defaults")
    symbol, side, price = ("BTC/KRW", "sell", 119e6) if venue is Venue.UPBIT else ("BTC/USDT", "buy", 85e3)

    async def round_trip(order: Order) -> None:
        await exchange.create_order(symbol, "limit", side, 0.001, price, {"timeInForce": "IOC"})

    return round_trip, exchange


async def main(who: str, venue: Venue, base_url: str) -> None:
    """Send orders whenever told to; end with the input."""
    configure("ERROR", "json", sys.stderr)  # what is printed is for the bench to read
    tasks: set[asyncio.Task[None]] = set()
    exchange = None
    if who == "ours":
        round_trip = await _ours(venue, base_url, tasks)
    elif who == "echo":
        round_trip = await _echo(venue, base_url)
    else:
        round_trip, exchange = _ccxt(venue, base_url, who)
    await _obey(venue, round_trip)
    for task in tasks:
        task.cancel()
    if exchange is not None:
        await exchange.close()


async def _obey(venue: Venue, round_trip: RoundTrip) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    number = 0
    while line := (await reader.readline()).split():
        count, pace_s, taken = int(line[1]), float(line[2]), []
        with kept_spinning(line[3] == b"1"):
            for _ in range(count):
                number += 1
                order = _order(venue, number)
                began = time.perf_counter_ns()
                await round_trip(order)
                taken.append((time.perf_counter_ns() - began) / 1_000)
                await asyncio.sleep(pace_s)
        sys.stdout.write(json.dumps(taken) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run = asyncio.run if sys.argv[1].startswith("ccxt") else uvloop.run
    run(main(sys.argv[1], Venue(sys.argv[2]), sys.argv[3]))
