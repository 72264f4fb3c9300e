"""Lets the market model's time pass at the wanted speed; tells both venues' streams and floors. Decides no price."""

import asyncio
from collections.abc import Mapping
from typing import Final

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.binance_streams import BinanceStreams
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.model import SLOT_MS, MarketModel
from arbitrage.sandbox.upbit_streams import Publish, UpbitStreams

_FORGIVEN_S: Final = 1.0
"""A machine that slept does not get the missed market time all at once."""


class Pulse:
    """Drives one model. Frames carry the venue's time, whatever the speed, so that clients see no skew but its own."""

    def __init__(
        self,
        model: MarketModel,
        floors: Mapping[Venue, Floor],
        upbit: UpbitStreams,
        publish: Publish,
        binance: BinanceStreams,
    ) -> None:
        self._model = model
        self._floors = floors
        self._upbit = upbit
        self._publish = publish
        self._binance = binance

    async def run(self, speed: float) -> None:
        """Run until cancelled."""
        loop = asyncio.get_running_loop()
        slot_s = SLOT_MS / 1_000 / speed
        due_s = loop.time()
        while True:
            self._slot()
            due_s = max(due_s + slot_s, loop.time() - _FORGIVEN_S)
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    def _slot(self) -> None:
        at_ms = {venue: floor.now() // NS_PER_MS for venue, floor in self._floors.items()}
        for moved in self._model.advance():
            venue = moved.book.listing.venue
            self._floors[venue].market_moved(moved.book.listing.code)
            if venue is Venue.UPBIT:
                self._upbit.tell(moved, at_ms[venue], self._publish)
            else:
                self._binance.touch(moved, at_ms[venue])
        self._binance.beat(self._model.slot, at_ms[Venue.BINANCE])
