"""Metrics of the guard: trading state, breaker, latches, losses, limits, what is in flight. They judge nothing."""

from collections.abc import Iterable
from typing import Final

from arbitrage.domain.guarding import LatchKind, TradingState, Trip
from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.money import won
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.domain.views import EngineView
from arbitrage.telemetry.metrics_family import UNKNOWN, Kind, OfPicture, OfView, Picture, Sample, known, one_of, only

_LOSS_LIMITS: Final = {"day": "max_daily_loss", "total": "max_total_loss"}


def _losses(view: EngineView) -> Iterable[Sample]:
    guard = view.guard
    held = {"day": guard.lost_today, "24h": guard.lost_24h, "total": guard.lost_in_all, "in_flight": guard.in_flight}
    return [((window,), float(won(units))) for window, units in held.items()]


def _loss_limits(view: EngineView) -> Iterable[Sample]:
    limits = {use.name: float(use.limit) for use in view.guard.uses}
    return [((window,), limits.get(name, UNKNOWN)) for window, name in _LOSS_LIMITS.items()]


def _refusals(picture: Picture) -> Iterable[Sample]:
    """Yield what the view counts, which is more than what was told one by one; every reason is there from the start."""
    given = {line.code: line.count for line in picture.view.refusals} if picture.view else {}
    return [((code.value,), float(given.get(code.value, 0))) for code in RefusalCode]


def _oldest_flight_s(view: EngineView) -> float:
    return max(((view.at - flight.since) / NS_PER_S for flight in view.flights), default=0.0)


GUARD: Final = (
    OfView(
        name="trading_state",
        kind=Kind.GAUGE,
        help="1 for what may leave now: everything, only what lowers exposure, only cancels and flatten.",
        labels=("state",),
        read=lambda view: one_of(TradingState, (view.trading_state,)),
    ),
    OfView(
        name="accepting_plans",
        kind=Kind.GAUGE,
        help="1 while a new plan may be started.",
        read=lambda view: only(view.accepting),
    ),
    OfView(
        name="breaker_active",
        kind=Kind.GAUGE,
        help="1 while the circuit breaker pauses new plans.",
        read=lambda view: only(bool(view.guard.trips)),
    ),
    OfView(
        name="trip_active",
        kind=Kind.GAUGE,
        help="1 for each trip of the circuit breaker that holds now.",
        labels=("trip",),
        read=lambda view: one_of(Trip, (trip.name for trip in view.guard.trips)),
    ),
    OfView(
        name="latch_active",
        kind=Kind.GAUGE,
        help="1 for each kind of latch that holds now, for one pair or for all.",
        labels=("latch",),
        read=lambda view: one_of(LatchKind, (latch.kind for latch in view.guard.latches)),
    ),
    OfView(
        name="loss_krw",
        kind=Kind.GAUGE,
        help="What was lost, 0 or above: this trading day, in 24 hours, in total; and the worst case in flight.",
        labels=("window",),
        read=_losses,
    ),
    OfView(
        name="loss_limit_krw",
        kind=Kind.GAUGE,
        help="What may be lost in a trading day or any 24 hours, and in total.",
        labels=("window",),
        read=_loss_limits,
    ),
    OfView(
        name="limit_used_ratio",
        kind=Kind.GAUGE,
        help="How much of a limit is used: 1 is all of it. Unknown where nothing counts up.",
        labels=("limit",),
        read=lambda view: [((use.name,), known(use.share)) for use in view.guard.uses],
    ),
    OfView(
        name="result_today_krw",
        kind=Kind.GAUGE,
        help="Sum of the results of the plans that ended this trading day.",
        read=lambda view: only(float(won(view.score_today.result_units))),
    ),
    OfView(
        name="plans_in_flight",
        kind=Kind.GAUGE,
        help="Plans that have begun and not ended.",
        read=lambda view: only(view.plans_open),
    ),
    OfView(
        name="oldest_plan_seconds",
        kind=Kind.GAUGE,
        help="For how long the oldest plan has been in flight; 0 if there is none.",
        read=lambda view: only(_oldest_flight_s(view)),
    ),
    OfView(
        name="unknown_orders",
        kind=Kind.GAUGE,
        help="Orders of which nobody can say now what became of them.",
        read=lambda view: only(view.unknown_orders),
    ),
    OfPicture(
        name="refusals",
        kind=Kind.COUNTER,
        help="Opportunities that were refused, by each reason given.",
        labels=("code",),
        read=_refusals,
    ),
    OfView(
        name="unexplained_differences",
        kind=Kind.GAUGE,
        help="Balances that differ from what we believe by no plan and no transfer.",
        read=lambda view: only(len(view.unexplained)),
    ),
)
"""Every metric of the guard, in the order in which they are shown."""
