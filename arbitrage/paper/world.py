"""The world of one scenario: both venues, the machine and the process on it, and the steps that happen to them.

It judges nothing, and nothing in it leaves this process.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final

from arbitrage.domain.events import Command, Event, OperatorCommand
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_models import Behaviour, BpsSlippage, JitteredLatency
from arbitrage.paper.balances import balances_of
from arbitrage.paper.daemon import Daemon, Site
from arbitrage.paper.knob_models import KnobMatching, KnobShare
from arbitrage.paper.listing import universe_of
from arbitrage.paper.notebook import Notebook
from arbitrage.paper.prices import Prices, unheard
from arbitrage.paper.private_stream import PrivateStream
from arbitrage.paper.road import Road
from arbitrage.paper.safety_rules import SafetyRules
from arbitrage.paper.scenario import FxPoint, Order, Scenario, Step, VenueChange
from arbitrage.paper.scenario_time import lasts_s, start_of
from arbitrage.paper.trading_floor import TradingFloor
from arbitrage.paper.venue import PaperVenue
from arbitrage.paper.wall import Wall
from arbitrage.paper.witness import Witness
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.knobs import Knobs
from arbitrage.virtual_loop import VirtualClock

UNIVERSE_EVERY_S: Final = 3_600.0
"""How often Live asks for the instruments again (market_data/supervisor.py)."""


class World:
    """Everything that there is in a scenario. `boots` counts the starts of the process."""

    def __init__(self, scenario: Scenario, seed: int, witness: Witness) -> None:
        self.universe = universe_of(scenario)
        self.notebook = Notebook()
        self.limits = scenario.risk_profile.limits()
        self.rules = SafetyRules(self.limits, self.universe)
        self.balances = balances_of(scenario, self.universe)
        self._scenario = scenario
        self._witness = witness
        self._loop = asyncio.get_running_loop()
        self._wall = Wall(VirtualClock(self._loop, start_of(scenario)))
        self._faults = FaultPlan(seed, self._wall.true)
        self.prices = Prices(scenario, self.universe, seed, self._wall)
        self.venues = {venue: self._open(venue, seed) for venue in Venue}
        self._state_is_down = False
        self._is_up = asyncio.Event()
        self._stops: list[asyncio.Task[None]] = []
        self._boot()
        self._loop.call_later(UNIVERSE_EVERY_S, self._ask_for_universe)

    async def play(self) -> None:
        """Let everything happen that the scenario says, until it ends. The process is still there then."""
        self._faults.add(*self._scenario.faults)
        for at_s, act in self._timeline():
            await self._until(at_s)
            act()
        await self._until(lasts_s(self._scenario))
        await asyncio.gather(*self._stops)
        await self._is_up.wait()

    async def end(self) -> None:
        """Let the process finish what is in flight, and end it; compare what it believes with the truth."""
        await self.daemon.wind_down()
        self.daemon.tick()
        self.rules.hold_against_truth(self.venues, self.balances, self._witness.view)
        self.daemon.die()
        self.prices.stop()
        await asyncio.sleep(0)  # what was cancelled ends now

    # --- how time goes

    def _timeline(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Yield everything that happens, with when: the fx before the step of the same moment."""
        fx = self._scenario.symbols.exchange_rate
        path = fx if isinstance(fx, list) else [FxPoint(t=0.0, rate=fx)]
        events = [
            *((point.t, 0, partial(self.prices.take_fx, point.rate)) for point in path),
            *((step.t, 1, partial(self._take, step)) for step in self._scenario.steps),
        ]
        yield from ((at_s, act) for at_s, _, act in sorted(events, key=lambda event: event[:2]))

    async def _until(self, at_s: float) -> None:
        wait_s = at_s - self._loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    # --- what happens

    def _take(self, step: Step) -> None:
        self._faults.add(*step.faults)
        if step.disk_full is not None:
            self.notebook.is_full = step.disk_full
        if step.state_down is not None:
            self._state_is_down = step.state_down
            self.daemon.hear_of_state(is_down=step.state_down)
        for venue, change in step.venues.items():
            self._turn(self.venues[venue], change)
        self.prices.take(step)
        if step.clock_step_s:
            self._set_clock(step.clock_step_s)
        if step.operator is not None:
            self._obey(step.operator)
        if step.crash_after_s is not None:
            self._loop.call_later(step.crash_after_s, self._crash, step.restart_after_s)
        if step.stop:
            self._stops.append(self._loop.create_task(self._stop(step.restart_after_s)))

    def _set_clock(self, by_s: float) -> None:
        by = self._wall.set_by(by_s)
        if by:  # a little is corrected without a word
            self.daemon.hear_of_clock(by)

    def _obey(self, order: Order) -> None:
        at = self._wall.now()
        self.daemon.tell(
            OperatorCommand(
                at=at,
                command=Command(order.command),
                who="a person",
                why=order.reason,
                given_at=at,
                latch=order.latch,
            )
        )

    def _turn(self, there: PaperVenue, change: VenueChange) -> None:
        knobs = there.floor.knobs
        for name in ("maintenance", "halted", "wallets", "fill_share", "match_after_s", "visible_after_s", "tick"):
            value = getattr(change, name)
            if value is not None:
                setattr(knobs, name, value)
        if change.clock_ahead_ms is not None:
            knobs.clock_ahead_ms = change.clock_ahead_ms
        there.floor.turned()
        for currency, amount in (change.deposit or {}).items():
            there.floor.move_funds(currency, amount)
        self._open_or_close(there, change)

    def _open_or_close(self, there: PaperVenue, change: VenueChange) -> None:
        """Let sockets go and come back."""
        if change.private_down is not None:
            there.is_private_down = change.private_down
        if change.frozen is not None:
            there.is_frozen = change.frozen
        was_down, was_up = there.road.is_down, there.stream.is_up
        if change.down is not None:
            there.road.is_down = change.down
        there.stream.is_up = not (there.road.is_down or there.is_private_down)
        if there.road.is_down is not was_down:
            self.daemon.hear_of_market(there)
        if there.stream.is_up is not was_up:
            self.daemon.hear_of_stream(there)
        self.prices.show(there.venue, is_shown=not (there.road.is_down or there.is_frozen))

    # --- the process

    def _boot(self) -> None:
        site = Site(limits=self.limits, venues=self.venues, notebook=self.notebook, wall=self._wall)
        self._witness.begin_run()
        self.rules.begin_run()
        self.daemon = Daemon(site, (self._witness, self.rules), self._overhear)
        self.daemon.boot(self._universe_now(), state_is_down=self._state_is_down)
        self.prices.tell = self.daemon.hear_frame
        self.prices.tell_all()
        self._is_up.set()

    def _overhear(self, event: Event) -> None:
        self._witness.hear(event)
        self.rules.hear(event)

    def _universe_now(self) -> Universe:
        """Return the instruments as both venues describe them now; orders are held against them from now on."""
        listed = self.universe
        for there in self.venues.values():
            listed = there.floor.listed(listed)
        self.rules.learn(listed)
        return listed

    def _ask_for_universe(self) -> None:
        self.daemon.hear_of_universe(self._universe_now())
        self._loop.call_later(UNIVERSE_EVERY_S, self._ask_for_universe)

    def _crash(self, restart_after_s: float) -> None:
        if self.daemon.is_alive:
            self.daemon.die()
            self.prices.tell = unheard
            self._is_up.clear()
            self._loop.call_later(restart_after_s, self._boot)

    async def _stop(self, restart_after_s: float) -> None:
        if not self.daemon.is_alive:
            return
        daemon = self.daemon
        await daemon.wind_down()
        if daemon.is_alive:
            self.notebook.note_stop(self._wall.now())
            self._crash(restart_after_s)

    # --- the venues

    def _open(self, venue: Venue, seed: int) -> PaperVenue:
        scenario, knobs = self._scenario, Knobs()
        latency = scenario.latency
        least_ms = latency.upbit_ms if venue is Venue.UPBIT else latency.binance_ms
        way = JitteredLatency(least_ms, latency.jitter_ms, Random(f"{seed}: way to {venue}"))
        road = Road(venue, way, self._faults)
        stream = PrivateStream(venue, self._faults, self._wall, road.way_s)
        behaviour = Behaviour(
            matching=KnobMatching(knobs),
            share=KnobShare(knobs),
            slippage=BpsSlippage(scenario.risk_profile.slippage_bps),
        )
        exchange = SimulatedExchange(venue, (), behaviour)
        for currency, amount in self.balances[venue].items():
            if amount > 0:
                exchange.deposit(currency, amount)
        return PaperVenue(TradingFloor(exchange, knobs, self.prices, stream, self._wall), road, self._wall)
