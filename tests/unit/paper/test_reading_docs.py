"""docs/scenarios.md: what it shows runs, and what it lists is all that there is."""

import re
from pathlib import Path

import pytest

from arbitrage.paper.judge import judge
from arbitrage.paper.reading import read_scenario
from arbitrage.paper.rules import Rule
from arbitrage.paper.schema import schema
from arbitrage.paper_trader import run_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=["by example", "the simple form"])
def test_each_example_of_the_page_comes_true(tmp_path: Path, text: str) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    scenario = read_scenario(path)
    observed = run_scenario(scenario)

    assert [check for check in judge(scenario.expected_outcomes, observed) if not check.passed] == []
    assert observed.trades > 0


def test_the_page_lists_every_rule_of_safety_and_no_other() -> None:
    table = PAGE.partition("## The rules of safety")[2].partition("## The schema")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [rule.value for rule in Rule]


PARTS = "Step Expectations VenueChange Generator GeneratorKind Order Fees Latency Liquidity Symbols"


@pytest.mark.parametrize("part", PARTS.split())
def test_the_page_names_every_field(part: str) -> None:
    form = schema()["$defs"][part]

    assert [name for name in form.get("properties", form.get("enum")) if f"`{name}`" not in PAGE] == []


def test_the_page_names_every_part() -> None:
    assert [name for name in schema()["properties"] if f"`{name}`" not in PAGE] == []
