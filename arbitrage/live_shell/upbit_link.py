"""UpbitLink: one Upbit account, wired: connections, order entry, questions, private stream. It decides nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Final

from arbitrage.domain.events import KeyEndsSoon
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.upbit import UpbitOrders, upbit_lines
from arbitrage.exchange.upbit_account import UpbitAccount
from arbitrage.exchange.upbit_limits import ALLOWANCES, DEFAULT, upbit_limiter
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.exchange.upbit_stream import upbit_stream
from arbitrage.live_shell.keys_checked import ends_soon, upbit_problems
from arbitrage.live_shell.line_news import LineNews
from arbitrage.live_shell.links import Terms, Work
from arbitrage.live_shell.room import Room
from arbitrage.ports import Clock, Emit

MOST_AT_ONCE: Final = 3
"""How many requests a question may be that cannot wait. A third of what the venue allows is for all: 10 a second."""

LONGEST_TURN_S: Final = 1.0
"""The limit is over a second: a question that finds no room for longer fails, and whoever asked hears of it."""

PRIVATE: Final = "/private"
"""What the private stream's address has behind the public one (docs.upbit.com, websocket-guide)."""


class UpbitLink:
    """One account at Upbit (`VenueLink`)."""

    venue: Final = Venue.UPBIT

    def __init__(self, rest_url: str, ws_url: str, keys: ApiKeys, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self.key_expires_at: Instant | None = None
        news = LineNews(self.venue, clock, emit)
        signer, limiter = UpbitSigner(keys), upbit_limiter()
        self._room = Room(limiter, DEFAULT, ALLOWANCES[DEFAULT], MOST_AT_ONCE, clock)
        self._lines = upbit_lines(rest_url, clock, Random(clock.now()), news.up, news.down)
        self._account = UpbitAccount(self._lines, signer, clock, limiter)
        self.orders = UpbitOrders(self._lines, signer, clock, emit, limiter)
        self.stream = upbit_stream(f"{ws_url}{PRIVATE}", signer, emit, clock)

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds (VenueLink)."""
        await self._turn()
        return await self._account.balances()

    async def open_orders(self) -> Sequence[ListedOrder]:
        """Return every open order (VenueLink)."""
        await self._turn()
        return await self._account.open_orders()

    async def orders_since(self, symbols: Sequence[str], since: Instant) -> Sequence[ListedOrder]:
        """Return the orders of all markets that are over (VenueLink)."""
        await self._turn()
        return await self._account.closed_orders(since)

    def in_one_question(self, symbols: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return the markets as one group: the venue lists the orders of all (VenueLink)."""
        return [symbols]

    async def terms(self, symbol: str) -> Terms:
        """Return what the account pays and may do in a market (VenueLink)."""
        await self._turn()
        told = await self._account.chance(symbol)
        why_not = "" if told.is_active else "the account may not trade it now"
        if not told.takes_ioc:
            why_not = "it takes no immediate-or-cancel orders"
        return Terms(max(told.bid_fee, told.ask_fee), why_not)

    async def room(self) -> None:
        """Wait until a question can be asked beside the account watch and the checks (VenueLink)."""
        await self._room.later()

    async def wallets(self) -> Mapping[str, frozenset[str]]:
        """Return the states that each currency's wallets are in. Raises VenueFailed as every question does."""
        await self._turn()
        return await self._account.wallets()

    async def key_problems(self) -> Sequence[str]:
        """Return what speaks against the key (VenueLink)."""
        await self._turn(MOST_AT_ONCE)
        key, now = await self._account.key_info(), self._clock.now()
        self.key_expires_at = key.expires_at
        if ends_soon(key.expires_at, now):
            self._emit(KeyEndsSoon(now, self.venue, key.expires_at))
        return tuple(upbit_problems(key, now))

    def work(self) -> Work:
        """Yield what keeps connections and stream up (VenueLink)."""
        yield "upbit-order-lines", self._lines.run()
        yield "upbit-private", self.stream.run()

    async def _turn(self, requests: int = 1) -> None:
        """Wait for our turn: questions never use up what orders have to be asked with."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_TURN_S):
                await self._room.now(requests)
