"""The library of scenarios, played as the command plays it; each scenario is a case with its own name."""

from pathlib import Path

import pytest

from arbitrage.commands.playing import play
from arbitrage.paper.batch import play_all
from arbitrage.paper.facts import failures
from arbitrage.paper.gathering import gather
from arbitrage.paper.outcome import Outcome

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What came of all of them, by file."""
    return {outcome.file: outcome for _, outcome in play_all(gather([FOLDER]), play, processes=2)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_comes_out_as_it_says(path: Path, outcomes: dict[str, Outcome]) -> None:
    assert list(failures(outcomes[str(path)])) == []


def test_the_library_is_there() -> None:
    assert len(FILES) >= 30
