"""One run of a daemon in the manner of Live, driven step by step, which dies at the step that a test names."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import (
    ClockSample,
    ClockStepped,
    Command,
    Event,
    LatchFound,
    LegReport,
    OperatorCommand,
    StateUp,
    Tick,
    UniverseChanged,
    VenueUp,
)
from arbitrage.domain.guarding import TradingState
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import won, won_units
from arbitrage.domain.plans import LegEnd, Order, Outcome, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine, EngineConfig
from arbitrage.intents import BootFacts, IntentLog
from arbitrage.ledger.closing import unscored
from arbitrage.local_files import Places
from arbitrage.local_keeping import LocalKeeping
from arbitrage.runner import Runner
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring, LossLimits
from arbitrage.state.keys import RunFacts
from arbitrage.state_manager import StateManager
from tests import builders as make
from tests.breaking_points import Killed, Steps, WatchedLog, WatchedSink, Wire
from tests.losing_account import LIMITS, Account, fills_of
from tests.safety_builders import premium

PATIENCE_S: Final = 10.0
OPENINGS: Final = 6
RETRY_S: Final = 2


@dataclass(frozen=True)
class ProcessClock:
    """The clock of one process: it began as the wall clock stood then, and does not follow when that is set."""

    account: Account
    is_off: Nanos

    def now(self) -> Instant:
        return Instant(self.account.at + self.is_off)


class Daemon:
    """One run in the manner of Live: engine, runner, intent log, local files and Redis are real.

    It is driven step by step and dies where `steps` says, which raises Killed.
    """

    def __init__(self, account: Account, steps: Steps | None = None) -> None:
        account.starts += 1
        account.daemon = self
        self.account = account
        self.steps = steps or Steps()
        self.clock = ProcessClock(account, account.clock_is_off)
        self._wire = Wire(account.server, self.steps)
        self._orders: list[Order] = []
        self._task: asyncio.Task[None] | None = None
        self._runner: Runner | None = None
        self._state_is_up = asyncio.Event()
        places = Places(account.folder, account.keeps, account.folder / "HALT")
        self.keeping = LocalKeeping(places, lasting=True, clock=self.clock)

    # --- its life

    async def start(self) -> "Daemon":
        """Start as the real one does, up to the first word that the state can be written."""
        assert isinstance(self.keeping.intents, IntentLog)
        self._log = WatchedLog(self.keeping.intents, self.steps)
        wiring = GuardWiring(
            namespace=self.account.namespace,
            intents=self._log,
            on_foreign=ForeignPolicy.STOP,
            limits=lambda: LossLimits.of(LIMITS),
        )
        facts = RunFacts(
            mode="live", app_env=self.account.app_env, version="1", started_at=self.clock.now(), pid=self.account.starts
        )
        self.state = StateManager(await self._wire.open(), facts, self.clock, self._hear, wiring)
        self.past = await self._open()
        self.steps.take("boot decided")
        found = self.keeping.begin(BootFacts(at=self.clock.now(), version="1", config_digest="", limits={}))
        self.steps.take("boot noted")
        self._trade_from(self.past, *(LatchFound(self.clock.now(), latch) for latch in found))
        await self._settled()
        await self._until(self._state_is_up.is_set)
        return self

    async def stop(self) -> None:
        """Stop on purpose."""
        self.account.daemon = None
        await self._end_task()
        await self.state.close()
        await self._wire.close()
        self.keeping.end(self.clock.now(), on_purpose=True)

    async def die(self) -> None:
        """Leave what a `kill -9` leaves: nothing more is written, and the log's lock falls with its descriptor."""
        self.steps.is_dead, self.account.daemon = True, None
        await self._end_task()
        await self._wire.close()
        if hasattr(self, "state"):
            await self.state.close()
        self.keeping.intents.close()

    async def _open(self) -> Remembered:
        for _ in range(OPENINGS):
            opening = asyncio.ensure_future(self.state.open())
            dying = asyncio.ensure_future(self._wire.looked.wait())
            await asyncio.wait({opening, dying}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            for unfinished in (opening, dying):
                unfinished.cancel()
            past, _ = await asyncio.gather(opening, dying, return_exceptions=True)
            if self.steps.is_dead:
                raise Killed("while it opened the state")
            if isinstance(past, Remembered):
                return past
            assert isinstance(past, StateUnavailable), repr(past)
            self.account.pass_time(RETRY_S)  # the real one tries again as well
        raise AssertionError("the state cannot be opened")

    async def _end_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _trade_from(self, past: Remembered, *events: Event) -> None:
        config = EngineConfig(limits=LIMITS, trading_day_tz="Asia/Seoul", virtual_capital_krw=Decimal(10**9))
        self.engine = Engine(config, past)
        self._sinks = (WatchedSink(self.keeping, self.steps), WatchedSink(self.state, self.steps))
        self._runner = Runner(self.engine, self._log, self, self._sinks, (), later=lambda _: None)
        self._task = asyncio.create_task(self.state.run())
        now = self.clock.now()
        for event in (*events, UniverseChanged(now, make.universe()), *(VenueUp(now, venue) for venue in Venue)):
            self._hear(event)

    # --- what it is told and does

    def submit(self, *orders: Order) -> None:
        """Send orders, as the gateway of this daemon."""
        for order in orders:
            self.steps.take(f"{order.venue} order about to leave")
            self.account.send(order)
            self.steps.take(f"{order.venue} order sent")
            self._orders.append(order)

    def ask(self, order: Order) -> None:
        """Answer nothing: whoever drills tells the ends."""

    cancel = inspect = ask

    async def tell(self, *events: Event) -> None:
        """Tell events, each with what is behind it, and wait until Redis was told what there is to tell."""
        told = self._told()
        for event in events:
            self._hear(event)
        if self._told() > told:
            await self._settled()

    async def offer(self, *, with_tick: bool = True) -> bool:
        """Let two seconds pass and offer a premium; tell whether both orders of a plan left."""
        self._orders.clear()
        self.account.pass_time(2)
        now, sample = self.clock.now(), self.clock.is_off
        if self.account.clock_is_off != self.clock.is_off:
            self._hear(ClockStepped(now, Nanos(self.account.clock_is_off - self.clock.is_off)))
        self._hear(ClockSample(now, Venue.BINANCE, sample))
        tick = (Tick(now),) if with_tick else ()
        await self.tell(*premium(0, at=now), *tick, *premium(80, at=now))
        return len(self._orders) == len(Venue)

    async def finish(self) -> None:
        """Let both orders of the plan that has just left end, with all of its loss."""
        upbit, binance = self._orders
        for order, fill in zip(
            (upbit, binance), fills_of(upbit, binance, self.account.losses[upbit.plan_id].krw), strict=True
        ):
            self.steps.take(f"{order.venue} leg about to be reported")
            if order is binance:
                self.account.losses[order.plan_id].ended_at = self.account.at
            now = self.clock.now()
            await self.tell(LegReport(now, order.client_id, order.plan_id, order.venue, LegEnd.FILLED, fill))

    async def trade(self, most: int = 5) -> int:
        """Trade and lose until nothing is let through any more; return how many plans that were."""
        for plans in range(most):
            if not await self.offer():
                return plans
            await self.finish()
        raise AssertionError(f"{most} plans, and still none is refused")

    async def recover(self) -> None:
        """Settle the plans that an earlier run left in flight, as a recovery would that asked the venues."""
        plans = {lost.plan.plan_id: lost.plan for lost in self.keeping.abandoned(self.past)}
        reserved = self.engine.safety.keeper.losses.reserved
        for plan_id in [plan_id for plan_id in reserved if plan_id in plans]:  # of others a person must know
            self.steps.take("recovery about to settle a plan")
            loss = self.account.losses.get(plan_id)
            if loss is not None:
                loss.ended_at = loss.ended_at or self.account.at
            await self._settle(plans[plan_id], loss.krw if loss else Decimal(0))

    async def resume(self) -> None:
        """Let a person clear the latches."""
        now = self.clock.now()
        asked = OperatorCommand(at=now, command=Command.RESUME, who="mina@desk", why="looked at it", given_at=now)
        await self.tell(asked)

    async def _settle(self, plan: TwoLegPlan, lost_krw: Decimal) -> None:
        outcome = Outcome.BOTH if lost_krw else Outcome.MISSED
        end = replace(unscored(plan, self.clock.now()), outcome=outcome, result=won_units(-lost_krw))
        settled = self.engine.safety.settle(end)
        self._log.note(settled)
        for sink in self._sinks:
            sink.publish(settled)
        await self._settled()

    def _hear(self, event: Event) -> None:
        if isinstance(event, StateUp):
            self._state_is_up.set()
        if self._runner is not None and not self.steps.is_dead:
            self._runner.on_event(event)
            assert self._runner.failure is None, repr(self._runner.failure)
            self._runner.tell()

    def _told(self) -> int:
        return self._sinks[1].told

    async def _settled(self) -> None:
        self._wire.looked.clear()
        await self._until(lambda: self._wire.looked.is_set() and not self.state.is_behind)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.steps.is_dead and not holds():  # noqa: ASYNC110 - a death has no event
                await asyncio.sleep(0.001)
        if self.steps.is_dead:
            raise Killed("while Redis was told")

    # --- what can be seen of it

    @property
    def is_stopped(self) -> bool:
        """Tell whether a latch keeps it from trading, and it says why."""
        safety = self.engine.safety
        return bool(tuple(safety.keeper.latches.stopping())) and safety.state is not TradingState.ACTIVE

    @property
    def latched(self) -> set[str]:
        return {latch.name for latch in self.engine.safety.keeper.latches}

    @property
    def knows_the_loss(self) -> bool:
        """Tell whether its account of what was lost is exactly the true one."""
        losses, account = self.engine.safety.keeper.losses, self.account
        return won(losses.lost_in_all) == account.lost() and not losses.in_flight

    @property
    def covers_the_loss(self) -> bool:
        """Tell whether what it counts as lost or at risk is at least what was lost."""
        losses = self.engine.safety.keeper.losses
        return won(losses.lost_in_all + losses.in_flight) >= self.account.lost()
