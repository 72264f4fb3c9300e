"""The command line: what it says, where it says it, and what it ends with."""

import json
import os
import subprocess
import sys

import pytest

from arbitrage.cli import EXIT_CODES
from arbitrage.domain.errors import ConfigurationError, StateUnavailable, VenueUnreachable
from liveguard.mode_gate import API_KEYS, NotLive, NotWired

LIVE = {
    **{"LIVE_MODE": "1", "DRY_RUN": "0", "RISK_MAX_POSITION_SIZE": "500000", "RISK_MAX_DAILY_LOSS": "50000"},
    **dict.fromkeys(API_KEYS, "k3y"),
}


@pytest.fixture
def arbitrage(tmp_path):
    """Return a function that runs the command in an empty folder, with only the given variables."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "dumb"}
        return subprocess.run(
            [sys.executable, "-m", "arbitrage.cli", *arguments],
            env=base | environ, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip

    return run


def test_check_lists_every_layer_with_its_verdict_and_what_to_set(arbitrage):
    done = arbitrage("check")

    assert done.returncode == 0
    assert done.stdout.startswith("mode: shadow ")
    assert "  NO  LIVE_MODE: not set, which means false; set LIVE_MODE=true\n" in done.stdout
    assert "  ok  SAFETY_MODE: not set, which means true\n" in done.stdout
    assert done.stderr == ""


def test_check_has_the_same_facts_as_json(arbitrage):
    done = arbitrage("check", "--json", LIVE_MODE="ture", STATE="memory")
    facts = json.loads(done.stdout)

    assert facts["mode"] == "shadow"
    assert facts["layers"][1] == {
        "name": "LIVE_MODE",
        "passed": False,
        "seen": "'ture', which is neither yes nor no",
        "fix": "set LIVE_MODE=true",
    }
    assert facts["warnings"] == ["STATE=memory: nothing is remembered when the program ends"]


@pytest.mark.parametrize(
    ("environ", "required", "code"),
    [({}, "shadow", 0), ({}, "live", 3), (LIVE, "live", 0), ({"PAPER_MODE": "on", **LIVE}, "live", 3)],
)
def test_a_required_mode_that_the_gate_does_not_give_is_exit_3(arbitrage, environ, required, code):
    assert arbitrage("check", "--require", required, **environ).returncode == code


def test_check_warns_of_keys_that_the_mode_does_not_use_and_shows_none(arbitrage):
    done = arbitrage("check", UPBIT_API_KEY="kanarienvogel", UPBIT_REST_URL="http://127.0.0.1:1/upbit")

    assert "warning: API keys are given, but shadow does not use them" in done.stdout
    assert "warning: not the real venues: UPBIT_REST_URL" in done.stdout
    assert "kanarienvogel" not in done.stdout + done.stderr


def test_check_warns_of_a_halt_file(arbitrage, tmp_path):
    (tmp_path / "STOP").touch()

    assert "warning: STOP is there: no new plans until" in arbitrage("check", HALT_FILE="STOP").stdout


def test_check_names_the_configuration_by_its_digest(arbitrage):
    one, other = (json.loads(arbitrage("check", "--json", PAIRS=pairs).stdout) for pairs in ("BTC", "ETH"))

    assert len(one["config_digest"]) == 12
    assert one["config_digest"] != other["config_digest"]


def test_the_env_file_of_the_folder_counts(arbitrage, tmp_path):
    (tmp_path / ".env").write_text("PAPER_MODE=true\n")

    assert json.loads(arbitrage("check", "--json").stdout)["mode"] == "paper"


EVERY_COMMAND = [
    *(
        ["check"],
        ["run"],
        ["run", "--no-wait"],
        ["status", "--json"],
        ["shadow", "reset"],
        ["record", "x"],
        ["halt"],
        ["limits"],
    ),
    ["resume", "--reason", "x"],
    *(["flatten", "--reason", "x"], ["reconcile"], ["reconcile", "--accept", "x"]),
    ["limits", "--lower", "max_daily_loss=1", "--reason", "x"],
    ["init-state", "--reason", "x"],
]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_a_wrong_setting_ends_every_command_with_2_and_one_line(arbitrage, command):
    done = arbitrage(*command, RISK_MAX_DAILY_LOS="1")

    assert done.returncode == 2
    assert done.stderr == "arbitrage: RISK_MAX_DAILY_LOS: unknown; did you mean RISK_MAX_DAILY_LOSS?\n"
    assert done.stdout == ""


def test_wrong_usage_is_exit_2(arbitrage):
    assert arbitrage("chek").returncode == 2
    assert arbitrage("status", "--max-age", "-1").returncode == 2
    assert arbitrage("evaluate", "no-such-file.json").returncode == 2


@pytest.mark.parametrize(
    "command",
    [
        ["resume"],
        ["resume", "--reason", " "],
        ["flatten"],
        ["flatten", "--reason", " "],
        ["flatten", "--reason", "x", "--timeout", "0"],
        ["reconcile", "--accept", ""],
        ["init-state", "--yes"],
        ["init-state", "--reason", "", "--yes"],
        ["limits", "--lower", "max_daily_loss=1"],
        ["limits", "--lower", "max_daily_loss=1e9", "--reason", "more"],
        ["limits", "--lower", "max_daily_loss=900000", "--reason", "more"],
        ["limits", "--lower", "no_such_limit=1", "--reason", "x"],
    ],
    ids=" ".join,
)
def test_a_command_that_changes_something_needs_a_reason_and_sense(arbitrage, command, tmp_path):
    done = arbitrage(*command, REDIS_PORT="1")

    assert (done.returncode, done.stdout) == (2, "")
    assert not list(tmp_path.iterdir())


def test_the_version_is_said(arbitrage):
    assert arbitrage("--version").stdout.startswith("arbitrage 0.")


@pytest.mark.parametrize(
    ("failure", "code"),
    [(ConfigurationError, 2), (NotLive, 3), (NotWired, 3), (StateUnavailable, 4), (VenueUnreachable, 6)],
)
def test_an_error_ends_the_command_with_the_code_of_its_kind(failure, code):
    assert EXIT_CODES[failure] == code


# What would make a short command slow, or bring a way to the venues into it.
HEAVY = ("ccxt", "aiohttp", "picows", "uvloop", "prometheus_client", "rich", "structlog")


@pytest.mark.parametrize("command", ["check", "status", "limits", "reconcile"])
def test_a_short_command_imports_nothing_heavy(tmp_path, command):
    program = (
        f"import sys; sys.argv = ['arbitrage', '{command}', '--json']\n"
        "try:\n    from arbitrage.cli import main; main()\n"
        f"except SystemExit:\n    print('heavy:', *(name for name in {HEAVY} if name in sys.modules))"
    )
    environ = {"PATH": os.environ["PATH"], "REDIS_PORT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "heavy:", done.stderr
