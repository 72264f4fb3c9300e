"""Builders for the guard: limits, facts of a calm market, prices, permits, losses, and a Live without venues."""

from dataclasses import replace
from decimal import Decimal
from functools import partial

from arbitrage.domain.book_views import Reference
from arbitrage.domain.events import (
    BookSnapshot,
    ClockSample,
    Event,
    LeaseHeld,
    LegReport,
    ReplyKind,
    StateUp,
    Tick,
    UniverseChanged,
    VenueUp,
)
from arbitrage.domain.guarding import GuardEntry, GuardMemory, Latch, LatchKind, LossMemory
from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import Intent, Publish, ReportGuard, ReportPlanEnd, ReportRefusal, SubmitPlan
from arbitrage.domain.money import UNITS_PER_WON, WonUnits
from arbitrage.domain.plans import Fill, LegEnd, Order, Outcome, PlanEnd, Purpose, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.verdicts import Approved, RefusalCode
from arbitrage.domain.views import EngineView
from arbitrage.engine import Engine, EngineConfig
from arbitrage.exchange.live import LiveGateway
from arbitrage.execution.numbering import opening_orders
from arbitrage.intents import MemoryIntents
from arbitrage.ports import Ready
from arbitrage.runner import Runner
from liveguard.facts import Facts
from liveguard.mode_gate import API_KEYS, GateEvidence, LivePermit, issue_live_permit
from liveguard.risk_limits import RiskLimits
from liveguard.safety import LiveSafetyError, SafetyModule
from tests import builders as make
from tests.flight_builders import a_fill, said

LIMITS = RiskLimits.over_cautious(
    {"max_position_size": Decimal(1_000_000), "max_trades_per_hour": 3, "max_trades_per_day": 5}
)

UPBIT_MID = 120_000_500.0
BINANCE_MID = 84_999.995

CALM = Facts(
    upbit_age=from_ms(100),
    binance_age=from_ms(100),
    fx_age=from_ms(100),
    plans_in_flight=0,
    notional_in_flight_krw=Decimal(0),
    worst_case=WonUnits(225_000_000),  # of a plan of 1,000,000 KRW: 2.25 percent
    halted="",
    upbit_depth=1.0,
    binance_depth=1.0,
    upbit_reference=Reference(UPBIT_MID, UPBIT_MID, UPBIT_MID, UPBIT_MID),
    binance_reference=Reference(BINANCE_MID, BINANCE_MID, BINANCE_MID, BINANCE_MID),
)
"""What the guard sees beside a plan on a calm market, where everything is fresh and nothing is in flight."""


class CalmPrices:
    """Prices that stand still; a venue can be struck out of them."""

    def __init__(self) -> None:
        self.known: dict[Venue, Reference | None] = {
            Venue.UPBIT: CALM.upbit_reference,
            Venue.BINANCE: CALM.binance_reference,
        }

    def reference(self, venue: Venue, symbol: str) -> Reference | None:
        return self.known[venue]


def submission() -> SubmitPlan:
    """An approved plan with its two orders, worth less than a million won."""
    (submit,) = make.Story(capital_krw=10_000_000, max_position_size=Decimal(1_000_000)).tell_books(80)
    assert isinstance(submit, SubmitPlan)
    return submit


SUBMISSION = submission()


def plan(notional: str = "1000000", edge_bps: float = 30.0) -> TwoLegPlan:
    return replace(SUBMISSION.approved.what, notional_krw=Decimal(notional), net_edge_bps=edge_bps)


def evidence(limits: RiskLimits | None = LIMITS, **flags: str | None) -> GateEvidence:
    """What the gate sees when everything is set for Live, but for what a test changes."""
    written = {"live_mode": "true", "safety_mode": "true", "dry_run": "false", **flags}
    return GateEvidence(keys_present=frozenset(API_KEYS), limits=limits, **written)  # type: ignore[arg-type]  # flags


def permit(limits: RiskLimits = LIMITS) -> LivePermit:
    return issue_live_permit(evidence(limits))


def guard(
    limits: RiskLimits = LIMITS,
    *,
    past: GuardMemory | None = None,
    started: tuple[Instant, ...] = (),
    prices: CalmPrices | None = None,
    live: bool = True,
) -> SafetyModule:
    """A guard that has been told that the state store is there; in Live with a lease that lasts."""
    made = SafetyModule(
        limits, prices or CalmPrices(), past or GuardMemory(), started, permit(limits) if live else None
    )
    made.unavailable = ""
    made.lease_until = make.after_ms(3_600_000)
    return made


def open_plan(safety: SafetyModule, judged: TwoLegPlan | None = None) -> tuple[Order, Order]:
    """Let the guard approve and start a plan, and return its two orders."""
    what = judged or plan()
    verdict = safety.review(what, CALM, what.decided_at)
    assert isinstance(verdict, Approved)
    orders = opening_orders(what)
    safety.start(what, orders, CALM)
    return orders


def way_out(**changes: object) -> Order:
    """An order that sells a bitcoin on Binance again, inside the unwind collar."""
    made = {
        "client_id": "arb-abc123-7-1-b-2",
        "plan_id": "abc123-7-1",
        "venue": Venue.BINANCE,
        "symbol": "BTCUSDT",
        "side": Side.SELL,
        "quantity": Decimal("0.01"),
        "limit_price": Decimal(84_000),
        "purpose": Purpose.REDUCE,
        "decided_at": make.NOON,
        "net_edge_bps": 0.0,
    }
    return Order(**{**made, **changes})  # type: ignore[arg-type]  # a builder takes any field


def lost(krw: int, *, today: bool = True, recently: bool = True, in_all: bool = True) -> GuardMemory:
    """The memory of having lost so many won, in each of the three counts or only in some of them."""
    units = -krw * UNITS_PER_WON
    return GuardMemory(
        losses=LossMemory(
            day="2026-11-26",
            day_units=units if today else 0,
            total_units=units if in_all else 0,
            recent=((make.after_ms(-1_000), units),) if recently else (),
        )
    )


def a_latch(kind: LatchKind, at: Instant = make.NOON, scope: str = "") -> Latch:
    """A latch that somebody set."""
    return Latch(kind=kind, at=at, why="seen", who="mina@desk", day="2026-11-26", scope=scope)


def refused(safety: SafetyModule, order: Order, at: Instant = make.NOON) -> set[RefusalCode]:
    """Ask the last gate; return every reason that it gives, none if the order may leave."""
    try:
        safety.assert_live(order, order.purpose, at)
    except LiveSafetyError as blocked:
        return {refusal.code for refusal in blocked.refusals}
    return set()


def end_of(
    judged: TwoLegPlan,
    result_krw: int,
    outcome: Outcome = Outcome.BOTH,
    at: Instant = make.NOON,
    part: str = "1",
) -> PlanEnd:
    """How a plan ended, with its Upbit leg filled to a part."""
    nothing = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency="USDT")
    return PlanEnd(
        plan=judged,
        at=at,
        outcome=outcome,
        upbit_end=LegEnd.FILLED,
        binance_end=LegEnd.FILLED,
        upbit_fill=replace(nothing, quantity=judged.upbit.quantity * Decimal(part)),
        binance_fill=nothing,
        residual_base=Decimal(0),
        result=WonUnits(result_krw * UNITS_PER_WON),
    )


def premium(bps: float, at: Instant = make.NOON, base: str = "BTC") -> tuple[BookSnapshot, ...]:
    """Fx and both books of a pair, with Upbit's bid this many bps above Binance's ask in KRW."""
    ask = 85_000.0
    bid = round(ask * 1_401.0 * (1 + bps / 10_000) / 1_000) * 1_000.0
    return (
        make.fx(at=at),
        make.binance_book(ask - 0.01, ask, base=base, at=at),
        make.upbit_book(bid, bid + 1_000, base=base, at=at),
    )


def report(judged: TwoLegPlan, venue: Venue, part: str, at: Instant) -> LegReport:
    """How a leg ended: filled to a part, at its limit price, with the venue's fee."""
    end = LegEnd.FILLED if part == "1" else LegEnd.PARTIAL if Decimal(part) else LegEnd.EMPTY
    order = next(each for each in opening_orders(judged) if each.venue is venue)
    return LegReport(at, order.client_id, judged.plan_id, venue, end, a_fill(order, part))


class Sent:
    """A venue's sender that keeps what it was given, and answers nothing."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.asks: list[Order] = []
        self.cancels: list[Order] = []
        self.inspects: list[Order] = []
        self.room = 1_000

    def has_room(self) -> bool:
        return self.room > 0

    def sign(self, order: Order) -> bytes:
        return b""

    def prepare(self, order: Order) -> Ready | None:
        return partial(self.send, order)

    def send(self, order: Order) -> bool:
        self.room -= 1
        self.orders.append(order)
        return True

    def ask(self, order: Order) -> None:
        self.asks.append(order)

    def cancel(self, order: Order) -> None:
        self.cancels.append(order)

    def inspect(self, order: Order) -> None:
        self.inspects.append(order)


class LiveStory:
    """Live without venues: engine, runner and gateway, what left, and what was written down. Time is that of events."""

    def __init__(self, *bases: str, past: Remembered | None = None, **caps: object) -> None:
        limits = make.limits(**caps)
        config = EngineConfig(
            limits=limits, trading_day_tz="Asia/Seoul", virtual_capital_krw=Decimal(10**9), permit=permit(limits)
        )
        self.at = make.NOON
        self.engine = Engine(config, past or make.remembered())
        self.safety = self.engine.safety
        self.senders = {venue: Sent() for venue in Venue}
        self.intents: list[Intent] = []
        gateway = LiveGateway(self.safety, self.senders, self, self._emit)
        self.runner = Runner(self.engine, MemoryIntents(), gateway, (self,), (), later=lambda tell: tell())
        self.tell(
            UniverseChanged(make.NOON, make.universe(*bases)),
            StateUp(make.NOON),
            ClockSample(make.NOON, Venue.BINANCE, Nanos(0)),
            LeaseHeld(make.NOON, make.after_ms(3_600_000)),
            *(VenueUp(make.NOON, venue) for venue in Venue),
        )

    def now(self) -> Instant:
        return self.at

    def _emit(self, event: Event) -> None:
        self.runner.on_event(event)

    def publish(self, intent: Intent) -> None:
        self.intents.append(intent)

    def tell(self, *events: Event) -> list[Intent]:
        """Tell events at their times; return what the sinks heard of them."""
        heard = len(self.intents)
        for event in events:
            self.at = max(self.at, event.at)
            self.runner.on_event(event)
            assert self.runner.failure is None, repr(self.runner.failure)
        return self.intents[heard:]

    @property
    def sent(self) -> list[Order]:
        """Every order that left."""
        return [order for sender in self.senders.values() for order in sender.orders]

    def submitted(self) -> list[SubmitPlan]:
        """Every plan that was noted and handed to the gateway."""
        return [intent for intent in self.intents if isinstance(intent, SubmitPlan)]

    def plans(self) -> list[TwoLegPlan]:
        """Every plan that was approved."""
        return [intent.approved.what for intent in self.submitted()]

    def ends(self) -> list[PlanEnd]:
        """Every end of a plan."""
        return [intent.end for intent in self.intents if isinstance(intent, ReportPlanEnd)]

    def entries(self) -> list[GuardEntry]:
        """Every piece of evidence that the guard left."""
        return [entry for intent in self.intents if isinstance(intent, ReportGuard) for entry in intent.entries]

    def refusals(self) -> set[RefusalCode]:
        """Every reason why an opportunity was refused."""
        return {why.code for i in self.intents if isinstance(i, ReportRefusal) for why, _ in i.reasons}

    def view(self) -> EngineView:
        """The state of things at the next tick."""
        (view,) = (intent.view for intent in self.tell(Tick(self.at)) if isinstance(intent, Publish))
        return view

    def hedges(self) -> list[Order]:
        """Every order that left to lower an exposure."""
        return [order for order in self.sent if order.purpose is Purpose.REDUCE]

    def end_last(self, upbit: str = "1", binance: str = "1", at: Instant | None = None) -> PlanEnd:
        """End the last plan with these parts of its legs filled; whatever is sent to even them out fills."""
        judged = self.plans()[-1]
        when = self.at if at is None else at
        known = len(self.hedges())
        self.tell(report(judged, Venue.UPBIT, upbit, when), report(judged, Venue.BINANCE, binance, when))
        for order in self.hedges()[known:]:
            self.tell(said(order, ReplyKind.ENDED, "1", at=when))
        assert self.ends()[-1].plan == judged
        return self.ends()[-1]
