"""UpbitLink: one Upbit account, wired: connections, order entry, questions, private stream. It decides nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
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
from arbitrage.exchange.upbit_limits import upbit_limiter
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.exchange.upbit_stream import upbit_stream
from arbitrage.live_shell.keys_checked import ends_soon, upbit_problems
from arbitrage.live_shell.line_news import LineNews
from arbitrage.live_shell.links import Terms, Work
from arbitrage.ports import Clock, Emit

BETWEEN_S: Final = 0.2
"""A third of what the venue allows is for questions, which makes 10 a second; some of ours are three in one."""

WORKING: Final = "working"
"""The state of a wallet that takes and pays out (docs.upbit.com, status/wallet)."""

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
        self._turns = asyncio.Lock()
        signer, limiter = UpbitSigner(keys), upbit_limiter()
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
        """Return the orders of some markets that are over (VenueLink)."""
        await self._turn()
        return [order for order in await self._account.closed_orders(since) if order.symbol in symbols]

    async def terms(self, symbol: str) -> Terms:
        """Return what the account pays and may do in a market (VenueLink)."""
        await self._turn()
        told = await self._account.chance(symbol)
        why_not = "" if told.is_active else "the account may not trade it now"
        if not told.takes_ioc:
            why_not = "it takes no immediate-or-cancel orders"
        return Terms(max(told.bid_fee, told.ask_fee), why_not)

    async def wallet_problems(self, bases: Iterable[str]) -> Sequence[str]:
        """Return the coins that cannot be moved: a premium on one of them is that of a trap, not of a market."""
        await self._turn()
        states = await self._account.wallets()
        stuck = {base: states.get(base, frozenset({"unknown"})) for base in bases}
        return [
            f"upbit: the wallet of {base} is {', '.join(sorted(found))}: leave it out of PAIRS until it works"
            for base, found in stuck.items()
            if WORKING not in found
        ]

    async def key_problems(self) -> Sequence[str]:
        """Return what speaks against the key (VenueLink)."""
        await self._turn()
        key, now = await self._account.key_info(), self._clock.now()
        self.key_expires_at = key.expires_at
        if ends_soon(key.expires_at, now):
            self._emit(KeyEndsSoon(now, self.venue, key.expires_at))
        return tuple(upbit_problems(key, now))

    def work(self) -> Work:
        """Yield what keeps connections and stream up (VenueLink)."""
        yield "upbit-order-lines", self._lines.run()
        yield "upbit-private", self.stream.run()

    async def _turn(self) -> None:
        """Wait for our turn: questions come one after the other, and never use up what orders have to be asked with."""
        async with self._turns:
            await asyncio.sleep(BETWEEN_S)
