"""The shape of a status: what the daemon wrote, as the object that `status --json` prints. Pure; reads nothing."""

from collections.abc import Mapping
from typing import Any, Final

from arbitrage.domain.guarding import TradingState
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.money import won
from arbitrage.domain.views import EngineView, FxLine, ScoreLine, VenueLine
from arbitrage.state.keys import RunFacts
from arbitrage.status.flights import shape_flight
from arbitrage.status.guard import iso, shape_guard
from arbitrage.status.limits import shape_limits

Status = dict[str, Any]
"""What `status --json` prints. Ages of books and fx are those at the last look, `view_age_s` ago."""


ALIVE_S: Final = 5.0
"""A heartbeat younger than this is that of a living daemon: it beats each second."""

MOST_DIGITS: Final = 20
"""An instant has 19; a text of digits without end would not even be a number to Python."""

CLOCKS_APART_S: Final = 2.0
"""How far a heartbeat may lie ahead before it means that a clock was changed."""


def shape(facts: RunFacts, heartbeat: Mapping[bytes, bytes], view: EngineView | None, now: Instant) -> Status:
    """Put together what a run said of itself, of its heart, and of the market.

    What a daemon last showed does not count as its state once it is gone: then there are no new plans.
    """
    shown = view or _nothing_seen(facts.started_at)
    status = {**_of_run(facts, heartbeat, now), **_of_engine(shown, now), **_of_market(shown)}
    why = _not_running(status)
    status["running"] = not why
    if not why and not status["view_age_s"] <= ALIVE_S:
        why = f"the daemon has shown nothing new for {status['view_age_s']:.0f} s"
    if not why:
        return status
    # what a daemon halted for is still not known when it is gone
    state = TradingState.HALTED if status["trading_state"] == TradingState.HALTED else TradingState.REDUCING
    return {**status, "trading_state": state.value, "trading_state_reason": why}


def _not_running(status: Status) -> str:
    age_s = status["heartbeat_age_s"]
    if status["stopped"]:
        return "the daemon was stopped"
    if not age_s >= -CLOCKS_APART_S:
        return f"the last heartbeat lies {-age_s:.0f} s ahead: the clock was set back since"
    return "" if age_s <= ALIVE_S else f"the daemon is not running: its last heartbeat was {age_s:.0f} s ago"


def what_is_stale(status: Status, max_age_s: float) -> str:
    """Say what in a status is older than `max_age_s`, heartbeat or market data; empty if nothing is."""
    if not -CLOCKS_APART_S <= status["heartbeat_age_s"] <= max_age_s:
        return f"the last heartbeat was {status['heartbeat_age_s']:.1f} s ago (limit {max_age_s:g} s)"
    if not status["venues"]:
        return "no market data yet"
    for name, venue in status["venues"].items():
        ages = [book["age_ms"] for book in venue["books"].values() if book["age_ms"] is not None]
        if not ages:
            return f"{name}: no book yet"
        age_s = min(ages) / 1_000 + status["view_age_s"]
        if not age_s <= max_age_s:
            return f"{name}: the newest book is {age_s:.1f} s old (limit {max_age_s:g} s)"
    return ""


def heartbeat_age_s(heartbeat: Mapping[bytes, bytes], now: Instant) -> float:
    """Return how long ago the daemon last said that it lives; below zero where its clock is ahead of ours."""
    return (now - whole(heartbeat.get(b"at"))) / NS_PER_S


def has_stopped(heartbeat: Mapping[bytes, bytes]) -> bool:
    """Tell whether the daemon said that it stops, as against fell silent."""
    return heartbeat.get(b"stopped") == b"true"


def whole(raw: bytes | None) -> int:
    """Read a whole number; what is none, or longer than any of ours, counts as 0."""
    return int(raw) if raw and raw.isdigit() and len(raw) <= MOST_DIGITS else 0


def _of_run(facts: RunFacts, heartbeat: Mapping[bytes, bytes], now: Instant) -> Status:
    return {
        "at": iso(now),
        "mode": facts.mode,
        "version": facts.version,
        "pid": facts.pid,
        "started_at": iso(facts.started_at),
        "heartbeat_age_s": heartbeat_age_s(heartbeat, now),
        "stopped": has_stopped(heartbeat),
        "gate": list(facts.layers),
    }


def _of_engine(view: EngineView, now: Instant) -> Status:
    score = view.score_today
    return {
        **shape_guard(view),
        "limits": shape_limits(view.guard.uses),
        "trading_state": view.trading_state,
        "trading_state_reason": view.why_not,
        "view_age_s": max(0.0, (now - view.at) / NS_PER_S),
        "events": view.events,
        "plans": {
            "open": view.plans_open,
            "scored": score.plans - score.outcomes.get("unscored", 0),
            "outcomes": score.outcomes,
            "result_krw": won(score.result_units),
        },
        "refusals": {line.code: line.count for line in view.refusals},
        "flights": [shape_flight(line, now) for line in view.flights],
        "runway": view.runway,
        "private_streams": {name: {"up": not why, "reason": why} for name, why in view.private_streams.items()},
        "unexplained": [
            {"venue": venue, "currency": currency, "difference": difference}
            for venue, currency, difference in view.unexplained
        ],
        "inventory": view.inventory,
        "positions": view.positions,
        "portfolio_krw": view.portfolio_krw,
    }


def _of_market(view: EngineView) -> Status:
    edges: dict[str, Status] = {}
    for edge in view.edges:
        edges.setdefault(edge.base, {})[edge.direction] = {"bps": edge.bps, "best_today_bps": edge.best_today_bps}
    return {
        "venues": {name: _venue(line) for name, line in view.venues.items()},
        "fx": {
            "bid": view.fx.bid,
            "ask": view.fx.ask,
            "age_ms": view.fx.age_ms,
            "reference": view.fx.reference,
            "reference_day": view.fx.reference_day or None,
        },
        "edges": edges,
        "left_out": dict(view.left_out),
        "notices": dict(view.notices),
    }


def _venue(line: VenueLine) -> Status:
    return {
        "connected": line.connected,
        "since": iso(line.since) if line.since is not None else None,
        "reason": line.reason,
        "book_age_ms": line.book_age_ms,
        "clock_skew_ms": line.clock_skew_ms,
        "messages_per_s": line.messages_per_s,
        "messages": line.messages,
        "rejected": line.rejected,
        "books": {
            book.symbol: {"health": book.health, "age_ms": book.age_ms, "bid": book.bid, "ask": book.ask}
            for book in line.books
        },
    }


def _nothing_seen(at: Instant) -> EngineView:
    return EngineView(
        at=at,
        accepting=False,
        why_not="the engine has not shown anything yet",
        venues={},
        fx=FxLine(bid=None, ask=None, age_ms=None),
        edges=(),
        left_out=(),
        notices=(),
        plans_open=0,
        score_today=ScoreLine(day="", plans=0, outcomes={}, result_units=0),
        refusals=(),
    )
