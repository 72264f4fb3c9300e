"""BinanceLink: one Binance account, wired: connections, order entry, questions, private stream. It decides nothing."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from arbitrage.domain.events import ClockSample, KeyEndsSoon
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.binance import BinanceOrders
from arbitrage.exchange.binance_account import BinanceAccount
from arbitrage.exchange.binance_limits import ALLOWANCES, WANTED_HEADERS, WEIGHT
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.binance_stream import binance_stream
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.live_shell.keys_checked import binance_problems, ends_soon
from arbitrage.live_shell.line_news import LineNews
from arbitrage.live_shell.links import Terms, Work
from arbitrage.live_shell.room import Room
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineHooks, OrderLines

QUESTION: Final = 20
"""The weight of the heaviest question that can wait: allOrders and account/commission (rest-api, "Account endpoints").
"""

NEEDED: Final = 1_400
"""Weight a minute for those that cannot: open orders each 7 s at 80 are 690, balances and checks up to 300, searches.
"""


class BinanceLink:
    """One account at Binance (`VenueLink`)."""

    venue: Final = Venue.BINANCE

    def __init__(self, rest_url: str, ws_api_url: str, keys: ApiKeys, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self.key_expires_at: Instant | None = None
        news = LineNews(self.venue, clock, emit)
        requests = self._requests = BinanceRequests(HttpAddress.parse(rest_url), keys, clock)
        hooks = LineHooks(on_up=news.up, on_down=news.down, ping=requests.ping, wanted=WANTED_HEADERS)
        self._lines = OrderLines(self.venue.value, rest_url, clock, Random(clock.now()), hooks)
        limiter = Limiter(ALLOWANCES)
        self._account = BinanceAccount(self._lines, requests, limiter, clock)
        self.orders = BinanceOrders(self._lines, requests, limiter, clock, emit)
        self._room = Room(limiter, WEIGHT, ALLOWANCES[WEIGHT], NEEDED, clock)
        self.stream = binance_stream(ws_api_url, keys, emit, clock, lambda: requests.skew)

    def set_clock(self, sample: ClockSample) -> None:
        """Stamp requests with the venue's time from now on: it refuses what is more than a second ahead of its own."""
        self._requests.skew = sample.skew

    async def measure_clock(self) -> ClockSample:
        """Hold our clock against the venue's."""
        return await self._account.measure_clock()

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds (VenueLink)."""
        return await self._account.balances()

    async def open_orders(self) -> Sequence[ListedOrder]:
        """Return every open order (VenueLink)."""
        return await self._account.open_orders()

    async def orders_since(self, symbols: Sequence[str], since: Instant) -> Sequence[ListedOrder]:
        """Return all orders of some markets (VenueLink)."""
        return [order for symbol in symbols for order in await self._account.orders_since(symbol, since)]

    def in_one_question(self, symbols: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return each market by itself: the venue lists no orders of all of them (VenueLink)."""
        return [[symbol] for symbol in symbols]

    async def terms(self, symbol: str) -> Terms:
        """Return what the account pays in a market (VenueLink).

        No answer for the whole account would do: what a market reduces or adds is told for that market only (faqs,
        "Commission Rates").
        """
        told = await self._account.commission(symbol)
        discounted = "fees are paid in BNB: switch that off, or what is left after a purchase is not known"
        return Terms(told.taker, problem=discounted if told.is_paid_in_bnb else "")

    async def room(self) -> None:
        """Wait until a question can be asked beside the account watch (VenueLink)."""
        await self._room.later(QUESTION)

    async def key_problems(self) -> Sequence[str]:
        """Return what speaks against the key (VenueLink)."""
        key, now = await self._account.key_rights(), self._clock.now()
        self.key_expires_at = key.expires_at
        if key.expires_at is not None and ends_soon(key.expires_at, now):
            self._emit(KeyEndsSoon(now, self.venue, key.expires_at))
        return tuple(binance_problems(key, now))

    def work(self) -> Work:
        """Yield what keeps connections and stream up (VenueLink)."""
        yield "binance-order-lines", self._lines.run()
        yield "binance-private", self.stream.run()
