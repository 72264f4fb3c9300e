"""`arbitrage paper`: scenarios from files, played in processes; told as a table, as JSON, as a page. It judges none."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from arbitrage.commands.playing import play
from arbitrage.domain.errors import ConfigurationError
from arbitrage.paper.batch import Job, play_all
from arbitrage.paper.facts import as_json, batch_facts
from arbitrage.paper.gathering import gather
from arbitrage.paper.outcome import Outcome
from arbitrage.paper.report import make_folder, write_report
from arbitrage.paper.table import show

EXIT_WRONG_FILE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    files: Sequence[Path]
    processes: int = 1
    seeds: int = 1
    as_json: bool = False
    report: Path | None = None


def main(asked: Asked) -> int:
    """Play all scenarios and tell what came of them.

    Returns 1 if an expectation does not hold, 2 if a file is wrong, and then nothing is played, 130 after Ctrl-C.
    """
    try:
        jobs = gather(asked.files, asked.seeds, pictured=asked.report is not None)
    except ConfigurationError as wrong:  # one line for each problem, as compilers write them
        sys.stderr.write(f"{wrong}\n")
        return EXIT_WRONG_FILE
    if asked.report is not None:
        make_folder(asked.report)
    began = perf_counter()
    outcomes, was_interrupted = _played(jobs, asked.processes)
    if asked.as_json:
        sys.stdout.write(as_json(batch_facts(outcomes)) + "\n")
    else:
        show(outcomes, perf_counter() - began, sys.stdout)
    if asked.report is not None:
        write_report(asked.report, jobs, outcomes)
    if was_interrupted:
        sys.stderr.write(f"arbitrage: interrupted; {len(jobs) - len(outcomes)} of {len(jobs)} were not played\n")
        return EXIT_INTERRUPTED
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _played(jobs: Sequence[Job], processes: int) -> tuple[list[Outcome], bool]:
    """Return the outcomes in the order of the jobs, and whether Ctrl-C cut them short."""
    ended: dict[int, Outcome] = {}
    was_interrupted = False
    with _bar(len(jobs)) as bar, closing(play_all(jobs, play, processes)) as playing:
        try:
            for place, outcome in playing:
                ended[place] = outcome
                bar.advance(bar.task_ids[0])
        except KeyboardInterrupt:
            was_interrupted = True
    return [ended[place] for place in sorted(ended)], was_interrupted


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task("scenarios", total=total)
        yield bar
