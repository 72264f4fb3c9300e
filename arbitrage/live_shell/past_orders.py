"""PastOrders: whether the venues list orders of ours from the last two days. It reads, and judges nothing.

Binance lists past orders of one market at a time, so that hundreds of them take minutes of its limit: what was looked
at is not looked at again, and each look goes on where the last one ended.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.execution.numbering import ORDER_PREFIX
from arbitrage.live_shell.boot_checks import NotDoneYet
from arbitrage.live_shell.links import VenueLink
from arbitrage.ports import Clock

LOOKED_BACK: Final = Nanos(48 * 3_600 * NS_PER_S)
"""How far back a new state looks for orders of an older one (the design's section 6)."""

LOOK_S: Final = 10.0
"""How long one look takes at the most: the other checks are made, and progress is told, in between."""


class PastOrders:
    """Every market of the universe has to be looked at: a lost leg may be an order on any of them, and of no coin left.

    Nothing new is listed meanwhile: before the look is over nothing of ours may leave.
    """

    def __init__(self, links: Sequence[VenueLink], clock: Clock) -> None:
        self._links = links
        self._since = Instant(clock.now() - LOOKED_BACK)
        self._seen: set[tuple[Venue, str]] = set()
        self._open_seen: set[Venue] = set()
        self._ours: set[str] = set()

    async def ours(self, universe: Universe) -> Sequence[str]:
        """Return the ids of orders of ours that were found, none if there are none in any market.

        Raises NotDoneYet after LOOK_S if nothing was found so far, and VenueFailed.
        """
        markets = {link.venue: [pair.on(link.venue).symbol for pair in universe.pairs] for link in self._links}
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                for link in self._links:
                    await self._look(link, markets[link.venue])
        left = sum((venue, symbol) not in self._seen for venue, symbols in markets.items() for symbol in symbols)
        if left and not self._ours:
            of = sum(map(len, markets.values()))
            raise NotDoneYet(f"looked for orders of an older state in {of - left} of {of} markets")
        return sorted(self._ours)

    async def _look(self, link: VenueLink, symbols: Sequence[str]) -> None:
        if link.venue not in self._open_seen:
            await link.room()
            self._learn(await link.open_orders())
            self._open_seen.add(link.venue)
        for group in link.in_one_question([each for each in symbols if (link.venue, each) not in self._seen]):
            if self._ours or not group:
                return
            await link.room()
            self._learn(await link.orders_since(group, self._since))
            self._seen.update((link.venue, symbol) for symbol in group)

    def _learn(self, listed: Sequence[ListedOrder]) -> None:
        self._ours.update(order.client_id for order in listed if order.client_id.startswith(f"{ORDER_PREFIX}-"))
