"""The table of outcomes, as it reaches a pipe."""

from io import StringIO

from arbitrage.paper.facts import digest_of
from arbitrage.paper.outcome import Outcome
from arbitrage.paper.table import show
from tests.outcome_builders import a_check, an_outcome


def told(*outcomes: Outcome) -> list[str]:
    """Return the table's lines, with runs of blanks made one."""
    stream = StringIO()
    show(outcomes, 1.5, stream)
    return [" ".join(line.split()) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_figures_of_a_scenario() -> None:
    outcome = an_outcome(
        a_check(),
        trades=12,
        outcomes={"both": 11, "one_leg": 1},
        pnl_krw=1_234_567,
        times_to_neutral_ms=(40.0, 2_500.4),
        refusals={"STALE_BOOK": 2, "MAX_TRADES": 2_000},
        trips=frozenset({"failed_plans"}),
        latches=frozenset({"daily_loss"}),
    )

    assert told(outcome)[1:] == [
        "✓ a quiet market 12 11 / 1 +1,234,567 2,500 ms MAX_TRADES ×2,000 daily_loss, failed_plans 1/1 0.2",
        "1 of 1 passed in 1.5 s",
        f"digest {digest_of([outcome])}",
    ]


def test_each_failed_check_stands_below_its_scenario_in_words() -> None:
    lines = told(an_outcome(a_check(), a_check(passed=False), name="one"), an_outcome(a_check(), name="two"))

    assert lines[1].startswith("✗ one 2 2 / 0")
    assert lines[2] == "trades: wanted at least 1, saw 0"
    assert lines[3].startswith("✓ two")
    assert "1 of 2 passed in 1.5 s" in lines


def test_a_name_cannot_command_the_terminal() -> None:
    line = told(an_outcome(a_check(), name="\x1b[2J[bold]"))[1]

    assert "\\x1b[2J[bold]" in line


def test_seeds_of_a_scenario_make_one_line() -> None:
    lines = told(*(an_outcome(a_check(passed=seed != 3), seed=seed) for seed in range(1, 5)))

    assert lines[1].startswith("✗ a quiet market ×4 seeds 8 8 / 0 +6,000")
    assert lines[2] == "seed 3: trades: wanted at least 1, saw 0"
    assert lines[3] == "3 of 4 passed in 1.5 s"


def test_of_many_failures_the_first_are_told() -> None:
    lines = told(*(an_outcome(a_check(passed=False), seed=seed) for seed in range(100)))

    assert lines[21:23] == ["seed 19: trades: wanted at least 1, saw 0", "and 80 more"]


def test_the_digest_is_of_every_seed_and_its_order() -> None:
    one, other, reseeded = an_outcome(digest="a"), an_outcome(digest="b"), an_outcome(digest="b", seed=2)
    runs = [[one, other], [other, one], [one, one], [one, reseeded]]

    assert digest_of([one, other]) == digest_of([one, other])
    assert len({digest_of(run) for run in runs}) == len(runs)
