"""A scenario's run as a drawing (SVG, inline): edges over time with its plans marked, and the result so far below.

Colours are left to the page's style, so that one drawing serves light and dark. All text in it is escaped here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import isfinite
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.money import won
from arbitrage.domain.plans import PlanEnd
from arbitrage.paper.kst import at_kst
from arbitrage.paper.outcome import Observed

COLOURS: Final = 6
"""The page's style knows as many series; more begin again at the first."""

_WIDTH: Final = 440.0  # so narrow that a phone shows its text at nearly full size
_HEIGHT: Final = 284.0
_LEFT: Final = 70.0
_RIGHT: Final = _WIDTH - 8
_DAY_S: Final = 86_400
_TAIL: Final = 0.01
"""The part of samples at either end that may lie outside the picture: one absurd price must not flatten the rest."""

Point = tuple[float, float]
Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of the drawing, with its scales; what lies beyond them is drawn on the border."""

    top: float
    bottom: float
    until_s: float
    low: float
    high: float

    def x(self, second: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(max(second / self.until_s, 0.0), 1.0)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * share


def draw(observed: Observed, start: Instant) -> str:
    """Return the drawing of a run that began at `start`."""
    until_s = max(observed.virtual_s, 1.0)
    series = series_of(observed)
    marks = [(_second(end, start), end) for end in observed.ends]
    shown = [bps for points in series.values() for _, bps in points]
    edges = _Panel(14, 168, until_s, *_scale([*_middle(shown), *(end.plan.net_edge_bps for _, end in marks)]))
    so_far = [(second, krw) for second, krw in observed.results if isfinite(krw)]
    results = _Panel(190, 258, until_s, *_scale([krw for _, krw in so_far]))
    parts = [
        *_frame(edges, "edge, bps", lambda bps: f"{bps:+,.0f}"),
        *_frame(results, "result so far, KRW", lambda krw: f"{krw:+,.0f}"),
        *_times(results, start),
        *(
            f'<path class="line c{number % COLOURS}" d="{_line(edges, points)}"/>'
            for number, points in enumerate(series.values())
        ),
        f'<path class="line result" d="{_steps(results, so_far)}"/>',
        *(_mark(edges, second, end) for second, end in marks),
    ]
    label = f"edges and result over {until_s:,.0f} seconds, {len(marks)} plans"
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


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


def _scale(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)  # zero is what everything here is compared with
    return (low, high) if high > low else (-1.0, 1.0)


def _frame(panel: _Panel, title: str, write: Write) -> Iterator[str]:
    yield f'<text class="title" x="{_LEFT:g}" y="{panel.top - 4:g}">{title}</text>'
    for value in sorted({panel.low, 0.0, panel.high}):
        y = panel.y(value)
        kind = "zero" if value == 0 else "grid"
        yield f'<path class="{kind}" d="M{_LEFT:g} {y:.1f}H{_RIGHT:g}"/>'
        is_beside_zero = value != 0 and abs(y - panel.y(0.0)) < 11
        if not is_beside_zero:
            yield f'<text class="end" x="{_LEFT - 5:g}" y="{y + 4:.1f}">{write(value)}</text>'


def _times(panel: _Panel, start: Instant) -> Iterator[str]:
    anchors = ("start", "middle", "end")
    form = "%H:%M:%S" if panel.until_s < _DAY_S else "%d %b %H:%M"
    for number, anchor in enumerate(anchors):
        second = panel.until_s * number / (len(anchors) - 1)
        moment: datetime = at_kst(start) + timedelta(seconds=second)
        zone = " KST" if anchor == "end" else ""
        yield f'<text class="{anchor}" x="{panel.x(second):.1f}" y="{panel.bottom + 18:g}">{moment:{form}}{zone}</text>'


def _line(panel: _Panel, points: Iterable[Point]) -> str:
    return "".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(_thinned(panel, points)))


def _thinned(panel: _Panel, points: Iterable[Point]) -> Iterator[Point]:
    """Yield no more than two points for each unit of width, the lowest and the highest: no spike is lost."""
    columns: defaultdict[int, list[Point]] = defaultdict(list)
    for second, value in points:
        x = panel.x(second)
        columns[int(x)].append((x, panel.y(value)))
    for column in columns.values():
        yield from sorted({min(column, key=lambda point: point[1]), max(column, key=lambda point: point[1])})


def _steps(panel: _Panel, points: Sequence[Point]) -> str:
    # a result holds until the next plan has ended
    steps = "".join(f"H{panel.x(second):.1f}V{panel.y(krw):.1f}" for second, krw in points)
    return f"M{_LEFT:g} {panel.y(0.0):.1f}{steps}H{_RIGHT:g}"


def _mark(panel: _Panel, second: float, end: PlanEnd) -> str:
    plan = end.plan
    told = (
        f"{plan.base} {plan.direction} at {at_kst(plan.decided_at):%H:%M:%S} KST: {end.outcome}, "
        f"{won(end.result):+,.0f} KRW of {plan.expected_krw:+,.0f} expected"
    )
    x, y = panel.x(second), panel.y(plan.net_edge_bps)
    kind = "both" if end.outcome.value == "both" else "other"
    return f'<circle class="plan {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(told)}</title></circle>'
