"""ccxt as its users set it up, pointed at the bench's server by its addresses. No market is asked for over HTTP."""

from typing import Any

import ccxt.pro

from tests.bench.frames import LISTED

KEYS = {"apiKey": "bench", "secret": "bench"}


def upbit(base_url: str = "http://127.0.0.1:1", **options: Any) -> Any:
    """Return ccxt.pro's Upbit; what a user of the defaults gives is nothing."""
    exchange = ccxt.pro.upbit({**KEYS, **options})
    rest = f"{base_url}/upbit"
    exchange.urls["api"] = {"public": rest, "private": rest, "ws": f"ws{rest.removeprefix('http')}/websocket/v1"}
    exchange.set_markets(exchange.parse_markets([{"market": f"KRW-{base}"} for base in (*LISTED, "USDT")]))
    return exchange


def binance(base_url: str = "http://127.0.0.1:1", **options: Any) -> Any:
    """Return ccxt.pro's Binance, spot only."""
    exchange = ccxt.pro.binance({**KEYS, "options": {"fetchCurrencies": False, "fetchMargins": False}, **options})
    rest = f"{base_url}/binance/api/v3"
    exchange.urls["api"] |= {"public": rest, "private": rest}
    # an address is of the spot market only if it holds "/stream"
    exchange.urls["api"]["ws"]["spot"] = f"ws{base_url.removeprefix('http')}/binance/stream/ws"
    exchange.options["crossMarginPairsData"] = exchange.options["isolatedMarginPairsData"] = []
    exchange.set_markets([exchange.parse_market(_market(base)) for base in LISTED])
    return exchange


def _market(base: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.00010000", "maxPrice": "1000000.0", "tickSize": "0.00010000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.0", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0"},
    ]
    return {
        "symbol": f"{base}USDT",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters,
        "permissions": ["SPOT"],
    }
