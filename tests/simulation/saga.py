"""One seed played from the first boot until everything is quiet: plans, faults, crashes, and then the judge."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final

from arbitrage.domain.events import Command, OperatorCommand
from arbitrage.domain.guarding import TradingState
from arbitrage.domain.instants import NS_PER_S, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, Publish, ReportPlanEnd, SubmitPlan
from arbitrage.domain.views import EngineView
from arbitrage.virtual_loop import VirtualClock, run
from tests.builders import universe
from tests.simulation.daemon import Daemon, a_crash_after
from tests.simulation.disk import Disk
from tests.simulation.faults import Chances
from tests.simulation.judge import START, Verdict, problems
from tests.simulation.market import Market, Sides, told
from tests.simulation.rules import Rule, line_of, taken_out
from tests.simulation.venue import SimulatedVenue

STEPS: Final = 2
"""How often a second the books move."""

LONGEST_S: Final = 600
"""How long a seed may take to become quiet after the last plan."""

QUIET_S: Final = 12
"""How long nothing may happen before the judge is asked: the balances are compared at least twice in it."""

MOST_CRASHES: Final = 3
_STUCK_S: Final = 10


class Saga:
    """The world of one seed. A sink: it keeps a digest of what the daemons asked for, and the newest view."""

    def __init__(self, seed: int, without: Rule | None) -> None:
        self._seed = seed
        self._chance = Random(f"saga {seed}")
        self._loop = asyncio.get_running_loop()
        self._clock = VirtualClock(self._loop)
        self._universe = universe(*self._chance.choice((("BTC",), ("BTC", "ETH"))))
        self._market = Market(self._universe, seed)
        self._without = without
        self._digest = hashlib.sha256()
        self._view: EngineView | None = None
        self._hasty: list[str] = []
        self._plans = self._crashes = self._halts = 0
        self._crashes_left = self._chance.randint(0, MOST_CRASHES)
        self._disk = Disk(seed, forgets=without is Rule.NO_LOG)
        self._venues = {venue: self._open(venue) for venue in Venue}
        self._daemon = self._boot()

    def publish(self, intent: Intent) -> None:
        """Take an intent in."""
        if isinstance(intent, Publish):
            self._view = intent.view
            return
        match intent:
            case ReportPlanEnd(end):
                self._daemon.left_behind.discard(end.plan.plan_id)
            case SubmitPlan():
                self._plans += 1
                if self._daemon.left_behind:
                    self._hasty.append(intent.plan.plan_id)
            case _:
                pass
        self._digest.update(repr(intent).encode())

    async def play(self) -> Verdict:
        """Play to the end, and judge."""
        for _ in range(self._chance.randint(10, 40)):
            self._upset()
            await self._second()
        self._market.is_lively = False
        quiet_s = halted_s = waited_s = 0
        while quiet_s < QUIET_S and waited_s < LONGEST_S:
            await self._second()
            waited_s += 1
            quiet_s = quiet_s + 1 if self._is_quiet() else 0
            halted_s = halted_s + 1 if self._may_be_resumed() else 0
            if halted_s == _STUCK_S:
                self._resume()
        return self._verdict()

    def _verdict(self) -> Verdict:
        return Verdict(
            seed=self._seed,
            problems=tuple(self._problems()),
            plans=self._plans,
            crashes=self._crashes,
            halts=self._halts,
            digest=self._digest.hexdigest()[:16],
            took_s=self._loop.time(),
        )

    def _problems(self) -> Iterator[str]:
        yield from (f"{plan_id} was started before the recovery had ended" for plan_id in self._hasty)
        if self._daemon.failure is not None:
            yield f"the engine broke: {self._daemon.failure!r}"
        elif self._view is None:
            yield "nothing was ever shown"
        else:
            yield from problems(self._universe.pairs, self._venues, self._view, self._disk.account())

    # --- how time goes

    async def _second(self) -> None:
        for _ in range(STEPS):
            self._move()
            await asyncio.sleep(1 / STEPS)
        if not self._daemon.is_alive:
            await self._restart()
        self._daemon.tick()
        self._poll(int(self._loop.time()))

    def _move(self) -> None:
        for pair in self._universe.pairs:
            self._market.step(pair)
            for venue, there in self._venues.items():
                symbol, sides = pair.on(venue).symbol, self._market.levels(pair, venue)
                there.move(symbol, *sides)
                if not there.is_down:
                    self._in(self._chance.uniform(0.001, 0.05), partial(self._show, venue, symbol, sides))
        self._daemon.tell(self._market.fx(self._clock.now()))

    def _show(self, venue: Venue, symbol: str, sides: Sides) -> None:
        self._daemon.tell(told(venue, symbol, sides, self._clock.now()))

    def _poll(self, second: int) -> None:
        for number, venue in enumerate(self._venues.values()):
            if second % 2 == number:
                venue.tell_balances(self._daemon.tell)
            if second % 10 == 5 + number:
                venue.tell_open_orders(self._daemon.tell)

    # --- what goes wrong, and who helps

    def _boot(self) -> Daemon:
        daemon = Daemon(self._venues, self._disk, self._clock, self, line_of(self._without))
        self._view = None
        if self._crashes_left:
            self._crashes_left -= 1
            if self._chance.random() < 0.7:
                daemon.crash_by(a_crash_after(self._chance.randint(0, 14)))
            else:
                self._in(self._chance.uniform(0.0, 15.0), daemon.die)
        daemon.boot(self._universe, universe_after_s=self._chance.choice((0.0, 0.0, 0.3, 3.0)))
        return daemon

    async def _restart(self) -> None:
        while not self._daemon.is_alive:
            self._crashes += 1
            await asyncio.sleep(self._chance.choice((0.1, 0.5, 3.0, 8.0)))
            self._daemon = self._boot()

    def _upset(self) -> None:
        """Let a venue go down, its private stream die unnoticed, or the lease run out, now and then."""
        if self._chance.random() < 0.04:
            self._go_down(self._chance.choice(list(Venue)))
        if self._chance.random() < 0.05:
            self._fall_silent(self._chance.choice(list(Venue)))
        if self._chance.random() < 0.02:
            self._daemon.lose_lease(Nanos(self._chance.randint(1, 6) * NS_PER_S))

    def _go_down(self, venue: Venue) -> None:
        if not self._venues[venue].is_down:
            self._venues[venue].is_down = True
            self._daemon.hear_of(self._venues[venue])
            is_long = self._chance.random() < 0.15
            gone_s = self._chance.uniform(30.0, 120.0) if is_long else self._chance.uniform(0.5, 9.0)
            self._in(gone_s, partial(self._come_back, venue))

    def _fall_silent(self, venue: Venue) -> None:
        there = self._venues[venue]
        there.is_mute = True

        def speak() -> None:
            there.is_mute = False
            self._daemon.hear_of(there)  # it was noticed at last, and opened anew

        self._in(self._chance.uniform(2.0, 10.0), speak)

    def _come_back(self, venue: Venue) -> None:
        self._venues[venue].is_down = False
        self._daemon.hear_of(self._venues[venue])
        self._venues[venue].tell_balances(self._daemon.tell)

    def _is_quiet(self) -> bool:
        under_way = any(venue.under_way for venue in self._venues.values())
        return self._view is not None and not self._view.plans_open and not under_way

    def _may_be_resumed(self) -> bool:
        """Say whether a person who looks sees a halt, and that what became of every order is known by now."""
        view = self._view
        if view is None or view.trading_state != TradingState.HALTED.value:
            return False
        return not any(" unknown" in flight.waits_for for flight in view.flights)

    def _resume(self) -> None:
        self._halts += 1
        at = self._clock.now()
        said = OperatorCommand(at=at, command=Command.RESUME, who="a person", why="every order is known", given_at=at)
        self._daemon.tell(said)

    def _open(self, venue: Venue) -> SimulatedVenue:
        instruments = {pair.on(venue).symbol: pair.on(venue) for pair in self._universe.pairs}
        there = SimulatedVenue(venue, instruments, Chances(venue, self._seed), self._clock)
        for instrument in instruments.values():
            there.core.account.deposit(instrument.base, START[instrument.base])
        quote = next(iter(instruments.values())).quote
        there.core.account.deposit(quote, START[quote])
        return there

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._loop.call_later(seconds, act)


def play(seed: int, without: Rule | None = None) -> Verdict:
    """Play a seed, with every rule or without one of them."""

    async def main() -> Verdict:
        return await Saga(seed, without).play()

    with taken_out(without):
        return run(main(), seed)
