"""What the daemon wrote, as the models that the API answers. Pure; a row that is not understood is left out."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from arbitrage.dashboard.models import AlertRow, LegRow, LogLine, PlanRow, Point, RefusalRow
from arbitrage.domain.alerts import Alert
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S
from arbitrage.domain.intents import ReportRefusal
from arbitrage.domain.money import won
from arbitrage.domain.plans import Fill, Leg, PlanEnd, TwoLegPlan
from arbitrage.state.series import SeriesRow

T = TypeVar("T")
Shown = TypeVar("Shown")

LONGEST_LINE: Final = 2_000
LONGEST_WORD: Final = 200
_LATEST: Final = 4_102_444_800  # 2100-01-01; what lies behind it is no time of ours


def shown(rows: Iterable[bytes], kind: type[T], show: Callable[[T], Shown]) -> list[Shown]:
    """Return the rows that can be understood and shown; a figure that is no number, say, cannot."""
    found = []
    for raw in rows:
        try:
            found.append(show(msgspec.json.decode(raw, type=kind)))
        except ValueError:  # of another version, or not ours: the others are still worth showing
            continue
    return found


def when(instant: int) -> datetime:
    """Return an instant as a time in UTC; what is far off any present becomes the nearest possible one."""
    return datetime.fromtimestamp(min(max(instant / NS_PER_S, 0), _LATEST), UTC)


def open_plan(plan: TwoLegPlan) -> PlanRow:
    """Show a plan in flight."""
    return PlanRow(**_of_plan(plan), legs=[_leg(leg) for leg in plan.legs])


def closed_plan(end: PlanEnd) -> PlanRow:
    """Show a plan that has ended."""
    legs = [
        _leg(end.plan.upbit, end.upbit_end, end.upbit_fill),
        _leg(end.plan.binance, end.binance_end, end.binance_fill),
    ]
    return PlanRow(
        **_of_plan(end.plan),
        ended_at=when(end.at),
        outcome=end.outcome,
        result_krw=won(end.result),
        neutral_ms=None if end.neutral_after is None else end.neutral_after / NS_PER_MS,
        hedges=len(end.hedges),
        legs=legs,
    )


def refusal(told: ReportRefusal) -> RefusalRow:
    """Show a refusal."""
    return RefusalRow(
        at=when(told.at),
        base=told.base,
        direction=told.direction,
        net_edge_bps=told.net_edge_bps,
        reasons=[str(reason) for reason, _ in told.reasons],
        times=[times for _, times in told.reasons],
    )


def alert(told: Alert) -> AlertRow:
    """Show an alert."""
    return AlertRow(
        id=told.id,
        at=when(told.at),
        last_at=when(told.last_at),
        severity=told.severity,
        kind=told.kind,
        text=told.text,
        runbook=told.runbook,
        count=told.count,
        acked_by=told.acked_by,
        acked_at=None if told.acked_at is None else when(told.acked_at),
        sent=told.sent,
    )


def point(row: SeriesRow) -> Point:
    """Show one second."""
    return Point(
        at=when(row.at),
        edges=list(row.edges),
        fx=row.fx,
        premium=row.premium,
        reference=row.reference,
        result_krw=row.result_krw,
        exposure=row.exposure,
        msgs=row.msgs,
    )


def log_line(fields: Mapping[bytes, bytes]) -> LogLine:
    """Show a line of the log: a JSON object in parts, any other text as it is."""
    raw = next(iter(fields.values()), b"")[: LONGEST_LINE * 4]
    try:
        parts = msgspec.json.decode(raw, type=dict[str, Any])
    except ValueError:
        return LogLine(at="", level="", event="", text=raw.decode(errors="replace")[:LONGEST_LINE])
    at, level, event = (str(parts.pop(name, ""))[:LONGEST_WORD] for name in ("timestamp", "level", "event"))
    text = "  ".join(f"{name}={_word(value)}" for name, value in parts.items())
    return LogLine(at=at, level=level, event=event, text=text[:LONGEST_LINE])


def _word(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _of_plan(plan: TwoLegPlan) -> dict[str, Any]:
    return {
        "plan_id": plan.plan_id,
        "base": plan.base,
        "direction": plan.direction,
        "decided_at": when(plan.decided_at),
        "notional_krw": plan.notional_krw,
        "net_edge_bps": plan.net_edge_bps,
        "expected_krw": plan.expected_krw,
    }


def _leg(leg: Leg, end: str | None = None, fill: Fill | None = None) -> LegRow:
    return LegRow(
        venue=leg.venue,
        symbol=leg.symbol,
        side=leg.side,
        quantity=leg.quantity,
        limit_price=leg.limit_price,
        end=end,
        filled=None if fill is None else fill.quantity,
        funds=None if fill is None else fill.funds,
    )
