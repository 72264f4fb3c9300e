"""What came of scenarios as one page to look at, and as JSON beside it. Nothing on the page comes from elsewhere.

Names and words of a scenario are whatever its author typed: all of them are escaped.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from arbitrage.domain.errors import ConfigurationError
from arbitrage.kst import at_kst
from arbitrage.paper.batch import Job
from arbitrage.paper.chart import COLOURS, draw, series_of
from arbitrage.paper.facts import as_json, batch_facts, digest_of
from arbitrage.paper.outcome import Check, Observed, Outcome
from arbitrage.paper.scenario import Scenario
from arbitrage.paper.scenario_time import start_of
from arbitrage.paper.table import by_scenario
from arbitrage.pictures import head

PAGE: Final = "index.html"
FACTS: Final = "results.json"

_FAILED_SEEDS: Final = 20
"""Seeds whose failed checks are told one by one."""


def make_folder(folder: Path) -> None:
    """Make the folder of a report, before time is spent on what goes into it. Raises ConfigurationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PAGE).touch()
    except OSError as failure:
        raise ConfigurationError(f"--report: cannot write to {folder} ({failure.strerror})") from None


def write_report(folder: Path, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Write the page and the JSON. Raises ConfigurationError."""
    scenarios = {job.file: job.scenario for job in jobs}
    try:
        (folder / PAGE).write_text("".join(page(scenarios, outcomes)), encoding="utf-8")
        (folder / FACTS).write_text(as_json(batch_facts(outcomes)) + "\n", encoding="utf-8")
    except OSError as failure:
        raise ConfigurationError(f"--report: cannot write to {folder} ({failure.strerror})") from None


def page(scenarios: dict[str, Scenario], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the page in pieces; `scenarios` are those of the outcomes, by file."""
    passed = sum(outcome.passed for outcome in outcomes)
    verdict = "good" if passed == len(outcomes) else "bad"
    yield head("Paper scenarios")
    yield f'<h1>Paper: <span class="{verdict}">{passed:,} of {len(outcomes):,} passed</span></h1>'
    yield f'<p class="quiet">digest <code>{digest_of(outcomes)}</code></p>\n<main>\n'
    for same in by_scenario(outcomes):
        yield from _card(scenarios[same[0].file], same)
    yield "</main></body></html>\n"


def _card(scenario: Scenario, same: list[Outcome]) -> Iterator[str]:
    first = same[0]
    is_good = all(outcome.passed for outcome in same)
    yield f'<article><h2><span class="{"good" if is_good else "bad"}">{"✓" if is_good else "✗"}</span> '
    yield f"{escape(scenario.name)}</h2>"
    if scenario.description:
        yield f"<p>{escape(scenario.description)}</p>"
    yield f'<p class="quiet"><code>{escape(first.file)}</code>, seed {first.seed}{_more_seeds(same)}</p>'
    if first.observed.digest:  # what did not come to its end has nothing to show
        yield from _picture(scenario, first.observed)
        yield from _figures(scenario, first.observed)
    yield from _checks(same)
    yield "</article>\n"


def _more_seeds(same: list[Outcome]) -> str:
    if len(same) == 1:
        return ""
    return f"; {sum(outcome.passed for outcome in same):,} of {len(same):,} seeds passed"


def _picture(scenario: Scenario, observed: Observed) -> Iterator[str]:
    yield draw(observed, start_of(scenario))
    yield '<ul class="key">'
    for number, name in enumerate(series_of(observed)):
        yield f'<li><span class="swatch s{number % COLOURS}"></span>{escape(name)}</li>'
    yield "</ul>"


def _figures(scenario: Scenario, observed: Observed) -> Iterator[str]:
    slowest_ms = max(observed.times_to_neutral_ms, default=None)
    counts = {"ended": observed.outcomes, "refused": observed.refusals}
    rows = {
        "begins": f"{at_kst(start_of(scenario)):%Y-%m-%d %H:%M:%S} KST, lasts {observed.virtual_s:,.0f} s",
        "trades": f"{observed.trades:,} plans, {observed.orders:,} orders, {observed.hedges:,} hedges",
        "result": f"{observed.pnl_krw:+,.0f} KRW",
        "neutral in": "" if slowest_ms is None else f"{slowest_ms:,.0f} ms at the most",
        **{name: ", ".join(f"{code} ×{times:,}" for code, times in held.items()) for name, held in counts.items()},
        "stopped by": ", ".join(sorted(observed.trips | observed.latches)),
        "at the end": observed.trading_state,
        "violations": ", ".join(observed.violations),
        "digest": observed.digest[:16],
    }
    yield "<dl>"
    yield from (f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text)
    yield "</dl>"


def _checks(same: list[Outcome]) -> Iterator[str]:
    yield "<ul>"
    if len(same) == 1:
        yield from (_check(check) for check in same[0].checks)
    else:
        failed = [outcome for outcome in same if not outcome.passed]
        for outcome in failed[:_FAILED_SEEDS]:
            yield from (_check(check, f"seed {outcome.seed}: ") for check in outcome.checks if not check.passed)
        if len(failed) > _FAILED_SEEDS:
            yield f"<li>and {len(failed) - _FAILED_SEEDS:,} more seeds</li>"
    yield "</ul>"


def _check(check: Check, before: str = "") -> str:
    kind, mark = ("good", "✓") if check.passed else ("bad", "✗")
    told = f"{before}{check.name}: wanted {check.wanted}, saw {check.seen}"
    return f'<li><span class="{kind}">{mark}</span> {escape(told)}</li>'
