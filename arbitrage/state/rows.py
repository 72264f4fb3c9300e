"""What an intent becomes in Redis: pure, intents in and commands out. It does not talk to Redis and decides nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec

from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.intents import (
    AdoptPlan,
    Intent,
    Publish,
    ReportGuard,
    ReportPlanEnd,
    ReportRefusal,
    SubmitHedge,
    SubmitPlan,
)
from arbitrage.domain.money import plain, won
from arbitrage.domain.plans import Order, Outcome, PlanEnd, TwoLegPlan
from arbitrage.domain.views import EngineView, GuardView
from arbitrage.ledger.trading_day import TradingDay
from arbitrage.state.keys import Command, RunFacts, StateKeys
from arbitrage.state.series import Series

JOURNAL_ROWS: Final = 200_000
REFUSED_ROWS: Final = 50_000
CLOSED_PLANS: Final = 20_000
ORDER_DAYS_KEPT: Final = 35
DAY_MS: Final = 86_400_000

to_json: Final = msgspec.json.Encoder().encode
"""Dataclasses as JSON; decimals as strings, so that nothing is rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order as it is kept, marked with the mode that it was made in."""

    mode: str
    order: Order


class RowWriter:
    """Turns what happened in one run into commands on one namespace."""

    def __init__(self, keys: StateKeys, facts: RunFacts) -> None:
        self._keys = keys
        self._facts = facts
        self._day = TradingDay(facts.trading_day_tz)
        self._series = Series(keys)

    def day(self, at: Instant) -> str:
        """Return the trading day that an instant belongs to, as YYYY-MM-DD."""
        return self._day.of(at)

    def rows(self, intent: Intent) -> list[Command]:
        """Return what writes an intent down: nothing for what only asks."""
        rows: list[Command] = []
        match intent:
            case SubmitPlan() | AdoptPlan():
                rows = self._plan(intent)
            case SubmitHedge(order):
                rows = self._hedge(order)
            case ReportPlanEnd(end):
                rows = self._plan_end(end)
            case ReportRefusal():
                rows = self._refusal(intent)
            case ReportGuard(entries=entries):
                rows = [self._journal("guard", entry.at, to_json(entry)) for entry in entries]
            case Publish(view):
                rows = self._view(view)
            case _:
                pass
        return rows

    def facts(self) -> list[Command]:
        """Return what tells people of this run: mode, gate, version."""
        facts = self._facts
        flags: dict[str, str | int | bool] = {
            "mode": facts.mode,
            "live_enabled": facts.mode == "live",
            "live_mode": facts.live_mode,
            "safety_mode": facts.safety_mode,
            "dry_run": facts.dry_run,
            "version": facts.version,
            "pid": facts.pid,
            "started_at": facts.started_at,
        }
        return [("SET", self._keys.run, to_json(facts)), ("HSET", self._keys.metrics, *_fields(flags))]

    def boot(self) -> Command:
        """Return the journal row of a start: which program, with which settings and limits."""
        facts = self._facts
        row = {"version": facts.version, "config_digest": facts.config_digest, "limits": facts.limits}
        return self._journal("boot", facts.started_at, to_json(row))

    def heartbeat(self, at: Instant, *, stopped: bool = False) -> list[Command]:
        """Return what says that the daemon lives, or that it stopped on purpose."""
        fields = {"at": at, "pid": self._facts.pid, "stopped": stopped}
        return [("HSET", self._keys.heartbeat, *_fields(fields))]

    def forget_orders(self, days: Sequence[str]) -> list[Command]:
        """Return what deletes the orders of past trading days."""
        keys = self._keys
        return [row for day in days for row in (("UNLINK", keys.orders(day)), ("ZREM", keys.order_days, day))]

    def forget_plans(self, plans: Iterable[TwoLegPlan], at: Instant) -> list[Command]:
        """Return what takes plans off the open ones whose ends the account holds, but the rows were never told of."""
        rows: list[Command] = []
        for plan in plans:
            told = f"plan {plan.plan_id} ended before an earlier run could say so here; its result is in the account"
            rows += [("HDEL", self._keys.plans_open, plan.plan_id), self.state(at, told)]
        return rows

    def lost(self, at: Instant, rows: int) -> Command:
        """Return the journal row that owns up to rows that could not be kept."""
        return self._journal("lost", at, to_json({"rows": rows}))

    def state(self, at: Instant, what: str) -> Command:
        """Return the journal row of what was done to the guard's account in Redis itself."""
        return self._journal("state", at, to_json({"what": what}))

    def _plan(self, intent: SubmitPlan | AdoptPlan) -> list[Command]:
        plan, keys, mode = intent.plan, self._keys, self._facts.mode
        at, day = plan.decided_at, self.day(plan.decided_at)
        orders = [OrderRow(mode=mode, order=order) for order in intent.orders]
        return [
            ("HSET", keys.plans_open, plan.plan_id, to_json(plan)),
            ("ZADD", keys.trades, at // NS_PER_MS, plan.plan_id),
            ("ZREMRANGEBYSCORE", keys.trades, "-inf", at // NS_PER_MS - DAY_MS),
            *(self._orders(intent.orders, day) if isinstance(intent, SubmitPlan) else ()),  # else it was written before
            self._journal("plan", at, to_json({"plan": plan, "orders": orders})),
        ]

    def _hedge(self, order: Order) -> list[Command]:
        row = self._journal("hedge", order.decided_at, to_json(OrderRow(mode=self._facts.mode, order=order)))
        return [*self._orders((order,), self.day(order.decided_at)), row]

    def _orders(self, orders: Sequence[Order], day: str) -> list[Command]:
        keys, mode = self._keys, self._facts.mode
        rows = [(order.client_id, to_json(OrderRow(mode=mode, order=order))) for order in orders]
        return [
            *(("HSET", keys.orders(day), client_id, row) for client_id, row in rows),
            ("ZADD", keys.order_days, date.fromisoformat(day).toordinal(), day),
            ("HINCRBY", keys.order_counts, mode, len(orders)),
            ("HINCRBY", keys.metrics, f"orders_{mode}", len(orders)),
        ]

    def _plan_end(self, end: PlanEnd) -> list[Command]:
        keys, score = self._keys, self._keys.score(self.day(end.at))
        plan_id, result_krw = end.plan.plan_id, plain(won(end.result))
        last = {"last_plan_id": plan_id, "last_outcome": end.outcome, "last_result_krw": result_krw}
        counted = 0 if end.outcome is Outcome.UNSCORED else end.result  # what nobody saw is worth nothing
        closed = ("plan_id", plan_id, "outcome", end.outcome, "result_krw", result_krw, "row", to_json(end))
        return [
            ("HDEL", keys.plans_open, plan_id),
            ("XADD", keys.plans_closed, "MAXLEN", "~", CLOSED_PLANS, "*", *closed),
            ("HINCRBY", score, "plans", 1),
            ("HINCRBY", score, f"outcome:{end.outcome}", 1),
            ("HINCRBY", score, "result_units", counted),
            ("HINCRBY", keys.metrics, "plans_closed", 1),
            ("HSET", keys.metrics, *_fields(last)),
            self._journal("plan_end", end.at, to_json(end)),
        ]

    def _refusal(self, refusal: ReportRefusal) -> list[Command]:
        counts = [("HINCRBY", self._keys.refusals, reason.code, times) for reason, times in refusal.reasons]
        row = ("at", refusal.at, "row", to_json(refusal))
        return [*counts, ("XADD", self._keys.refused, "MAXLEN", "~", REFUSED_ROWS, "*", *row)]

    def _view(self, view: EngineView) -> list[Command]:
        keys = self._keys
        metrics: dict[str, str | int | bool] = {
            **_guard(view.guard),
            "trading_state": view.trading_state,
            "trading_state_reason": view.why_not,
            "plans_open": view.plans_open,
            "plans_today": view.score_today.plans,
            "result_krw_today": plain(won(view.score_today.result_units)),
            "refusals": sum(line.count for line in view.refusals),
            "events_total": view.events,
            "view_at": view.at,
        }
        rows: list[Command] = [
            ("SET", keys.view, to_json(view)),
            ("SET", keys.positions, to_json(view.positions)),
            ("SET", keys.portfolio, to_json({"krw": view.portfolio_krw, "at": view.at})),
            ("HSET", keys.metrics, *_fields(metrics)),
            *self._series.rows(view),
        ]
        # an engine that has not yet been told what it owns must not make the state forget it
        return [*rows, ("SET", keys.inventory, to_json(view.inventory))] if view.inventory else rows

    def _journal(self, kind: str, at: Instant, row: bytes) -> Command:
        head = ("XADD", self._keys.journal, "MAXLEN", "~", JOURNAL_ROWS, "*")
        return (*head, "kind", kind, "at", at, "mode", self._facts.mode, "row", row)


def _guard(guard: GuardView) -> dict[str, str | int | bool]:
    daily = [plain(use.limit) for use in guard.uses if use.name == "max_daily_loss"]
    return {
        "circuit_breaker_active": bool(guard.trips),
        "trips": len(guard.trips),
        "latches": len(guard.latches),
        "loss_krw_today": plain(won(guard.lost_today)),
        "loss_krw_24h": plain(won(guard.lost_24h)),
        "loss_krw_total": plain(won(guard.lost_in_all)),
        "loss_krw_in_flight": plain(won(guard.in_flight)),
        **({"max_daily_loss_krw": daily[0]} if daily else {}),
    }


def _fields(values: Mapping[str, str | int | bool]) -> tuple[str | int, ...]:
    # Redis knows no booleans: people and dashboards read "true" and "false"
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    return tuple(part for pair in texts.items() for part in pair)
