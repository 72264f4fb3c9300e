"""Measures decode and book: a frame's bytes in, a book that may be decided on out. Nothing decides here.

ccxt.pro is given the same book in the form that it reads: Upbit's DEFAULT format (it knows no SIMPLE), Binance's raw
frames. Its part is what its receive path does: its JSON parser, then `handle_message`.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any, Final

from ccxt.async_support.base.ws.client import json_parser

from arbitrage.books.market import Market
from arbitrage.domain.events import BookSnapshot, TouchUpdate, UniverseChanged, VenueUp
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Pair, TickTable, Universe, Venue
from arbitrage.market_data import decode_binance, decode_upbit
from arbitrage.market_data.frames import Decoded
from arbitrage.market_data.instruments_upbit import KRW_TICKS
from arbitrage.sandbox.upbit_numbers import Format
from tests.bench import ccxt_clients
from tests.bench.floor import NO_COMPILER, compile_floor, parse_ns
from tests.bench.frames import market_frames, upbit_book
from tests.bench.rounds import Findings, Say, Turn, take_turns

BATCHES: Final = 15
_ONE: Final = Instant(1_770_000_000_000_000_000)

Reader = Callable[[bytes], object]


async def measure(findings: Findings, folder: Path, rounds: int, frames: int, say: Say) -> None:
    """Measure every frame type; `frames` is how many are read in one batch."""
    market = a_market()
    template = market_frames(1).pairs[0]
    simple, default_15, default_30 = (
        upbit_book(form, levels) for form, levels in ((Format.SIMPLE, 15), (Format.DEFAULT, 15), (Format.DEFAULT, 30))
    )
    depth = template.depth % 10_000_000_000
    touches = _rising(template.ticker)
    turns: dict[str, Turn] = {
        "decode/upbit simple 15/ours": _turn(_ours(market, decode_upbit.decode), repeat(simple), frames),
        "decode/binance depth20/ours": _turn(_ours(market, decode_binance.decode), repeat(depth), frames),
        "decode/binance bookTicker/ours": _turn(_ours(market, decode_binance.decode), touches, frames),
    }
    upbit, binance = ccxt_clients.upbit(), ccxt_clients.binance()
    upbit_reader, binance_reader = _ccxt(upbit, "ws://127.0.0.1:1/a"), _ccxt(binance, "ws://127.0.0.1:1/stream/ws/0")
    upbit_reader(default_30.replace(b"REALTIME", b"SNAPSHOT"))
    turns |= {
        "decode/upbit default 15/ccxt": _turn(upbit_reader, repeat(default_15), frames // 20),
        "decode/upbit default 30/ccxt": _turn(upbit_reader, repeat(default_30), frames // 20),
        "decode/binance bookTicker/ccxt": _turn(binance_reader, _rising(template.ticker_raw), frames // 10),
    }
    floor = compile_floor(folder)
    if floor is None:
        findings.notes.append(NO_COMPILER)
    else:
        for name, frame in (
            ("upbit simple 15", simple),
            ("binance depth20", depth),
            ("binance bookTicker", next(touches)),
        ):
            turns[f"decode/{name}/C parse"] = _floor_turn(floor, "parse", frame)
        turns["decode/upbit simple 15/C strtod"] = _floor_turn(floor, "strtod", simple)
    gc.collect()
    gc.freeze()  # as the product does after its start
    await take_turns(findings, "µs", turns, rounds, say)
    gc.unfreeze()
    await upbit.close()
    await binance.close()


def _rising(template: bytes) -> Iterator[bytes]:
    """Yield touches that are each newer than the one before: one that is not changes no book, and costs half."""
    return (template % number for number in count(20_000_000_000))


def _turn(read: Reader, frames: Iterator[bytes], a_batch: int) -> Turn:
    """Return µs of processor time a frame, of several batches: others on the machine make a wall clock useless here."""

    async def turn() -> Sequence[float]:
        taken = []
        for _ in range(BATCHES):
            batch = [*islice(frames, a_batch)]
            began = time.thread_time_ns()
            for frame in batch:
                read(frame)
            taken.append((time.thread_time_ns() - began) / len(batch) / 1_000)
        return taken

    return turn


def _floor_turn(floor: Path, how: str, frame: bytes) -> Callable[[], Awaitable[Sequence[float]]]:
    async def turn() -> Sequence[float]:
        return [await parse_ns(floor, how, frame, 20_000) / 1_000 for _ in range(3)]

    return turn


def _ours(market: Market, decode: Callable[[bytes, Instant], Decoded]) -> Reader:
    """Read a frame as the product does: decode, then the book. A frame that is not believed fails the bench."""

    def read(frame: bytes) -> None:
        event = decode(frame, _ONE)
        if isinstance(event, BookSnapshot):
            market.replace(event)
        elif isinstance(event, TouchUpdate):
            market.lay_over(event)
        else:
            raise RuntimeError(f"not believed: {event}")

    return read


def _ccxt(exchange: Any, url: str) -> Reader:
    client = exchange.client(url)

    def read(frame: bytes) -> None:
        exchange.handle_message(client, json_parser.loads(frame))

    return read


def a_market() -> Market:
    """Return both venues up, with the books of one pair to be filled."""
    market = Market()
    pair = Pair("BTC", _instrument(Venue.UPBIT, "KRW-BTC", "KRW"), _instrument(Venue.BINANCE, "BTCUSDT", "USDT"))
    market.adopt(UniverseChanged(_ONE, Universe((pair,), _instrument(Venue.UPBIT, "KRW-USDT", "KRW"))).universe)
    for venue in Venue:
        market.note(VenueUp(_ONE, venue))
    return market


def _instrument(venue: Venue, symbol: str, quote: str) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=symbol,
        base=symbol.removeprefix("KRW-").removesuffix("USDT") or "USDT",
        quote=quote,
        ticks=KRW_TICKS if quote == "KRW" else TickTable.single(Decimal("0.01")),
        lot=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9_000),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
        taker_fee=Decimal("0.001"),
    )
