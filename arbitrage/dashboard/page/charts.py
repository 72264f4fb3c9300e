"""The two charts as ECharts options: pure, points in and options out. Their colours can be read on light and dark."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from arbitrage.dashboard.models import Point
from arbitrage.dashboard.page.words import Words
from arbitrage.domain.plans import Direction

BUCKET_S: Final = 15
COLOURS: Final = ("#4c8dff", "#e8833a", "#22a884", "#b668d8", "#c9a227", "#e0567a", "#5fb3ce", "#8a9a5b")
"""Told apart by the colour-blind as well (after Okabe and Ito); a pair's two directions differ by their dashes."""

_QUIET: Final = "#8b95a3"
_GRID: Final = "rgba(128,140,155,.18)"
_HOUR_MS: Final = 3_600_000
_SHORTEST_MS: Final = 300_000
_KST_MS: Final = 9 * 3_600_000

Value = Callable[[Point], float | None]


def edge_chart(
    points: Sequence[Point], bases: Sequence[str], minimum_bps: float | None, words: Words
) -> dict[str, Any]:
    """Draw the edge of each pair in each direction, and the least that a plan needs."""
    lines = [
        _line(
            f"{base} {words(direction)}",
            _bucketed(points, _edge_of(base, direction)),
            COLOURS[number % len(COLOURS)],
            is_dashed=direction is Direction.BUY_UPBIT,
        )
        for number, base in enumerate(bases)
        for direction in Direction
    ]
    if lines and minimum_bps is not None:
        label = {"formatter": f"{words('minimum')} {minimum_bps:g}", "color": _QUIET, "position": "insideEndTop"}
        style = {"color": _QUIET, "type": "dotted", "width": 1}
        lines[0]["markLine"] = {
            "silent": True, "symbol": "none", "data": [{"yAxis": minimum_bps}], "label": label, "lineStyle": style,
        }  # fmt: skip
    return _chart(lines, points, "bps")


def premium_chart(points: Sequence[Point], bases: Sequence[str], words: Words) -> dict[str, Any]:
    """Draw each pair's premium over USDT, and dashed over the bank's rate."""
    lines = []
    for number, base in enumerate(bases):
        colour = COLOURS[number % len(COLOURS)]
        lines.append(_line(base, _bucketed(points, _premium_of(base)), colour, is_dashed=False))
        over_bank = _bucketed(points, _reference_premium_of(base))
        if any(value is not None for _, value in over_bank):
            lines.append(_line(f"{base} {words('reference')}", over_bank, colour, is_dashed=True))
    return _chart(lines, points, "%")


def premium_over_bank(premium_pct: float | None, fx_mid: float | None, reference: float | None) -> float | None:
    """Return the premium over a bank's rate, in percent, out of that over USDT at the middle of the fx."""
    if premium_pct is None or not fx_mid or not reference:
        return None
    return ((1 + premium_pct / 100) * fx_mid / reference - 1) * 100


def _edge_of(base: str, direction: str) -> Value:
    def value(point: Point) -> float | None:
        return next((bps for name, way, bps in point.edges if name == base and way == direction), None)

    return value


def _premium_of(base: str) -> Value:
    return lambda point: (point.premium or {}).get(base)


def _reference_premium_of(base: str) -> Value:
    def value(point: Point) -> float | None:
        fx_mid = sum(point.fx) / 2 if point.fx else None
        return premium_over_bank((point.premium or {}).get(base), fx_mid, point.reference)

    return value


def _bucketed(points: Iterable[Point], value_of: Value) -> list[tuple[int, float | None]]:
    """Return the highest value of each bucket, by its start in ms; one without any value is a gap."""
    buckets: dict[int, float | None] = {}
    for point in points:
        start = int(point.at.timestamp()) // BUCKET_S * BUCKET_S * 1_000
        value, before = value_of(point), buckets.get(start)
        buckets[start] = before if value is None else value if before is None else max(before, value)
    return [(start + _KST_MS, None if value is None else round(value, 2)) for start, value in buckets.items()]


def _shown_ms(point: Point) -> int:
    return int(point.at.timestamp() * 1_000) + _KST_MS


def _line(name: str, data: list[tuple[int, float | None]], colour: str, *, is_dashed: bool) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "data": [list(pair) for pair in data],
        "symbol": "none",
        "animation": False,
        "color": colour,
        "lineStyle": {"width": 1.4, "type": "dashed" if is_dashed else "solid"},
        "emphasis": {"focus": "series"},
    }


def _chart(lines: list[dict[str, Any]], points: Sequence[Point], unit: str) -> dict[str, Any]:
    # the axis shows what it takes for UTC: times come nine hours on, so that it reads Seoul's wherever the browser is
    first, end = (_shown_ms(points[0]), _shown_ms(points[-1])) if points else (None, None)
    return {
        "useUTC": True,
        "animation": False,
        "textStyle": {"color": _QUIET, "fontFamily": "inherit"},
        "grid": {"left": 8, "right": 14, "top": 44, "bottom": 4, "containLabel": True},
        "legend": {
            "type": "scroll",
            "top": 0,
            "left": 36,
            "textStyle": {"color": _QUIET},
            "itemWidth": 22,
            "pageIconColor": _QUIET,
        },
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "xAxis": {
            "type": "time",
            "min": None if first is None or end is None else max(min(first, end - _SHORTEST_MS), end - _HOUR_MS),
            "max": end,
            "axisLine": {"lineStyle": {"color": _GRID}},
            "axisLabel": {"color": _QUIET, "formatter": "{HH}:{mm}", "hideOverlap": True},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "scale": True,
            "nameTextStyle": {"color": _QUIET, "align": "right"},
            "axisLabel": {"color": _QUIET},
            "splitLine": {"lineStyle": {"color": _GRID}},
        },
        "series": lines,
    }
