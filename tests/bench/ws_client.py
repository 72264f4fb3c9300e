"""A process that receives books: `python -m tests.bench.ws_client ours|ccxt BASE_URL`. It trades nothing.

Ours is the product's Upbit feed on its own socket, down to the book. ccxt is its `watch_order_book` in a loop, as users
write it. Told `begin LAST` it counts until the book with that stamp was taken over, and then prints a line of JSON.
Stamps are µs of the machine's monotonic clock, which both ends share: they make latencies.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BookSnapshot, Event
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.market_data.upbit_feed import UpbitFeed
from arbitrage.telemetry.log import configure
from tests.bench import ccxt_clients
from tests.bench.decode import a_market
from tests.bench.market import NS_PER_US

SYMBOL = "KRW-BTC"


class Count:
    """What came since `begin`: how many, how long that took, and how late each book was.

    `received` counts messages where not each becomes a book: ours decodes only the newest of those read together.
    """

    def __init__(self) -> None:
        self.received: Callable[[], int] = lambda: self._books
        self._books = self._before = 0
        self._last = 0
        self._began_ns = self._cpu_ns = 0
        self._late_us: list[int] = []

    def begin(self, last: int) -> None:
        """Count anew, until the book with this stamp."""
        self._late_us, self._last, self._before = [], last, self.received()
        self._began_ns, self._cpu_ns = time.perf_counter_ns(), time.process_time_ns()

    def took(self, stamp: int) -> None:
        """Take note of a book that is there now."""
        now = time.perf_counter_ns()
        self._books += 1
        self._late_us.append(now // NS_PER_US - stamp)
        if stamp >= self._last and self._last:
            self._last = 0
            self._tell(now)

    def _tell(self, now: int) -> None:
        late, messages = sorted(self._late_us), self.received() - self._before
        told = {
            "messages": messages,
            "seconds": (now - self._began_ns) / 1e9,
            "cpu_us": (time.process_time_ns() - self._cpu_ns) / 1e3 / messages,
            **{f"p{share:g}": late[min(len(late) - 1, int(len(late) * share / 100))] for share in (50, 99, 99.9)},
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


async def ours(base_url: str, count: Count) -> None:
    """Feed the product's own books."""
    market = a_market()

    def take(event: Event) -> None:
        if isinstance(event, BookSnapshot):
            market.replace(event)
            count.took(event.venue_at // NS_PER_MS)

    feed = UpbitFeed(f"ws{base_url.removeprefix('http')}/upbit/websocket/v1", take, SystemClock())
    count.received = lambda: feed.intake.frames
    feed.watch([SYMBOL])
    await feed.run()


async def ccxt(base_url: str, count: Count) -> None:
    """Watch as a user of ccxt does; each message is counted where ccxt has taken it over."""
    exchange = ccxt_clients.upbit(base_url)
    _count_messages(exchange, count.took)
    while True:
        await exchange.watch_order_book("BTC/KRW")


def _count_messages(exchange: Any, took: Callable[[int], None]) -> None:
    inner = exchange.handle_message

    def handle(client: Any, message: Any) -> None:
        inner(client, message)
        if "timestamp" in message:
            took(message["timestamp"])

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
