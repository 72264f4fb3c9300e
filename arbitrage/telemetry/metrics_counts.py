"""Counts: what happened since the start, counted as a sink behind the orders. It holds no opinion.

Every label value that can be is there from the start at 0: a rate over what has not happened yet is 0, not nothing.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.guarding import GuardAct, Trip
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import (
    AdoptPlan,
    Intent,
    Publish,
    ReportGuard,
    ReportPlanEnd,
    SubmitHedge,
    SubmitPlan,
)
from arbitrage.domain.money import won
from arbitrage.domain.plans import Order, Outcome, PlanEnd, Purpose
from arbitrage.domain.views import EngineView
from arbitrage.telemetry.metrics_family import PREFIX, Described, Kind

_BPS: Final = 1e-4
_SILENCE: Final = frozenset({ReplyKind.UNKNOWN, ReplyKind.MISSING})

EDGE_RATIOS: Final = tuple(bps * _BPS for bps in (-200, -100, -50, -30, -20, -10, -5, 0, 5, 10, 20, 30, 50, 100, 200))
SHORTFALL_RATIOS: Final = tuple(bps * _BPS for bps in (-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 50, 100))
REPLY_S: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
NEUTRAL_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)

PLANS_STARTED: Final = Described(name="plans_started", kind=Kind.COUNTER, help="Plans that were begun.")
PLANS_ENDED: Final = Described(
    name="plans_ended", kind=Kind.COUNTER, help="Plans that ended, by outcome.", labels=("outcome",)
)
PLAN_GAIN: Final = Described(name="plan_gain_krw", kind=Kind.COUNTER, help="Sum of the results above zero.")
PLAN_LOSS: Final = Described(name="plan_loss_krw", kind=Kind.COUNTER, help="Sum of the results below zero, as losses.")
SHORTFALL: Final = Described(
    name="plan_shortfall_ratio",
    kind=Kind.HISTOGRAM,
    help="What a plan was expected to keep less what it did keep, of its notional; below 0 it kept more.",
)
NEUTRAL: Final = Described(
    name="time_to_neutral_seconds",
    kind=Kind.HISTOGRAM,
    help="Time from a plan's first fill until nothing of it was open.",
)
ORDERS: Final = Described(
    name="orders", kind=Kind.COUNTER, help="Orders that were decided.", labels=("venue", "purpose")
)
REPLIES: Final = Described(
    name="order_replies", kind=Kind.COUNTER, help="Words of a venue on our orders, by kind.", labels=("venue", "kind")
)
REPLY: Final = Described(
    name="order_reply_seconds",
    kind=Kind.HISTOGRAM,
    help="Time from the decision on an order until the venue's first word on it. Live only.",
    labels=("venue", "purpose"),
)
GUARD_ACTS: Final = Described(
    name="guard_acts", kind=Kind.COUNTER, help="What happened to the guard, by act.", labels=("act",)
)
TRIPS: Final = Described(
    name="trips", kind=Kind.COUNTER, help="Times that the circuit breaker tripped, by cause.", labels=("trip",)
)
CONNECTIONS: Final = Described(
    name="venue_connections",
    kind=Kind.COUNTER,
    help="Times that the market data socket of a venue connected; all but the first are reconnects.",
    labels=("venue",),
)
EDGES: Final = Described(
    name="edge_seen_ratio",
    kind=Kind.HISTOGRAM,
    help="Edges at the touch, of the notional, as they were once a second.",
    labels=("base", "direction"),
)

COUNTS: Final = (
    PLANS_STARTED, PLANS_ENDED, PLAN_GAIN, PLAN_LOSS, SHORTFALL, NEUTRAL, ORDERS, REPLIES, REPLY, GUARD_ACTS,
    TRIPS, CONNECTIONS, EDGES,
)  # fmt: skip
"""Every metric that is counted, in the order in which they are shown."""


class Counts:
    """Counts what intents tell (Sink), and how long a venue takes to its first word on an order."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._started = _counter(PLANS_STARTED, registry)
        self._ended = _counter(PLANS_ENDED, registry, Outcome)
        self._gain, self._loss = _counter(PLAN_GAIN, registry), _counter(PLAN_LOSS, registry)
        self._shortfall = _histogram(SHORTFALL, registry, SHORTFALL_RATIOS)
        self._neutral = _histogram(NEUTRAL, registry, NEUTRAL_S)
        self._orders = _counter(ORDERS, registry, Venue, Purpose)
        self._replies = _counter(REPLIES, registry, Venue, ReplyKind)
        self._reply = _histogram(REPLY, registry, REPLY_S, Venue, Purpose)
        self._acts = _counter(GUARD_ACTS, registry, GuardAct)
        self._trips = _counter(TRIPS, registry, Trip)
        self._connections = _counter(CONNECTIONS, registry, Venue)
        self._edges = _histogram(EDGES, registry, EDGE_RATIOS)
        self._waiting: dict[str, Order] = {}
        self._connected_at: dict[str, Instant | None] = {}
        self._second = Instant(0)

    def publish(self, intent: Intent) -> None:
        """Count an intent; never blocks, never raises."""
        match intent:
            case SubmitPlan() | AdoptPlan() | SubmitHedge():
                self._begin(intent)
            case ReportPlanEnd(end):
                self._end(end)
            case ReportGuard():
                self._guard(intent)
            case Publish(view):
                self._look(view)
            case _:
                pass

    def hear(self, reply: OrderReply) -> None:
        """Count a reply of a venue; the first one on an order that says anything tells how long that took."""
        self._replies.labels(reply.venue, reply.kind).inc()
        order = None if reply.kind in _SILENCE else self._waiting.pop(reply.client_id, None)
        if order is not None:
            self._reply.labels(order.venue, order.purpose).observe((reply.at - order.decided_at) / NS_PER_S)

    def _begin(self, intent: SubmitPlan | AdoptPlan | SubmitHedge) -> None:
        if not isinstance(intent, SubmitHedge):
            self._started.inc()
        sent: Sequence[Order] = ()
        match intent:
            case SubmitPlan():
                sent = intent.orders
            case SubmitHedge(order):
                sent = (order,)
        for order in sent:  # an adopted plan sends nothing: its order was sent before
            self._orders.labels(order.venue, order.purpose).inc()
            self._waiting[order.client_id] = order

    def _end(self, end: PlanEnd) -> None:
        self._ended.labels(end.outcome).inc()
        for client_id in [name for name, order in self._waiting.items() if order.plan_id == end.plan.plan_id]:
            del self._waiting[client_id]
        if end.neutral_after is not None:
            self._neutral.observe(end.neutral_after / NS_PER_S)
        if end.outcome is Outcome.UNSCORED:  # what nobody saw is worth nothing
            return
        result_krw = float(won(end.result))
        (self._gain if result_krw > 0 else self._loss).inc(abs(result_krw))
        if end.outcome is not Outcome.MISSED and end.plan.notional_krw > 0:
            self._shortfall.observe((float(end.plan.expected_krw) - result_krw) / float(end.plan.notional_krw))

    def _guard(self, report: ReportGuard) -> None:
        for entry in report.entries:
            self._acts.labels(entry.act).inc()
            if entry.act is GuardAct.TRIPPED:
                self._trips.labels(entry.name).inc()

    def _look(self, view: EngineView) -> None:
        for name, venue in view.venues.items():
            if venue.connected and venue.since != self._connected_at.get(name):
                self._connected_at[name] = venue.since
                self._connections.labels(name).inc()
        second = Instant(view.at // NS_PER_S)
        if second == self._second:
            return
        self._second = second
        for edge in view.edges:
            seen = self._edges.labels(edge.base, edge.direction)
            if edge.bps is not None:
                seen.observe(edge.bps * _BPS)


def _counter(metric: Described, registry: CollectorRegistry, *words: type[StrEnum]) -> Counter:
    counter = Counter(PREFIX + metric.name, metric.help, metric.labels, registry=registry)
    for values in product(*words) if words else ():
        counter.labels(*values)
    return counter


def _histogram(
    metric: Described, registry: CollectorRegistry, buckets: Sequence[float], *words: type[StrEnum]
) -> Histogram:
    histogram = Histogram(PREFIX + metric.name, metric.help, metric.labels, registry=registry, buckets=buckets)
    for values in product(*words) if words else ():
        histogram.labels(*values)
    return histogram
