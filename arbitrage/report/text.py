"""A day as people read it on a terminal: Korean times, won. It reads nothing but what it is given."""

from collections.abc import Iterator, Mapping
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from arbitrage.domain.money import plain
from arbitrage.report.facts import DayFacts, PlanLine
from arbitrage.report.tally import NOTHING, Tally

_WIDTH: Final = 100
"""Where nobody looks there is no width, and what is cut off there is lost."""


def show(facts: DayFacts, stream: TextIO) -> None:
    """Print a day; colours only on a terminal."""
    console = Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else _WIDTH)
    for part in _parts(facts):
        console.print(part)


def result_line(facts: DayFacts) -> str:
    """Write a day's result in one line."""
    total, seen = facts.total, facts.total.result_krw
    share = f", {seen / total.expected_krw:.0%} of it" if total.expected_krw > 0 else ""
    return f"{seen:+,.0f} KRW of {total.expected_krw:+,.0f} expected{share}"


def limit_line(facts: DayFacts) -> str:
    """Say how much of the daily loss limit the day's result used up; "" where there is no limit."""
    limit, lost = facts.daily_limit_krw, max(-facts.total.result_krw, NOTHING)
    return f"{lost / limit:.0%} of the daily loss limit of {limit:,.0f} KRW used" if limit else ""


def told_of(plan: PlanLine) -> str:
    """Write a plan in one line."""
    at, money = plan.decided_at[11:19], f"{plan.result_krw:+,.0f} KRW of {plan.expected_krw:+,.0f} expected"
    return f"{plan.base} {plan.direction} at {at} KST: {plan.outcome}, {money}"


def counted(counts: Mapping[str, int]) -> str:
    """Write counts in one line."""
    return ", ".join(f"{name} {times:,}" for name, times in counts.items())


def neutral_line(facts: DayFacts) -> str:
    """Write the times to neutral in one line; "" where nothing filled."""
    spread = facts.time_to_neutral
    if spread is None:
        return ""
    return f"median {spread.median_ms:,.0f} ms, p99 {spread.p99_ms:,.0f} ms, at most {spread.max_ms:,.0f} ms"


def fees_line(facts: DayFacts) -> str:
    """Write the fees in one line, by venue; "" where none were paid."""
    told = []
    for venue in dict.fromkeys(fee.venue for fee in facts.fees):
        paid = [fee for fee in facts.fees if fee.venue == venue]
        parts = ", ".join(f"{plain(fee.amount)} {fee.currency}" for fee in paid)
        told.append(f"{venue} {sum(fee.krw for fee in paid):,.0f} KRW ({parts})")
    return f"{facts.fees_krw:,.0f} KRW: {'; '.join(told)}" if told else ""


def _parts(facts: DayFacts) -> Iterator[RenderableType]:
    state = "" if facts.is_over else ", which is not over"
    yield Text(f"{facts.mode.upper()}  {facts.day}{state}", style="bold")
    for note in facts.notes:
        yield Text(f"note: {note}", style="yellow")
    yield Text(f"result      {result_line(facts)}", style="red" if facts.total.result_krw < 0 else "green")
    lines = {
        "limit": limit_line(facts),
        "plans": f"{facts.total.plans:,}: {counted(facts.total.outcomes) or 'none ended'}",
        "best": told_of(facts.best) if facts.best else "",
        "worst": told_of(facts.worst) if facts.worst and facts.total.plans > 1 else "",
        "fees": fees_line(facts),
        "neutral in": neutral_line(facts),
        "orders": counted(facts.orders),
        "refused": counted(facts.refusals),
        "starts": f"{facts.starts:,}" if facts.starts else "",
    }
    yield from (Text(f"{name:<11} {told}") for name, told in lines.items() if told)
    for stop in facts.stops:
        first = f"first at {stop.first_at[11:19]} KST"
        yield Text(f"{stop.kind:<11} {stop.name} ×{stop.times:,}, {first}: {stop.why}", style="yellow")
    if facts.by_pair:
        yield _table("pair", facts.by_pair)
        yield _table("hour, KST", facts.by_hour)


def _table(what: str, tallies: Mapping[str, Tally]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in (what, "plans", "both", "one leg", "result KRW", "expected"):
        table.add_column(name, justify="left" if name == what else "right", no_wrap=True)
    for name, tally in tallies.items():
        both, one_leg = (f"{tally.outcomes.get(outcome, 0):,}" for outcome in ("both", "one_leg"))
        money = (f"{tally.result_krw:+,.0f}", f"{tally.expected_krw:+,.0f}")
        table.add_row(Text(name), f"{tally.plans:,}", both, one_leg, *money)
    return table
