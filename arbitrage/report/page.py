"""A day as one page to look at. Nothing on it comes from elsewhere; every text is escaped.

It is given rows and facts of the same day, and reads nothing else.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from arbitrage.domain.errors import ConfigurationError
from arbitrage.pictures import head
from arbitrage.report.drawings import drawings
from arbitrage.report.facts import DayFacts, PlanLine
from arbitrage.report.reading import DayRows
from arbitrage.report.tally import Tally
from arbitrage.report.text import counted, fees_line, limit_line, neutral_line, result_line, told_of

_SHOWN: Final = 500
"""Plans in the page's table: the newest; `--json` has them all."""


def write_page(path: Path, rows: DayRows, facts: DayFacts) -> None:
    """Write the page. Raises ConfigurationError if the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(page(rows, facts)), encoding="utf-8")
    except OSError as failure:
        raise ConfigurationError(f"--html: cannot write {path} ({failure.strerror})") from None


def page(rows: DayRows, facts: DayFacts) -> Iterator[str]:
    """Yield the page in pieces."""
    verdict = "bad" if facts.total.result_krw < 0 else "good"
    yield head(f"{facts.mode} {facts.day}")
    yield f'<h1>{escape(facts.mode.upper())} {facts.day}: <span class="{verdict}">{result_line(facts)}</span></h1>'
    yield f'<p class="quiet">{"" if facts.is_over else "The day is not over. "}Times are KST, money is KRW.</p>'
    yield from (f'<p class="bad">{escape(note)}</p>' for note in facts.notes)
    yield "<main>\n"
    yield from _figures(facts)
    for title, drawing in drawings(rows, facts):
        yield f"<article><h2>{escape(title)}</h2>{drawing}</article>\n"
    if facts.by_pair:
        yield from _tallies("By pair", facts.by_pair)
        yield from _tallies("By hour", facts.by_hour)
        yield from _plans(facts)
    yield "</main></body></html>\n"


def _figures(facts: DayFacts) -> Iterator[str]:
    rows = {
        "plans": f"{facts.total.plans:,}: {counted(facts.total.outcomes) or 'none ended'}",
        "traded": f"{facts.total.notional_krw:,.0f} KRW",
        "limit": limit_line(facts),
        "best": told_of(facts.best) if facts.best else "",
        "worst": told_of(facts.worst) if facts.worst else "",
        "fees": fees_line(facts),
        "neutral in": neutral_line(facts),
        "orders": counted(facts.orders),
        "refused": counted(facts.refusals),
        "starts": f"{facts.starts:,}" if facts.starts else "",
    }
    yield "<article><h2>Figures</h2><dl>"
    yield from (f"<dt>{name}</dt><dd>{escape(told)}</dd>" for name, told in rows.items() if told)
    for stop in facts.stops:
        told = f"{stop.name} ×{stop.times:,}, first at {stop.first_at[11:19]} KST: {stop.why}"
        yield f'<dt>{escape(stop.kind)}</dt><dd class="bad">{escape(told)}</dd>'
    yield "</dl></article>\n"


def _tallies(title: str, tallies: dict[str, Tally]) -> Iterator[str]:
    yield f"<article><h2>{title}</h2>"
    yield from _head("", "plans", "both", "one leg", "result", "expected")
    for name, tally in tallies.items():
        both, one_leg = (f"{tally.outcomes.get(outcome, 0):,}" for outcome in ("both", "one_leg"))
        money = (f"{tally.result_krw:+,.0f}", f"{tally.expected_krw:+,.0f}")
        yield _row(name, f"{tally.plans:,}", both, one_leg, *money)
    yield "</tbody></table></div></article>\n"


def _plans(facts: DayFacts) -> Iterator[str]:
    shown = facts.plans[-_SHOWN:]
    left_out = f", the newest {_SHOWN:,} of {len(facts.plans):,}" if len(facts.plans) > _SHOWN else ""
    yield f'<article class="wide"><h2>Plans{left_out}</h2>'
    yield from _head("time", "pair", "direction", "outcome", "edge bps", "result", "expected", "neutral ms", "hedges")
    yield from (_plan(plan) for plan in reversed(shown))
    yield "</tbody></table></div></article>\n"


def _plan(plan: PlanLine) -> str:
    neutral = "" if plan.neutral_ms is None else f"{plan.neutral_ms:,.0f}"
    money = (f"{plan.result_krw:+,.0f}", f"{plan.expected_krw:+,.0f}")
    words = (plan.decided_at[11:19], plan.base, plan.direction, plan.outcome, f"{plan.net_edge_bps:+.1f}")
    return _row(*words, *money, neutral, f"{plan.hedges or ''}")


def _head(*names: str) -> Iterator[str]:
    yield '<div class="scroll"><table><thead><tr>'
    yield from (f"<th>{name}</th>" for name in names)
    yield "</tr></thead><tbody>"


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
