"""The generated parts of docs/: they are what the code says now, and they leave nothing out."""

import re

import pytest

from arbitrage.manual.__main__ import DOCS, PAGES, main
from arbitrage.manual.configuration import configuration_text, groups
from arbitrage.manual.meanings import DEFAULTS, MEANINGS
from arbitrage.settings import Settings


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_file_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run scripts/docs"


def test_every_variable_stands_in_the_table_once_and_nothing_else_does() -> None:
    named = re.findall(r"^\| `(\w+)` \|", configuration_text(), re.MULTILINE)

    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_every_variable_has_a_meaning_and_no_meaning_is_left_over() -> None:
    variables = {name for name in Settings.model_fields if not name.startswith("risk_")}

    assert MEANINGS.keys() == variables
    assert DEFAULTS.keys() <= variables


def test_groups_are_those_of_the_source() -> None:
    found = {group.title: group.names for group in groups()}

    assert found["the gate"][:4] == ("paper_mode", "live_mode", "safety_mode", "dry_run")
    assert "redis_port" in found["the state store"]
    assert found["what may be risked"][0] == "risk_max_position_size"


def test_a_row_says_default_bounds_and_meaning() -> None:
    rows = configuration_text().splitlines()

    assert (
        "| `REDIS_PORT` | `6380` | a whole number from 1 to 65535 | and on which port; in compose it is 6379 |" in rows
    )
    assert any(row.startswith("| `RISK_MAX_NAKED_S` | `3` | a whole number above zero, at most 60 |") for row in rows)
    assert all(row.count(" | ") == 3 for row in rows if row.startswith("| `"))


def test_wrong_usage_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chek"]) == 2
    assert capsys.readouterr().err == "usage: scripts/docs [--check]\n"
