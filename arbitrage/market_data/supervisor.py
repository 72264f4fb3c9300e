"""Both venues' market data: instruments first, then feeds, then keeping both up to date. It decides nothing."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from arbitrage.domain.events import UniverseChanged, VenueDown
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.market_data.binance_feed import BinanceFeed
from arbitrage.market_data.instruments import Fees, MetadataSources, load_universe, measure_binance_skew
from arbitrage.market_data.tape import TapeWriter
from arbitrage.market_data.upbit_feed import UpbitFeed
from arbitrage.ports import Clock, Emit
from arbitrage.wire.backoff import Backoff
from arbitrage.wire.http import JsonHttp, VenueFailed
from arbitrage.wire.quiet_log import Outage

CLOCK_RETRY_S: Final = 5.0
"""How soon a venue that did not tell its time is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDataConfig:
    """Where the venues are, which base assets are wanted, and how often things are asked again (seconds)."""

    wanted: tuple[str, ...]
    fees: Fees
    upbit_rest_url: str
    upbit_ws_url: str
    binance_rest_url: str
    binance_ws_url: str
    refresh_every_s: float = 3_600.0
    clock_every_s: float = 60.0


class MarketData:
    """Emits what its feeds, `upbit` and `binance`, emit, and UniverseChanged and ClockSample."""

    def __init__(self, config: MarketDataConfig, emit: Emit, clock: Clock, tape: TapeWriter | None = None) -> None:
        self.upbit = UpbitFeed(config.upbit_ws_url, emit, clock, tape)
        self.binance = BinanceFeed(config.binance_ws_url, emit, clock, tape)
        self._config = config
        self._emit = emit
        self._clock = clock
        self._universe: Universe | None = None
        self._failing: dict[Venue, str] = {}
        self._outages = {
            venue: Outage(clock, "venue_unreachable", "venue_reachable", venue=venue.value) for venue in Venue
        }

    async def run(self) -> None:
        """Feed events until cancelled. A venue that does not answer is asked again, for as long as it takes."""
        config = self._config
        upbit_http = JsonHttp(Venue.UPBIT, config.upbit_rest_url)
        binance_http = JsonHttp(Venue.BINANCE, config.binance_rest_url)
        async with upbit_http, binance_http, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.upbit.run(), name="upbit-feed")
            tasks.create_task(self.binance.run(), name="binance-feed")
            tasks.create_task(self._keep_universe(MetadataSources(upbit_http, binance_http)), name="universe")
            tasks.create_task(self._sample_clock(binance_http), name="binance-clock")

    async def _keep_universe(self, sources: MetadataSources) -> None:
        backoff = Backoff(Random(self._clock.now()), first_s=1.0)
        while True:
            try:
                universe = await load_universe(self._config.wanted, sources, self._config.fees)
            except VenueFailed as failure:
                self._unreachable(failure)
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            self._reachable()
            self._take(universe)
            await asyncio.sleep(self._config.refresh_every_s)

    async def _sample_clock(self, http: JsonHttp) -> None:
        while True:
            try:
                sample = await measure_binance_skew(http, self._clock)
            except VenueFailed as failure:
                self._unreachable(failure)
                await asyncio.sleep(min(CLOCK_RETRY_S, self._config.clock_every_s))
                continue
            self._failing.pop(Venue.BINANCE, None)
            self._outages[Venue.BINANCE].recovered()
            self._emit(sample)
            await asyncio.sleep(self._config.clock_every_s)

    def _take(self, universe: Universe) -> None:
        if universe == self._universe:
            return
        self._universe = universe
        self._emit(UniverseChanged(self._clock.now(), universe))
        self.upbit.watch([pair.upbit.symbol for pair in universe.pairs] + [universe.fx.symbol])
        self.binance.watch([pair.binance.symbol for pair in universe.pairs])

    def _unreachable(self, failure: VenueFailed) -> None:
        """Log it. Before the first universe there is no socket to say it, so the events are ours to emit: for the
        venue that failed, and for the other one, which has nothing to do but to wait.
        """
        venue = Venue(failure.venue)
        self._outages[venue].failed(str(failure))
        self._failing[venue] = str(failure).removeprefix(f"{venue}: ")
        if self._universe is None:
            for each in Venue:
                reason = self._failing.get(each, f"waits for the instruments of {venue}")
                self._emit(VenueDown(self._clock.now(), each, reason))

    def _reachable(self) -> None:
        self._failing.clear()
        for outage in self._outages.values():
            outage.recovered()
