"""What came of scenarios as a table for people, with each failed check in words. It plays nothing and keeps nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arbitrage.paper.facts import digest_of, failures
from arbitrage.paper.outcome import Outcome
from arbitrage.telemetry.cleaning import clean_text

_WIDTH: Final = 180
"""Characters of a line where nobody looks: a pipe has no width, and what is cut off there is lost."""

_SHOWN: Final = 20
"""Failed checks told of one scenario; a thousand seeds would fill the terminal with the same line."""

_COLUMNS: Final = (
    ("", "left"),
    ("scenario", "left"),
    ("trades", "right"),
    ("both / one leg", "right"),
    ("result KRW", "right"),
    ("neutral in", "right"),
    ("mostly refused", "left"),
    ("trips, latches", "left"),
    ("checks", "right"),
    ("s", "right"),
)

_WRAPPED: Final = {"", "scenario", "trips, latches"}


def show(outcomes: Sequence[Outcome], took_s: float, stream: TextIO) -> None:
    """Write the table, how many passed, and the digest over all. Seeds of one scenario make one line."""
    console = Console(file=stream, width=None if stream.isatty() else _WIDTH, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, side in _COLUMNS:
        table.add_column(name, justify="right" if side == "right" else "left", no_wrap=name not in _WRAPPED)
    for same in by_scenario(outcomes):
        table.add_row(*_row(same))
    console.print(table)
    passed = sum(outcome.passed for outcome in outcomes)
    verdict = Text(f"{passed:,} of {len(outcomes):,} passed", style="green" if passed == len(outcomes) else "red")
    console.print(verdict, f"in {took_s:.1f} s")
    console.print(f"digest {digest_of(outcomes)}", soft_wrap=True)


def by_scenario(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Return the outcomes of each file together; they stand in the order of files."""
    return [list(same) for _, same in groupby(outcomes, key=lambda outcome: outcome.file)]


def in_one_word(counts: Counter[str]) -> str:
    """Return the most frequent of them and how often it was; "" if there is none."""
    # of equally many the first by name, so that the same run reads the same
    code, times = max(sorted(counts.items()), key=lambda item: item[1], default=("", 0))
    return f"{code} ×{times:,}" if times else ""


def _row(same: list[Outcome]) -> Iterator[Text]:
    seen = [outcome.observed for outcome in same]
    checks = [check.passed for outcome in same for check in outcome.checks]
    refusals, outcomes = Counter[str](), Counter[str]()
    for observed in seen:
        refusals.update(observed.refusals)
        outcomes.update(observed.outcomes)
    slowest_ms = max((ms for observed in seen for ms in observed.times_to_neutral_ms), default=None)
    stops = sorted({stop for observed in seen for stop in observed.trips | observed.latches})
    yield Text("✓", style="green") if all(checks) else Text("✗", style="red")
    yield _name(same)
    yield Text(f"{sum(observed.trades for observed in seen):,}")
    yield Text(f"{outcomes['both']:,} / {outcomes['one_leg']:,}")
    yield Text(f"{sum(observed.pnl_krw for observed in seen):+,.0f}")
    yield Text("" if slowest_ms is None else f"{slowest_ms:,.0f} ms")
    yield Text(in_one_word(refusals))
    yield Text(", ".join(stops))
    yield Text(f"{sum(checks):,}/{len(checks):,}")
    yield Text(f"{sum(outcome.took_s for outcome in same):.1f}")


def _name(same: list[Outcome]) -> Text:
    seeds = f" ×{len(same):,} seeds" if len(same) > 1 else ""
    name = Text(f"{clean_text(same[0].name)}{seeds}")
    told = [
        f"seed {outcome.seed}: {failure}" if seeds else failure for outcome in same for failure in failures(outcome)
    ]
    if len(told) > _SHOWN:
        told[_SHOWN:] = [f"and {len(told) - _SHOWN:,} more"]
    for failure in told:
        name.append(f"\n  {clean_text(failure)}", style="red")
    return name
