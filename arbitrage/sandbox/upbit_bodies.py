"""The bodies of Upbit's public REST replies, made from a market's state. Shapes only: no HTTP, no limits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from arbitrage.sandbox.grid import UNIT, eight_decimals, plain
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.upbit_text import direction, rows

_KST: Final = timedelta(hours=9)
_CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_SUPPORTED_LEVELS: Final = ["0", "10000", "100000", "1000000", "10000000", "100000000"]


def orderbook(book: MarketBook, count: int, changed_ms: int) -> dict[str, Any]:
    """Show a book of `count` levels, its ungrouped level 0."""
    return {
        "market": book.listing.code,
        "timestamp": changed_ms,
        "total_ask_size": _plain(sum(book.asks.quantities)),
        "total_bid_size": _plain(sum(book.bids.quantities)),
        "orderbook_units": [
            {"ask_price": _plain(a), "bid_price": _plain(b), "ask_size": _plain(x), "bid_size": _plain(y)}
            for a, b, x, y in rows(book, count)
        ],
        "level": 0,
    }


def market(book: MarketBook, *, detailed: bool, warning: bool) -> dict[str, Any]:
    """Name a market, with its warning flag if asked."""
    names = {
        "market": book.listing.code,
        "korean_name": book.listing.korean,
        "english_name": book.listing.english,
    }
    if not detailed:
        return names
    return {**names, "market_event": {"warning": warning, "caution": dict.fromkeys(_CAUTIONS, False)}}


def instrument(book: MarketBook) -> dict[str, Any]:
    """Tell the price step that holds now; it changes with the price band."""
    return {
        "market": book.listing.code,
        "quote_currency": book.listing.quote,
        "tick_size": plain(book.listing.grid.tick(book.day.last)),
        "supported_levels": _SUPPORTED_LEVELS,
    }


def ticker(book: MarketBook, at_ms: int) -> dict[str, Any]:
    """Show the day's figures; `at_ms` stands for the last trade."""
    day, last = book.day, book.trades[-1]
    change = day.last - day.opening
    rate = change * UNIT // day.opening
    utc = datetime.fromtimestamp(at_ms / 1_000, tz=UTC)
    kst = utc + _KST
    return {
        "market": book.listing.code,
        "trade_date": f"{utc:%Y%m%d}",
        "trade_time": f"{utc:%H%M%S}",
        "trade_date_kst": f"{kst:%Y%m%d}",
        "trade_time_kst": f"{kst:%H%M%S}",
        "trade_timestamp": at_ms,
        "opening_price": _fixed(day.opening),
        "high_price": _fixed(day.high),
        "low_price": _fixed(day.low),
        "trade_price": _fixed(day.last),
        "prev_closing_price": _fixed(day.opening),
        "change": direction(change),
        "change_price": _fixed(abs(change)),
        "change_rate": _fixed(abs(rate)),
        "signed_change_price": _fixed(change),
        "signed_change_rate": _fixed(rate),
        "trade_volume": _fixed(last.quantity),
        "acc_trade_price": _fixed(day.funds),
        "acc_trade_price_24h": _fixed(day.funds),
        "acc_trade_volume": _fixed(day.volume),
        "acc_trade_volume_24h": _fixed(day.volume),
        "highest_52_week_price": _fixed(day.high),
        "highest_52_week_date": f"{kst:%Y-%m-%d}",
        "lowest_52_week_price": _fixed(day.low),
        "lowest_52_week_date": f"{kst:%Y-%m-%d}",
        "timestamp": at_ms,
    }


def trades(book: MarketBook, count: int, at_ms: int) -> Sequence[dict[str, Any]]:
    """Show the last trades, newest first, all stamped with the last change of the market."""
    utc = datetime.fromtimestamp(at_ms / 1_000, tz=UTC)
    return [
        {
            "market": book.listing.code,
            "trade_date_utc": f"{utc:%Y-%m-%d}",
            "trade_time_utc": f"{utc:%H:%M:%S}",
            "timestamp": at_ms,
            "trade_price": _fixed(trade.price),
            "trade_volume": _fixed(trade.quantity),
            "prev_closing_price": _fixed(book.day.opening),
            "change_price": _fixed(trade.price - book.day.opening),
            "ask_bid": "BID" if trade.taker_buys else "ASK",
            "sequential_id": trade.number,
        }
        for trade in list(book.trades)[: -count - 1 : -1]
    ]


def _plain(value: int) -> msgspec.Raw:
    return msgspec.Raw(plain(value).encode())


def _fixed(value: int) -> msgspec.Raw:
    return msgspec.Raw(eight_decimals(value).encode())
