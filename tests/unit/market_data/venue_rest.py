"""Both venues' REST metadata, answered the way they do it: one unknown name fails the whole request."""

import json

from tests.venue_fakes import FakeRest

TICKS = {"KRW-BTC": "1000", "KRW-ETH": "1000", "KRW-XRP": "1", "KRW-USDT": "1"}
PRICES = {"KRW-BTC": 137001000.0, "KRW-ETH": 4500000.0, "KRW-XRP": 3000.0, "KRW-USDT": 1400.0}


def upbit(rest: FakeRest, *, ticks=TICKS, prices=PRICES, events=None):
    """Let a server answer like Upbit; every code of `ticks` is listed."""
    rows = [{"market": code, "korean_name": "이름", "market_event": (events or {}).get(code, {})} for code in ticks]
    rest.answers["/v1/market/all"] = (200, json.dumps(rows).encode())

    def about(values, member):
        def answer(query):
            codes = query["markets"].split(",")
            if any(code not in ticks for code in codes):
                return 404, b'{"error":{"name":404,"message":"Code not found"}}'
            return 200, json.dumps(
                [{"market": code, member: values[code]} for code in codes if code in values]
            ).encode()

        return answer

    rest.answers["/v1/orderbook/instruments"] = about(ticks, "tick_size")
    rest.answers["/v1/ticker"] = about(prices, "trade_price")


def symbol(base, **changes):
    """Describe a symbol the way exchangeInfo does."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00000000"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
    ]
    described = {"symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT"}
    return {**described, "filters": filters, "isSpotTradingAllowed": True, **changes}


def with_filter(base, kind, **changes):
    """Describe a symbol with one filter changed."""
    described = symbol(base)
    described["filters"] = [
        {**each, **changes} if each["filterType"] == kind else each for each in described["filters"]
    ]
    return described


def binance(rest: FakeRest, *symbols, server_time_ms=1_795_316_400_000):
    """Let a server answer like Binance; these symbols are known to it."""
    known = {each["symbol"]: each for each in symbols}

    def exchange_info(query):
        asked = json.loads(query["symbols"])
        if any(name not in known for name in asked):
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
        return 200, json.dumps({"timezone": "UTC", "symbols": [known[name] for name in asked]}).encode()

    rest.answers["/api/v3/exchangeInfo"] = exchange_info
    rest.answers["/api/v3/time"] = (200, json.dumps({"serverTime": server_time_ms}).encode())
