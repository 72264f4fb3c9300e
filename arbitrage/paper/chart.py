"""A scenario's run as a drawing: edges over time with its plans marked, and the result so far below."""

from collections import defaultdict
from math import isfinite
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.plans import PlanEnd
from arbitrage.paper.outcome import Observed
from arbitrage.pictures import Panel, Point, frame, line, mark, scale, steps, svg, times

COLOURS: Final = 6
"""The page's style knows as many series; more begin again at the first."""

_HEIGHT: Final = 284.0
_TAIL: Final = 0.01
"""The part of samples at either end that may lie outside the picture: one absurd price must not flatten the rest."""


def draw(observed: Observed, start: Instant) -> str:
    """Return the drawing of a run that began at `start`."""
    until_s = max(observed.virtual_s, 1.0)
    series = series_of(observed)
    marks = [(_second(end, start), end) for end in observed.ends]
    shown = [bps for points in series.values() for _, bps in points]
    edges = Panel(14, 168, until_s, *scale([*_middle(shown), *(end.plan.net_edge_bps for _, end in marks)]))
    so_far = [(second, krw) for second, krw in observed.results if isfinite(krw)]
    results = Panel(190, 258, until_s, *scale([krw for _, krw in so_far]))
    parts = [
        *frame(edges, "edge, bps", lambda bps: f"{bps:+,.0f}"),
        *frame(results, "result so far, KRW", lambda krw: f"{krw:+,.0f}"),
        *times(results, start),
        *(line(edges, points, f"c{number % COLOURS}") for number, points in enumerate(series.values())),
        steps(results, so_far, "result"),
        *(mark(edges, second, end) for second, end in marks),
    ]
    return svg(_HEIGHT, f"edges and result over {until_s:,.0f} seconds, {len(marks)} plans", parts)


def series_of(observed: Observed) -> dict[str, list[Point]]:
    """Return the edges of each pair and direction as (second, bps), in the order of their names."""
    series: defaultdict[str, list[Point]] = defaultdict(list)
    for second, pair, direction, bps in observed.edges:
        if isfinite(bps):
            series[f"{pair} {direction}"].append((second, bps))
    return dict(sorted(series.items()))


def _second(end: PlanEnd, start: Instant) -> float:
    return (end.plan.decided_at - start) / NS_PER_S


def _middle(values: list[float]) -> list[float]:
    cut = int(len(values) * _TAIL)
    return sorted(values)[cut : len(values) - cut]
