"""A small part of the simulation: with every rule nothing is lost, and without any one of them it is, and is seen."""

from hashlib import sha256

import pytest

from tests.simulation.rules import Rule
from tests.simulation.seeds import play_all

SEEDS = range(1, 151)
ENOUGH = range(1, 1_001)
"""A rule that is missing has to be noticed within so many seeds; all of them are within the first hundred or so."""

LOST = ("unexplained exposure", "left open", "twice")


def test_every_leg_is_accounted_for_whatever_goes_wrong() -> None:
    verdicts = list(play_all(SEEDS))

    assert {verdict.seed: verdict.problems for verdict in verdicts if verdict.problems} == {}
    assert sum(verdict.plans for verdict in verdicts) > len(SEEDS)
    assert sum(verdict.crashes for verdict in verdicts) > len(SEEDS) / 2


def test_a_seed_plays_the_same_each_time() -> None:
    first, again = (sha256(repr(list(play_all(range(1, 6)))).encode()).digest() for _ in range(2))

    assert first == again


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_that_is_missing_is_noticed(rule: Rule) -> None:
    found = (problem for verdict in play_all(ENOUGH, rule) for problem in verdict.problems)

    assert any(problem.startswith(LOST) for problem in found)
