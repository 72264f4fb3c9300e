"""The guard's part of a status: trips, latches, and what was lost. Pure; it judges nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.money import won
from arbitrage.domain.views import EngineView
from liveguard.latches import CLEARED_BY_DAY


def shape_guard(view: EngineView) -> dict[str, Any]:
    """Return what holds new plans back, and the day's result and losses in KRW; a loss is 0 or above."""
    guard, score = view.guard, view.score_today
    limits = {use.name: use.limit for use in guard.uses}
    return {
        "circuit_breaker": {
            "active": bool(guard.trips),
            "trips": [{"name": trip.name, "since": iso(trip.since), "why": trip.why} for trip in guard.trips],
        },
        "latches": [shape_latch(latch) for latch in guard.latches],
        "daily": {
            "day": score.day,
            "plans": score.plans,
            "result_krw": won(score.result_units),
            "loss_krw": won(guard.lost_today),
            "limit_krw": limits.get("max_daily_loss"),
            "in_flight_krw": won(guard.in_flight),
            "loss_24h_krw": won(guard.lost_24h),
            "total_loss_krw": won(guard.lost_in_all),
        },
    }


def shape_latch(latch: Latch) -> dict[str, Any]:
    """Return a latch as people and programs read it, with what clears it."""
    return {
        "name": latch.name,
        "since": iso(latch.at),
        "who": latch.who,
        "why": latch.why,
        "day": latch.day,
        "stops": latch.scope or "everything",
        "cleared_by": clearing_of(latch),
    }


def clearing_of(latch: Latch) -> str:
    """Say what clears a latch."""
    if latch.kind is LatchKind.UNEXPLAINED_FUNDS:  # a resume alone lets it be found again
        return "arbitrage reconcile --accept ..."
    return "the next trading day" if latch.kind in CLEARED_BY_DAY else "arbitrage resume --reason ..."


def losses_line(daily: Mapping[str, Any]) -> str:
    """Write the losses in one line."""
    of_limit = "" if daily["limit_krw"] is None else f" of {daily['limit_krw']:,.0f}"
    in_flight = f" and at most {daily['in_flight_krw']:,.0f} in flight" if daily["in_flight_krw"] else ""
    longer = f"in 24 h {daily['loss_24h_krw']:,.0f}, in all {daily['total_loss_krw']:,.0f}"
    return f"lost today {daily['loss_krw']:,.0f}{of_limit} KRW{in_flight}; {longer}"


def iso(at: Instant) -> str:
    """Write an instant in UTC, to the millisecond."""
    return datetime.fromtimestamp(at / NS_PER_S, UTC).isoformat(timespec="milliseconds")
