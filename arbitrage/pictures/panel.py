"""What drawings are made of (SVG): panels with their scales, axes, lines, steps and bars. It knows no plans.

Colours are left to the page's style, so that one drawing serves light and dark. All text in it is escaped here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.kst import at_kst

WIDTH: Final = 440.0  # so narrow that a phone shows its text at nearly full size
LEFT: Final = 70.0
RIGHT: Final = WIDTH - 8

_DAY_S: Final = 86_400

Point = tuple[float, float]
Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a drawing, with its scales; what lies beyond them is drawn on the border. It begins at second 0."""

    top: float
    bottom: float
    until_s: float
    low: float
    high: float

    def x(self, second: float) -> float:
        """Return where a second lies."""
        return LEFT + (RIGHT - LEFT) * min(max(second / self.until_s, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Return where a value lies."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * share


def svg(height: float, label: str, parts: Iterable[str]) -> str:
    """Return a drawing of its parts; `label` tells what it shows to who cannot see it."""
    return f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def scale(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest value of a panel that shows these and zero."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)  # zero is what everything here is compared with
    return (low, high) if high > low else (-1.0, 1.0)


def frame(panel: Panel, title: str, write: Write) -> Iterator[str]:
    """Yield a panel's title, and its lines at zero and at both ends; `write` makes a value a text."""
    yield f'<text class="title" x="{LEFT:g}" y="{panel.top - 4:g}">{escape(title)}</text>'
    for value in sorted({panel.low, 0.0, panel.high}):
        y = panel.y(value)
        kind = "zero" if value == 0 else "grid"
        yield f'<path class="{kind}" d="M{LEFT:g} {y:.1f}H{RIGHT:g}"/>'
        is_beside_zero = value != 0 and abs(y - panel.y(0.0)) < 11
        if not is_beside_zero:
            yield f'<text class="end" x="{LEFT - 5:g}" y="{y + 4:.1f}">{escape(write(value))}</text>'


def times(panel: Panel, start: Instant) -> Iterator[str]:
    """Yield Korean times below a panel that begins at `start`."""
    anchors = ("start", "middle", "end")
    form = "%H:%M:%S" if panel.until_s < _DAY_S else "%d %b %H:%M"
    for number, anchor in enumerate(anchors):
        second = panel.until_s * number / (len(anchors) - 1)
        moment = at_kst(start) + timedelta(seconds=second)
        zone = " KST" if anchor == "end" else ""
        yield f'<text class="{anchor}" x="{panel.x(second):.1f}" y="{panel.bottom + 18:g}">{moment:{form}}{zone}</text>'


def line(panel: Panel, points: Iterable[Point], kind: str) -> str:
    """Return a line through points (second, value), of a class of the page's style."""
    way = "".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(_thinned(panel, points)))
    return f'<path class="line {kind}" d="{way}"/>'


def steps(panel: Panel, points: Sequence[Point], kind: str) -> str:
    """Return a line that begins at zero and holds each value until the next one."""
    way = "".join(f"H{panel.x(second):.1f}V{panel.y(value):.1f}" for second, value in points)
    return f'<path class="line {kind}" d="M{LEFT:g} {panel.y(0.0):.1f}{way}H{RIGHT:g}"/>'


def bars(panel: Panel, values: Sequence[tuple[float, str]]) -> Iterator[str]:
    """Yield a bar for each (value, what it is), side by side over the whole width; what is below zero hangs."""
    room = (RIGHT - LEFT) / max(len(values), 1)
    for number, (value, told) in enumerate(values):
        top, bottom = sorted((panel.y(value), panel.y(0.0)))
        place = f'x="{LEFT + room * (number + 0.1):.1f}" y="{top:.1f}" width="{room * 0.8:.1f}"'
        kind = "bar bad" if value < 0 else "bar"
        title = f"<title>{escape(told)}</title>"
        yield f'<rect class="{kind}" {place} height="{bottom - top:.1f}">{title}</rect>'


def _thinned(panel: Panel, points: Iterable[Point]) -> Iterator[Point]:
    """Yield no more than two points for each unit of width, the lowest and the highest: no spike is lost."""
    columns: defaultdict[int, list[Point]] = defaultdict(list)
    for second, value in points:
        x = panel.x(second)
        columns[int(x)].append((x, panel.y(value)))
    for column in columns.values():
        yield from sorted({min(column, key=lambda point: point[1]), max(column, key=lambda point: point[1])})
