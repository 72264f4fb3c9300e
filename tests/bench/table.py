"""A run's findings, as a table for people and as JSON for programs. It judges by `targets` and by nothing else."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.rounds import Findings, Series, Spread
from tests.bench.targets import TARGETS, Target


def as_json(findings: Findings, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that was found: machine, series, targets, notes."""
    return {
        "machine": dict(machine),
        "series": {name: _series_json(series) for name, series in findings.series.items()},
        "targets": [_target_json(target, findings.series) for target in TARGETS],
        "notes": list(dict.fromkeys(findings.notes)),
    }


def show(findings: Findings, console: Console) -> None:
    """Print both tables and the notes."""
    figures = Table("measured", "unit", "median", "p50", "p99", "rounds", title="Figures")
    for name, series in findings.series.items():
        rounds = f"{min(series.rounds):,.2f} to {max(series.rounds):,.2f}"
        both = [f"{series.percentile(share):,.2f}" for share in (0.5, 0.99)]
        figures.add_row(name, series.unit, f"{series.median:,.2f}", *both, rounds)
    console.print(figures)
    reach = Table("reach", "target", "median", "rounds", "reached", title="Ratios of one run, round by round")
    for target in TARGETS:
        found = target.figures(findings.series)
        if found:
            spread = Spread.of(found)
            bound = f"{'≤' if target.is_most else '≥'} {target.bound:,g} {target.unit}"
            told = "yes" if target.is_reached(spread) else "no"
            reach.add_row(target.text, bound, f"{spread.median:,.2f}", f"{spread.low:,.2f} to {spread.high:,.2f}", told)
    console.print(reach)
    for note in dict.fromkeys(findings.notes):
        console.print(f"note: {note}")


def _series_json(series: Series) -> dict[str, Any]:
    percentiles = {f"p{share:g}": series.percentile(share / 100) for share in (50, 99, 99.9)}
    return {"unit": series.unit, "median": series.median, "rounds": series.rounds, **percentiles}


def _target_json(target: Target, series: Mapping[str, Series]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "text": target.text,
        "first": target.first,
        "second": target.second,
        "kind": target.kind.value,
        "bound": target.bound,
        "is_most": target.is_most,
        "unit": target.unit,
    }
    found = target.figures(series)
    if not found:
        return {**told, "rounds": None, "median": None, "low": None, "high": None, "reached": None}
    spread = Spread.of(found)
    figures = {"median": spread.median, "low": spread.low, "high": spread.high}
    return {**told, "rounds": list(found), **figures, "reached": target.is_reached(spread)}
