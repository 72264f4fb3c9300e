"""Both venues as their frames show them: every book, every socket, every clock. It holds no opinion on trading."""

from dataclasses import dataclass, field
from typing import Final

from arbitrage.books.bands import PriceBand
from arbitrage.books.book import Book
from arbitrage.books.skew import LeastDelay
from arbitrage.domain.book_views import Health, Reference
from arbitrage.domain.events import (
    BookRejected,
    BookSnapshot,
    ClockSample,
    ReferenceRate,
    TouchUpdate,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, to_ms
from arbitrage.domain.instruments import Instrument, Pair, Universe, Venue
from arbitrage.domain.views import BookLine, FxLine, VenueLine

LEAST_SPAN: Final = Nanos(NS_PER_S // 2)
"""Over less than this a message rate says nothing."""

_GOOD: Final = Health.GOOD  # looked up once: an enum takes 0.1 µs for it
_UPBIT: Final = Venue.UPBIT
_OTHER: Final = {Venue.UPBIT: Venue.BINANCE, Venue.BINANCE: Venue.UPBIT}

PLAUSIBLE_FX: Final = (100.0, 100_000.0)
"""KRW per USDT. The won has stood between 600 and 2,000 to the dollar since 1990; outside of this it is no rate."""


@dataclass(slots=True)
class _VenueState:
    books: dict[str, Book] = field(default_factory=dict)
    bands: dict[str, PriceBand] = field(default_factory=dict)
    connected: bool = False
    since: Instant | None = None
    reason: str = "not connected yet"
    messages: int = 0
    rejected: int = 0
    delay: LeastDelay = field(default_factory=LeastDelay)
    measured_skew: Nanos | None = None
    counted_at: Instant | None = None
    counted: int = 0
    per_s: float = 0.0


class Market:
    """The books of all instruments that we watch, by venue and symbol."""

    def __init__(self) -> None:
        self._venues = {venue: _VenueState() for venue in Venue}
        self.fx = Book()
        self._reference: ReferenceRate | None = None
        self._twins: dict[tuple[Venue, str], str] = {}

    def adopt(self, universe: Universe) -> None:
        """Watch exactly the universe's instruments; books that stay keep what they hold."""
        wanted: dict[Venue, list[Instrument]] = {Venue.UPBIT: [universe.fx], Venue.BINANCE: []}
        for pair in universe.pairs:
            wanted[Venue.UPBIT].append(pair.upbit)
            wanted[Venue.BINANCE].append(pair.binance)
        for venue, instruments in wanted.items():
            state = self._venues[venue]
            state.books = {i.symbol: state.books.get(i.symbol) or Book() for i in instruments}
            state.bands = {i.symbol: state.bands.get(i.symbol) or PriceBand() for i in instruments}
        self._twins = dict(twins for pair in universe.pairs for twins in _twins(pair))
        self.fx = self.book(Venue.UPBIT, universe.fx.symbol)

    def book(self, venue: Venue, symbol: str) -> Book:
        """Return the book of an instrument. Raises KeyError if it is not watched."""
        return self._venues[venue].books[symbol]

    def find(self, venue: Venue, symbol: str) -> Book | None:
        """Return the book of an instrument, or None if it is not watched."""
        return self._venues[venue].books.get(symbol)

    def replace(self, event: BookSnapshot) -> bool:
        """Take a whole book over; False if the instrument is not watched, or the venue's socket is said to be down."""
        state = self._venues[event.venue]
        state.messages += 1
        book = state.books.get(event.symbol)
        if book is None or not state.connected:
            return False
        if event.venue_at:
            state.delay.add(event.at, event.venue_at)
        book.replace(event)
        return True

    def lay_over(self, event: TouchUpdate) -> bool:
        """Take a newer touch over; False as for `replace`."""
        state = self._venues[event.venue]
        state.messages += 1
        book = state.books.get(event.symbol)
        if book is None or not state.connected:
            return False
        book.lay_over(event)
        return True

    def note(self, event: VenueUp | VenueDown | BookRejected | ClockSample | ReferenceRate) -> None:
        """Take what is about a venue, one bad frame, or the rate that is only shown."""
        match event:
            case VenueUp():
                self._turn(event.venue, event.at, connected=True, reason="")
            case VenueDown():
                self._turn(event.venue, event.at, connected=False, reason=event.reason)
            case ClockSample():
                self._venues[event.venue].measured_skew = event.skew
            case BookRejected():
                self._reject(event)
            case ReferenceRate():
                self._reference = event

    def count(self, now: Instant) -> None:
        """Work out each venue's message rate since the last count."""
        for state in self._venues.values():
            span = now - state.counted_at if state.counted_at is not None else LEAST_SPAN
            if span < LEAST_SPAN:
                continue
            if state.counted_at is not None:
                state.per_s = (state.messages - state.counted) * NS_PER_S / span
            state.counted_at, state.counted = now, state.messages

    def sample(self) -> None:
        """Take every price as it stands at a tick, for the collar's last minute."""
        for state in self._venues.values():
            for symbol, band in state.bands.items():
                band.sample(state.books[symbol])

    def reference(self, venue: Venue, symbol: str) -> Reference | None:
        """Return what a price of this instrument can be held against now; None if it is of no pair that we watch."""
        twin = self._twins.get((venue, symbol))
        if twin is None:
            return None
        state = self._venues[venue]
        mid, band = state.books[symbol].mid, state.bands[symbol]
        # before the first tick there is no last minute: the price as it stands is all of it
        low, high = (mid, mid) if band.low is None else (band.low, band.high)
        return Reference(mid, self._elsewhere(venue, twin), low, high)

    def silent(self, now: Instant, max_age: Nanos, max_fx_age: Nanos) -> str:
        """Say what has sent nothing for longer than it may, counted from when it came or went; "" if nothing has."""
        for venue, state in self._venues.items():
            newest = max((book.updated_at for book in state.books.values()), default=Instant(0))
            heard = max(newest, state.since or Instant(0))
            if heard and not now - heard <= max_age:
                return f"{venue} has sent nothing for {(now - heard) / NS_PER_S:.0f} s"
        heard = max(self.fx.updated_at, self._venues[Venue.UPBIT].since or Instant(0))
        return f"the fx is {(now - heard) / NS_PER_S:.0f} s old" if heard and not now - heard <= max_fx_age else ""

    def fx_line(self, now: Instant) -> FxLine:
        """Show the fx as it stands."""
        bid, ask = self.fx_rate() or (None, None)
        shown = self._reference
        return FxLine(
            bid=bid,
            ask=ask,
            age_ms=None if bid is None else _age_ms(self.fx, now),
            reference=shown.krw_per_usd if shown else None,
            reference_day=shown.day if shown else "",
        )

    def lines(self, now: Instant, max_age: Nanos) -> dict[str, VenueLine]:
        """Show each venue and its books as they stand."""
        return {venue.value: _venue_line(state, now, max_age) for venue, state in self._venues.items()}

    def fx_rate(self) -> tuple[float, float] | None:
        """Return KRW per USDT as (bid, ask), or None while the fx book cannot be believed."""
        fx = self.fx
        believed = fx.condition is _GOOD and PLAUSIBLE_FX[0] <= fx.bid and fx.ask <= PLAUSIBLE_FX[1]
        return (fx.bid, fx.ask) if believed else None

    def touches(self, pair: Pair) -> dict[Venue, tuple[float, float]]:
        """Return the (bid, ask) of each of the pair's books that can be believed."""
        found = {}
        for venue in Venue:
            book = self._venues[venue].books.get(pair.on(venue).symbol)
            if book is not None and book.condition is Health.GOOD:
                found[venue] = (book.bid, book.ask)
        return found

    def _elsewhere(self, venue: Venue, twin: str) -> float | None:
        mid, rate = self._venues[_OTHER[venue]].books[twin].mid, self.fx.mid
        if mid is None or not rate:
            return None
        return mid * rate if venue is _UPBIT else mid / rate

    def _reject(self, event: BookRejected) -> None:
        state = self._venues[event.venue]
        state.messages += 1
        state.rejected += 1
        # garbage that names no book may have been for any of them
        hit = (
            state.books.values()
            if not event.symbol and event.reason == "malformed"
            else [state.books.get(event.symbol)]
        )
        for book in hit:
            if book is not None:
                book.clear()

    def _turn(self, venue: Venue, at: Instant, *, connected: bool, reason: str) -> None:
        state = self._venues[venue]
        if state.connected is not connected or state.since is None:
            state.since = at
        state.connected, state.reason = connected, reason
        for book in state.books.values():
            book.clear()


def _twins(pair: Pair) -> tuple[tuple[tuple[Venue, str], str], ...]:
    upbit, binance = pair.upbit.symbol, pair.binance.symbol
    return ((Venue.UPBIT, upbit), binance), ((Venue.BINANCE, binance), upbit)


def _venue_line(state: _VenueState, now: Instant, max_age: Nanos) -> VenueLine:
    books = tuple(_book_line(symbol, book, now, max_age) for symbol, book in state.books.items())
    ages = [line.age_ms for line in books if line.age_ms is not None]
    skew = state.measured_skew if state.measured_skew is not None else state.delay.estimate(now)
    return VenueLine(
        connected=state.connected,
        since=state.since,
        reason=state.reason,
        book_age_ms=max(ages, default=None),
        clock_skew_ms=None if skew is None else to_ms(skew),
        messages_per_s=state.per_s,
        messages=state.messages,
        rejected=state.rejected + sum(book.rejected for book in state.books.values()),
        books=books,
    )


def _book_line(symbol: str, book: Book, now: Instant, max_age: Nanos) -> BookLine:
    book.walkable()  # once a second all the way down, so that nothing bad is shown as good
    held = book.condition is not Health.EMPTY
    return BookLine(
        symbol=symbol,
        health=book.health(now, max_age).value,
        age_ms=_age_ms(book, now) if held else None,
        bid=book.bid if held else None,
        ask=book.ask if held else None,
    )


def _age_ms(book: Book, now: Instant) -> float:
    return to_ms(now - book.updated_at)
