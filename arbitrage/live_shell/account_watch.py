"""AccountWatch: asks both venues what we own and have open, again and again, and looks closer where asked to.

It compares nothing; what it hears becomes events. What an answer takes too long for is asked again: it may be from
before what happened meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Final, NoReturn

import structlog

from arbitrage.domain.events import (
    BalancesSeen,
    Event,
    Inspected,
    OpenOrder,
    OpenOrdersSeen,
    PrivateUp,
    UniverseChanged,
    VenueTrouble,
)
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.execution.numbering import ORDER_PREFIX
from arbitrage.live_shell.links import VenueLink, Work
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.quiet_log import Outage

log = structlog.get_logger()

OPEN_ORDERS_EVERY_S: Final = 7.0
BALANCES_EVERY_S: Final = 20.0
"""Less than what the design allows (10 s and 30 s), so that one failed question stays within it."""

LOOKS_AGAIN: Final = 2
LOOK_AGAIN_S: Final = 3.0
"""After a start or a reconnect a plan may just have ended, and balances are compared 2 s after that at the earliest
(audit: SETTLED_FOR): two more looks, so that nobody has to wait for the next round.
"""

RETRY_S: Final = 2.0
SERVER_ERROR: Final = 500

FRESH: Final = Nanos(1_500_000_000)
"""An answer that took longer may show the time before a plan that has ended since (audit: SETTLED_FOR is 2 s)."""

BEFORE: Final = Nanos(60 * NS_PER_S)
"""How far before its decision an order is looked for in the lists: the venue's clock may be behind ours."""


class AccountWatch:
    """Looks at both accounts, and at once after each reconnect of a private stream: nobody replays what was missed."""

    def __init__(self, links: Iterable[VenueLink], clock: Clock, emit: Emit) -> None:
        self._links = {link.venue: link for link in links}
        self._clock = clock
        self._emit = emit
        self._orders = {
            venue: _Rounds(partial(self._open_orders, link), OPEN_ORDERS_EVERY_S, partial(self._failed, venue))
            for venue, link in self._links.items()
        }
        self._money = {
            venue: _Rounds(partial(self._balances, link), BALANCES_EVERY_S, partial(self._failed, venue), LOOKS_AGAIN)
            for venue, link in self._links.items()
        }
        self._outages = {
            venue: Outage(clock, "account_not_told", "account_told", venue=venue.value) for venue in self._links
        }
        self._symbols: frozenset[str] = frozenset()
        self._sought: asyncio.Queue[Order] = asyncio.Queue()
        self._in_search: set[str] = set()

    def hear(self, event: Event) -> None:
        """Look at once after a private stream came up, or other markets are traded: before, nothing was compared."""
        match event:
            case PrivateUp():
                self._orders[event.venue].wake()
                self._money[event.venue].wake()
            case UniverseChanged():
                symbols = frozenset(each.symbol for pair in event.universe.pairs for each in (pair.upbit, pair.binance))
                if symbols != self._symbols:  # else it is only what is known of them that has changed
                    self._symbols = symbols
                    for rounds in self._money.values():
                        rounds.wake()
            case _:
                pass

    def inspect(self, order: Order) -> None:
        """Look for an order in its venue's lists, then at the balances there; the end of it is `Inspected`."""
        if order.client_id not in self._in_search:
            self._in_search.add(order.client_id)
            self._sought.put_nowait(order)

    def work(self) -> Work:
        """Yield what has to run."""
        for venue in self._links:
            yield f"{venue}-open-orders", self._orders[venue].run()
            yield f"{venue}-balances", self._money[venue].run()
        yield "order-search", self._search()

    async def take_back(self) -> list[str]:
        """Ask for every open order of ours to be taken back; return their ids, and which venue could not be asked."""
        found: list[str] = []
        for venue, link in self._links.items():
            try:
                listed = await link.open_orders()
            except VenueFailed as failure:
                found.append(f"{venue} could not be asked: {failure}")
                continue
            ours = [order for order in listed if order.client_id.startswith(f"{ORDER_PREFIX}-")]
            self._emit(OpenOrdersSeen(self._clock.now(), venue, tuple(map(_open, ours))))
            found += [order.client_id for order in ours]
        return found

    async def _open_orders(self, link: VenueLink) -> None:
        orders = await link.open_orders()
        self._emit(OpenOrdersSeen(self._clock.now(), link.venue, tuple(_open(order) for order in orders)))

    async def _balances(self, link: VenueLink, must_be_within: Nanos | None = FRESH) -> None:
        asked_at = self._clock.now()
        held = await link.balances()
        if must_be_within is not None and not self._clock.now() - asked_at <= must_be_within:
            raise VenueFailed(link.venue.value, "balances came too late to be compared")
        totals = {currency: balance.total for currency, balance in held.items()}
        # as of the question: the answer may have been made up at any moment since
        self._emit(BalancesSeen(asked_at, link.venue, totals, is_whole=True))

    async def _search(self) -> None:
        while True:
            order = await self._sought.get()
            try:
                await self._look_for(order)
            except VenueFailed as failure:  # whoever wanted to know asks again
                log.warning("order_search_failed", client_id=order.client_id, reason=str(failure))
            finally:
                self._in_search.discard(order.client_id)

    async def _look_for(self, order: Order) -> None:
        link, since = self._links[order.venue], Instant(order.decided_at - BEFORE)
        listed = [*await link.open_orders(), *await link.orders_since([order.symbol], since)]
        await self._balances(link, must_be_within=None)
        is_listed = any(each.client_id == order.client_id for each in listed)
        log.warning("order_looked_for", client_id=order.client_id, venue=order.venue.value, is_listed=is_listed)
        self._emit(Inspected(self._clock.now(), order.client_id, order.venue, is_listed))

    def _failed(self, venue: Venue, failure: VenueFailed | None) -> None:
        """Tell how the last question went; a refusal that is about our key is the boot checks' to tell."""
        if failure is None:
            self._outages[venue].recovered()
            return
        self._outages[venue].failed(str(failure))
        if failure.status >= SERVER_ERROR:
            self._emit(VenueTrouble(self._clock.now(), venue, str(failure)))


class _Rounds:
    """One question, asked each `every_s`; sooner after a failure; and so often soon `again` after a start or `wake`."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[None]],
        every_s: float,
        told: Callable[[VenueFailed | None], None],
        again: int = 0,
    ) -> None:
        self._ask = ask
        self._every_s = every_s
        self._told = told
        self._again = again
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Ask at once."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Ask until cancelled."""
        soon = self._again
        while True:
            self._woken.clear()
            failure = await self._failure()
            self._told(failure)
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if failure else LOOK_AGAIN_S if soon else self._every_s):
                    await self._woken.wait()
            soon = self._again if self._woken.is_set() else soon if failure else max(0, soon - 1)

    async def _failure(self) -> VenueFailed | None:
        try:
            await self._ask()
        except VenueFailed as failure:
            return failure
        return None


def _open(order: ListedOrder) -> OpenOrder:
    return OpenOrder(
        client_id=order.client_id or order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=Decimal(0),  # no list of ours has it, and taking an order back needs none
    )
