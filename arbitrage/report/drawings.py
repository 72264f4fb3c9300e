"""A day's pictures: plans and result over the day, results by hour, times to neutral, refusals. They judge nothing."""

from collections.abc import Iterator
from html import escape
from itertools import accumulate
from math import isfinite
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, to_ms
from arbitrage.domain.money import won
from arbitrage.domain.plans import Outcome
from arbitrage.pictures import LEFT, RIGHT, Panel, Point, bars, frame, mark, scale, steps, svg, times
from arbitrage.report.facts import DayFacts, hours_of
from arbitrage.report.reading import DayRows

_MOST_CODES: Final = 12
_LINE: Final = 20.0


def drawings(rows: DayRows, facts: DayFacts) -> Iterator[tuple[str, str]]:
    """Yield (title, drawing) of each picture that has something to show."""
    if facts.plans:
        yield "Plans and result", _day(rows)
        yield "Result by hour", _hours(rows, facts)
    if facts.time_to_neutral is not None:
        yield "Time to neutral", _neutral(rows)
    if facts.refusals:
        yield "Refused, by reason", _refusals(facts)


def _day(rows: DayRows) -> str:
    start, until_s = rows.span.start, max((rows.span.until - rows.span.start) / NS_PER_S, 1.0)
    marks = [(_second(end.plan.decided_at, start), end) for end in rows.ends if isfinite(end.plan.net_edge_bps)]
    seen = [end for end in rows.ends if end.outcome is not Outcome.UNSCORED]
    seconds = [_second(end.at, start) for end in seen]
    so_far = list(zip(seconds, accumulate(float(won(end.result)) for end in seen), strict=True))
    expected = list(zip(seconds, accumulate(float(end.plan.expected_krw) for end in seen), strict=True))
    edges = Panel(14, 128, until_s, *scale([end.plan.net_edge_bps for _, end in marks]))
    results = Panel(150, 258, until_s, *scale([krw for _, krw in (*so_far, *expected)]))
    parts = [
        *frame(edges, "edge of each plan, bps", lambda bps: f"{bps:+,.0f}"),
        *frame(results, "result so far, and expected (dashed), KRW", lambda krw: f"{krw:+,.0f}"),
        *times(results, start),
        steps(results, expected, "expected"),
        steps(results, so_far, "result"),
        *(mark(edges, second, end) for second, end in marks),
    ]
    return svg(284, f"{len(rows.ends)} plans and the result over the day {rows.span.day}", parts)


def _hours(rows: DayRows, facts: DayFacts) -> str:
    names = list(hours_of(rows))
    results = [float(facts.by_hour[name].result_krw) if name in facts.by_hour else 0.0 for name in names]
    panel = Panel(14, 138, (rows.span.end - rows.span.start) / NS_PER_S, *scale(results))
    told = [f"{name} KST: {krw:+,.0f} KRW" for name, krw in zip(names, results, strict=True)]
    parts = [
        *frame(panel, "KRW", lambda krw: f"{krw:+,.0f}"),
        *times(panel, rows.span.start),
        *bars(panel, list(zip(results, told, strict=True))),
    ]
    return svg(164, "result by hour", parts)


def _neutral(rows: DayRows) -> str:
    """Draw how long each plan took, the quickest first: where the line turns up is what the slow ones cost."""
    taken = sorted(to_ms(end.neutral_after) for end in rows.ends if end.neutral_after is not None)
    panel = Panel(14, 138, float(len(taken)), *scale(taken))
    points: list[Point] = [(float(number), ms) for number, ms in enumerate(taken)]
    middle = f'<text class="middle" x="{(LEFT + RIGHT) / 2:g}" y="156">{len(taken):,} plans, the quickest first</text>'
    return svg(
        164,
        "time to neutral of each plan",
        [*frame(panel, "ms", lambda ms: f"{ms:,.0f}"), steps(panel, points, "c0"), middle],
    )


def _refusals(facts: DayFacts) -> str:
    most = list(facts.refusals.items())[:_MOST_CODES]
    largest = max(times for _, times in most)
    parts: list[str] = []
    for number, (code, count) in enumerate(most):
        y, width = _LINE * number, (RIGHT - 190) * 0.75 * count / largest
        parts += [
            f'<text class="end" x="185" y="{y + 14:g}">{escape(code[:26])}</text>',
            f'<rect class="bar" x="190" y="{y + 4:g}" width="{width:.1f}" height="{_LINE - 8:g}"/>',
            f'<text x="{195 + width:.1f}" y="{y + 14:g}">{count:,}</text>',
        ]
    return svg(_LINE * len(most) + 4, "refusals by reason", parts)


def _second(at: Instant, start: Instant) -> float:
    return (at - start) / NS_PER_S
