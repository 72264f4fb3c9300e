"""LiveWiring: what Live has around the engine: permit, lease, keys, accounts, checks. The only place that has the keys.

No decisions: what may leave is the guard's, what is to be done the engine's.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from socket import gethostname
from typing import Final, NoReturn

import structlog
from pydantic import SecretStr

from arbitrage.domain.errors import StateHeld
from arbitrage.domain.events import (
    BookSnapshot,
    ClockSample,
    Event,
    OrderReply,
    PlanRecovered,
    PrivateDown,
    RecoveryEnded,
    ReplyKind,
    TouchUpdate,
)
from arbitrage.domain.instants import Instant
from arbitrage.domain.plans import Order
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine
from arbitrage.event_loop import cancel_until_ended
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.live import LiveGateway
from arbitrage.intents import IntentLog
from arbitrage.live_shell.account_terms import AccountTerms
from arbitrage.live_shell.account_watch import AccountWatch
from arbitrage.live_shell.alarm import Alarm
from arbitrage.live_shell.binance_link import BinanceLink
from arbitrage.live_shell.boot_checks import BootChecks, Check
from arbitrage.live_shell.in_flight import InFlight
from arbitrage.live_shell.links import Orders, VenueLink, Work
from arbitrage.live_shell.readiness import (
    balances_check,
    clock_check,
    key_check,
    server_check,
    stream_check,
    virgin_check,
)
from arbitrage.live_shell.rehearsal import Rehearsal
from arbitrage.live_shell.upbit_link import UpbitLink
from arbitrage.live_shell.wallets import Wallets
from arbitrage.local_keeping import LocalKeeping
from arbitrage.ports import Clock, Emit, Later, Observer, Sink
from arbitrage.runner import Runner
from arbitrage.settings import Settings
from arbitrage.state.guard_wiring import ForeignPolicy
from arbitrage.state.keys import RedisAddress
from arbitrage.state.lease import Lease
from arbitrage.wiring import Verify
from liveguard.mode_gate import Mode, decide, issue_live_permit

log = structlog.get_logger()

WIND_DOWN_S: Final = 30.0
"""How long a stop waits for what is in flight (the issue's item 7)."""

TAKEN_BACK_S: Final = 1.0
"""How long an order that hangs open at the end has to be gone, once it was asked to be taken back."""

_ARMED_EVERY_S: Final = 0.25
_ARM_LAYER: Final = "LIVE_ARM_FILE"

_BOOKS: Final = (BookSnapshot, TouchUpdate)
_TOLD: Final = frozenset({ReplyKind.REFUSED, ReplyKind.BUSY, ReplyKind.UNKNOWN})
"""The words of a venue that a person should find in the log, with the reason."""


class LiveWiring:
    """Real prices in, real orders out (`Wiring`). Raises NotLive without a permit."""

    on_foreign: Final = ForeignPolicy.STOP
    virtual_capital_krw: Final = None
    stands_by: Final = True
    observers: Final[tuple[Observer, ...]] = ()

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        emit: Emit,
        stop: Callable[[], None],
        count: Callable[[OrderReply], None],
    ) -> None:
        """Wire the accounts. `stop` ends the daemon; each reply of a venue is counted after the engine has heard it."""
        self.permit = issue_live_permit(settings.gate_evidence())
        self._settings = settings.without_keys()
        self._clock = clock
        self._emit = emit
        self._stop = stop
        self._count = count
        self._upbit = UpbitLink(
            settings.upbit_rest_url,
            settings.upbit_ws_url,
            _keys(settings.upbit_api_key, settings.upbit_secret_key),
            clock,
            self._hear,
        )
        self._binance = BinanceLink(
            settings.binance_rest_url,
            settings.binance_ws_api_url,
            _keys(settings.binance_api_key, settings.binance_secret_key),
            clock,
            self._hear,
        )
        self._links: tuple[VenueLink, ...] = (self._upbit, self._binance)
        self._watch = AccountWatch(self._links, clock, emit)
        self._wallets = Wallets(self._upbit.wallets, clock, self._hear)
        self._terms = AccountTerms(self._links, clock, self._wallets.hear)
        self._flying = InFlight()
        self.sinks: tuple[Sink, ...] = (self._flying,)
        namespace, name = settings.guard_namespace(Mode.LIVE), f"{gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._lease = Lease(RedisAddress.of(settings), namespace, name, clock, emit)
        self._keeper: asyncio.Task[None] | None = None
        self._rehearsal: Rehearsal | None = None

    @property
    def failure(self) -> StateHeld | None:
        """Return why the lease was lost (Wiring)."""
        return self._lease.failure

    @property
    def key_expiries(self) -> dict[str, Instant | None]:
        """Tell when the keys end, once they were looked at (Wiring)."""
        return {link.venue.value: link.key_expires_at for link in self._links}

    async def take(self) -> str:
        """Take the lease; once it is ours it is renewed until `close` (Wiring)."""
        holder = await self._lease.take()
        if not holder and self._keeper is None:
            self._keeper = asyncio.create_task(self._lease.keep(), name="lease")
            self._keeper.add_done_callback(lambda _: self._stop())
        return holder

    def hear_market(self, event: Event) -> None:
        """Pass market data on, with our terms and wallets in it; requests are stamped by the venue's clock (Wiring)."""
        if isinstance(event, _BOOKS):  # nobody but the engine has anything to do with those, and they are nearly all
            self._emit(event)
            if self._rehearsal is not None:
                self._rehearsal.hear(event)
            return
        if isinstance(event, ClockSample):
            self._binance.set_clock(event)
        self._terms.hear(event)

    def gateway(self, engine: Engine, verify: Verify, later: Later | None = None) -> LiveGateway:
        """Return the gateway with the last gate in it (Wiring)."""
        self._engine = engine
        self._checks = BootChecks(tuple(self._all_checks(engine, verify)), self._clock, self._emit)
        senders = {link.venue: VenueSender(link.orders, self._watch) for link in self._links}
        self._gateway = LiveGateway(engine.safety, senders, self._clock, self._emit, later)
        return self._gateway

    def attach(self, runner: Runner) -> None:
        """Wake the engine when it asks for it (Wiring)."""
        runner.wake_by(Alarm(self._clock, self._emit).set)

    def left_behind(self, keeping: LocalKeeping, past: Remembered) -> Iterator[Event]:
        """Yield every plan that an earlier run left in flight. Nothing opens before they, and all checks, are done."""
        self._is_virgin = keeping.is_virgin
        if isinstance(keeping.intents, IntentLog):
            later = asyncio.get_running_loop().call_soon
            self._rehearsal = Rehearsal(self._engine, keeping.intents, self._gateway, self._clock, later)
        self._checks.hold()
        self._lease.tell()
        for link in self._links:
            yield PrivateDown(self._clock.now(), link.venue, "not connected yet")
        for recovered in keeping.recovered(past):
            self._flying.add(recovered.plan.plan_id)
            log.warning("plan_recovered", plan_id=recovered.plan.plan_id, orders=_ids(recovered))
            yield recovered
        yield RecoveryEnded(self._clock.now())

    def work(self) -> Work:
        """Yield connections, streams, checks and watches (Wiring)."""
        for link in self._links:
            yield from link.work()
        yield from self._watch.work()
        yield "account-terms", self._terms.keep()
        yield "wallets", self._wallets.keep()
        yield "boot-checks", self._checks.run()
        if self._settings.busy_poll and self._rehearsal is not None:
            yield "rehearsal", self._rehearsal.keep_on()
        if self._settings.live_arm_file is not None:
            yield "arm-file", self._stay_armed()

    async def wind_down(self) -> None:
        """Start nothing new, and see what is in flight to its end, for 30 s at most (Wiring)."""
        self._checks.end("the daemon is stopping")
        await self._land()
        if await self._watch.take_back():
            await asyncio.sleep(TAKEN_BACK_S)  # a cancel is a request on one of the venues
        left, open_orders = self._flying.plans, await self._watch.take_back()
        if left or open_orders:
            log.critical("left_behind", plans=left, open_orders=open_orders, action="the next start goes on with them")
        else:
            log.info("nothing_left_behind")

    async def close(self) -> None:
        """Give the lease back (Wiring)."""
        if self._keeper is not None:
            await cancel_until_ended([self._keeper])
        await self._lease.close()

    def _hear(self, event: Event) -> None:
        if isinstance(event, OrderReply) and event.kind in _TOLD:
            reply = {"client_id": event.client_id, "venue": event.venue.value, "reason": event.reason}
            log.warning("order_reply", kind=event.kind.value, **reply)
        self._emit(event)
        self._watch.hear(event)
        if isinstance(event, OrderReply):
            self._count(event)

    def _all_checks(self, engine: Engine, verify: Verify) -> Iterator[Check]:
        # the clock first: what is asked afterwards is stamped by what it found
        yield clock_check(self._binance.measure_clock, lambda: engine.safety.limits.max_clock_skew_ms)
        yield server_check(verify)
        for link in self._links:
            yield key_check(link)
            yield stream_check(link)
            yield balances_check(link)
        yield self._terms.problems
        yield self._wallets.problems
        yield virgin_check(self._links, self._terms, self._clock, lambda: self._is_virgin)

    async def _land(self) -> None:
        """Wait until nothing is in flight, or nothing can be done about it any more."""
        landed = asyncio.ensure_future(self._flying.landed.wait())
        waited = (landed, self._keeper) if self._keeper else (landed,)
        await asyncio.wait(waited, timeout=WIND_DOWN_S, return_when=asyncio.FIRST_COMPLETED)
        landed.cancel()

    async def _stay_armed(self) -> NoReturn:
        """Take the permit back once the arm file is gone; what is in flight is brought to its end first."""
        while True:
            await asyncio.sleep(_ARMED_EVERY_S)
            layers = decide(self._settings.gate_evidence()).layers
            gone = next((str(layer) for layer in layers if layer.name == _ARM_LAYER and not layer.passed), "")
            if gone and self._engine.safety.permit is not None:
                log.critical("disarmed", reason=gone)
                self._checks.end(f"not armed any more: {gone}")
                await self._land()
                self._engine.safety.permit = None


class VenueSender:
    """One venue's order entry as the gateway sees it: orders go to the venue, searches to the account watch."""

    def __init__(self, orders: Orders, watch: AccountWatch) -> None:
        self.has_room = orders.has_room
        self.sign = orders.sign
        self.prepare = orders.prepare
        self.ask = orders.ask
        self.cancel = orders.cancel
        self._watch = watch

    def inspect(self, order: Order) -> None:
        """Look for an order in the lists."""
        self._watch.inspect(order)


def _ids(recovered: PlanRecovered) -> list[str]:
    return [order.client_id for order in recovered.orders]


def _keys(access: SecretStr | None, secret: SecretStr | None) -> ApiKeys:
    return ApiKeys(access.get_secret_value() if access else "", secret.get_secret_value() if secret else "")
