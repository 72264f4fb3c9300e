"""Findings as people read them: a line each, and below it what to do. It judges nothing."""

from collections.abc import Sequence
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.telemetry.cleaning import clean_text

_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.BAD: "bold red"}
_WIDTH: Final = 120


def show(findings: Sequence[Finding], stream: TextIO) -> None:
    """Print the findings, and how many are not fine; colours only on a terminal."""
    console = Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else _WIDTH)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        told = Text(clean_text(finding.seen))
        if finding.fix:
            told.append(f"\n→ {clean_text(finding.fix)}", style="cyan")
        table.add_row(Text(finding.verdict.value, style=_STYLES[finding.verdict]), Text(finding.name), told)
    console.print(table)
    console.print(Text(summary(findings), style=_STYLES[worst(findings)]))


def summary(findings: Sequence[Finding]) -> str:
    """Say in one line how it went."""
    bad, warn = (sum(finding.verdict is verdict for finding in findings) for verdict in (Verdict.BAD, Verdict.WARN))
    return f"{bad:,} bad, {warn:,} to look at, {len(findings) - bad - warn:,} ok"


def worst(findings: Sequence[Finding]) -> Verdict:
    """Return the gravest verdict."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in (Verdict.BAD, Verdict.WARN) if verdict in found), Verdict.OK)
