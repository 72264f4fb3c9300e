"""`arbitrage paper`, and `arbitrage run` in Paper: files in; a table, JSON, a page, rows in Redis, an exit code out."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from arbitrage.commands import paper_run
from arbitrage.domain.errors import ArbitrageError, ConfigurationError, StateUnavailable
from arbitrage.settings import load_settings
from arbitrage.state.keys import RedisAddress

WINS = """\
name: {name}
symbols: {{upbit: KRW-BTC, binance: BTCUSDT, exchange_rate: 1400}}
risk_profile: {{max_position_krw: 1000000, max_daily_loss_krw: 100000}}
steps:
  - {{t: 0, upbit_bid: 117600000, upbit_ask: 117620000, binance_bid: 84000, binance_ask: 84001}}
  - {{t: 5, upbit_bid: 119000000, upbit_ask: 119020000, binance_bid: 84000, binance_ask: 84001}}
lasts_s: {lasts_s}
expected_outcomes:
  {expected}
"""

Arbitrage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "dumb"}


@pytest.fixture
def arbitrage(tmp_path: Path, environ: dict[str, str]) -> Arbitrage:
    """Return a function that runs the command in a folder of its own, with only the given variables."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "arbitrage.cli", *arguments],
            env=environ | more, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def write(
    folder: Path, file: str, expected: str = "min_trades: 1", name: str = "a spread that wins", lasts_s: int = 20
) -> str:
    """Write a scenario in which there is something to trade; return its file's name."""
    (folder / file).write_text(WINS.format(name=json.dumps(name), expected=expected, lasts_s=lasts_s))
    return file


def facts(printed: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(printed, parse_float=Decimal)
    return told


def test_a_flipped_expectation_is_exit_1_and_says_what_was_wanted_and_seen(
    arbitrage: Arbitrage, tmp_path: Path
) -> None:
    write(tmp_path, "wins.yaml")
    done = arbitrage("paper", "wins.yaml", write(tmp_path, "flipped.yaml", "max_trades: 0", name="flipped"))

    assert (done.returncode, done.stderr) == (1, "")
    assert "✓  a spread that wins" in done.stdout
    assert "✗  flipped" in done.stdout
    assert "wanted at most 0" in done.stdout
    assert "1 of 2 passed" in done.stdout


def test_if_a_file_is_wrong_every_problem_is_told_and_nothing_is_played(arbitrage: Arbitrage, tmp_path: Path) -> None:
    write(tmp_path, "wins.yaml")
    (tmp_path / "wrong.yaml").write_text("name: 1\nsteps: []\n")
    (tmp_path / "empty").mkdir()
    done = arbitrage("paper", "wins.yaml", "wrong.yaml", "missing.yaml", "empty", "--report", "page")

    assert (done.returncode, done.stdout) == (2, "")
    assert "wrong.yaml:2: steps" in done.stderr
    assert "missing.yaml: " in done.stderr
    assert "empty: holds no *.yaml" in done.stderr
    assert not (tmp_path / "page").exists()


def test_two_processes_bring_what_one_does_in_the_order_of_the_files(arbitrage: Arbitrage, tmp_path: Path) -> None:
    for number in (2, 1, 3):
        write(tmp_path, f"{number}.yaml", name=f"number {number}", lasts_s=20 * number)

    one, two = (facts(arbitrage("paper", ".", "-j", processes, "--json").stdout) for processes in "12")
    for told in (*one["scenarios"], *two["scenarios"]):
        del told["took_s"]

    assert one == two
    assert [scenario["name"] for scenario in one["scenarios"]] == ["number 1", "number 2", "number 3"]


def test_a_scenario_that_does_what_it_expects_is_exit_0_and_json_has_the_facts(
    arbitrage: Arbitrage, tmp_path: Path
) -> None:
    done = arbitrage("paper", write(tmp_path, "wins.yaml"), "--json")
    told = facts(done.stdout)
    (scenario,) = told["scenarios"]

    assert (done.returncode, done.stderr) == (0, "")
    assert told["passed"] is scenario["passed"] is True
    assert (scenario["file"], scenario["seed"]) == ("wins.yaml", 1)
    assert scenario["trades"] == len(scenario["plans"]) >= 1
    assert scenario["pnl_krw"] == sum(plan["result_krw"] for plan in scenario["plans"]) > 0


def test_seeds_end_with_one_digest_that_a_second_run_repeats(arbitrage: Arbitrage, tmp_path: Path) -> None:
    write(tmp_path, "wins.yaml")
    first, again = (
        arbitrage("paper", "wins.yaml", "--seeds", "3", "-j", jobs, PYTHONHASHSEED=jobs).stdout.splitlines()
        for jobs in "12"
    )

    assert "a spread that wins ×3 seeds" in first[1]
    assert first[-1].startswith("digest ")
    assert first[-1] == again[-1]


def test_a_report_tells_a_hostile_name_as_text(arbitrage: Arbitrage, tmp_path: Path) -> None:
    done = arbitrage("paper", write(tmp_path, "wins.yaml", name="<script>"), "--report", "deep/page")
    page = (tmp_path / "deep" / "page" / "index.html").read_text()

    assert done.returncode == 0
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert page.count("<circle") >= 1
    assert json.loads((tmp_path / "deep" / "page" / "results.json").read_text())["passed"] is True


def test_a_terminal_sees_a_bar_and_ctrl_c_ends_at_once_with_the_table_so_far(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, "1.yaml")
    write(tmp_path, "2.yaml", name="nearly a week", lasts_s=6 * 86_400)
    screen, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "arbitrage.cli", "paper", ".", "-j", "2"], cwd=tmp_path,
        env=environ | {"TERM": "xterm"}, start_new_session=True, stdout=subprocess.PIPE, stderr=terminal, text=True,
    ) as playing:  # fmt: skip
        os.close(terminal)
        shown = ""
        while "1/2" not in shown:
            shown += os.read(screen, 4_096).decode(errors="replace")
        os.killpg(playing.pid, signal.SIGINT)  # as a terminal does: to every process of the group
        out, _ = playing.communicate(timeout=5.0)
        shown += os.read(screen, 65_536).decode(errors="replace")
    os.close(screen)

    assert playing.returncode == 130
    assert "✓  a spread that wins" in out
    assert "arbitrage: interrupted; 1 of 2 were not played\r\n" in shown


# --- arbitrage run, where the gate says Paper


NOWHERE = RedisAddress("127.0.0.1", 1)
"""A port where no Redis ever is."""


def in_paper(address: RedisAddress, app_env: str, file: str) -> dict[str, str]:
    return {
        "PAPER_MODE": "true",
        "SCENARIO_FILE": file,
        "REDIS_HOST": address.host,
        "REDIS_PORT": str(address.port),
        "APP_ENV": app_env,
    }


def outcomes(address: RedisAddress, app_env: str) -> dict[str, dict[str, str]]:
    """Return what was left in Redis, by scenario."""
    with Redis(address.host, address.port, decode_responses=True) as redis:
        prefix = f"arbitrage:paper:{app_env}:outcome"
        return {scenario: redis.hgetall(f"{prefix}:{scenario}") for scenario in redis.zrange(f"{prefix}s", 0, -1)}


def test_run_leaves_the_outcome_in_redis_and_each_check_in_the_log(
    arbitrage: Arbitrage, tmp_path: Path, redis_address: RedisAddress, app_env: str
) -> None:
    done = arbitrage("run", **in_paper(redis_address, app_env, write(tmp_path, "wins.yaml")))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    left = outcomes(redis_address, app_env)["wins"]

    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] | {"event": "mode", "mode": "paper", "state": "redis"} == lines[0]
    assert {(line["check"], line["passed"]) for line in lines if line["event"] == "scenario_check"} > {
        ("min_trades", True)
    }
    assert (left["name"], left["passed"]) == ("a spread that wins", "true")
    assert json.loads(left["json"])["digest"] == left["digest"]
    assert float(left["pnl_krw"]) > 0
    assert int(left["trades"]) >= 1


def test_run_plays_a_folder_and_replaces_what_an_earlier_run_left(
    arbitrage: Arbitrage, tmp_path: Path, redis_address: RedisAddress, app_env: str
) -> None:
    write(tmp_path, "1_wins.yaml")
    write(tmp_path, "2_flipped.yaml", "max_trades: 0")
    failed = arbitrage("run", **in_paper(redis_address, app_env, "."))
    first = outcomes(redis_address, app_env)
    write(tmp_path, "2_flipped.yaml", "min_trades: 1")
    passed = arbitrage("run", **in_paper(redis_address, app_env, "."))
    second = outcomes(redis_address, app_env)

    assert (failed.returncode, passed.returncode) == (1, 0)
    assert {scenario: held["passed"] for scenario, held in first.items()} == {"1_wins": "true", "2_flipped": "false"}
    assert {scenario: held["passed"] for scenario, held in second.items()} == {"1_wins": "true", "2_flipped": "true"}
    assert int(first["2_flipped"]["finished_at"]) < int(second["2_flipped"]["finished_at"])


@pytest.mark.parametrize(
    ("lacks", "error", "says"),
    [
        ({"SCENARIO_FILE"}, ConfigurationError, "SCENARIO_FILE: not set; "),
        ({"the file"}, ConfigurationError, "wins.yaml: "),
        ({"Redis"}, StateUnavailable, "Redis at 127.0.0.1:1/0: "),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, set) else "",
)
def test_run_says_what_it_lacks_before_it_plays(
    lacks: set[str], error: type[ArbitrageError], says: str, tmp_path: Path
) -> None:
    environ = in_paper(NOWHERE, "nobody", str(tmp_path / "wins.yaml"))
    if "the file" not in lacks:
        write(tmp_path, "wins.yaml")
    settings = load_settings({k: v for k, v in environ.items() if k not in lacks}, env_file=None)

    with pytest.raises(error, match=says):
        paper_run.main(settings)


def test_run_needs_no_redis_where_nothing_is_to_be_kept(arbitrage: Arbitrage, tmp_path: Path) -> None:
    done = arbitrage("run", **in_paper(NOWHERE, "nobody", write(tmp_path, "wins.yaml")), STATE="memory")

    assert done.returncode == 0
    assert '"state":"memory"' in done.stdout


def test_a_redis_that_is_not_there_is_exit_4(arbitrage: Arbitrage, tmp_path: Path) -> None:
    done = arbitrage("run", **in_paper(NOWHERE, "nobody", write(tmp_path, "wins.yaml")))

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("arbitrage: Redis at 127.0.0.1:1/0: ")


def test_check_still_says_paper(arbitrage: Arbitrage) -> None:
    done = arbitrage("check", "--require", "paper", PAPER_MODE="true")

    assert done.returncode == 0
