"""Two accounts with hundreds of markets, with the venues' own limits, in virtual time. What they answer is made up."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any

from arbitrage.domain.events import Event, UniverseChanged
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.exchange import binance_limits, upbit_limits
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.live_shell import binance_link, upbit_link
from arbitrage.live_shell.links import Terms
from arbitrage.live_shell.room import Room
from arbitrage.ports import Clock
from arbitrage.virtual_loop import VirtualClock, run
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.limiter import Limiter
from tests import builders as make

REPLY_S = 0.02
BASES = tuple(f"C{number:03d}" for number in range(250))


class Counting:
    """A venue link that spends its venue's allowance; what finds no room fails, as it does on the wire."""

    orders: Any = None
    stream: Any = None
    key_expires_at: Instant | None = None

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self.venue = venue
        self.told = Terms(Decimal("0.0004"))
        self.refused: set[str] = set()
        self.is_down = False
        self.asked: Counter[str] = Counter()
        self.past: list[ListedOrder] = []
        self.no_room = 0
        self._clock = clock
        at_binance = venue is Venue.BINANCE
        self._kind = binance_limits.WEIGHT if at_binance else upbit_limits.DEFAULT
        allowances = binance_limits.ALLOWANCES if at_binance else upbit_limits.ALLOWANCES
        self._cost, needed = (20, binance_link.NEEDED) if at_binance else (1, upbit_link.MOST_AT_ONCE)
        self.limiter = Limiter(allowances)
        self._room = Room(self.limiter, self._kind, allowances[self._kind], needed, clock)

    async def room(self) -> None:
        await self._room.later(self._cost)

    async def turn(self, requests: int) -> None:
        """Ask something that cannot wait for long, as the links do."""
        if self.venue is Venue.UPBIT:
            await self._room.now(requests)
        await self.spend(requests * self._cost)

    async def spend(self, cost: int) -> None:
        """Ask something."""
        if not self.limiter.take(self._kind, self._clock.now(), cost=cost):
            self.no_room += 1
            raise VenueFailed(self.venue.value, "no room")
        await asyncio.sleep(REPLY_S)
        if self.is_down:
            raise VenueFailed(self.venue.value, "down", 502)

    async def terms(self, symbol: str) -> Terms:
        self.asked[symbol] += 1
        await self.spend(self._cost)
        if symbol in self.refused:
            raise VenueFailed(self.venue.value, f"{symbol} is refused", 400)
        return self.told

    async def balances(self) -> Mapping[str, Balance]:
        return {}

    async def open_orders(self) -> Sequence[ListedOrder]:
        await self.spend(self._cost * 4)
        return [order for order in self.past if order.is_open]

    async def orders_since(self, symbols: Sequence[str], since: Instant) -> Sequence[ListedOrder]:
        self.asked.update(symbols)
        await self.spend(self._cost)
        return [each for each in self.past if each.symbol in symbols and each.created_at >= since and not each.is_open]

    def in_one_question(self, symbols: Sequence[str]) -> Sequence[Sequence[str]]:
        return [symbols] if self.venue is Venue.UPBIT else [[symbol] for symbol in symbols]

    async def key_problems(self) -> Sequence[str]:
        return ()

    def work(self) -> Any:
        return iter(())


class Hall:
    """Both accounts, the present, and what was heard."""

    def __init__(self) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.upbit, self.binance = (Counting(venue, self.clock) for venue in Venue)
        self.links = (self.upbit, self.binance)
        self.heard: list[Event] = []
        self.universe = make.universe(*BASES)

    @property
    def told(self) -> Universe:
        """The newest universe."""
        return [event.universe for event in self.heard if isinstance(event, UniverseChanged)][-1]

    def open_pairs(self) -> int:
        """How many pairs may be traded."""
        markets = ((pair.upbit, pair.binance) for pair in self.told.pairs)
        return sum(not any(each.halted or each.held_back for each in pair) for pair in markets)

    async def watch_the_accounts(self) -> None:
        """Ask as often as the account watch and the checks do."""
        while True:
            for _ in range(3):
                await self.binance.turn(4)
                await self.upbit.turn(1)
                await asyncio.sleep(7)
            await self.binance.turn(2)
            await self.upbit.turn(3)


def played(story: Coroutine[Any, Any, None]) -> None:
    """Play a story on a virtual loop."""
    run(story, seed=1)
