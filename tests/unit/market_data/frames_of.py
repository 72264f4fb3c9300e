"""Frames as the venues write them, with good defaults: a test names only what it is about."""

import json


def upbit_book(code="KRW-BTC", levels=((137002000, 0.106, 137001000, 0.036),), tms=1746601573804, **changes):
    """Write an Upbit SIMPLE orderbook frame; a level is (ask, ask size, bid, bid size)."""
    units = [{"ap": ap, "bp": bp, "as": ask_size, "bs": bs} for ap, ask_size, bp, bs in levels]
    frame = {
        "ty": "orderbook",
        "cd": code,
        "tms": tms,
        "tas": 4.79,
        "tbs": 2.65,
        "obu": units,
        "st": "SNAPSHOT",
        "lv": 0,
    }
    return written({**frame, **changes})


def binance_book(symbol="btcusdt", bids=(("100.00", "1"),), asks=(("101.00", "2"),), sequence=160):
    """Write a Binance combined depth20 frame."""
    data = {"lastUpdateId": sequence, "bids": bids, "asks": asks}
    return written({"stream": f"{symbol}@depth20@100ms", "data": data})


def binance_touch(symbol="btcusdt", named=None, sequence=400900217, bid="100.00", ask="101.00"):
    """Write a Binance combined bookTicker frame."""
    data = {"u": sequence, "s": named or symbol.upper(), "b": bid, "B": "3.78", "a": ask, "A": "1.54"}
    return written({"stream": f"{symbol}@bookTicker", "data": data})


def written(frame):
    """Write JSON as the venues do, without white space."""
    return json.dumps(frame, separators=(",", ":")).encode()
