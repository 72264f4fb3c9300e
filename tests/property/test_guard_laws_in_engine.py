"""Whatever the engine is told, no order that leaves is past a limit, and a way out leaves from every state.

The oracle keeps its own books, clocks, counts and sums, from the events alone.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import isfinite

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbitrage.domain.events import (
    BookRejected,
    BookSnapshot,
    ClockSample,
    ClockStepped,
    Command,
    Event,
    IntentLogFailed,
    OperatorCommand,
    ReplyKind,
    StateDown,
    StateUp,
    Tick,
    VenueDown,
    VenueTrouble,
    VenueUp,
)
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, ReportPlanEnd, SubmitPlan
from arbitrage.domain.plans import Leg, TwoLegPlan
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests.flight_builders import said
from tests.safety_builders import LiveStory, premium, refused, report, way_out

EXAMPLES = int(os.environ.get("ARBITRAGE_GUARD_EXAMPLES", "0"))
HOUR_NS, DAY_NS = 3_600 * 10**9, 86_400 * 10**9
CAPS = {
    "max_position_size": Decimal(1_000_000),
    "max_daily_loss": Decimal(30_000),
    "max_trades_per_hour": 4,
    "max_repeats_per_minute": 3,
    "max_position_count": 2,
    "max_naked_notional": Decimal(1_500_000),
}
MARKETS = [(Venue.UPBIT, "KRW-USDT"), (Venue.UPBIT, "KRW-BTC"), (Venue.BINANCE, "BTCUSDT"), (Venue.BINANCE, "ETHUSDT")]
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, -1.0, 5e-324, 1e-9, 1.0, 1_400.0, 85_000.0, 1.2e8, 1e12, 1.7e308]),
    st.floats(84_000.0, 86_000.0),
    st.floats(1.18e8, 1.22e8),
)
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3)
PREMIUMS = st.sampled_from([-90, -40, 0, 15, 40, 80, 80, 200, 480, 700])
PARTS = st.sampled_from(["0", "0.5", "1", "1", "1"])


@st.composite
def wishes(draw: st.DrawFn) -> list[tuple[str, int, tuple[object, ...]]]:
    """What happens, how many ms after what was before it, and with what figures."""
    told = []
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=4, max_size=25)):
        wait = draw(st.sampled_from([0, 1, 200, 1_000, 1_000, 4_000, 61_000, 3_700_000]))
        figures: tuple[object, ...] = ()
        if kind == "frame":
            figures = (*draw(st.sampled_from(MARKETS)), draw(LEVELS), draw(LEVELS))
        elif kind == "market":
            figures = (
                draw(st.sampled_from([-90, -40, 0, 15, 40, 80, 200, 480, 700])),
                draw(st.sampled_from(["BTC", "ETH"])),
            )
        elif kind == "end":
            figures = (draw(PARTS), draw(PARTS))
        elif kind == "clock":
            figures = (draw(st.sampled_from([0, 0, 0, 500, -501, 10**9])),)
        told.append((kind, wait, figures))
    return told


KINDS = ["market"] * 14 + ["end"] * 8 + ["tick"] * 3 + ["clock"] * 2 + ["frame", "down", "up", "state", "step", "halt"]
KINDS += ["rejected", "trouble", "log"]


@dataclass
class Oracle:
    """What must hold when an order leaves, known from the events alone."""

    limits: RiskLimits
    books: dict[tuple[Venue, str], BookSnapshot] = field(default_factory=dict)
    starts: list[tuple[int, str, str]] = field(default_factory=list)
    flying: dict[str, SubmitPlan] = field(default_factory=dict)
    lost: list[tuple[int, int]] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)

    def see(self, event: Event) -> None:
        """Keep what an event says, before the engine is told of it."""
        match event:
            case BookSnapshot():
                self.books[event.venue, event.symbol] = event
            case VenueDown() | VenueUp():
                self.books = {where: book for where, book in self.books.items() if where[0] is not event.venue}
            case BookRejected():
                self.books.pop((event.venue, event.symbol), None)
            case StateDown() | StateUp():
                self._turn("state", on=isinstance(event, StateDown))
            case ClockSample():
                self._turn("clock", on=abs(event.skew) > self.limits.max_clock_skew_ms * 10**6)
            case ClockStepped():
                self._turn("clock", on=True)
            case OperatorCommand():
                self._turn("halt", on=True)

    def judge(self, intent: Intent, at: Instant) -> None:
        """Hold a plan that leaves against every limit."""
        if isinstance(intent, ReportPlanEnd):
            self.flying.pop(intent.end.plan.plan_id)
            self.lost.append((at, intent.end.result))
        if not isinstance(intent, SubmitPlan):
            return
        plan, limits = intent.approved.what, self.limits
        worth = max(Fraction(plan.upbit.limit_price), Fraction(plan.upbit.vwap)) * Fraction(plan.upbit.quantity)

        assert not self.blocked
        assert 0 < worth - 1 <= plan.notional_krw <= limits.max_position_size
        assert sum(flying.approved.what.notional_krw for flying in self.flying.values()) + plan.notional_krw <= (
            limits.max_naked_notional
        )
        assert limits.min_spread_pct * 100 <= Decimal(plan.net_edge_bps) <= limits.max_edge_pct * 100
        self._judge_losses(intent, at)
        self._judge_counts(plan, at)
        self._judge_books(plan, at)
        self.flying[plan.plan_id] = intent
        self.starts.append((at, plan.base, plan.direction))

    def _judge_losses(self, intent: SubmitPlan, at: Instant) -> None:
        plan, limits = intent.approved.what, self.limits
        share = 2 * Fraction(limits.collar_pct) / 100 + Fraction("0.0005") * 2 + Fraction("0.001")
        risked = sum(flying.worst_case for flying in self.flying.values()) + intent.worst_case
        lost_24h = -sum(result for when, result in self.lost if when >= at - DAY_NS)

        assert Fraction(plan.notional_krw) * share * 10_000 <= intent.worst_case
        assert max(0, lost_24h) + risked <= limits.max_daily_loss * 10_000
        assert max(0, -sum(result for _, result in self.lost)) + risked <= limits.max_total_loss * 10_000

    def _judge_counts(self, plan: TwoLegPlan, at: Instant) -> None:
        alike = [when for when, base, way in self.starts if (base, way) == (plan.base, plan.direction)]

        assert len(self.flying) < self.limits.max_position_count
        assert all(flying.approved.what.base != plan.base for flying in self.flying.values())
        assert sum(when >= at - HOUR_NS for when, _, _ in self.starts) < self.limits.max_trades_per_hour
        assert sum(when > at - 60 * 10**9 for when in alike) < self.limits.max_repeats_per_minute

    def _judge_books(self, plan: TwoLegPlan, at: Instant) -> None:
        upbit, binance = (self.books[leg.venue, leg.symbol] for leg in plan.legs)
        fx = self.books[Venue.UPBIT, "KRW-USDT"]

        assert max(at - upbit.at, at - binance.at) <= self.limits.max_book_age_ms * 10**6
        assert abs(upbit.at - binance.at) <= self.limits.max_book_skew_ms * 10**6
        assert at - fx.at <= self.limits.max_fx_age_ms * 10**6
        for leg, book in ((plan.upbit, upbit), (plan.binance, binance)):
            self._judge_leg(leg, book)

    def _judge_leg(self, leg: Leg, book: BookSnapshot) -> None:
        bids, asks = book.depth.bids(), book.depth.asks()
        mid = (Fraction(bids[0][0]) + Fraction(asks[0][0])) / 2
        there = sum(Fraction(size) for _, size in (asks if leg.side.sign > 0 else bids))
        collar = Fraction(self.limits.collar_pct) / 100 + Fraction(1, 10**9)
        share = Fraction(self.limits.max_depth_pct) / 100 + Fraction(1, 10**8)

        assert abs(Fraction(leg.limit_price) - mid) <= mid * collar
        assert 0 < Fraction(leg.quantity) <= there * share

    def _turn(self, what: str, *, on: bool) -> None:
        self.blocked = self.blocked | {what} if on else self.blocked - {what}


def events_of(kind: str, figures: tuple[object, ...], story: LiveStory, at: Instant) -> Iterator[Event]:
    """The events of a wish, at their instant."""
    match kind:
        case "market":
            yield from premium(figures[0], at, figures[1])  # type: ignore[arg-type]  # as drawn
        case "end":
            yield from ends_of(figures, story, at)
        case "frame":
            yield make.snapshot(*figures, at)  # type: ignore[arg-type]  # as drawn
        case "clock":
            yield ClockSample(at, Venue.BINANCE, Nanos(figures[0] * 10**6))  # type: ignore[operator]  # as drawn
        case _:
            yield from SIMPLE[kind](at)


def ends_of(parts: tuple[object, ...], story: LiveStory, at: Instant) -> Iterator[Event]:
    """Both legs of the newest plan in flight end, and then each order that was sent to even them out."""
    flying = [each for each in story.plans() if each.plan_id in open_plans(story)]
    if not flying:
        return
    for venue, part in zip(Venue, parts, strict=True):
        yield report(flying[-1], venue, part, at)  # type: ignore[arg-type]  # as drawn
    hedges = [order for order in story.hedges() if order.plan_id == flying[-1].plan_id]
    for order in hedges:
        yield said(order, ReplyKind.ENDED, "1", at=at)


SIMPLE = {
    "tick": lambda at: [Tick(at)],
    "down": lambda at: [VenueDown(at, Venue.BINANCE, "gone")],
    "up": lambda at: [VenueUp(at, venue) for venue in Venue],
    "state": lambda at: [StateDown(at, "away"), Tick(at), *premium(80, at), StateUp(at)],
    "step": lambda at: [ClockStepped(at, Nanos(-(10**10)))],
    "halt": lambda at: [OperatorCommand(at=at, command=Command.HALT, who="mina", why="odd", given_at=at)],
    "rejected": lambda at: [BookRejected(at, Venue.UPBIT, "KRW-BTC", "crossed")] * 3,
    "trouble": lambda at: [VenueTrouble(at, Venue.BINANCE, "a time-out")] * 20,
    "log": lambda at: [IntentLogFailed(at, "", "No space left on device")],
}


def open_plans(story: LiveStory) -> set[str]:
    return set(story.safety.keeper.losses.reserved)


@settings(max_examples=EXAMPLES or 150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(wishes())
def test_no_order_that_leaves_is_past_a_limit_and_a_way_out_leaves_from_every_state(
    told: list[tuple[str, int, tuple[object, ...]]],
) -> None:
    story = LiveStory("BTC", "ETH", **CAPS)
    story.safety.lease_until = Instant(2**62)
    oracle, at = Oracle(story.safety.limits), make.NOON
    for kind, wait, figures in told:
        at = Instant(at + wait * 10**6)
        for event in events_of(kind, figures, story, at):  # a generator: what is sent meanwhile is answered too
            oracle.see(event)
            for intent in story.tell(event):
                oracle.judge(intent, at)

    # whatever there is now, what is open can be closed again at the prices that there are
    assert len(story.sent) - len(story.hedges()) == 2 * len(story.submitted())
    assert {order.plan_id for order in story.hedges()} <= {plan.plan_id for plan in story.plans()}
    for venue, symbol in MARKETS[1:]:
        reference = story.safety._prices.reference(venue, symbol)
        if reference is not None and reference.mid is not None and isfinite(reference.mid):
            price = Decimal(repr(reference.mid))
            assert refused(story.safety, way_out(venue=venue, symbol=symbol, limit_price=price), at) == set()
