"""The wire frames that every variant gets: a seeded market, written by the sandbox's own encoders. It sends nothing.

Frames are templates: the stamp or the update id is filled in when they leave, because clients look at both.
"""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.binance_text import book_ticker, partial_depth
from arbitrage.sandbox.grid import KRW_GRID, UNIT
from arbitrage.sandbox.listing import COINS, FX_CODE, FX_KRW, Coin
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_text import orderbook_frame

SEED: Final = 7
STAMP: Final = 1_770_000_000_123
"""Of a frame that is finished; in ms."""

SETTLED_SLOTS: Final = 100
"""Two seconds of the market's time: every book has followed its price by then, and no jump has come yet."""

PREMIUM: Final = Decimal("1.006")
"""Upbit is dearer by this in a trigger: 30 bps are left after every fee, which is inside each collar."""

LISTED: Final = ("BTC", "ETH", "XRP", "SOL")

WIDEST_TICK: Final = Decimal("0.0005")
"""Of the price: a coarse tick widens the spread by more than a premium leaves."""

UPBIT_LEVELS: Final = 15
BINANCE_LEVELS: Final = 20


def coins(count: int) -> tuple[Coin, ...]:
    """Return so many coins: the four that everybody trades, and made-up ones with prices from a cent to 1,000 USDT."""
    chance = Random(SEED)
    known = [COINS[base] for base in LISTED[:count]]
    return (*known, *(_made_up(number, chance) for number in range(count - len(known))))


def _made_up(number: int, chance: Random) -> Coin:
    magnitude, usdt = _price(chance)
    tick, lot = Decimal(10) ** (magnitude - 3), Decimal(10) ** min(0, -magnitude - 1)
    return Coin(
        base=f"B{number:03d}",
        usdt=f"{usdt:f}",
        korean=f"코인{number:03d}",
        english=f"Bench {number:03d}",
        binance_tick=f"{tick:f}",
        binance_lot=f"{lot:f}",
    )


def _price(chance: Random) -> tuple[int, Decimal]:
    """Draw a price whose tick in KRW is small enough for the premium to clear, and its power of ten."""
    while True:
        magnitude = chance.randint(-2, 2)
        usdt = Decimal(chance.randint(1_000, 9_999)) * Decimal(10) ** (magnitude - 3)
        krw = int(usdt * int(FX_KRW) * UNIT)
        if KRW_GRID.tick(krw) <= WIDEST_TICK * krw:
            return magnitude, usdt


@dataclass(frozen=True, slots=True)
class PairFrames:
    """One pair's frames as templates with one `%d`. `simple` and `default` are Upbit's formats of 15 and 30 levels.

    `..._trigger` is the same market with the premium; its last brace stands behind a space, by which an echo that
    decodes nothing knows it.
    """

    base: str
    simple: bytes
    simple_trigger: bytes
    default: bytes
    default_trigger: bytes
    depth: bytes
    ticker: bytes
    ticker_raw: bytes


@dataclass(frozen=True, slots=True)
class MarketFrames:
    """All pairs' frames, and those of the fx."""

    pairs: tuple[PairFrames, ...]
    fx_simple: bytes
    fx_default: bytes


def market_frames(count: int) -> MarketFrames:
    """Write the frames of so many pairs."""
    listed = coins(count)
    calm, dear = MarketModel(listed, SEED), MarketModel(listed, SEED)
    dear.shocks.update({f"KRW-{coin.base}": PREMIUM for coin in listed})
    for model in (calm, dear):
        for _ in range(SETTLED_SLOTS):
            model.advance()
    fx = calm.books(Venue.UPBIT)[FX_CODE]
    pairs = tuple(_pair_frames(coin.base, calm, dear) for coin in listed)
    return MarketFrames(pairs, _upbit(fx, Format.SIMPLE, UPBIT_LEVELS), _upbit(fx, Format.DEFAULT, 30))


def _pair_frames(base: str, calm: MarketModel, dear: MarketModel) -> PairFrames:
    upbit, dearer = calm.books(Venue.UPBIT)[f"KRW-{base}"], dear.books(Venue.UPBIT)[f"KRW-{base}"]
    binance = calm.books(Venue.BINANCE)[f"{base}USDT"]
    name, own_id = f"{base}USDT".lower(), str(binance.update_id)
    ticker = book_ticker(binance).replace(own_id, "%d", 1)
    depth = partial_depth(binance, BINANCE_LEVELS).replace(own_id, "%d", 1)
    return PairFrames(
        base=base,
        simple=_upbit(upbit, Format.SIMPLE, UPBIT_LEVELS),
        simple_trigger=_marked(_upbit(dearer, Format.SIMPLE, UPBIT_LEVELS)),
        default=_upbit(upbit, Format.DEFAULT, 30),
        default_trigger=_marked(_upbit(dearer, Format.DEFAULT, 30)),
        depth=_combined(f"{name}@depth20@100ms", depth),
        ticker=_combined(f"{name}@bookTicker", ticker),
        ticker_raw=ticker.encode(),
    )


def upbit_book(form: Format, levels: int) -> bytes:
    """Write one whole book of the first pair, finished."""
    model = MarketModel(coins(1), SEED)
    return orderbook_frame(model.books(Venue.UPBIT)["KRW-BTC"], form, levels, (STAMP, "REALTIME"))


def _upbit(book: MarketBook, form: Format, levels: int) -> bytes:
    written = orderbook_frame(book, form, levels, (0, "REALTIME"))
    return written.replace(b'"tms":0,', b'"tms":%d,', 1).replace(b'"timestamp":0,', b'"timestamp":%d,', 1)


def _marked(frame: bytes) -> bytes:
    return frame[:-1] + b" }"


def _combined(stream: str, data: str) -> bytes:
    return f'{{"stream":"{stream}","data":{data}}}'.encode()


def websocket_frame(payload: bytes, *, is_binary: bool) -> bytes:
    """Put a server's message into one unmasked frame (RFC 6455, section 5.2)."""
    first = 0x82 if is_binary else 0x81
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload
