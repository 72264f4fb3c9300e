"""Scenarios in processes: all of them come back, in whatever order, whatever becomes of a process."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from arbitrage.paper.batch import play_all
from tests.outcome_builders import a_job, play

ROOT = Path(__file__).parents[3]


def outcomes_of(*names: str, processes: int = 2) -> dict[int, str]:
    """Play jobs with these names; return for each place what was seen of the first check that failed, "" if none."""
    jobs = [a_job(name) for name in names]
    return {
        place: next((check.seen for check in outcome.checks if not check.passed), "")
        for place, outcome in play_all(jobs, play, processes)
    }


@pytest.mark.parametrize("processes", [1, 3])
def test_every_job_comes_back_with_its_place(processes: int) -> None:
    jobs = [a_job(f"number {number}", seed=number) for number in range(5)]

    seen = {place: outcome.observed.digest for place, outcome in play_all(jobs, play, processes)}

    assert seen == {number: f"number {number} {number}" for number in range(5)}


def test_a_process_that_dies_takes_one_scenario_with_it() -> None:
    seen = outcomes_of("a", "dies", "b", "leaves", "c", processes=1)

    assert seen == {0: "", 1: "its process was ended by SIGKILL", 2: "", 3: "its process ended with exit code 7", 4: ""}


def test_a_failure_of_the_code_is_that_scenarios_and_says_where() -> None:
    seen = outcomes_of("fails", "a")

    assert seen[0].startswith("RuntimeError: the market is closed (outcome_builders.py:")
    assert seen[1] == ""


def test_who_stops_listening_need_not_wait_for_what_still_plays() -> None:
    with closing(play_all([a_job("hangs"), a_job("a")], play, 2)) as playing:
        place, _ = next(playing)

    assert place == 1


PARENT = """
import signal
from arbitrage.paper.batch import play_all
from tests.outcome_builders import a_job

def play(job):
    print("playing", flush=True)
    signal.pause()

if __name__ == "__main__":
    list(play_all([a_job()], play, 1))
"""


def test_a_process_does_not_outlive_the_one_that_asked_for_it(tmp_path: Path) -> None:
    """However that one ends, nobody would hear what comes of the scenario."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        began = parent.stdout.readline()
        parent.kill()
        left, _ = parent.communicate(timeout=10)  # the pipe is shut when nobody is left to write to it

    assert (began, left) == ("playing\n", "")


def test_nothing_to_play_is_no_trouble() -> None:
    assert list(play_all([], play, 2)) == []
