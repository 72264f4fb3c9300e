"""A market over a variant's port: books that come all the time, and now and then a premium that is worth two orders.

Frames come in small handfuls a few milliseconds apart, as on the real wires. It judges nothing.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.instruments import Venue
from tests.bench.frames import MarketFrames, PairFrames
from tests.bench.venue_port import OrderSeen, Stream, VenuePort


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a second, for one pair: both venues' books, with a touch of Binance's each time, and lone touches."""

    books_s: float
    touches_s: float = 0.0


FRAMES_A_BOOK: Final = 3
"""Upbit's book, Binance's, and its touch."""

BUSY: Final = Pace(books_s=10, touches_s=70)
"""The pairs that everybody trades: both venues send a book each 100 ms and no oftener (Upbit's grid as third parties
measured it, Binance's `@100ms`), Binance's touches of ETH come 70 times a second in a recording of August 2024."""

MANY: Final = Pace(books_s=10 / FRAMES_A_BOOK)
"""Ten frames a second for each pair of a large book: 2,000 with 200 pairs."""

AT_REST: Final = Pace(books_s=1 / 6)
"""While somebody only has to come up."""

FX_S: Final = 10
"""The fx is one of Upbit's books: not more than one each 100 ms either."""

FEW: Final = 4
"""So many pairs are busy ones."""

BEAT_S: Final = 0.01
HALF_BEAT_S: Final = BEAT_S / 2
GIVE_UP_S: Final = 2.0
MOST_MISSED: Final = 3
NS_PER_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class TickTimes:
    """One tick: right before the frame's write, and when each order was received whole, by one clock."""

    began_ns: int
    received_ns: Mapping[Venue, int]

    @property
    def taken_us(self) -> float:
        """Return the µs until both orders were there."""
        return (max(self.received_ns.values()) - self.began_ns) / NS_PER_US


class MissedTick(RuntimeError):
    """A variant that did not answer a premium with both orders in time."""


class BenchMarket:
    """Sends one variant its frames, and times its answers.

    `why` says what a variant's own log has to say of a tick that it missed.
    """

    def __init__(self, port: VenuePort, frames: MarketFrames) -> None:
        self._port = port
        self._frames = frames
        self._id = 20_000_000_000
        self._turn = 0
        self._books, self._touches = self._round_robin(), self._round_robin()
        self._pace = BUSY if len(frames.pairs) <= FEW else MANY
        self._waiting: asyncio.Future[None] | None = None
        self._first: dict[Venue, int] = {}
        self.times: list[TickTimes] = []
        self.missed = 0
        self.why: Callable[[], str] = lambda: ""
        port.on_order = self._take
        port.on_stream = self._greet

    async def breathe(self, seconds: float, pace: Pace | None = None) -> None:
        """Let the market live for a while without anything to trade on, at its own pace if at no other."""
        pace, pairs = pace or self._pace, len(self._frames.pairs)
        sent_a_second: dict[Callable[[], None], float] = {
            self._send_next_books: pace.books_s * pairs,
            self._send_next_touch: pace.touches_s * pairs,
            self._send_fx: FX_S,
        }
        owed = dict.fromkeys(sent_a_second, 0.0)
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            for send, a_second in sent_a_second.items():
                owed[send] += a_second * BEAT_S
                while owed[send] >= 1:
                    send()
                    owed[send] -= 1
            due += BEAT_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    def next_ids(self, count: int) -> int:
        """Set so many update ids of Binance aside; return the first."""
        first, self._id = self._id + 2, self._id + 2 + count
        return first

    async def ticks(self, count: int, pace_s: float) -> list[float]:
        """Show so many premiums, one after the other; return the µs from each frame to both orders.

        One that is not answered is counted in `missed` and shown again, a few times. Raises MissedTick after that.
        """
        taken: list[float] = []
        left = MOST_MISSED
        while len(taken) < count:
            try:
                taken.append(await self.tick(pace_s))
            except MissedTick:
                self.missed, left = self.missed + 1, left - 1
                if left < 0:
                    raise
        return taken

    async def tick(self, pace_s: float, give_up_s: float = GIVE_UP_S) -> float:
        """Show one premium after a while; return the µs to both orders. Raises MissedTick where they do not come."""
        pair = self._frames.pairs[self._turn % len(self._frames.pairs)]
        self._turn += 1
        await self.breathe(pace_s)
        self._send_quiet(pair)
        self._send_fx()
        await asyncio.sleep(HALF_BEAT_S)
        self.times.append(await self._premium(pair, give_up_s))
        return self.times[-1].taken_us

    async def _premium(self, pair: PairFrames, give_up_s: float) -> TickTimes:
        """Send the frame that is worth two orders, wait until both were received, and calm the market."""
        loop = asyncio.get_running_loop()
        self._waiting, self._first = loop.create_future(), {}
        stamp = time.time_ns() // 1_000_000  # noqa: TID251 - a venue's own clock
        began = 0
        for stream in self._port.streams[Venue.UPBIT]:
            began = stream.send((pair.default_trigger if stream.is_default else pair.simple_trigger) % stamp)
        try:
            async with asyncio.timeout(give_up_s):
                await self._waiting
            return TickTimes(began, self._first)
        except TimeoutError:
            seen = [venue.value for venue in self._first]
            raise MissedTick(f"{pair.base}: only {seen} came within {give_up_s:g} s\n{self.why()}") from None
        finally:
            self._waiting = None
            self._send_quiet(pair)

    def _take(self, order: OrderSeen) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            return
        self._first.setdefault(order.venue, order.at_ns)
        if len(self._first) == len(Venue):
            waiting.set_result(None)

    def _round_robin(self) -> Iterator[PairFrames]:
        while True:
            yield from self._frames.pairs

    def _send_next_books(self) -> None:
        self._send_quiet(next(self._books))

    def _send_quiet(self, pair: PairFrames) -> None:
        """Send both venues' books of a pair, and Binance's touch."""
        stamp = time.time_ns() // 1_000_000  # noqa: TID251 - a venue's own clock
        self._id += 2
        for stream in self._port.streams[Venue.UPBIT]:
            stream.send((pair.default if stream.is_default else pair.simple) % stamp)
        for stream in self._port.streams[Venue.BINANCE]:
            for frame in self._binance(stream, pair):
                stream.send(frame)

    def _send_next_touch(self) -> None:
        pair = next(self._touches)
        self._id += 2
        for stream in self._port.streams[Venue.BINANCE]:
            stream.send((pair.ticker_raw if stream.is_raw else pair.ticker) % (self._id + 1))

    def _binance(self, stream: Stream, pair: PairFrames) -> Sequence[bytes]:
        if stream.is_raw:
            return (pair.ticker_raw % (self._id + 1),)
        return pair.depth % self._id, pair.ticker % (self._id + 1)

    def _send_fx(self) -> None:
        stamp = time.time_ns() // 1_000_000  # noqa: TID251 - a venue's own clock
        for stream in self._port.streams[Venue.UPBIT]:
            stream.send((self._frames.fx_default if stream.is_default else self._frames.fx_simple) % stamp)

    def _greet(self, stream: Stream) -> None:
        """Show a new subscriber every book; ccxt believes Upbit's only after one that is called a snapshot."""
        stamp = time.time_ns() // 1_000_000  # noqa: TID251 - a venue's own clock
        self._id += 2
        for pair in self._frames.pairs:
            if stream.venue is Venue.UPBIT:
                frame = (pair.default if stream.is_default else pair.simple) % stamp
                stream.send(frame.replace(b"REALTIME", b"SNAPSHOT"))
            else:
                for frame in self._binance(stream, pair):
                    stream.send(frame)
        if stream.venue is Venue.UPBIT:
            fx = (self._frames.fx_default if stream.is_default else self._frames.fx_simple) % stamp
            stream.send(fx.replace(b"REALTIME", b"SNAPSHOT"))
