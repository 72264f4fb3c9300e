"""Binance's public REST: time, symbols, depth, tickers, trades, with weights and codes. No private endpoint."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_bodies import day_ticker, depth, exchange_info, recent_trades, touch
from arbitrage.sandbox.binance_errors import BinanceError, bad_symbol, illegal, invalid, missing
from arbitrage.sandbox.binance_limits import too_much_weight, weights
from arbitrage.sandbox.binance_replies import json_reply
from arbitrage.sandbox.grid import eight_decimals
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import Limit, Verdict

Weight = Callable[[web.Request], int]

_SYMBOL: Final = re.compile(r"[A-Z0-9\-_.]{1,20}", re.ASCII)
_SYMBOL_RANGE: Final = "^[A-Z0-9-_.]{1,20}$"


def no_page() -> web.Response:
    """Answer for a path that does not exist: a page, not JSON."""
    return web.Response(status=404, text="<html><body><h2>404 Not found</h2></body></html>", content_type="text/html")


class BinanceRest:
    """The public endpoints of the spot API. `shared` counts weight together with the private ones."""

    def __init__(
        self,
        books: dict[str, MarketBook],
        clock: Clock,
        manners: Manners,
        knobs: Knobs,
        shared: Limit | None = None,
    ) -> None:
        self._books = books
        self._knobs = knobs
        self._clock = clock
        self._limit = shared or weights(manners)

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
            return json_reply(status, body, {"X-MBX-USED-WEIGHT-1M": str(verdict.used)})

        return handle

    def _refusal(self, verdict: Verdict) -> web.Response:
        refusal = too_much_weight(verdict, self._now_ms())
        headers = {"Retry-After": str(verdict.retry_after_s), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        return json_reply(refusal.status, refusal.body, headers)

    def _exchange_info(self, request: web.Request) -> Any:
        return exchange_info(self._asked(request), self._now_ms(), self._knobs.halted)

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
            raise illegal("symbols", '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$') from e
        return [self._book(name) for name in names]

    def _one(self, request: web.Request) -> MarketBook:
        name = request.query.get("symbol", "")
        if not name:
            raise missing("symbol")
        if not _SYMBOL.fullmatch(name):
            raise illegal("symbol", _SYMBOL_RANGE)
        return self._book(name)

    def _book(self, name: str) -> MarketBook:
        if name not in self._books:
            raise bad_symbol()
        return self._books[name]

    def _now_ms(self) -> int:
        return self._clock.now() // NS_PER_MS


def _limit(request: web.Request, default: int) -> int:
    text = request.query.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise illegal("limit", "^[0-9]{1,20}$")
    if int(text) == 0:
        raise invalid("limit")
    return int(text)


def _depth_weight(request: web.Request) -> int:
    try:
        limit = _limit(request, 100)
    except BinanceError:
        return 5
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _one_or_all(one: int, every: int) -> Weight:
    return lambda request: one if "symbol" in request.query else every
