"""Every websocket frame that others recorded from the real venues is understood."""

from collections import Counter

import pytest

from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant
from arbitrage.market_data import decode_binance, decode_upbit
from tests.recordings import recordings, websocket_frames

DECODERS = {"upbit": decode_upbit.decode, "binance": decode_binance.decode}


def kind_of(decoded):
    match decoded:
        case BookSnapshot():
            return "book"
        case TouchUpdate():
            return "touch"
        case BookRejected():
            return f"rejected: {decoded.reason}"
        case _:
            return decoded.kind.value


@pytest.mark.parametrize(
    ("session", "kinds"),
    [
        ("upbit/ws/orderbook_trade_simple_2021-04-05.txt.gz", {"book": 1061, "trade": 672}),
        ("upbit/ws/orderbook_trade_simple_2021-04-17.txt.gz", {"book": 145, "trade": 304}),
        ("binance/ws/btcusdt_2024-08-08.txt.gz", {"touch": 28040, "trade": 9757, "depthUpdate": 3451}),
        ("binance/ws/ethusdt_2024-08-08.txt.gz", {"touch": 24077, "trade": 6106, "depthUpdate": 3434}),
        ("binance/ws/session_2021-04-05.txt.gz", {"touch": 5408, "aggTrade": 1240, "depthUpdate": 4709}),
    ],
)
def test_every_recorded_frame_is_understood(session, kinds):
    path = recordings() / session
    decode = DECODERS[session.partition("/")[0]]

    decoded = Counter(kind_of(decode(payload, Instant(at))) for at, payload in websocket_frames(path))

    assert decoded == kinds


def test_recorded_upbit_books_are_in_order_and_their_touch_is_their_first_level():
    path = recordings() / "upbit/ws/orderbook_trade_simple_2021-04-05.txt.gz"
    decoded = [decode_upbit.decode(payload, Instant(at)) for at, payload in websocket_frames(path)]
    books = [event for event in decoded if isinstance(event, BookSnapshot)]

    for book in books:
        bids, asks = book.depth.bids(), book.depth.asks()

        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert book.depth.touch() == (*bids[0], *asks[0])
        assert 0 < book.at - book.venue_at < 10**9
