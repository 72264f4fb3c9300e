"""LiveTrader: wiring only. If a decision appears here, it is in the wrong file."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from decimal import Decimal
from importlib.metadata import version
from typing import Final, NoReturn, Protocol, TypeVar

import structlog

from arbitrage.alert_wiring import make_desk, the_end, the_start
from arbitrage.clock import StepWatch, SystemClock
from arbitrage.domain.alerts import Severity
from arbitrage.domain.errors import ConfigurationError, OperatorNeeded, StateHeld, StateUnavailable
from arbitrage.domain.events import ClockStepped, Event, LatchFound, Tick
from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EngineView
from arbitrage.engine import Engine, EngineConfig
from arbitrage.event_loop import cancel_until_ended, collect_garbage, keep_spinning, loop_factory
from arbitrage.intents import BootFacts, MemoryIntents
from arbitrage.live_wiring import LiveWiring
from arbitrage.local_files import Places
from arbitrage.local_keeping import LocalKeeping
from arbitrage.market_data.instruments import Fees
from arbitrage.market_data.reference_rate import ReferenceRateFeed
from arbitrage.market_data.supervisor import MarketData, MarketDataConfig
from arbitrage.ports import Clock, Sink
from arbitrage.redaction import conceal_settings
from arbitrage.runner import Runner
from arbitrage.settings import Settings, ensure_state_dir
from arbitrage.shadow_wiring import ShadowWiring
from arbitrage.state.guard_wiring import GuardWiring, LossLimits
from arbitrage.state.health import StateHealth
from arbitrage.state.keys import RedisAddress, RunFacts
from arbitrage.state.memory import MemoryState
from arbitrage.state_manager import StateManager
from arbitrage.telemetry.log import LogSink, configure
from arbitrage.telemetry.log_tail import TAIL
from arbitrage.telemetry.metrics import Metrics
from arbitrage.telemetry.metrics_family import Picture
from arbitrage.wiring import Wiring
from liveguard.mode_gate import Mode, ModeDecision, NotWired, decide

log = structlog.get_logger()

T = TypeVar("T")

STATE_PATIENCE_S: Final = 10.0
"""How long a start waits for Redis: a server that was just started may still be loading its file."""

_STATE_RETRY_S: Final = 0.5
_TICK_LATE_S: Final = 0.005
_PERCENT: Final = Decimal(100)


class State(Sink, Protocol):
    """What the trader needs of a state store, wherever that keeps things. `failure` says why `run` gave up."""

    failure: StateHeld | None

    @property
    def health(self) -> StateHealth:
        """Return how it does."""
        ...

    async def open(self) -> Remembered:
        """Return the past. Raises StateUnavailable."""
        ...

    async def verify_server(self) -> Sequence[str]:
        """Return what speaks against trusting it with real losses. Raises StateUnavailable."""
        ...

    async def run(self) -> None:
        """Write behind until cancelled."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class LiveTrader:
    """The daemon, wired: as Shadow Live, which holds no keys and builds no sender, or as Live."""

    def __init__(self, settings: Settings, decision: ModeDecision, clock: Clock, *, waits: bool = True) -> None:
        """Wire what the gate decided for. With `waits` a second daemon of Live stands by until the first one ends."""
        self._settings = settings.without_keys()
        self._clock = clock
        self._waits = waits
        self._ended = asyncio.Event()
        self._asked = False
        self._runner: Runner | None = None
        self._engine: Engine | None = None
        self._facts = _facts(settings, decision, clock)
        self._namespace = settings.guard_namespace(decision.mode)
        self._places = Places(settings.state_dir, settings.account_dir(decision.mode), settings.halt_file)
        self._limits = settings.risk_limits()
        self._metrics = Metrics(self._picture)
        self._decision = decision
        self._alerts = make_desk(settings, decision.mode, clock, self._on_event)
        self._wiring: Wiring = (
            LiveWiring(settings, clock, self._on_event, self._ended.set, self._metrics.hear)
            if decision.mode is Mode.LIVE
            else ShadowWiring(settings, self._on_event)
        )

    def stop(self) -> None:
        """Ask `run` to end, on purpose."""
        self._asked = True
        self._ended.set()

    async def run(self) -> None:
        """Trade until `stop`.

        Raises StateUnavailable if there is no state, StateHeld if it is another daemon's, OperatorNeeded if the engine
        broke.
        """
        try:
            if await self._admitted(self._wiring.take, "the lease"):
                await self._with_files()
        finally:
            await self._wiring.close()

    async def _with_files(self) -> None:
        opened: list[LocalKeeping] = []

        async def open_files() -> str:
            with _as_one_line():
                try:
                    lasting = self._settings.state != "memory"
                    opened.append(LocalKeeping(self._places, lasting=lasting, clock=self._clock))
                except StateHeld as held:
                    return str(held)
            return ""

        if not await self._admitted(open_files, "the files"):
            return
        keeping = self._keeping = opened[0]
        self._limits = keeping.lowered(self._limits)
        state = self._state = self._make_state(keeping)
        try:
            past = await self._patiently(state.open)
            if past is not None:
                await self._trade(past)
        finally:
            await self._alerts.close()
            await state.close()
            # an end that nobody asked for is not noted as a stop: too many of them hold the next start back
            keeping.end(self._clock.now(), on_purpose=self._asked and self._lost() is None)

    async def _trade(self, past: Remembered) -> None:
        with _as_one_line():
            found = self._keeping.begin(_boot(self._facts))
        past = replace(
            past,
            trade_instants=self._keeping.starts(past.trade_instants),
            positions=self._keeping.dust(past.positions),
            inventory=self._keeping.owned(past),
        )
        runner = self._runner = self._wire(past)
        for latch in found:
            runner.on_event(LatchFound(self._clock.now(), latch))
        runner.when_failed = self._ended.set
        self._alerts.begin(past)
        self._alerts.tell(the_start(self._decision, self._facts.version, self._clock.now()))
        for left in self._wiring.left_behind(self._keeping, past):
            runner.on_event(left)
        try:
            async with asyncio.TaskGroup() as tasks:
                workers = [tasks.create_task(work, name=name) for name, work in self._work()]
                workers[0].add_done_callback(lambda _: self._ended.set())  # the state gave up: say so below, and end
                await self._ended.wait()
                if self._lost() is None and runner.failure is None:
                    await self._wiring.wind_down()
                await cancel_until_ended(workers)
        finally:
            runner.tell()
            self._alerts.tell(the_end(self._lost(), runner.failure, asked=self._asked, at=self._clock.now()))
        lost = self._lost()
        if lost is not None:
            raise lost
        if runner.failure is not None:
            log.critical("engine_failed", exc_info=runner.failure)
            raise OperatorNeeded("the engine failed on an event and stopped; see the log") from runner.failure

    def _lost(self) -> StateHeld | None:
        """Return why another daemon trades now in our place, if one does."""
        return self._wiring.failure or self._state.failure

    def _work(self) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
        settings, clock = self._settings, self._clock
        yield "state", self._state.run()
        yield "market-data", MarketData(_market_data(settings), self._wiring.hear_market, clock).run()
        if settings.reference_rate_url is not None:
            yield "reference-rate", ReferenceRateFeed(settings.reference_rate_url, self._on_event, clock).run()
        yield "tick", self._tick()
        yield "alerts", self._alerts.run()
        if settings.metrics_port:
            yield "metrics", self._metrics.serve(settings.metrics_host, settings.metrics_port)
        yield from self._keeping.work(self._on_event)
        yield from self._wiring.work()

    def _make_state(self, keeping: LocalKeeping) -> State:
        if isinstance(keeping.intents, MemoryIntents):
            return MemoryState(self._clock, self._on_event)
        guard = GuardWiring(
            namespace=self._namespace,
            intents=keeping.intents,
            on_foreign=self._wiring.on_foreign,
            limits=lambda: LossLimits.of(self._engine.safety.limits if self._engine else self._limits),
        )
        return StateManager(
            RedisAddress.of(self._settings), self._facts, self._clock, self._on_event, guard, (self._alerts, TAIL)
        )

    def _wire(self, past: Remembered) -> Runner:
        wiring = self._wiring
        engine = self._engine = Engine(
            EngineConfig(
                limits=self._limits,
                trading_day_tz=self._settings.trading_day_tz,
                virtual_capital_krw=wiring.virtual_capital_krw,
                permit=wiring.permit,
            ),
            past,
        )
        later = asyncio.get_running_loop().call_soon
        gateway = wiring.gateway(engine, self._state.verify_server, later)
        self._keeping.when_lowered = lambda: engine.safety.limits
        sinks = (self._keeping, self._state, LogSink(), self._metrics, self._alerts, *wiring.sinks)
        runner = Runner(engine, self._keeping.intents, gateway, sinks, wiring.observers, later)
        wiring.attach(runner)
        return runner

    def _picture(self, view: EngineView | None) -> Picture:
        return Picture(
            at=self._clock.now(),
            facts=self._facts,
            view=view,
            state=self._state.health,
            key_expiries=self._wiring.key_expiries,
            unclean_ends=self._keeping.unclean_ends,
            targets=self._alerts.targets(),
            open_alerts={severity: self._alerts.open_count(severity) for severity in Severity},
        )

    def _on_event(self, event: Event) -> None:
        if self._runner is not None:
            self._runner.on_event(event)

    async def _admitted(self, take: Callable[[], Awaitable[str]], what: str) -> bool:
        """Wait until nobody else has what only one daemon may have; False if we were asked to end meanwhile.

        Raises StateHeld at once for a daemon that does not wait, and in Shadow.
        """
        told = ""
        while not self._ended.is_set():
            holder = await self._patiently(take)
            if holder == "":
                return True
            if holder is None:
                break
            if not (self._waits and self._wiring.stands_by):
                raise StateHeld(holder)
            if holder != told:
                told = holder
                log.warning("standing_by", waits_for=what, because=holder)
            await self._pause()
        return False

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Return what an attempt at the state brings, or None if we were asked to end while waiting for it."""
        give_up, told = self._clock.now() + int(STATE_PATIENCE_S * NS_PER_S), False
        while not self._ended.is_set():
            try:
                return await attempt()
            except StateUnavailable as error:
                if self._clock.now() >= give_up:
                    raise
                if not told:
                    told = True
                    log.warning("state_unavailable", reason=str(error), trying_for_s=STATE_PATIENCE_S)
            await self._pause()
        return None

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_STATE_RETRY_S):
                await self._ended.wait()

    async def _tick(self) -> NoReturn:
        wall = StepWatch()
        while True:
            # a little late, because a loop may wake a little early and would then tick twice
            await asyncio.sleep(1 - self._clock.now() % NS_PER_S / NS_PER_S + _TICK_LATE_S)
            if by := wall.step():
                self._on_event(ClockStepped(self._clock.now(), by))
            self._on_event(Tick(self._clock.now()))


def run(settings: Settings, *, waits: bool = True) -> int:
    """Run the daemon until it is asked to end; return its exit code. Raises ArbitrageError for what ends it early.

    Where another daemon trades the same accounts: with `waits` stand by until it ends, else raise StateHeld.
    """
    conceal_settings(settings)
    configure(settings.log_level, settings.log_format)
    decision = decide(settings.gate_evidence())
    log.info(
        "mode",
        mode=decision.mode.value,
        not_live_because=[str(layer) for layer in decision.unmet],
        pairs=list(settings.pairs),
        version=version("arbitrage"),
    )
    if decision.mode is Mode.PAPER:
        raise NotWired(decision.mode)
    if decision.mode is Mode.LIVE and settings.state == "memory":
        raise ConfigurationError("STATE: Live keeps its losses in Redis; STATE=memory is for Shadow")
    ensure_state_dir(settings)
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(_until_signal(settings, decision, waits))
    log.info("stopped")
    return 0


async def _until_signal(settings: Settings, decision: ModeDecision, waits: bool) -> None:
    trader = LiveTrader(settings, decision, SystemClock(), waits=waits)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, trader.stop)
    if settings.busy_poll:
        keep_spinning(loop)
    collecting = asyncio.create_task(collect_garbage(), name="garbage")
    try:
        await trader.run()
    finally:
        collecting.cancel()


def _facts(settings: Settings, decision: ModeDecision, clock: Clock) -> RunFacts:
    passed = {layer.name: layer.passed for layer in decision.layers}
    return RunFacts(
        mode=decision.mode.value,
        app_env=settings.app_env,
        version=version("arbitrage"),
        started_at=clock.now(),
        pid=os.getpid(),
        live_mode=passed["LIVE_MODE"],
        safety_mode=passed["SAFETY_MODE"],
        dry_run=not passed["DRY_RUN"],
        layers=tuple(asdict(layer) for layer in decision.layers),
        trading_day_tz=settings.trading_day_tz,
        config_digest=settings.config_digest(),
        limits={name: str(value) for name, value in asdict(settings.risk_limits()).items()},
    )


@contextmanager
def _as_one_line() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        where = f" at {failure.filename}" if failure.filename else ""
        raise OperatorNeeded(f"STATE_DIR cannot be used{where}: {failure.strerror}") from failure


def _boot(facts: RunFacts) -> BootFacts:
    return BootFacts(at=facts.started_at, version=facts.version, config_digest=facts.config_digest, limits=facts.limits)


def _market_data(settings: Settings) -> MarketDataConfig:
    return MarketDataConfig(
        wanted=settings.pairs,
        fees=Fees(settings.upbit_fee_pct / _PERCENT, settings.binance_fee_pct / _PERCENT),
        upbit_rest_url=settings.upbit_rest_url,
        upbit_ws_url=settings.upbit_ws_url,
        binance_rest_url=settings.binance_rest_url,
        binance_ws_url=settings.binance_ws_url,
    )
