"""Tapes that both wirings are played: the sandbox's market, a real Upbit's books, and a market that somebody wrote.

A tape is read anew for each run: the engine takes the books of an event over.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from heapq import merge
from pathlib import Path
from typing import Final

from arbitrage.domain.book_views import ListedDepth
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.instruments import TickTable, Universe, Venue
from arbitrage.market_data import decode_binance, decode_upbit
from arbitrage.market_data.tape import TapeWriter, read_tape
from arbitrage.sandbox.binance_streams import BinanceStreams
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.model import SLOT_MS, MarketModel
from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_streams import UpbitStreams
from tests import builders as make
from tests.recordings import recordings, websocket_frames

Frame = BookSnapshot | TouchUpdate
Tape = Callable[[], Iterator[Frame]]

_DECODE: Final = {Venue.UPBIT: decode_upbit.decode, Venue.BINANCE: decode_binance.decode}
_STREAMS: Final = ("@depth20@100ms", "@bookTicker")
_UPBIT_LEVELS: Final = 15


def write_sandbox_tape(directory: Path, bases: tuple[str, ...], seconds: int, seed: int) -> None:
    """Let the sandbox's market go on for some seconds, and tape every frame that our feeds would get of it."""
    model = MarketModel(coins_of(bases), seed)
    books = {venue: model.books(venue) for venue in Venue}
    writer, now = TapeWriter(directory), [make.NOON]

    def upbit(kind: str, code: str, write: Callable[[Format, int], bytes]) -> None:
        if kind == "orderbook":
            writer.write(Venue.UPBIT, "b", write(Format.SIMPLE, _UPBIT_LEVELS), now[0])

    def binance(stream: str, write: Callable[[], str]) -> None:
        if stream.endswith(_STREAMS):
            writer.write(Venue.BINANCE, "t", f'{{"stream":"{stream}","data":{write()}}}'.encode(), now[0])

    upbit_streams = UpbitStreams(books[Venue.UPBIT], now[0] // NS_PER_MS)
    binance_streams = BinanceStreams(books[Venue.BINANCE].values(), binance)
    for slot in range(seconds * 1_000 // SLOT_MS):
        # no two frames arrive at one instant: which of them came first would not be on the tapes
        now[0] = Instant(make.NOON + slot * SLOT_MS * NS_PER_MS)
        for moved in model.advance():
            now[0] = Instant(now[0] + 1_000)
            if moved.book.listing.venue is Venue.UPBIT:
                upbit_streams.tell(moved, now[0] // NS_PER_MS, upbit)
            else:
                binance_streams.touch(moved, now[0] // NS_PER_MS)
        now[0] = Instant(now[0] + 1_000)
        binance_streams.beat(model.slot, now[0] // NS_PER_MS)
    writer.flush()


def taped(directory: Path, universe: Universe) -> Tape:
    """Return the frames of a universe's books that are on the tapes in a directory, as the decoders read them."""
    watched = {i.symbol for pair in universe.pairs for i in (pair.upbit, pair.binance)} | {universe.fx.symbol}

    def frames() -> Iterator[Frame]:
        found = merge(*(read_tape(path) for path in sorted(directory.glob("*.tape.gz"))), key=lambda frame: frame.at)
        for frame in found:
            event = _DECODE[frame.venue](frame.payload, frame.at)
            if isinstance(event, Frame) and event.symbol in watched:
                yield event

    return frames


def recorded_upbit(session: str, base: str, binance_price: float) -> Tape:
    """Return a recorded session of a real Upbit beside a Binance that stands still."""
    path = recordings() / session

    def frames() -> Iterator[Frame]:
        decoded = (decode_upbit.decode(payload, Instant(at)) for at, payload in websocket_frames(path))
        books = [event for event in decoded if isinstance(event, BookSnapshot) and event.symbol == f"KRW-{base}"]
        return beside_a_still_binance(books, base, binance_price)

    return frames


def beside_a_still_binance(books: Sequence[BookSnapshot], base: str, price: float) -> Iterator[Frame]:
    """Yield Upbit's books, and every 100 ms a book of Binance and a rate that are always the same."""
    still = _still(books[0].at, books[-1].at, base, price)
    return merge(books, still, key=lambda event: event.at)


def _still(start: Instant, end: Instant, base: str, price: float) -> Iterator[BookSnapshot]:
    for number, at in enumerate(range(start - 1, end + NS_PER_S, 100 * NS_PER_MS), start=1):
        levels = [(price, 1e6)], [(round(price * 1.0001, 4), 1e6)]
        yield BookSnapshot(Instant(at), Venue.BINANCE, f"{base}USDT", number, 0, ListedDepth(*levels))
        yield make.fx(at=Instant(at))


def fine_universe(base: str) -> Universe:
    """Return one pair whose price on Binance has four decimals, as that of a small coin."""
    pair = make.pair(base)
    fine = make.binance(
        base, ticks=TickTable.single(Decimal("0.0001")), lot=Decimal("0.1"), min_quantity=Decimal("0.1")
    )
    return Universe((type(pair)(base, pair.upbit, fine),), make.upbit("USDT"))


def written_upbit(moves: Sequence[tuple[int, int]]) -> Iterator[Frame]:
    """Yield an Upbit that moves so many ms after the move before, to so many bps above a Binance that stands still."""
    at_ms, books = 0, []
    for after_ms, premium_bps in ((0, 0), *moves):
        at_ms += after_ms
        bid = round(85_000 * 1_400.5 * (1 + premium_bps / 10_000) / 1_000) * 1_000.0
        books.append(make.upbit_book(bid, bid + 1_000, at=make.after_ms(at_ms)))
    return beside_a_still_binance(books, "BTC", 85_000.0)
