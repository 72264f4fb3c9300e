"""Daemon: one run of the process inside a scenario, wired as Live is, from its boot to its end. No decisions.

What differs is where orders go, and that there is no permit: no order can leave for a real venue.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.events import (
    ClockSample,
    ClockStepped,
    Event,
    LeaseHeld,
    PrivateDown,
    PrivateUp,
    RecoveryEnded,
    StateDown,
    StateUp,
    Tick,
    UniverseChanged,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.engine import Engine, EngineConfig
from arbitrage.live_shell.account_watch import BALANCES_EVERY_S, OPEN_ORDERS_EVERY_S
from arbitrage.live_shell.alarm import Alarm
from arbitrage.live_shell.boot_checks import BootChecks
from arbitrage.live_shell.in_flight import InFlight
from arbitrage.live_shell.wallets import Wallets
from arbitrage.live_wiring import WIND_DOWN_S
from arbitrage.paper.gateway import PaperGateway
from arbitrage.paper.notebook import Notebook
from arbitrage.paper.venue import PaperVenue
from arbitrage.paper.wall import Wall
from arbitrage.ports import Emit, Sink
from arbitrage.runner import Runner
from liveguard.risk_limits import RiskLimits

LEASE: Final = Nanos(7_500 * NS_PER_MS)
"""As Live's (state/lease.py: its length less its margin)."""

CLOCK_EVERY_S: Final = 60
TRADING_DAY_TZ: Final = "Asia/Seoul"

_TICK_LATE_S: Final = 0.005
"""As Live: a tick comes a little after its second, and so after whatever happens right on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is there before the process starts, and stays when it ends."""

    limits: RiskLimits
    venues: Mapping[Venue, PaperVenue]
    notebook: Notebook
    wall: Wall


class Daemon:
    """An engine in its shell. `is_alive` until it ends; whatever is told to an ended one is lost, frames excepted.

    `hear_frame` is the runner's own way in: whoever calls it a million times stops calling it when the daemon ends.
    """

    def __init__(self, site: Site, sinks: Sequence[Sink], overhear: Emit) -> None:
        """Make it; `overhear` is told, before the engine, of everything but frames."""
        self.is_alive = True
        self._overhear = overhear
        self._site = site
        self._venues = site.venues
        self._wall = site.wall
        self._loop = asyncio.get_running_loop()
        site.wall.start_anew()
        past, self._left = site.notebook.boot(self._wall.now())
        config = EngineConfig(limits=site.limits, trading_day_tz=TRADING_DAY_TZ, virtual_capital_krw=None)
        self.engine = Engine(config, past)
        self._flying = InFlight()
        gateway = PaperGateway(site.venues, self.tell)
        self._runner = Runner(self.engine, site.notebook, gateway, (*sinks, self._flying), (), self._loop.call_soon)
        self.hear_frame = self._runner.on_event
        self._runner.wake_by(Alarm(self._wall, self.tell).set)
        self._wallets = Wallets(self._venues[Venue.UPBIT].wallets, self._wall, self.tell)
        checks = (self._clock_problems, self._stream_problems, self._wallets.problems)
        self._checks = BootChecks(checks, self._wall, self.tell)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._ticker: asyncio.TimerHandle | None = None
        self._seconds = 0

    @property
    def failure(self) -> Exception | None:
        """Return what broke the runner, which nothing may."""
        return self._runner.failure

    def tell(self, event: Event) -> None:
        """Tell the runner of an event."""
        if self.is_alive:
            self._overhear(event)
            self._runner.on_event(event)

    def boot(self, universe: Universe, *, state_is_down: bool) -> None:
        """Tell what a start tells."""
        for found in self._left.latches():
            self.tell(found)
        self._checks.hold()
        self._hold_lease()
        for there in self._venues.values():
            self.tell(PrivateDown(self._wall.now(), there.venue, "not connected yet"))
        for recovered in self._left.plans():
            self._flying.add(recovered.plan.plan_id)
            self.tell(recovered)
        at = self._wall.now()
        self.tell(RecoveryEnded(at))
        self.hear_of_state(is_down=state_is_down)
        self._sample_clock()
        self._wallets.hear(UniverseChanged(at, universe))
        for there in self._venues.values():
            there.stream.listener = self.tell
            self.hear_of_market(there)
            self.hear_of_stream(there)
        self._tasks = tuple(self._loop.create_task(work) for work in (self._checks.run(), self._wallets.keep()))
        self._wait_for_tick()

    def die(self) -> None:
        """Be gone, without a word."""
        self.is_alive = False
        self._runner.tell()
        for there in self._venues.values():
            if there.stream.listener == self.tell:
                there.stream.listener = None
        for task in self._tasks:
            task.cancel()
        if self._ticker is not None:
            self._ticker.cancel()

    async def wind_down(self) -> None:
        """Start nothing new, and see what is in flight to its end, for a while at most."""
        self._checks.end("the daemon is stopping")
        with suppress(TimeoutError):
            async with asyncio.timeout(WIND_DOWN_S):
                await self._flying.landed.wait()

    # --- what it hears of

    def hear_of_market(self, there: PaperVenue) -> None:
        """Learn whether a venue's market data comes."""
        at = self._wall.now()
        self.tell(VenueDown(at, there.venue, "outage") if there.road.is_down else VenueUp(at, there.venue))

    def hear_of_stream(self, there: PaperVenue) -> None:
        """Learn whether a venue's private stream stands; after it has come up the account is looked at at once."""
        at = self._wall.now()
        if not there.stream.is_up:
            self.tell(PrivateDown(at, there.venue, "outage"))
            return
        self.tell(PrivateUp(at, there.venue))
        there.tell_balances(self.tell)
        there.tell_open_orders(self.tell)

    def hear_of_state(self, *, is_down: bool) -> None:
        """Learn whether the state store can be written."""
        at = self._wall.now()
        self.tell(StateDown(at, "the state store does not answer") if is_down else StateUp(at))

    def hear_of_universe(self, universe: Universe) -> None:
        """Learn the instruments anew, and what we own with them."""
        self._wallets.hear(UniverseChanged(self._wall.now(), universe))
        for there in self._venues.values():
            there.tell_balances(self.tell)

    def hear_of_clock(self, by: Nanos) -> None:
        """Learn that somebody has set the wall clock."""
        self.tell(ClockStepped(self._wall.now(), by))

    def tick(self) -> None:
        """Let the engine see how time passes, now."""
        self.tell(Tick(self._wall.now()))
        self._runner.tell()

    # --- what it does by itself

    def _wait_for_tick(self) -> None:
        wait_s = 1 - self._wall.now() % NS_PER_S / NS_PER_S + _TICK_LATE_S
        self._ticker = self._loop.call_later(wait_s, self._second)

    def _second(self) -> None:
        self._wait_for_tick()
        self._seconds += 1
        self._hold_lease()
        if self._seconds % CLOCK_EVERY_S == 0:
            self._sample_clock()
        if self._seconds % BALANCES_EVERY_S == 0:
            for there in self._venues.values():
                there.tell_balances(self.tell)
        if self._seconds % OPEN_ORDERS_EVERY_S == 0:
            for there in self._venues.values():
                there.tell_open_orders(self.tell)
        self.tell(Tick(self._wall.now()))

    def _hold_lease(self) -> None:
        at = self._wall.now()
        self.tell(LeaseHeld(at, Instant(at + LEASE)))

    def _sample_clock(self) -> None:
        if not self._venues[Venue.BINANCE].road.is_down:
            self.tell(ClockSample(self._wall.now(), Venue.BINANCE, self._skew()))

    def _skew(self) -> Nanos:
        there = self._venues[Venue.BINANCE]
        venue_now = self._wall.true.now() + there.floor.knobs.clock_ahead_ms * NS_PER_MS
        return Nanos(self._wall.now() - venue_now)

    # --- the checks before the first order

    async def _clock_problems(self) -> Sequence[str]:
        limit_ms = self.engine.safety.limits.max_clock_skew_ms
        skew_ms = self._skew() / NS_PER_MS
        return [] if abs(skew_ms) <= limit_ms else [f"our clock is {skew_ms:+,.0f} ms off (limit {limit_ms} ms)"]

    async def _stream_problems(self) -> Sequence[str]:
        down = (there.venue for there in self._venues.values() if not there.stream.is_up)
        return [f"{venue}: the private stream is not up" for venue in down]
