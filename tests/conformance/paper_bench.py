"""Paper's venues without a scenario: whoever has frames shows them. A bench for the laws, and a daemon for tapes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, cast

from arbitrage.domain.events import BookSnapshot, Event, Tick, TouchUpdate, UniverseChanged
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Instrument, Universe, Venue
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_models import Behaviour, FixedLatency
from arbitrage.paper.daemon import Daemon, Site
from arbitrage.paper.gateway import PaperGateway
from arbitrage.paper.knob_models import KnobMatching, KnobShare
from arbitrage.paper.notebook import Notebook
from arbitrage.paper.prices import Prices
from arbitrage.paper.private_stream import PrivateStream
from arbitrage.paper.road import Road
from arbitrage.paper.trading_floor import TradingFloor
from arbitrage.paper.venue import PaperVenue
from arbitrage.paper.wall import Wall
from arbitrage.ports import Sink
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.knobs import Knobs
from arbitrage.virtual_loop import VirtualClock
from arbitrage.virtual_loop import run as run_virtually
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests.conformance.bench import SYMBOLS, Can, Stand
from tests.conformance.tapes import Tape
from tests.conformance.virtual_benches import LATENCY_MS, LONGEST_S, MONEY, STEP_S, VirtualBench

BOOT_S: Final = 2
"""Before the first frame: the checks of a boot end well within it."""

PLENTY: Final = {
    venue: {name: Decimal(10) ** 9 for name in ("BTC", "ETH", "DAWN", "STX", quote)}
    for venue, quote in ((Venue.UPBIT, "KRW"), (Venue.BINANCE, "USDT"))
}
"""So much of everything that no plan is smaller for the want of it."""

_JUST_AFTER_S: Final = 1e-8
"""Virtual seconds are floats: a frame is shown when its instant has come for certain."""

Money = Mapping[Venue, Mapping[str, Decimal]]


@dataclass
class Elsewhere:
    """Stands where a scenario's prices stand: each frame was shown to the exchange when it came."""

    universe: Universe
    depth: None = None

    def find(self, symbol: str) -> "Elsewhere":
        return self

    def use(self, instrument: Instrument) -> None:
        """Frames are as they were recorded, whatever the tick."""


@dataclass(frozen=True)
class PaperVenues:
    """Both venues on the running virtual loop, and what they go by."""

    venues: Mapping[Venue, PaperVenue]
    prices: Elsewhere
    wall: Wall

    def see(self, event: Event) -> None:
        """Show a frame, or the instruments, to the venue that they are of."""
        match event:
            case BookSnapshot() | TouchUpdate():
                self.venues[event.venue].floor.exchange.observe(event)
            case UniverseChanged():
                self.prices.universe = event.universe
                for there in self.venues.values():
                    there.floor.turned()


def paper_venues(universe: Universe, money: Money, way_ms: float, start: Instant) -> PaperVenues:
    """Return both venues with money on them; a request takes `way_ms` there, and as long back."""
    wall = Wall(VirtualClock(asyncio.get_running_loop(), start))
    prices, plan = Elsewhere(universe), FaultPlan(1, wall)
    venues = {}
    for venue in Venue:
        knobs = Knobs()
        exchange = SimulatedExchange(venue, behaviour=Behaviour(matching=KnobMatching(knobs), share=KnobShare(knobs)))
        for currency, amount in money[venue].items():
            exchange.deposit(currency, amount)
        road = Road(venue, FixedLatency(way_ms), plan)
        stream = PrivateStream(venue, plan, wall, road.way_s)
        shown = cast(Prices, prices)
        venues[venue] = PaperVenue(TradingFloor(exchange, knobs, shown, stream, wall), road, wall)
    return PaperVenues(venues, prices, wall)


class PaperBench(VirtualBench):
    """Paper's gateway and venues, whose private streams nobody hears: what is told is told on being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.paper = paper_venues(make.universe(), MONEY, LATENCY_MS / 2, make.NOON)
        self.clock = self.paper.wall
        self.wire(PaperGateway(self.paper.venues, self._on_answer))
        self.open_market()
        self.remember()

    def halt(self, venue: Venue) -> None:
        there = self.paper.venues[venue]
        there.floor.knobs.halted[SYMBOLS[venue]] = "suspended"
        there.floor.turned()

    def _on_answer(self, event: Event) -> None:
        self.runner.on_event(event)

    def tell(self, event: Event) -> None:
        self.paper.see(event)
        super().tell(event)

    async def step(self) -> None:
        await asyncio.sleep(STEP_S)
        self.tell(Tick(self.now()))

    def owned(self, venue: Venue) -> dict[str, Decimal]:
        return self.paper.venues[venue].floor.owned()

    def open_orders(self, venue: Venue) -> int:
        exchange = self.paper.venues[venue].floor.exchange
        return len(exchange.open_orders()) + sum(held.locked != 0 for held in exchange.balances().values())

    def lose(self, venue: Venue) -> None:
        self.paper.venues[venue].road.is_down = True


async def play_in_paper(frames: Tape, universe: Universe, played: Sink, limits: RiskLimits, way_ms: float) -> None:
    """Boot Paper's daemon, let it hear the frames as they came, and end it when whatever was in flight has landed."""
    first = next(frames())
    paper = paper_venues(universe, PLENTY, way_ms, Instant(first.at - BOOT_S * NS_PER_S))
    daemon = Daemon(
        Site(limits=limits, venues=paper.venues, notebook=Notebook(), wall=paper.wall), (played,), lambda said: None
    )
    daemon.boot(universe, state_is_down=False)
    for event in frames():
        await asyncio.sleep((event.at - paper.wall.now()) / NS_PER_S + _JUST_AFTER_S)
        paper.see(event)
        daemon.tell(event)
    await asyncio.sleep(LONGEST_S)
    daemon.die()
    assert daemon.failure is None, repr(daemon.failure)


@asynccontextmanager
async def a_paper_bench() -> AsyncIterator[PaperBench]:
    """Put Paper's gateway on a bench. It needs a virtual loop."""
    yield PaperBench()


PAPER: Final = Stand(
    "paper",
    a_paper_bench,
    {
        Can.SEND_ONCE: "no last gate stands before its Binance, which takes an id again once its order is over",
        Can.BURN_IDS: "the same",
    },
    run=partial(run_virtually, seed=1),
)
