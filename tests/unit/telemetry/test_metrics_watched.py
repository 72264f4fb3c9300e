"""What watches the metrics: rules that call a person, the runbook that says what to do, and Grafana's dashboards."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from arbitrage.domain.guarding import KEY_EXPIRY, LatchKind, Trip
from arbitrage.telemetry.alert_rules import MISMATCH
from arbitrage.telemetry.metrics import ALL
from arbitrage.telemetry.metrics_family import Kind

ROOT = Path(__file__).parents[3]
RULES = ROOT / "infra" / "prometheus"
GRAFANA = ROOT / "infra" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
OF_A_RUN = {"started", "stopped", "lease_lost", "engine_failed", "silent_daemon", "cleared"}
KINDS = {*Trip, *LatchKind, KEY_EXPIRY, MISMATCH, "venue_lost", "private_stream", "trading_state", *OF_A_RUN}
"""What the daemon and the dashboard call a person for."""


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((RULES / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def entries() -> set[str]:
    """Return the anchors of the runbook's entries, as a browser finds them."""
    titles = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in BOARDS:
        yield from ((path.stem, panel) for panel in json.loads(path.read_text())["panels"])


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\barbitrage_[a-z0-9_]+", expression))


def known_names() -> set[str]:
    buckets = {f"{metric.shown}_bucket" for metric in ALL if metric.kind is Kind.HISTOGRAM}
    return {metric.shown for metric in ALL} | buckets


def promtool(*arguments: str) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool on the PATH (Debian's package prometheus has it)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=RULES, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- the rules


def test_the_rules_are_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "alerts.yml")


def test_the_rules_call_when_they_should_and_are_silent_otherwise() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_the_scrape_configuration_is_understood() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert page == "docs/runbook.md"
    assert anchor in entries() or anchor.startswith('{{ reReplaceAll "_" "-" $labels.')
    assert names_in(rule["expr"]) <= known_names()


def test_every_alert_is_tested_both_ways() -> None:
    tests = yaml.safe_load((RULES / "alerts.test.yml").read_text())["tests"]
    asked = [case for test in tests for case in test["alert_rule_test"]]
    named = {rule["alert"] for rule in rules()}

    assert {case["alertname"] for case in asked if case.get("exp_alerts")} == named
    assert {case["alertname"] for case in tests[0]["alert_rule_test"]} == named


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_whatever_a_person_is_called_for_has_an_entry_in_the_runbook(kind: str) -> None:
    assert kind.replace("_", "-") in entries()


def test_an_entry_leads_to_entries_that_exist() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text().replace("\n  ", " ")

    assert set(re.findall(r"\]\(#([a-z-]+)\)", text)) <= entries()


# --- the dashboards


def test_the_dashboards_are_as_they_were_written(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", str(GRAFANA / "build.py"), str(tmp_path)], check=True, timeout=60)

    assert {path.name: path.read_text() for path in BOARDS} == {
        path.name: path.read_text() for path in sorted(tmp_path.iterdir())
    }, "run: python infra/grafana/build.py"


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_what_grafana_needs(path: Path) -> None:
    board = json.loads(path.read_text())
    numbers = [panel["id"] for panel in board["panels"]]

    assert board["uid"] == f"arbitrage-{path.stem}"
    assert board["id"] is None
    assert board["schemaVersion"] >= 36
    assert board["title"]
    assert {"time", "refresh", "timezone", "templating", "annotations"} <= board.keys()
    assert len(set(numbers)) == len(numbers) > 0


def test_every_panel_reads_from_the_source_that_is_provisioned() -> None:
    source = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    wanted = {"type": source["type"], "uid": source["uid"]}

    for board, panel in panels():
        assert panel["datasource"] == wanted, (board, panel["title"])
        assert all(target["datasource"] == wanted for target in panel["targets"])


def test_every_panel_asks_for_metrics_that_exist_once_under_each_letter() -> None:
    for board, panel in panels():
        letters = [target["refId"] for target in panel["targets"]]

        assert letters, (board, panel["title"])
        assert len(set(letters)) == len(letters)
        for target in panel["targets"]:
            assert names_in(target["expr"]) <= known_names(), (board, panel["title"])


def test_panels_lie_beside_each_other() -> None:
    taken: dict[tuple[str, int, int], str] = {}
    for board, panel in panels():
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert taken.setdefault((board, x, y), panel["title"]) == panel["title"]


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {name for _, panel in panels() for target in panel["targets"] for name in names_in(target["expr"])}

    assert {metric.shown for metric in ALL} <= {name.removesuffix("_bucket") for name in shown}


def test_dashboards_are_found_where_compose_puts_them() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "arbitrage.yml").read_text())["providers"][0]

    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert provider["allowUiUpdates"] is False
