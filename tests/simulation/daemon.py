"""One run of the daemon, wired as Live is, on virtual time: from its boot to the crash that ends it."""

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial

from arbitrage.domain.events import (
    BootChecked,
    ClockSample,
    Event,
    LeaseHeld,
    PrivateDown,
    PrivateUp,
    RecoveryEnded,
    StateUp,
    Tick,
    UniverseChanged,
    VenueDown,
    VenueUp,
    Wake,
)
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, after
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.plans import Order
from arbitrage.engine import Engine, EngineConfig
from arbitrage.exchange.live import LiveGateway
from arbitrage.ports import Clock, Ready, Sink
from arbitrage.runner import Runner
from liveguard.risk_limits import RiskLimits
from tests.builders import limits
from tests.safety_builders import permit
from tests.simulation.disk import Disk, left_behind
from tests.simulation.venue import Say, SimulatedVenue

LEASE: Nanos = Nanos(3 * NS_PER_S)

LIMITS: RiskLimits = limits(
    max_position_size=Decimal(2_000_000),
    max_edge_pct=Decimal(20),
    max_failed_plans=10**6,
    max_venue_errors=10**6,
    circuit_breaker_cooldown_s=1,
    circuit_breaker_threshold=Decimal(1),
    min_fill_rate=Decimal("0.0001"),
)
"""So wide that the guard hardly ever stops the plans that the simulation is about."""


class Crash(BaseException):
    """The process is gone, right here."""


Senders = Callable[[SimulatedVenue, Say], "Line"]


def a_crash_after(points: int) -> Callable[[], None]:
    """Return a crash point that lets so many pass, and raises Crash at the next one."""
    left = iter(range(points))

    def pass_or_crash() -> None:
        if next(left, None) is None:
            raise Crash

    return pass_or_crash


class Line:
    """A venue's order entry, as the last gate sees it (Sender)."""

    def __init__(self, venue: SimulatedVenue, say: Say) -> None:
        self._venue = venue
        self._say = say
        self.may_crash: Callable[[], None] = lambda: None

    def has_room(self) -> bool:
        return True

    def sign(self, order: Order) -> bytes:
        return b""

    def prepare(self, order: Order) -> Ready | None:
        return partial(self.send, order)

    def send(self, order: Order) -> bool:
        """Send an order; the process may be gone right before or right after its bytes."""
        self.may_crash()
        self._venue.place(order, self._say)
        self.may_crash()
        return True

    def ask(self, order: Order) -> None:
        """Ask what became of an order."""
        self._venue.ask(order, self._say)

    def cancel(self, order: Order) -> None:
        """Ask that an order be taken back."""
        self._venue.cancel(order, self._say)

    def inspect(self, order: Order) -> None:
        """Look for an order in the lists."""
        self._venue.inspect(order, self._say)


class Daemon:
    """An engine in its shell. `is_alive` until it crashes; whatever is told to a dead one is lost.

    `left_behind` are the plans of earlier runs that it was told of.
    """

    def __init__(
        self, venues: dict[Venue, SimulatedVenue], disk: Disk, clock: Clock, sink: Sink, lines: Senders = Line
    ) -> None:
        self.is_alive = True
        self.left_behind: set[str] = set()
        self._venues = venues
        self._clock = clock
        self._may_crash: Callable[[], None] = lambda: None
        past, self._account = disk.boot()
        disk.may_crash = self._crash_point
        config = EngineConfig(
            limits=LIMITS, trading_day_tz="Asia/Seoul", virtual_capital_krw=None, permit=permit(LIMITS)
        )
        self.engine = Engine(config, past)
        senders = {venue: lines(at, self.tell) for venue, at in venues.items()}
        for sender in senders.values():
            sender.may_crash = self._crash_point
        gateway = LiveGateway(self.engine.safety, senders, clock, self.tell)
        self._runner = Runner(self.engine, disk, gateway, (sink,), (), asyncio.get_running_loop().call_soon)
        self._runner.wake_by(self._wake_at)
        self._no_lease_until = Instant(0)
        self._woken_by: asyncio.TimerHandle | None = None

    @property
    def failure(self) -> Exception | None:
        """Return what broke the runner, which nothing may."""
        return self._runner.failure

    def crash_by(self, may_crash: Callable[[], None]) -> None:
        """Ask at each crash point whether this is it (then it raises Crash)."""
        self._may_crash = may_crash

    def tell(self, event: Event) -> None:
        """Tell the runner of an event; a crash in the middle of it ends everything."""
        if not self.is_alive:
            return
        try:
            self._runner.on_event(event)
        except Crash:
            self.die()

    def die(self) -> None:
        """Be gone: timers, memory, and whoever waits for an answer."""
        self.is_alive = False
        if self._woken_by is not None:
            self._woken_by.cancel()
        for venue in self._venues.values():
            venue.listener = None

    def boot(self, universe: Universe, *, universe_after_s: float) -> None:
        """Tell what a start tells; the instruments are asked for meanwhile, and come later or at once."""
        at = self._clock.now()
        for venue in self._venues.values():
            venue.listener = self.tell
        left = tuple(left_behind(self._account, at))
        self.left_behind = {recovered.plan.plan_id for recovered in left}
        self._tell_all((StateUp(at), LeaseHeld(at, Instant(at + LEASE)), ClockSample(at, Venue.BINANCE, Nanos(0))))
        if universe_after_s:
            tell = partial(self._tell_universe, universe)
            asyncio.get_running_loop().call_later(universe_after_s, tell)
        else:
            self._tell_universe(universe)
        self._tell_all((*left, RecoveryEnded(at), BootChecked(at, (), is_final=True)))
        for there in self._venues.values():
            self.hear_of(there)

    def _tell_universe(self, universe: Universe) -> None:
        self.tell(UniverseChanged(self._clock.now(), universe))

    def hear_of(self, there: SimulatedVenue) -> None:
        """Learn whether a venue's sockets are open."""
        at, venue = self._clock.now(), there.venue
        if there.is_down:
            self._tell_all((VenueDown(at, venue, "outage"), PrivateDown(at, venue, "outage")))
        else:
            self._tell_all((VenueUp(at, venue), PrivateUp(at, venue)))

    def lose_lease(self, wait: Nanos) -> None:
        """Let the lease run out, and get none for a while."""
        self._no_lease_until = after(self._clock.now(), wait)
        self.tell(LeaseHeld(self._clock.now(), self._clock.now()))

    def tick(self) -> None:
        """Let a second pass."""
        at = self._clock.now()
        if at >= self._no_lease_until:
            self.tell(LeaseHeld(at, Instant(at + LEASE)))
        if at // NS_PER_S % 30 == 0:
            self.tell(ClockSample(at, Venue.BINANCE, Nanos(0)))
        self.tell(Tick(at))

    def _tell_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.tell(event)

    def _crash_point(self) -> None:
        self._may_crash()

    def _wake_at(self, at: Instant) -> None:
        """Keep one timer, for the earliest instant: whoever is woken says anew when the next one is due."""
        loop = asyncio.get_running_loop()
        when_s = loop.time() + max(0, at - self._clock.now()) / NS_PER_S
        if self._woken_by is not None:
            if self._woken_by.when() <= when_s:
                return
            self._woken_by.cancel()
        self._woken_by = loop.call_at(when_s, self._wake)

    def _wake(self) -> None:
        self._woken_by = None
        self.tell(Wake(self._clock.now()))
