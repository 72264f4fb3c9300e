"""Binance's public REST: time, symbols, depth, tickers, trades, with weights and codes. No private endpoint."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_bodies import day_ticker, depth, exchange_info, recent_trades, touch
from arbitrage.sandbox.grid import eight_decimals
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import Verdict, limiter

Weight = Callable[[web.Request], int]

WEIGHT_A_MINUTE: Final = 6_000

_SYMBOL: Final = re.compile(r"[A-Z0-9\-_.]{1,20}", re.ASCII)
_SYMBOL_RANGE: Final = "^[A-Z0-9-_.]{1,20}$"


class BinanceError(Exception):
    """A request that the venue refuses with HTTP 400 and a code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body = {"code": code, "msg": message}


def no_page() -> web.Response:
    """Answer for a path that does not exist: a page, not JSON."""
    return web.Response(status=404, text="<html><body><h2>404 Not found</h2></body></html>", content_type="text/html")


class BinanceRest:
    """The public endpoints of the spot API."""

    def __init__(self, books: dict[str, MarketBook], clock: Clock, manners: Manners) -> None:
        self._books = books
        self._clock = clock
        self._limit = limiter(WEIGHT_A_MINUTE, 60, first_block_s=120, on=manners.limits)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under a path prefix. The weights are those of the venue's rest-api page."""
        endpoints: tuple[tuple[str, Weight, Callable[[web.Request], Any]], ...] = (
            ("/api/v3/ping", lambda _: 1, lambda _: {}),
            ("/api/v3/time", lambda _: 1, lambda _: {"serverTime": self._now_ms()}),
            ("/api/v3/exchangeInfo", lambda _: 20, self._exchange_info),
            ("/api/v3/depth", _depth_weight, self._depth),
            ("/api/v3/ticker/bookTicker", _one_or_all(2, 4), self._book_tickers),
            ("/api/v3/ticker/price", _one_or_all(2, 4), self._prices),
            ("/api/v3/ticker/24hr", _one_or_all(2, 80), self._day_tickers),
            ("/api/v3/trades", lambda _: 25, self._trades),
        )
        return [web.get(prefix + path, self._weighed(weight, answer)) for path, weight, answer in endpoints]

    def _weighed(self, weight: Weight, answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            verdict = self._limit.ask(request.remote or "", self._clock.now(), weight(request))
            if not verdict.passes:
                return self._refusal(verdict)
            try:
                status, body = 200, answer(request)
            except BinanceError as e:
                status, body = 400, e.body
            return _response(status, body, {"X-MBX-USED-WEIGHT-1M": str(verdict.used)})

        return handle

    def _refusal(self, verdict: Verdict) -> web.Response:
        advice = "Please use WebSocket Streams for live updates to avoid"
        message = (
            f"Too much request weight used; current limit is {WEIGHT_A_MINUTE} request weight per 1 MINUTE. "
            f"{advice} polling the API."
        )
        if verdict.status == 418:
            until_ms = self._now_ms() + verdict.retry_after_s * 1_000
            message = f"Way too much request weight used; IP banned until {until_ms}. {advice} bans."
        headers = {"Retry-After": str(verdict.retry_after_s), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        return _response(verdict.status, {"code": -1003, "msg": message}, headers)

    def _exchange_info(self, request: web.Request) -> Any:
        return exchange_info(self._asked(request), self._now_ms())

    def _depth(self, request: web.Request) -> Any:
        return depth(self._one(request), _limit(request, 100))

    def _book_tickers(self, request: web.Request) -> Any:
        return self._show(request, touch)

    def _prices(self, request: web.Request) -> Any:
        return self._show(request, lambda book: {"symbol": book.listing.code, "price": eight_decimals(book.day.last)})

    def _day_tickers(self, request: web.Request) -> Any:
        return self._show(request, lambda book: day_ticker(book, self._now_ms()))

    def _trades(self, request: web.Request) -> Any:
        return recent_trades(self._one(request), _limit(request, 500), self._now_ms())

    def _show(self, request: web.Request, show: Callable[[MarketBook], Any]) -> Any:
        books = [show(book) for book in self._asked(request)]
        return books[0] if "symbol" in request.query else books

    def _asked(self, request: web.Request) -> list[MarketBook]:
        if "symbol" in request.query and "symbols" in request.query:
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        if "symbol" in request.query:
            return [self._one(request)]
        if "symbols" not in request.query:
            return list(self._books.values())
        try:
            names = msgspec.json.decode(request.query["symbols"], type=list[str])
        except (ValueError, RecursionError) as e:
            raise _illegal("symbols", '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$') from e
        return [self._book(name) for name in names]

    def _one(self, request: web.Request) -> MarketBook:
        name = request.query.get("symbol", "")
        if not name:
            message = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            raise BinanceError(-1102, message)
        if not _SYMBOL.fullmatch(name):
            raise _illegal("symbol", _SYMBOL_RANGE)
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        if name not in self._books:
            raise BinanceError(-1121, "Invalid symbol.")
        return self._books[name]

    def _now_ms(self) -> int:
        return self._clock.now() // NS_PER_MS


def _response(status: int, body: Any, headers: dict[str, str]) -> web.Response:
    response = web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
    response.headers["Content-Type"] = "application/json;charset=UTF-8"
    return response


def _limit(request: web.Request, default: int) -> int:
    text = request.query.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _illegal("limit", "^[0-9]{1,20}$")
    if int(text) == 0:
        raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
    return int(text)


def _depth_weight(request: web.Request) -> int:
    try:
        limit = _limit(request, 100)
    except BinanceError:
        return 5
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _one_or_all(one: int, every: int) -> Weight:
    return lambda request: one if "symbol" in request.query else every


def _illegal(name: str, legal: str) -> BinanceError:
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
