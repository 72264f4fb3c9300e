"""The bodies of Binance's public REST replies, made from a market's state. Shapes only: no HTTP, no limits."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from arbitrage.sandbox.binance_limits import RATE_LIMITS, limit_row
from arbitrage.sandbox.binance_order_form import SELF_TRADES, USUAL_SELF_TRADE
from arbitrage.sandbox.grid import UNIT, eight_decimals
from arbitrage.sandbox.ladder import Ladder
from arbitrage.sandbox.market_book import MarketBook

_DAY_MS: Final = 86_400_000

_ORDER_TYPES: Final = [
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
_PRECISIONS: Final = (
    "baseAssetPrecision",
    "quotePrecision",
    "quoteAssetPrecision",
    "baseCommissionPrecision",
    "quoteCommissionPrecision",
)
_ALLOWED: Final = (
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "quoteOrderQtyMarketAllowed",
    "allowTrailingStop",
    "cancelReplaceAllowed",
    "amendAllowed",
    "isSpotTradingAllowed",
    "isMarginTradingAllowed",
)


def exchange_info(books: Iterable[MarketBook], now_ms: int, halted: Mapping[str, str]) -> dict[str, Any]:
    """Describe limits and symbols; `halted` has the status words of those that do not trade."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [limit_row(limit) for limit in RATE_LIMITS],
        "exchangeFilters": [],
        "symbols": [_symbol(book, halted.get(book.listing.code, "TRADING")) for book in books],
    }


def depth(book: MarketBook, limit: int) -> dict[str, Any]:
    """Show the book as the diff streams build on it."""
    return {"lastUpdateId": book.update_id, "bids": _levels(book.bids, limit), "asks": _levels(book.asks, limit)}


def touch(book: MarketBook) -> dict[str, Any]:
    """Show the best bid and ask."""
    return {
        "symbol": book.listing.code,
        "bidPrice": eight_decimals(book.bids.prices[0]),
        "bidQty": eight_decimals(book.bids.quantities[0]),
        "askPrice": eight_decimals(book.asks.prices[0]),
        "askQty": eight_decimals(book.asks.quantities[0]),
    }


def day_ticker(book: MarketBook, now_ms: int) -> dict[str, Any]:
    """Show the day's figures."""
    day, trades = book.day, book.trades
    change = day.last - day.opening
    return {
        **touch(book),
        "priceChange": eight_decimals(change),
        "priceChangePercent": f"{change / day.opening * 100:.3f}",
        "weightedAvgPrice": eight_decimals(day.funds * UNIT // day.volume),
        "prevClosePrice": eight_decimals(day.opening),
        "lastPrice": eight_decimals(day.last),
        "lastQty": eight_decimals(trades[-1].quantity),
        "openPrice": eight_decimals(day.opening),
        "highPrice": eight_decimals(day.high),
        "lowPrice": eight_decimals(day.low),
        "volume": eight_decimals(day.volume),
        "quoteVolume": eight_decimals(day.funds),
        "openTime": now_ms - _DAY_MS,
        "closeTime": now_ms,
        "firstId": trades[0].number,
        "lastId": trades[-1].number,
        "count": len(trades),
    }


def recent_trades(book: MarketBook, limit: int, now_ms: int) -> list[dict[str, Any]]:
    """Show the last trades, oldest first, all stamped with now."""
    return [
        {
            "id": trade.number,
            "price": eight_decimals(trade.price),
            "qty": eight_decimals(trade.quantity),
            "quoteQty": eight_decimals(trade.price * trade.quantity // UNIT),
            "time": now_ms,
            "isBuyerMaker": not trade.taker_buys,
            "isBestMatch": True,
        }
        for trade in list(book.trades)[-limit:]
    ]


def _symbol(book: MarketBook, status: str) -> dict[str, Any]:
    listing = book.listing
    return {
        "symbol": listing.code,
        "status": status,
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        **dict.fromkeys(_PRECISIONS, 8),
        "orderTypes": _ORDER_TYPES,
        **dict.fromkeys(_ALLOWED, True),
        "filters": _filters(book),
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": USUAL_SELF_TRADE,
        "allowedSelfTradePreventionModes": list(SELF_TRADES),
    }


def _filters(book: MarketBook) -> list[dict[str, Any]]:
    tick = eight_decimals(book.listing.grid.tick(0))
    lot = eight_decimals(book.listing.lot)
    zero = eight_decimals(0)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000.00000000", "stepSize": lot},
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {"filterType": "MARKET_LOT_SIZE", "minQty": zero, "maxQty": "100000.00000000", "stepSize": zero},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2_000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2_000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def _levels(side: Ladder, limit: int) -> list[list[str]]:
    shown = zip(side.prices[:limit], side.quantities, strict=False)
    return [[eight_decimals(price), eight_decimals(quantity)] for price, quantity in shown]
