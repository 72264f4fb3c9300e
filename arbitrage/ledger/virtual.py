"""Virtual capital: what a run without real balances owns at first. It gives once; afterwards only fills move it."""

from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instruments import Instrument, Pair, Venue
from arbitrage.domain.money import floor_to
from arbitrage.ledger.inventory import Inventory

_HALF = Decimal("0.5")
_COIN_STEP = Decimal("0.00000001")
_CASH_STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class VirtualCapital:
    """`krw_a_side` won on each venue: half in its quote currency, the other half spread evenly over the pairs."""

    krw_a_side: Decimal
    pairs: int

    def fund(self, inventory: Inventory, pair: Pair, prices: dict[Venue, Decimal], krw_per_usdt: Decimal) -> None:
        """Give what is still unknown of a pair's currencies. `prices` are quote per base on each venue."""
        for venue, rate in ((Venue.UPBIT, Decimal(1)), (Venue.BINANCE, krw_per_usdt)):
            instrument = pair.on(venue)
            side = self.krw_a_side / rate
            self._give(inventory, instrument, instrument.quote, floor_to(side * _HALF, _CASH_STEP))
            coins = side * _HALF / self.pairs / prices[venue]
            self._give(inventory, instrument, instrument.base, floor_to(coins, _COIN_STEP))

    @staticmethod
    def _give(inventory: Inventory, instrument: Instrument, currency: str, amount: Decimal) -> None:
        if not inventory.knows(instrument.venue, currency):
            inventory.give(instrument.venue, currency, amount)
