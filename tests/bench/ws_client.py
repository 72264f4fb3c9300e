"""A process that receives touches: `python -m tests.bench.ws_client ours|ccxt BASE_URL`. It trades nothing.

Ours is the product's feed on its own socket, down to the book. ccxt is its `watch_bids_asks` in a loop, as users write
it. Told `begin LAST` it counts until the touch with that id was taken over, and then prints a line of JSON. Ids that
are instants of the machine's monotonic clock make latencies.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

from arbitrage.books.market import Market
from arbitrage.clock import SystemClock
from arbitrage.domain.events import BookSnapshot, Event, TouchUpdate
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.binance_feed import BinanceFeed
from arbitrage.telemetry.log import configure
from tests.bench import ccxt_clients
from tests.bench.decode import a_market

SYMBOL = "BTCUSDT"


class Count:
    """What came since `begin`: how many, from when to when, and how late each was."""

    def __init__(self) -> None:
        self._last = 0
        self._began_ns = self._cpu_ns = 0
        self._late_ns: list[int] = []

    def begin(self, last: int) -> None:
        """Count anew, until the touch with this id."""
        self._late_ns, self._last = [], last
        self._began_ns, self._cpu_ns = 0, time.process_time_ns()

    def took(self, number: int) -> None:
        """Take note of a touch that is in the book now."""
        now = time.perf_counter_ns()
        self._began_ns = self._began_ns or now
        self._late_ns.append(now - number)
        if number >= self._last and self._last:
            self._last = 0
            self._tell(now)

    def _tell(self, now: int) -> None:
        late = sorted(self._late_ns)
        told = {
            "messages": len(late),
            "seconds": (now - self._began_ns) / 1e9,
            "cpu_us": (time.process_time_ns() - self._cpu_ns) / 1e3 / len(late),
            **{f"p{share:g}": late[min(len(late) - 1, int(len(late) * share / 100))] / 1e3 for share in (50, 99, 99.9)},
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


async def ours(base_url: str, count: Count) -> None:
    """Feed the product's own books."""
    market = a_market()
    clock = SystemClock()

    def take(event: Event) -> None:
        if isinstance(event, TouchUpdate):
            market.lay_over(event)
            count.took(event.sequence)
        elif isinstance(event, BookSnapshot):
            market.replace(event)
        else:
            _note(market, event)

    feed = BinanceFeed(f"ws{base_url.removeprefix('http')}/binance", take, clock)
    feed.watch([SYMBOL])
    await feed.run()


def _note(market: Market, event: Any) -> None:
    if getattr(event, "venue", None) is Venue.BINANCE:
        market.note(event)


async def ccxt(base_url: str, count: Count) -> None:
    """Watch as a user of ccxt does; each message is counted where ccxt has taken it over."""
    exchange = ccxt_clients.binance(base_url)
    _count_messages(exchange, count.took)
    while True:
        await exchange.watch_bids_asks(["BTC/USDT"])


def _count_messages(exchange: Any, took: Callable[[int], None]) -> None:
    inner = exchange.handle_message

    def handle(client: Any, message: Any) -> None:
        inner(client, message)
        if "u" in message:
            took(message["u"])

    exchange.handle_message = handle


async def obey(count: Count) -> None:
    """Begin to count when told to; end with the input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).split():
        count.begin(int(line[1]))
        sys.stdout.write("begun\n")
        sys.stdout.flush()


async def main(who: str, base_url: str) -> None:
    """Receive until the input ends."""
    configure("ERROR", "json", sys.stderr)  # what is printed is for the bench to read
    count = Count()
    receiving = asyncio.create_task({"ours": ours, "ccxt": ccxt}[who](base_url, count))
    obeying = asyncio.create_task(obey(count))
    await asyncio.wait((receiving, obeying), return_when=asyncio.FIRST_COMPLETED)
    receiving.cancel()


if __name__ == "__main__":
    run = uvloop.run if sys.argv[1] == "ours" else asyncio.run
    run(main(sys.argv[1], sys.argv[2]))
