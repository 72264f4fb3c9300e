"""The service `paper` of the compose file, and the script that tries it, as they are written; nothing is started."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from arbitrage.settings import load_settings
from liveguard.mode_gate import Mode, decide

ROOT = Path(__file__).parents[3]
SMOKE = ROOT / "scripts" / "docker_paper_smoke.py"


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "docker-compose.yml").read_text())["services"][name]
    return found


def test_it_plays_once_and_only_when_asked_for() -> None:
    paper = service("paper")

    assert paper["profiles"] == ["paper"]
    assert paper["restart"] == "no"
    assert paper["depends_on"] == {"redis": {"condition": "service_healthy"}}


def test_it_has_the_rights_of_the_rest_and_no_network_port() -> None:
    paper, daemon = service("paper"), service("arbitrage")

    for right in ("read_only", "cap_drop", "security_opt", "init", "tmpfs", "mem_limit", "logging"):
        assert paper[right] == daemon[right], right
    assert paper["pids_limit"] <= daemon["pids_limit"]
    assert "ports" not in paper


def test_scenarios_and_the_way_to_redis_can_be_read_and_nothing_else_is_there() -> None:
    assert service("paper")["volumes"] == [
        "access-arbitrage:/run/access:ro",
        "${SCENARIOS_DIR:-../tests/scenarios}:/scenarios:ro",
    ]


def test_its_environment_is_paper_without_keys(tmp_path: Path) -> None:
    (tmp_path / "redis_password").write_text("a-password")
    pairs = (entry.partition("=") for entry in service("paper")["environment"])
    filled = {name: value.replace("${SCENARIO-}", "one.yaml") for name, equals, value in pairs if equals}
    environ = {name: value.replace("/run/access", str(tmp_path)) for name, value in filled.items()}
    settings = load_settings(environ, env_file=None)

    assert decide(settings.gate_evidence()).mode is Mode.PAPER
    assert (settings.redis_host, settings.redis_port) == ("redis", 6379)
    assert str(settings.scenario_file) == "/scenarios/one.yaml"
    assert not [entry for entry in service("paper")["environment"] if "KEY" in entry or "LIVE" in entry]


def smoke(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SMOKE), *arguments]
    return subprocess.run(
        command, env={"PATH": path}, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
    )


def test_the_script_explains_itself() -> None:
    done = smoke("--help", path=os.environ["PATH"])

    assert done.returncode == 0
    assert "One line for each check." in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("docker", "says"),
    [(None, "there is no docker on the PATH"), ("#!/bin/sh\nexit 1\n", "docker's engine does not answer")],
    ids=["no docker", "no engine"],
)
def test_where_there_is_no_docker_the_script_says_so_in_one_line(tmp_path: Path, docker: str | None, says: str) -> None:
    if docker is not None:
        (tmp_path / "docker").write_text(docker)
        (tmp_path / "docker").chmod(0o755)
    done = smoke(str(SMOKE), path=str(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"docker_paper_smoke: {says}")
    assert done.stderr.count("\n") == 1


def test_the_script_names_a_scenario_that_is_not_there() -> None:
    done = smoke("no-such.yaml", path="/nonexistent")

    assert done.returncode == 2
    assert "no-such.yaml" in done.stderr
