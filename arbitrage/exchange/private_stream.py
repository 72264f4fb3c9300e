"""A venue's private stream, kept open: greeted, confirmed, renewed, told to the runner. It understands no venue.

What was missed while it was down is not made up for here: nobody replays it. After each `PrivateUp` its owner has to
ask the venue what there is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, Protocol

from arbitrage.domain.events import BalancesSeen, FundsMoved, OrderReply, PrivateDown, PrivateUp
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock, Emit
from arbitrage.wire.quiet_log import Outage, Tally
from arbitrage.wire.sockets import Headers, Opcode, Socket, SocketLimits

CONFIRMED_WITHIN: Final = Nanos(5 * NS_PER_S)
"""A subscription that is not confirmed by then is tried again on a new connection."""

CARE_EVERY_S: Final = 1.0


class Sign(StrEnum):
    """Frames that carry no event."""

    CONFIRMED = "confirmed"
    NOTHING = "nothing"
    STRANGE = "strange"


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection is of no more use, as this frame shows. `reason` is one line in our own words."""

    reason: str


Heard = OrderReply | BalancesSeen | FundsMoved | Sign | Broken


class Dialect(Protocol):
    """One venue's language on its private stream. It holds no connection, and never raises for what a frame says.

    A frame that should be understood and is not makes the stream `Broken`: whatever it said is then asked for.
    """

    @property
    def venue(self) -> Venue:
        """Return whose language it is."""
        ...

    @property
    def longest_life(self) -> Nanos | None:
        """Return the age at which a connection is replaced, if the venue ends them at some age."""
        ...

    def greeting(self, at: Instant) -> Sequence[str]:
        """Return what is sent on a new connection: the subscription, and what makes the venue confirm it."""
        ...

    def hear(self, payload: bytes, at: Instant) -> Heard:
        """Read a frame."""
        ...


class PrivateStream:
    """Emits PrivateUp, PrivateDown, OrderReply, BalancesSeen and FundsMoved of one venue."""

    def __init__(
        self,
        url: str,
        dialect: Dialect,
        emit: Emit,
        clock: Clock,
        limits: SocketLimits | None = None,
        headers: Headers | None = None,
    ) -> None:
        self._dialect = dialect
        self._venue = dialect.venue
        self._emit = emit
        self._clock = clock
        self._socket = Socket(url, self, clock, Random(clock.now()), limits, headers)
        self._outage = Outage(clock, "private_stream_down", "private_stream_up", venue=self._venue.value)
        # no samples are kept of frames: they tell what an account owns
        self._unread = Tally("private_frames_unread", venue=self._venue.value)
        self._greeted_at = Instant(0)
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Tell whether the venue has confirmed that it tells us what happens."""
        return self._is_up

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._socket.run(), name=f"{self._venue}-private-socket")
            tasks.create_task(self._keep_looking(), name=f"{self._venue}-private-care")

    def on_open(self, socket: Socket) -> None:
        """Subscribe on a new connection (SocketHandler)."""
        self._greeted_at = self._clock.now()
        for text in self._dialect.greeting(self._greeted_at):
            socket.send_text(text)

    def on_frame(self, socket: Socket, payload: bytes, opcode: Opcode, at: Instant) -> None:
        """Take a frame (SocketHandler)."""
        match self._dialect.hear(payload, at):
            case Sign.CONFIRMED:
                self._confirmed(at)
            case Sign.STRANGE:
                self._unread.add(Sign.STRANGE)
            case Sign.NOTHING:
                pass
            case Broken(reason):
                socket.rebuild(reason)
            case event:
                self._emit(event)

    def on_down(self, socket: Socket, reason: str) -> None:
        """Tell that nothing is heard (SocketHandler)."""
        self._is_up = False
        self._emit(PrivateDown(self._clock.now(), self._venue, reason))
        self._outage.failed(reason)

    def look_after(self, now: Instant) -> None:
        """Do what is due: give up a connection that was never confirmed, or that the venue is about to end."""
        self._unread.report(now)
        if not self._socket.is_open:
            return
        age, life = now - self._greeted_at, self._dialect.longest_life
        if not self._is_up and age > CONFIRMED_WITHIN:
            self._socket.rebuild(f"subscription not confirmed within {CONFIRMED_WITHIN // NS_PER_S} s")
        elif life is not None and age > life:
            self._socket.rebuild(f"renewed after {life // NS_PER_S} s")

    def _confirmed(self, at: Instant) -> None:
        if not self._is_up:
            self._is_up = True
            self._outage.works()
            self._emit(PrivateUp(at, self._venue))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(CARE_EVERY_S)
            self.look_after(self._clock.now())
