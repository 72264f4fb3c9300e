"""The update ids of Binance's streams: what a client that keeps a local book relies on."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.binance_bodies import depth
from arbitrage.sandbox.binance_streams import BinanceStreams
from arbitrage.sandbox.binance_text import trade_event
from arbitrage.sandbox.grid import UNIT
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.market_book import Trade
from arbitrage.sandbox.model import MarketModel


class Listener:
    """Hears every stream, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def publish(self, stream: str, write: Callable[[], str]) -> None:
        self.heard.append((stream, json.loads(write())))

    def on(self, stream: str) -> list[Any]:
        return [frame for name, frame in self.heard if name == stream]


def a_session(slots: int = 300) -> tuple[MarketModel, Listener, dict[str, Any]]:
    """Run a market with a listener; also return BTC's REST depth from before the first frame."""
    model, listener = MarketModel(coins_of(("BTC", "XRP")), seed=3), Listener()
    books = model.books(Venue.BINANCE)
    streams = BinanceStreams(books.values(), listener.publish)
    before = depth(books["BTCUSDT"], 1_000)
    for _ in range(slots):
        for moved in model.advance():
            if moved.book.listing.venue is Venue.BINANCE:
                streams.touch(moved, at_ms=1_000)
        streams.beat(model.slot, at_ms=1_000)
    return model, listener, before


def test_differences_are_seamless_and_start_right_after_the_rest_book() -> None:
    _, listener, before = a_session()
    frames = listener.on("btcusdt@depth@100ms")
    starts = [frame["U"] for frame in frames]

    assert len(frames) > 40
    assert starts == [before["lastUpdateId"] + 1, *(frame["u"] + 1 for frame in frames[:-1])]
    assert all(frame["U"] <= frame["u"] for frame in frames)


def test_a_local_book_of_rest_and_differences_is_the_venues_book() -> None:
    model, listener, before = a_session()
    sides = {"b": dict(before["bids"]), "a": dict(before["asks"])}
    frames = listener.on("btcusdt@depth@100ms")
    for frame in frames:
        for side, levels in sides.items():
            levels.update(frame[side])
    local = [{p: q for p, q in levels.items() if float(q)} for levels in sides.values()]
    now = depth(model.books(Venue.BINANCE)["BTCUSDT"], 1_000)

    assert frames[-1]["u"] == now["lastUpdateId"]
    assert local == [dict(now["bids"]), dict(now["asks"])]


def test_all_streams_of_a_symbol_share_one_rising_counter() -> None:
    _, listener, _ = a_session()
    ids = [frame.get("u") or frame["lastUpdateId"] for name, frame in listener.heard if name.startswith("btcusdt@book")]
    depths = {frame["lastUpdateId"]: frame for frame in listener.on("btcusdt@depth20@100ms")}
    shared = [frame for frame in listener.on("btcusdt@bookTicker") if frame["u"] in depths]

    assert ids == sorted(set(ids))
    assert shared
    for ticker in shared:
        assert [ticker["b"], ticker["B"]] == depths[ticker["u"]]["bids"][0]
        assert [ticker["a"], ticker["A"]] == depths[ticker["u"]]["asks"][0]


def test_each_stream_has_its_own_pace() -> None:
    _, listener, _ = a_session(slots=500)
    counts: dict[str, int] = defaultdict(int)
    for name, _ in listener.heard:
        counts[name] += 1

    assert counts["btcusdt@depth"] == counts["btcusdt@depth5"] == 10
    assert 90 <= counts["btcusdt@depth20@100ms"] <= 100
    assert counts["btcusdt@bookTicker"] > counts["btcusdt@depth20@100ms"]


@pytest.mark.parametrize("taker_buys", [True, False])
def test_a_trade_tells_whether_the_buyer_was_the_maker(taker_buys: bool) -> None:
    book = MarketModel(coins_of(("BTC",)), seed=1).books(Venue.BINANCE)["BTCUSDT"]
    frame = json.loads(trade_event(book, Trade(7, 85_000 * UNIT, UNIT // 2, taker_buys), at_ms=9))

    assert frame == {
        "e": "trade",
        "E": 9,
        "s": "BTCUSDT",
        "t": 7,
        "p": "85000.00000000",
        "q": "0.50000000",
        "T": 9,
        "m": not taker_buys,
        "M": True,
    }


def test_a_partial_book_has_its_levels_and_strings_of_eight_decimals() -> None:
    _, listener, _ = a_session(slots=50)
    frame = listener.on("xrpusdt@depth20@100ms")[0]
    texts = [text for side in ("bids", "asks") for level in frame[side] for text in level]

    assert list(frame) == ["lastUpdateId", "bids", "asks"]
    assert len(frame["bids"]) == len(frame["asks"]) == 20
    assert all(len(text.partition(".")[2]) == 8 for text in texts)
