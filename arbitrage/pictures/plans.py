"""An ended plan as a mark in a drawing, with what is to be said of it. It judges none."""

from html import escape

from arbitrage.domain.money import won
from arbitrage.domain.plans import Outcome, PlanEnd
from arbitrage.kst import at_kst
from arbitrage.pictures.panel import Panel


def mark(panel: Panel, second: float, end: PlanEnd) -> str:
    """Return a plan's mark at the edge that it was made for; a browser tells more of it under the pointer."""
    plan = end.plan
    told = (
        f"{plan.base} {plan.direction} at {at_kst(plan.decided_at):%H:%M:%S} KST: {end.outcome}, "
        f"{won(end.result):+,.0f} KRW of {plan.expected_krw:+,.0f} expected"
    )
    x, y = panel.x(second), panel.y(plan.net_edge_bps)
    kind = "both" if end.outcome is Outcome.BOTH else "other"
    return f'<circle class="plan {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(told)}</title></circle>'
