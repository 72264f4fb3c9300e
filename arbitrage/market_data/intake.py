"""Where a venue's frames become events: taped, decoded, counted, emitted. It runs inside the socket's callback.

It decides nothing about books; it only knows which symbols have not been heard of since they were asked for, and of
frames that were read together passes on the newest of each market: the others are old news already.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.frames import Decoded, Notice, NoticeKind, Reason
from arbitrage.market_data.tape import TapeWriter
from arbitrage.ports import Emit
from arbitrage.wire.quiet_log import Tally
from arbitrage.wire.sockets import Opcode

Decode = Callable[[bytes, Instant], Decoded]

MarketOf = Callable[[bytes], bytes]
"""Tells what a frame is the newest state of, without decoding it; b"" for a frame that must be heard in any case."""

_BOOKS: Final = (BookSnapshot, TouchUpdate)

FIRST_FRAME_WITHIN: Final = Nanos(5 * NS_PER_S)
"""Upbit's first frame comes 172-354 ms after subscribing (measured by a third party); this leaves it ample time."""


class FrameIntake:
    """One venue's frames. `frames` and `notices` count what came, `superseded` what was old news when it was read.

    Bad frames are logged once a minute by reason.
    """

    def __init__(
        self,
        venue: Venue,
        decode: Decode,
        emit: Emit,
        tape: TapeWriter | None = None,
        market_of: MarketOf | None = None,
    ) -> None:
        self.frames = 0
        self.superseded = 0
        self.notices: Counter[NoticeKind] = Counter()
        self.bad = Tally("bad_frames", venue=venue.value)
        self._venue = venue
        self._decode = decode
        self._market_of = market_of or (lambda payload: b"")
        self._held: dict[bytes, tuple[bytes, Instant]] = {}
        self._emit = emit
        self._tape = tape
        self._unheard: set[str] = set()
        self._asked_at = Instant(0)
        self._disowned = False

    def take(self, payload: bytes, opcode: Opcode, at: Instant, *, has_more: bool = False) -> Notice | None:
        """Pass one frame on as an event; a frame that is no event is returned for the feed to act on.

        With `has_more` others were read with it: a book then waits for `pass_on_held`, or gives way to a newer one.
        """
        self.frames += 1
        if self._tape is not None:
            self._tape.write(self._venue, opcode, payload, at)
        if (has_more or self._held) and (market := self._market_of(payload)):
            self.superseded += self._held.pop(market, None) is not None
            self._held[market] = payload, at  # behind all others, as it came
            return None
        if self._held:  # news of another kind, as that a book is bad, must not be overtaken by what came before it
            self.pass_on_held()
        return self._pass_on(payload, at)

    def pass_on_held(self) -> None:
        """Pass on the newest book of each market, now that all that was read has been looked at."""
        held, self._held = self._held, {}
        for payload, at in held.values():
            self._pass_on(payload, at)

    def _pass_on(self, payload: bytes, at: Instant) -> Notice | None:
        decoded = self._decode(payload, at)
        if isinstance(decoded, _BOOKS):
            if self._unheard:
                self._unheard.discard(decoded.symbol)
        elif isinstance(decoded, Notice):
            self.notices[decoded.kind] += 1
            return decoded
        else:
            self.bad.add(decoded.reason, payload)
        self._emit(decoded)
        return None

    def expect(self, symbols: Iterable[str], at: Instant) -> None:
        """Remember what has just been asked for, so that silence about it is noticed. What is still held is dropped."""
        self._held.clear()
        self._unheard = set(symbols)
        self._asked_at = at
        self._disowned = False

    def overdue(self, now: Instant) -> tuple[str, ...]:
        """Return the symbols that should have been heard of by now and were not."""
        if not self._unheard or now - self._asked_at < FIRST_FRAME_WITHIN:
            return ()
        return tuple(sorted(self._unheard))

    def disown(self, symbols: Iterable[str], at: Instant) -> None:
        """Say of books held from before that they are not served any more: once after each time of asking."""
        if not self._disowned:
            self._disowned = True
            for symbol in symbols:
                self._emit(BookRejected(at, self._venue, symbol, Reason.NO_SNAPSHOT))
