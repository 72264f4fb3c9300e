"""The look for orders of an older state, over hundreds of markets: bit by bit, whole in the end, within the limits."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.live_shell.boot_checks import NotDoneYet
from arbitrage.live_shell.past_orders import PastOrders
from arbitrage.wire.http import VenueFailed
from tests.background import beside
from tests.unit.live_shell.many_markets import BASES, Hall, played


def an_order(hall: Hall, symbol: str, name: str, hours_ago: float = 1, *, is_open: bool = False) -> ListedOrder:
    return ListedOrder(
        venue=Venue.BINANCE,
        symbol=symbol,
        order_id="1",
        client_id=name,
        side=Side.SELL,
        quantity=Decimal(1),
        executed=Decimal(1),
        is_open=is_open,
        created_at=Instant(hall.clock.now() - int(hours_ago * 3_600 * NS_PER_S)),
    )


async def looked_for(hall: Hall, past: PastOrders) -> tuple[Sequence[str], list[str]]:
    """Look until the look is over; return what was found, and what was told on the way."""
    told: list[str] = []
    while True:
        try:
            return await past.ours(hall.universe), told
        except (NotDoneYet, VenueFailed) as progress:
            told.append(str(progress))
            await asyncio.sleep(1)


def test_every_market_is_looked_at_once_and_nobody_else_finds_no_room() -> None:
    async def story() -> None:
        hall = Hall()
        hall.binance.past = [an_order(hall, f"{BASES[0]}USDT", "web-1"), an_order(hall, f"{BASES[1]}USDT", "arb-1", 49)]
        began_at = hall.clock.now()
        async with beside(hall.watch_the_accounts()):
            found, told = await looked_for(hall, PastOrders(hall.links, hall.clock))

        assert found == []
        assert {*hall.upbit.asked.values(), *hall.binance.asked.values()} == {1}
        assert len(hall.binance.asked) == len(BASES)
        assert hall.clock.now() - began_at < 75 * NS_PER_S
        assert (hall.upbit.no_room, hall.binance.no_room) == (0, 0)
        assert "looked for orders of an older state in 379 of 500 markets" in told

    played(story())


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("symbol", [f"{BASES[0]}USDT", f"{BASES[-1]}USDT"])
def test_an_order_of_ours_is_found_on_whichever_market_it_is(symbol: str, is_open: bool) -> None:
    async def story() -> None:
        hall = Hall()
        hall.binance.past = [an_order(hall, symbol, "arb-old-1-1-b-1", 47.9, is_open=is_open)]
        found, _ = await looked_for(hall, PastOrders(hall.links, hall.clock))

        assert found == ["arb-old-1-1-b-1"]

    played(story())


def test_a_venue_that_fails_in_between_is_told_of_and_nothing_is_looked_at_twice() -> None:
    async def story() -> None:
        hall = Hall()
        past = PastOrders(hall.links, hall.clock)
        hall.binance.is_down = True
        with pytest.raises(VenueFailed, match="down"):
            await past.ours(hall.universe)
        hall.binance.is_down = False
        found, _ = await looked_for(hall, past)

        assert found == []
        assert set(hall.upbit.asked.values()) == {1}

    played(story())
