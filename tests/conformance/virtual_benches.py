"""Benches in virtual time: the simulated venues and Shadow's gateway, each on the same books that stand still."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Final

from arbitrage.domain.events import Event, LegReport, Tick, UniverseChanged, VenueDown, VenueUp
from arbitrage.domain.instants import Instant, from_ms
from arbitrage.domain.instruments import Instrument, Side, Universe, Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.exchange.shadow import ShadowGateway
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_models import Behaviour, FixedLatency
from arbitrage.ports import Clock
from tests import builders as make
from tests.clocks import ManualClock
from tests.conformance.bench import SYMBOLS, Bench, Can, Place, Stand

LATENCY_MS: Final = 50
STEP_S: Final = 0.25
LONGEST_S: Final = 15.0
"""Beyond Shadow's patience with a book that never comes."""

MONEY: Final[Mapping[Venue, Mapping[str, Decimal]]] = {
    Venue.UPBIT: {"KRW": Decimal(400_000_000), "BTC": Decimal(3)},
    Venue.BINANCE: {"USDT": Decimal(400_000), "BTC": Decimal(3)},
}

_SIZES: Final = ("0.3", "0.4", "0.5")
_BIDS: Final = {Venue.UPBIT: ("119999000", "1000"), Venue.BINANCE: ("84999.99", "0.01")}


def _levels(venue: Venue, side: Side) -> list[ExactLevel]:
    """Return the levels that an order takes: three ticks in a row, Upbit's spread and Binance's one tick."""
    best_bid, tick = map(Decimal, _BIDS[venue])
    best = best_bid + tick if side is Side.BUY else best_bid
    return [(best + side.sign * number * tick, Decimal(size)) for number, size in enumerate(_SIZES)]


class VirtualBench(Bench):
    """Time passes when a law waits; a tick tells of it."""

    def __init__(self) -> None:
        super().__init__()
        self._manual = ManualClock(make.NOON)
        self.clock: Clock = self._manual
        self._universe = make.universe()
        self._sequences = count(1)

    def now(self) -> Instant:
        return self.clock.now()

    async def hear(self, order: Order, words: int) -> None:
        until = self.now() + from_ms(LONGEST_S * 1_000)
        await self.step()  # an answer may be there already; to hear it takes time all the same
        while len(self.words(order)) < words and self.now() < until:
            await self.step()

    async def rest(self) -> None:
        until = self.now() + from_ms(LONGEST_S * 1_000)
        while self.now() < until:
            await self.step()

    async def step(self) -> None:
        """Let a moment pass."""
        self.tell(Tick(self._manual.advance(STEP_S)))

    def levels(self, place: Place) -> Sequence[ExactLevel]:
        return _levels(*place)

    def instrument(self, venue: Venue) -> Instrument:
        return self._universe.pairs[0].on(venue)

    def open_market(self) -> None:
        """Tell of the instruments, the venues and their first books."""
        self.tell(UniverseChanged(self.now(), self._universe))
        for venue in Venue:
            self.tell(VenueUp(self.now(), venue))
            self.shift(venue, Decimal(1))

    def shift(self, venue: Venue, factor: Decimal) -> None:
        ticks = self.instrument(venue).ticks
        bids, asks = (
            [(float(ticks.floor(price * factor)), float(size)) for price, size in _levels(venue, side)]
            for side in (Side.SELL, Side.BUY)
        )
        self.tell(make.snapshot(venue, SYMBOLS[venue], bids, asks, self.now(), next(self._sequences)))

    def halt(self, venue: Venue) -> None:
        pair = self._universe.pairs[0]
        halted = {venue.value: replace(pair.on(venue), halted="suspended")}
        self._universe = Universe((replace(pair, **halted),), self._universe.fx)
        self.tell(UniverseChanged(self.now(), self._universe))


class SimulatedPair:
    """Two simulated exchanges behind one gateway: an order goes to its venue."""

    def __init__(self, venues: Mapping[Venue, SimulatedExchange]) -> None:
        self.venues = venues

    def submit(self, *orders: Order) -> None:
        for order in orders:
            self.venues[order.venue].submit(order)

    def ask(self, order: Order) -> None:
        self.venues[order.venue].ask(order)

    def cancel(self, order: Order) -> None:
        self.venues[order.venue].cancel(order)

    def inspect(self, order: Order) -> None:
        self.venues[order.venue].inspect(order)

    def observe(self, event: Event) -> Sequence[Event]:
        return [told for venue in self.venues.values() for told in venue.observe(event)]


class SimulatedBench(VirtualBench):
    """The simulated venues, with money on both accounts."""

    def __init__(self, gateway: SimulatedPair) -> None:
        super().__init__()
        self.venues = gateway.venues
        for venue, exchange in self.venues.items():
            exchange.connect()
            for currency, amount in MONEY[venue].items():
                exchange.deposit(currency, amount)
        self.wire(gateway, (gateway,))
        self.open_market()
        self.remember()

    def owned(self, venue: Venue) -> dict[str, Decimal]:
        return {currency: held.total for currency, held in self.venues[venue].balances().items()}

    def open_orders(self, venue: Venue) -> int:
        locked = sum(held.locked != 0 for held in self.venues[venue].balances().values())
        return len(self.venues[venue].open_orders()) + locked

    def lose(self, venue: Venue) -> None:
        self.venues[venue].disconnect()


class ShadowBench(VirtualBench):
    """Shadow's gateway on the engine's books. Its account is what its reports come to."""

    mark = "[SHADOW_LIVE]"

    def __init__(self, make_gateway: Callable[..., ShadowGateway]) -> None:
        super().__init__()
        gateway = make_gateway(self.market, from_ms(LATENCY_MS))
        self.wire(gateway, (gateway,))
        self.open_market()
        self.remember()

    def owned(self, venue: Venue) -> dict[str, Decimal]:
        reports = [event for event in self.heard if isinstance(event, LegReport) and event.venue is venue]
        return {"reported": sum((report.fill.quantity for report in reports), Decimal(0))}

    def open_orders(self, venue: Venue) -> int:
        return 0

    def lose(self, venue: Venue) -> None:
        self.tell(VenueDown(self.now(), venue, "gone"))


@asynccontextmanager
async def a_simulated_bench(
    exchange: Callable[..., SimulatedExchange] = SimulatedExchange,
    pair: Callable[[Mapping[Venue, SimulatedExchange]], SimulatedPair] = SimulatedPair,
) -> AsyncIterator[SimulatedBench]:
    """Put simulated venues on a bench; with another `exchange` or `pair`, ones that a test has spoilt."""
    behaviour = Behaviour(latency=FixedLatency(LATENCY_MS))
    yield SimulatedBench(pair({venue: exchange(venue, behaviour=behaviour) for venue in Venue}))


@asynccontextmanager
async def a_shadow_bench(gateway: Callable[..., ShadowGateway] = ShadowGateway) -> AsyncIterator[ShadowBench]:
    """Put Shadow's gateway on a bench; with another `gateway`, one that a test has spoilt."""
    yield ShadowBench(gateway)


SIMULATED = Stand(
    "simulated",
    a_simulated_bench,
    {Can.BURN_IDS: "Binance takes an id again once its order is over, and so does its simulation"},
)

SHADOW = Stand(
    "shadow",
    a_shadow_bench,
    {
        Can.ANSWER: "nothing was sent, so there is nobody to ask",
        Can.HOLD_ACCOUNT: "its account is virtual, and the engine keeps it",
        Can.CHECK_IDS: "no id of its orders goes to anybody",
        Can.BURN_IDS: "it forgets an order with its end",
    },
)
