"""Upbit's public REST: markets, order book steps, books, tickers, trades, in the venue's shapes. No private endpoint.

What the venue has and this has not (candles, level grouping) answers as a route that does not exist, or as level 0.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from arbitrage.ports import Clock
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.market_book import TRADES_KEPT, MarketBook
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import limiter
from arbitrage.sandbox.upbit_bodies import instrument, market, orderbook, ticker, trades

Reply = tuple[int, Any]
"""Status and body."""

_NO_PARAMETER: Final = (
    400,
    {"error": {"name": 400, "message": "Missing request parameter error. Check the required parameters!"}},
)
_NO_CODE: Final = (404, {"error": {"name": 404, "message": "Code not found"}})


def no_route() -> web.Response:
    """Answer for a path that does not exist: a string name and no `Remaining-Req`, unlike all else here."""
    body = {"error": {"name": "not_found", "message": "no Route matched with those values"}}
    return web.Response(status=404, body=msgspec.json.encode(body), content_type="application/json")


class UpbitRest:
    """The quotation endpoints. `changed_ms` tells when a market's book last changed."""

    def __init__(
        self,
        books: dict[str, MarketBook],
        changed_ms: Callable[[str], int],
        clock: Clock,
        manners: Manners,
        knobs: Knobs,
    ) -> None:
        self._books = books
        self._knobs = knobs
        self._changed_ms = changed_ms
        self._clock = clock
        # docs.upbit.com rate-limits: 10 a second, group and address; one in 10 s with an Origin header
        self._limit = limiter(10, 1, first_block_s=1, on=manners.limits)
        self._origin_limit = limiter(1, 10, first_block_s=10, on=manners.limits)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under a path prefix."""
        endpoints = (
            ("/v1/market/all", "market", self._markets),
            ("/v1/orderbook/instruments", "orderbook", self._instruments),
            ("/v1/orderbook", "orderbook", self._orderbooks),
            ("/v1/ticker", "ticker", self._tickers),
            ("/v1/ticker/all", "ticker", self._all_tickers),
            ("/v1/trades/ticks", "crix-trades", self._trades),
        )
        return [web.get(prefix + path, self._limited(group, answer)) for path, group, answer in endpoints]

    def _limited(self, group: str, answer: Callable[[web.Request], Reply]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            origin = "Origin" in request.headers
            limit, name = (self._origin_limit, "origin") if origin else (self._limit, group)
            verdict = limit.ask(f"{request.remote} {name}", self._clock.now())
            if not verdict.passes:
                return _refusal(verdict.status, verdict.retry_after_s)
            status, body = answer(request)
            minute = 6 if origin else 600
            return _response(request, status, body, f"group={name}; min={minute}; sec={verdict.left}")

        return handle

    def _markets(self, request: web.Request) -> Reply:
        detailed = request.query.get("is_details", "false").lower() == "true"
        warned = self._knobs.warned
        return 200, [market(b, detailed=detailed, warning=b.listing.code in warned) for b in self._books.values()]

    def _instruments(self, request: web.Request) -> Reply:
        return self._each(request, instrument)

    def _orderbooks(self, request: web.Request) -> Reply:
        count = _number(request, "count", 30, 30)
        if count is None:
            return _NO_PARAMETER
        return self._each(request, lambda book: orderbook(book, count, self._changed_ms(book.listing.code)))

    def _tickers(self, request: web.Request) -> Reply:
        return self._each(request, lambda book: ticker(book, self._changed_ms(book.listing.code)))

    def _all_tickers(self, request: web.Request) -> Reply:
        asked = request.query.get("quote_currencies", request.query.get("quoteCurrencies", ""))
        if not asked:
            return _NO_PARAMETER
        quotes = asked.split(",")
        books = (book for book in self._books.values() if book.listing.quote in quotes)
        return 200, [ticker(book, self._changed_ms(book.listing.code)) for book in books]

    def _trades(self, request: web.Request) -> Reply:
        count = _number(request, "count", 1, TRADES_KEPT)
        code = request.query.get("market", "")
        if not code or count is None:
            return _NO_PARAMETER
        if code not in self._books:
            return _NO_CODE
        return 200, trades(self._books[code], count, self._changed_ms(code))

    def _each(self, request: web.Request, show: Callable[[MarketBook], Any]) -> Reply:
        codes = [code for code in request.query.get("markets", "").split(",") if code]
        if not codes:
            return _NO_PARAMETER
        if any(code not in self._books for code in codes):
            return _NO_CODE
        return 200, [show(self._books[code]) for code in codes]


def _response(request: web.Request, status: int, body: Any, remaining: str) -> web.Response:
    response = web.Response(status=status, body=msgspec.json.encode(body))
    response.headers["Content-Type"] = "application/json;charset=UTF-8"
    response.headers["Cache-Control"] = "no-cache, no-store, max-age=0, must-revalidate"
    response.headers["Limit-By-Ip"] = "Yes"
    response.headers["Remaining-Req"] = remaining
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _refusal(status: int, retry_after_s: int) -> web.Response:
    # the venue sends no Retry-After; these bodies are plain text (protocol notes: "may be non-JSON")
    text = "Too many API requests." if status == 429 else f"This IP has been blocked for {retry_after_s} seconds."
    return web.Response(status=status, text=text, headers={"Limit-By-Ip": "Yes"})


def _number(request: web.Request, name: str, default: int, most: int) -> int | None:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) >= 1):
        return None
    return min(int(text), most)
