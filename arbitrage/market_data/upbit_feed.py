"""Upbit's order books over one socket: subscribing, noticing silence. Reading frames is decode_upbit's."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec
import structlog

from arbitrage.domain.events import VenueDown, VenueUp
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data import decode_upbit
from arbitrage.market_data.frames import NoticeKind
from arbitrage.market_data.intake import FrameIntake
from arbitrage.market_data.tape import TapeWriter
from arbitrage.ports import Clock, Emit
from arbitrage.wire.quiet_log import A_MINUTE, Outage
from arbitrage.wire.sockets import Opcode, Socket, SocketLimits

LEVELS: Final = 15
"""Levels a side, by the code's suffix; 1, 5, 15 and 30 exist, others give 30 (Upbit: WebSocket orderbook)."""

CARE_EVERY_S: Final = 1.0

LIMITS: Final = SocketLimits(read_bytes=1 << 20)
"""A burst should be read at once: of frames that were read together only each market's newest is decoded."""

log = structlog.get_logger()


class UpbitFeed:
    """Emits VenueUp, VenueDown, BookSnapshot and BookRejected for the symbols it is told to watch."""

    def __init__(
        self, url: str, emit: Emit, clock: Clock, tape: TapeWriter | None = None, limits: SocketLimits | None = None
    ) -> None:
        self.intake = FrameIntake(Venue.UPBIT, decode_upbit.decode, emit, tape, decode_upbit.market_of)
        self._emit = emit
        self._clock = clock
        self._socket = Socket(url, self, clock, Random(clock.now()), limits or LIMITS)
        self._socket.when_read = self.intake.pass_on_held
        self._outage = Outage(clock, "venue_disconnected", "venue_connected", venue=Venue.UPBIT.value)
        self._symbols: tuple[str, ...] = ()
        self._has_symbols = asyncio.Event()
        self._asked_twice = False
        self._silence_told_at: Instant | None = None

    async def run(self) -> None:
        """Feed events until cancelled. Connects once there is something to watch."""
        await self._has_symbols.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._socket.run(), name="upbit-socket")
            tasks.create_task(self._keep_looking(), name="upbit-care")

    def watch(self, symbols: Sequence[str]) -> None:
        """Watch exactly these symbols from now on. Raises ValueError for none: Upbit takes no empty subscription."""
        if not symbols:
            raise ValueError("a subscription needs at least one symbol")
        wanted = tuple(dict.fromkeys(symbols))
        if wanted == self._symbols:
            return
        self._symbols = wanted
        self._has_symbols.set()
        self._asked_twice = False
        self._subscribe()

    def on_open(self, socket: Socket) -> None:
        """Subscribe on a new connection (SocketHandler)."""
        self._asked_twice = False
        self._subscribe()
        self._outage.works(symbols=len(self._symbols))
        self._emit(VenueUp(self._clock.now(), Venue.UPBIT))

    def on_frame(self, socket: Socket, payload: bytes, opcode: Opcode, at: Instant) -> None:
        """Take a frame; an error frame ends the connection, as Upbit does itself (SocketHandler)."""
        notice = self.intake.take(payload, opcode, at, has_more=socket.has_more)
        if notice is not None and notice.kind is NoticeKind.ERROR:
            socket.rebuild(f"error frame: {notice.text}")

    def on_down(self, socket: Socket, reason: str) -> None:
        """Tell that the venue is gone (SocketHandler)."""
        self._emit(VenueDown(self._clock.now(), Venue.UPBIT, reason))
        self._outage.failed(reason)

    def look_after(self, now: Instant) -> None:
        """Do what is due: tell of bad frames, and ask again for symbols that have not been heard of."""
        self.intake.bad.report(now)
        if self._socket.is_open and (silent := self.intake.overdue(now)):
            self._mind(silent, now)

    def _subscribe(self) -> None:
        """Send the whole set: each subscription replaces the one before (Upbit: WebSocket guide)."""
        now = self._clock.now()
        self.intake.expect(self._symbols, now)
        self._socket.send_text(subscription(f"arbitrage-{now}", self._symbols))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(CARE_EVERY_S)
            self.look_after(self._clock.now())

    def _mind(self, silent: tuple[str, ...], now: Instant) -> None:
        """Ask once more for symbols that are not served: Upbit ignores codes that it does not know, without a word."""
        self.intake.disown(silent, now)
        if self._silence_told_at is None or now - self._silence_told_at >= A_MINUTE:
            self._silence_told_at = now
            log.warning("symbols_silent", venue=Venue.UPBIT.value, symbols=silent)
        if not self._asked_twice:
            self._asked_twice = True
            self._subscribe()


def subscription(ticket: str, symbols: Sequence[str]) -> str:
    """Write a subscription to the order books of `symbols`, in the SIMPLE format."""
    codes = [f"{symbol}.{LEVELS}" for symbol in symbols]
    request = [{"ticket": ticket}, {"type": "orderbook", "codes": codes}, {"format": "SIMPLE"}]
    return msgspec.json.encode(request).decode()
