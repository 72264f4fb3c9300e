"""What the simulated venues' accounts hold at first: as a scenario says, or enough of everything."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.money import KRW, USDT
from arbitrage.paper.listing import first_price
from arbitrage.paper.scenario import Scenario

PLENTY_KRW: Final = Decimal(1_000_000_000)
"""What each venue holds in cash, and of each coin, where nothing is said: a thousand plans of the cautious profile."""

_MOST: Final = Decimal(10**15)  # what a scenario may name itself
_USUAL_FX: Final = Decimal(1_400)

Balances = Mapping[Venue, Mapping[str, Decimal]]


def balances_of(scenario: Scenario, universe: Universe) -> Balances:
    """Return the balances to begin with, by venue and currency."""
    coins = {pair.base: _plenty(scenario, pair.upbit.symbol, pair.base) for pair in universe.pairs}
    plenty = {
        Venue.UPBIT: {KRW: PLENTY_KRW, **coins},
        Venue.BINANCE: {USDT: (PLENTY_KRW / _USUAL_FX).quantize(Decimal(1)), **coins},
    }
    return {**plenty, **(scenario.balances or {})}


def _plenty(scenario: Scenario, symbol: str, base: str) -> Decimal:
    price = first_price(scenario, Venue.UPBIT, symbol, base)
    return min(_MOST, PLENTY_KRW / Decimal(price)).quantize(Decimal("0.0001")) if price else PLENTY_KRW
