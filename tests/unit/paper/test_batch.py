"""Scenarios in processes: all of them come back, in whatever order, whatever becomes of a process."""

from contextlib import closing

import pytest

from arbitrage.paper.batch import play_all
from tests.outcome_builders import a_job, play


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


def test_nothing_to_play_is_no_trouble() -> None:
    assert list(play_all([], play, 2)) == []
