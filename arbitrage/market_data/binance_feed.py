"""Binance's order books and touches over combined streams. Reading frames is decode_binance's.

A connection's first streams are named in its address, which must not grow too long, and the rest are asked for once it
is open. Whatever needs another connection (other symbols, the venue's 24 h
limit, its notice of a shutdown) is done alike: a new line is opened beside the old one, and the old one goes once the
new one has delivered for a moment. Both may deliver meanwhile; update ids tell old news from new.
"""

import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import msgspec
import structlog

from arbitrage.domain.events import VenueDown, VenueUp
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.market_data import decode_binance
from arbitrage.market_data.frames import NoticeKind
from arbitrage.market_data.intake import FrameIntake
from arbitrage.market_data.tape import TapeWriter
from arbitrage.ports import Clock, Emit
from arbitrage.wire.quiet_log import A_MINUTE, Outage
from arbitrage.wire.sockets import Opcode, Socket, SocketLimits

LONGEST_LIFE: Final = Nanos(23 * 3_600 * NS_PER_S)
"""Binance closes a connection after 24 h (web-socket-streams, general information); a new one is there before that."""

SHORTEST_LIFE: Final = Nanos(10 * NS_PER_S)
"""A line younger than this is not replaced because of a shutdown notice: its end does that, with the usual back-off."""

OVERLAP_S: Final = 0.5
"""How long both lines deliver: a book comes every 100 ms."""

CARE_EVERY_S: Final = 1.0

NAMED: Final = 80
"""Symbols in an address: 4 KB of it. The venue documents no bound, but servers refuse lines of more than 8 KB."""

ASKED_AT_ONCE: Final = 200
"""Symbols in one request: with all of them it takes three, of the five messages that a second may bring."""

MOST: Final = 512
"""A connection carries 1,024 streams (web-socket-streams, limits), and a symbol takes two."""

LIMITS: Final = SocketLimits(read_bytes=1 << 20)
"""A burst should be read at once: of frames that were read together only each market's newest is decoded."""

log = structlog.get_logger()


class BinanceFeed:
    """Emits VenueUp, VenueDown, BookSnapshot, TouchUpdate and BookRejected for the symbols it is told to watch."""

    def __init__(
        self, url: str, emit: Emit, clock: Clock, tape: TapeWriter | None = None, limits: SocketLimits | None = None
    ) -> None:
        self.intake = FrameIntake(Venue.BINANCE, decode_binance.decode, emit, tape, decode_binance.market_of)
        self._url = url.rstrip("/")
        self._emit = emit
        self._clock = clock
        self._limits = limits or LIMITS
        self._rng = Random(clock.now())
        self._outage = Outage(clock, "venue_disconnected", "venue_connected", venue=Venue.BINANCE.value)
        self._symbols: tuple[str, ...] = ()
        self._lines: list[_Line] = []
        self._renewal = asyncio.Event()
        self._silence_told_at: Instant | None = None

    async def run(self) -> None:
        """Feed events until cancelled. Connects once there is something to watch."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_looking(), name="binance-care")
            while True:
                await self._renewal.wait()
                self._renewal.clear()
                self._renew(tasks)

    def watch(self, symbols: Sequence[str]) -> None:
        """Watch exactly these symbols from now on; none means to have no connection."""
        wanted = tuple(dict.fromkeys(symbols))
        if len(wanted) > MOST:
            log.error("too_many_symbols", venue=Venue.BINANCE.value, most=MOST, left_out=wanted[MOST:])
            wanted = wanted[:MOST]
        if wanted != self._symbols:
            self._symbols = wanted
            self._renewal.set()

    def opened(self, line: "_Line") -> None:
        """Learn from a line that it delivers: the ones before it may go, after a moment."""
        self.intake.expect(self._symbols, self._clock.now())
        self._outage.works(symbols=len(self._symbols))
        if not any(other.is_open for other in self._lines if other is not line):
            self._emit(VenueUp(self._clock.now(), Venue.BINANCE))
        asyncio.get_running_loop().call_later(OVERLAP_S, self._retire_before, line)

    def closed(self, line: "_Line", reason: str) -> None:
        """Learn from a line that it is down: the venue is, if no other line is open."""
        if any(other.is_open for other in self._lines):
            if line is not self._lines[-1]:
                self._retire_before(self._lines[-1])
            return
        self._emit(VenueDown(self._clock.now(), Venue.BINANCE, reason))
        self._outage.failed(reason)

    def shutdown_announced(self, line: "_Line") -> None:
        """Learn from a line that the venue is about to close it."""
        if line is self._lines[-1] and line.age(self._clock.now()) > SHORTEST_LIFE:
            log.info("venue_announced_shutdown", venue=Venue.BINANCE.value)
            self._renewal.set()

    def look_after(self, now: Instant) -> None:
        """Do what is due: tell of bad frames and of silent symbols, and replace a line that is about to be too old."""
        self.intake.bad.report(now)
        if not self._lines or not self._lines[-1].is_open:
            return
        if self._lines[-1].age(now) > LONGEST_LIFE:
            self._renewal.set()
        if silent := self.intake.overdue(now):
            self._mention(silent, now)

    def _renew(self, tasks: asyncio.TaskGroup) -> None:
        if self._lines and not self._lines[-1].is_open:
            self._lines.pop().retire()  # it never opened, or is down: nothing is lost with it
        if not self._symbols:
            self._retire_all()
            return
        line = _Line(self, self._clock, self._symbols[NAMED:])
        socket = Socket(streams_url(self._url, self._symbols[:NAMED]), line, self._clock, self._rng, self._limits)
        socket.when_read = self.intake.pass_on_held
        line.task = tasks.create_task(socket.run(), name="binance-socket")
        self._lines.append(line)

    def _retire_before(self, line: "_Line") -> None:
        if line in self._lines and line.is_open:
            place = self._lines.index(line)
            for old in self._lines[:place]:
                old.retire()
            del self._lines[:place]

    def _retire_all(self) -> None:
        while self._lines:
            self._lines.pop().retire()
        self._emit(VenueDown(self._clock.now(), Venue.BINANCE, "nothing to watch"))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(CARE_EVERY_S)
            self.look_after(self._clock.now())

    def _mention(self, silent: tuple[str, ...], now: Instant) -> None:
        if self._silence_told_at is None or now - self._silence_told_at >= A_MINUTE:
            self._silence_told_at = now
            log.warning("symbols_silent", venue=Venue.BINANCE.value, symbols=silent)


class _Line:
    """One socket of the feed, for as long as it is the newest or still needed; it asks for `unnamed` itself."""

    def __init__(self, feed: BinanceFeed, clock: Clock, unnamed: Sequence[str]) -> None:
        self.is_open = False
        self.task: asyncio.Task[None] | None = None
        self._feed = feed
        self._clock = clock
        self._unnamed = unnamed
        self._opened_at = clock.now()

    def age(self, now: Instant) -> Nanos:
        """Return how long ago it opened."""
        return Nanos(now - self._opened_at)

    def retire(self) -> None:
        """Close it for good."""
        self.is_open = False
        if self.task is not None:
            self.task.cancel()

    def on_open(self, socket: Socket) -> None:
        """Tell the feed (SocketHandler)."""
        self._opened_at = self._clock.now()
        self.is_open = True
        for start in range(0, len(self._unnamed), ASKED_AT_ONCE):
            socket.send_text(subscription(start + 1, self._unnamed[start : start + ASKED_AT_ONCE]))
        self._feed.opened(self)

    def on_frame(self, socket: Socket, payload: bytes, opcode: Opcode, at: Instant) -> None:
        """Take a frame (SocketHandler)."""
        notice = self._feed.intake.take(payload, opcode, at, has_more=socket.has_more)
        if notice is None:
            return
        if notice.kind is NoticeKind.SHUTDOWN:
            self._feed.shutdown_announced(self)
        elif notice.kind is NoticeKind.ERROR:
            socket.rebuild(f"error frame: {notice.text}")

    def on_down(self, socket: Socket, reason: str) -> None:
        """Tell the feed (SocketHandler)."""
        self.is_open = False
        self._feed.closed(self, reason)


def streams_url(base_url: str, symbols: Sequence[str]) -> str:
    """Write the address of the combined stream with the 20-level book and the touch of each symbol."""
    return f"{base_url}/stream?streams={'/'.join(_streams(symbols))}"


def subscription(number: int, symbols: Sequence[str]) -> str:
    """Write the request for the same streams of further symbols."""
    return msgspec.json.encode({"method": "SUBSCRIBE", "params": list(_streams(symbols)), "id": number}).decode()


def _streams(symbols: Sequence[str]) -> Iterator[str]:
    for name in map(str.lower, symbols):
        yield f"{name}@depth20@100ms"
        yield f"{name}@bookTicker"
