"""How Upbit writes books, trades and tickers on its websocket. Text only: no sockets, no clock, no decoding."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from arbitrage.sandbox.grid import UNIT, eight_decimals, plain
from arbitrage.sandbox.ladder import Ladder
from arbitrage.sandbox.market_book import MarketBook, Trade
from arbitrage.sandbox.upbit_numbers import Format, java_double, small_quantity


def orderbook_frame(book: MarketBook, form: Format, depth: int, stamp: tuple[int, str]) -> bytes:
    """Write a whole book of `depth` levels; `stamp` is (the last change in ms, SNAPSHOT or REALTIME).

    A side with fewer levels is padded with zero levels, as the venue does.
    """
    changed_ms, stream = stamp
    code = book.listing.code
    if form.short:
        head = f'{{"ty":"orderbook","cd":"{code}","tms":{changed_ms},'
        sums = f'"tas":{small_quantity(sum(book.asks.quantities))},"tbs":{small_quantity(sum(book.bids.quantities))},'
        levels = ",".join(_short_levels(book, depth))
        text = f'{head}{sums}"obu":[{levels}],"st":"{stream}","lv":0}}'
    else:
        head = f'{{"type":"orderbook","code":"{code}","timestamp":{changed_ms},'
        asks, bids = eight_decimals(sum(book.asks.quantities)), eight_decimals(sum(book.bids.quantities))
        levels = ",".join(_long_levels(book, depth))
        text = (
            f'{head}"total_ask_size":{asks},"total_bid_size":{bids},'
            f'"orderbook_units":[{levels}],"stream_type":"{stream}","level":0}}'
        )
    return _frame(text, form)


def trade_frame(book: MarketBook, trade: Trade, form: Format, stamp: tuple[int, str]) -> bytes:
    """Write a trade; `stamp` is (when it happened in ms, SNAPSHOT or REALTIME)."""
    at_ms, stream = stamp
    fields = (
        ("type", "ty", '"trade"'),
        ("code", "cd", f'"{book.listing.code}"'),
        ("timestamp", "tms", str(at_ms)),
        ("trade_date", "td", f'"{_utc(at_ms):%Y-%m-%d}"'),
        ("trade_time", "ttm", f'"{_utc(at_ms):%H:%M:%S}"'),
        ("trade_timestamp", "ttms", str(at_ms)),
        ("trade_price", "tp", _price(trade.price, form)),
        ("trade_volume", "tv", java_double(trade.quantity)),
        ("ask_bid", "ab", '"BID"' if trade.taker_buys else '"ASK"'),
        ("prev_closing_price", "pcp", _price(book.day.opening, form)),
        ("change", "c", f'"{direction(trade.price - book.day.opening)}"'),
        ("change_price", "cp", _price(abs(trade.price - book.day.opening), form)),
        ("sequential_id", "sid", str(trade.number)),
        ("best_ask_price", "bap", _price(book.asks.prices[0], form)),
        ("best_ask_size", "bas", java_double(book.asks.quantities[0])),
        ("best_bid_price", "bbp", _price(book.bids.prices[0], form)),
        ("best_bid_size", "bbs", java_double(book.bids.quantities[0])),
        ("stream_type", "st", f'"{stream}"'),
    )
    return _object(fields, form)


def ticker_frame(book: MarketBook, form: Format, stamp: tuple[int, str]) -> bytes:
    """Write the day's figures; `stamp` is (the last trade in ms, SNAPSHOT or REALTIME)."""
    at_ms, stream = stamp
    day, last = book.day, book.trades[-1]
    change = day.last - day.opening
    rate = change * UNIT // day.opening
    funds = plain(day.funds)
    fields = (
        ("type", "ty", '"ticker"'),
        ("code", "cd", f'"{book.listing.code}"'),
        ("opening_price", "op", _price(day.opening, form)),
        ("high_price", "hp", _price(day.high, form)),
        ("low_price", "lp", _price(day.low, form)),
        ("trade_price", "tp", _price(day.last, form)),
        ("prev_closing_price", "pcp", _price(day.opening, form)),
        ("change", "c", f'"{direction(change)}"'),
        ("change_price", "cp", _price(abs(change), form)),
        ("signed_change_price", "scp", _price(change, form)),
        ("change_rate", "cr", java_double(abs(rate))),
        ("signed_change_rate", "scr", java_double(rate)),
        ("trade_volume", "tv", java_double(last.quantity)),
        ("acc_trade_volume", "atv", java_double(day.volume)),
        ("acc_trade_volume_24h", "atv24h", java_double(day.volume)),
        ("acc_trade_price", "atp", funds),
        ("acc_trade_price_24h", "atp24h", funds),
        ("trade_date", "tdt", f'"{_utc(at_ms):%Y%m%d}"'),
        ("trade_time", "ttm", f'"{_utc(at_ms):%H%M%S}"'),
        ("trade_timestamp", "ttms", str(at_ms)),
        ("ask_bid", "ab", '"BID"' if last.taker_buys else '"ASK"'),
        ("acc_ask_volume", "aav", java_double(day.volume - day.bought)),
        ("acc_bid_volume", "abv", java_double(day.bought)),
        ("highest_52_week_price", "h52wp", _price(day.high, form)),
        ("highest_52_week_date", "h52wdt", f'"{_utc(at_ms):%Y-%m-%d}"'),
        ("lowest_52_week_price", "l52wp", _price(day.low, form)),
        ("lowest_52_week_date", "l52wdt", f'"{_utc(at_ms):%Y-%m-%d}"'),
        ("market_state", "ms", '"ACTIVE"'),
        ("is_trading_suspended", "its", "false"),
        ("delisting_date", "dd", "null"),
        ("market_warning", "mw", '"NONE"'),
        ("timestamp", "tms", str(at_ms)),
        ("stream_type", "st", f'"{stream}"'),
    )
    return _object(fields, form)


def direction(change: int) -> str:
    """Name the sign of a change as Upbit does."""
    return "EVEN" if change == 0 else "RISE" if change > 0 else "FALL"


def rows(book: MarketBook, depth: int) -> list[tuple[int, int, int, int]]:
    """Return (ask price, bid price, ask quantity, bid quantity) by level, zeros where a side has ended."""
    pairs = zip_longest(_levels(book.asks, depth), _levels(book.bids, depth), fillvalue=(0, 0))
    return [(ask, bid, ask_quantity, bid_quantity) for (ask, ask_quantity), (bid, bid_quantity) in pairs]


def _levels(side: Ladder, depth: int) -> Sequence[tuple[int, int]]:
    levels = list(zip(side.prices[:depth], side.quantities[:depth], strict=True))
    return levels + [(0, 0)] * (depth - len(levels))


def _short_levels(book: MarketBook, depth: int) -> list[str]:
    return [
        f'{{"ap":{plain(a)},"bp":{plain(b)},"as":{small_quantity(x)},"bs":{small_quantity(y)}}}'
        for a, b, x, y in rows(book, depth)
    ]


def _long_levels(book: MarketBook, depth: int) -> list[str]:
    return [
        f'{{"ask_price":{java_double(a)},"bid_price":{java_double(b)},'
        f'"ask_size":{eight_decimals(x)},"bid_size":{eight_decimals(y)}}}'
        for a, b, x, y in rows(book, depth)
    ]


def _price(value: int, form: Format) -> str:
    return plain(value) if form.short else java_double(value)


def _object(fields: Sequence[tuple[str, str, str]], form: Format) -> bytes:
    key = 1 if form.short else 0
    body = ",".join(f'"{field[key]}":{field[2]}' for field in fields)
    return _frame(f"{{{body}}}", form)


def _frame(text: str, form: Format) -> bytes:
    return f"[{text}]".encode() if form.listed else text.encode()


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC)
