"""What can be examined without a network: settings, files, disk, packages, ports."""

import socket
from pathlib import Path

import pytest

from arbitrage.doctor import configuration, machine
from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.local_files import LatchFile
from arbitrage.settings import Settings, load_settings
from liveguard.mode_gate import API_KEYS, Mode
from tests.clocks import NOON

KEYS = dict.fromkeys(API_KEYS, "k3y")
LIMITS = {"RISK_MAX_POSITION_SIZE": "500000", "RISK_MAX_DAILY_LOSS": "50000"}
LIVE = {"LIVE_MODE": "true", "DRY_RUN": "false", **KEYS, **LIMITS}


def settings_of(folder: Path, **given: str) -> Settings:
    return load_settings({"STATE_DIR": str(folder), **given}, env_file=None)


def verdicts(findings: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


@pytest.mark.parametrize(
    ("given", "seen", "verdict"),
    [
        ({}, "shadow: would-be orders", Verdict.OK),
        (LIVE, "live: orders are sent", Verdict.OK),
        ({"PAPER_MODE": "on", **LIVE}, "paper: scenarios", Verdict.OK),
        ({**LIVE, "DRY_RUN": "1"}, "Live is asked for, but DRY_RUN: 1, which means true", Verdict.BAD),
        ({**LIVE, "RISK_MAX_DAILY_LOSS": "0"}, "Live is asked for, but RISK_LIMITS: limits must be", Verdict.BAD),
    ],
)
def test_live_that_was_asked_for_and_is_not_granted_is_bad(tmp_path, given, seen, verdict):
    (found,) = configuration.gate(settings_of(tmp_path, **given))

    assert found.seen.startswith(seen)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("given", "seen", "verdict"),
    [
        (LIMITS, "2 of 26 set", Verdict.OK),
        ({}, "Live needs RISK_MAX_POSITION_SIZE and RISK_MAX_DAILY_LOSS as well", Verdict.OK),
        ({"RISK_MAX_EDGE_PCT": "0"}, "limits must be finite and above zero: max_edge_pct = 0", Verdict.WARN),
    ],
)
def test_limits_that_nobody_set_are_named(tmp_path, given, seen, verdict):
    (found,) = configuration.limits(settings_of(tmp_path, **given))

    assert seen in found.seen
    assert found.verdict is verdict


def test_what_stops_the_daemon_is_told_with_what_clears_it(tmp_path):
    settings = settings_of(tmp_path)
    fine = list(configuration.stops(settings))
    (tmp_path / "HALT").write_text("a visit of the auditors\n")
    latches = [
        Latch(kind=kind, at=NOON, why="31 in a minute", who="guard", day="2026-11-22")
        for kind in (LatchKind.REPEATED_EXECUTION, LatchKind.OPERATOR)
    ]
    LatchFile(settings.account_dir(Mode.SHADOW) / "latches.json").write(latches)
    found = list(configuration.stops(settings))

    assert verdicts(fine) == [Verdict.OK, Verdict.OK]
    assert verdicts(found) == [Verdict.WARN, Verdict.BAD, Verdict.WARN]
    assert "a visit of the auditors" in found[0].seen
    assert "arbitrage resume" in found[0].fix
    assert "repeated_execution, set by guard: 31 in a minute" in found[1].seen


def test_a_folder_that_is_not_there_yet_is_judged_by_where_it_will_be(tmp_path):
    found = list(machine.disk(settings_of(tmp_path / "to" / "come")))

    assert found[1].verdict is Verdict.OK or "local disk" in found[1].fix
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_bad(tmp_path):
    (tmp_path / "taken").touch()
    found = list(machine.disk(settings_of(tmp_path / "taken")))

    assert found[1].verdict is Verdict.BAD
    assert "STATE_DIR" in found[1].fix


@pytest.mark.parametrize(
    ("lock", "verdict", "seen"),
    [
        ("redis==0.0.1 \\\n    --hash=sha256:0\n", Verdict.WARN, "(locked: 0.0.1)"),
        ("no-such-thing==1 \\\n", Verdict.WARN, "no-such-thing missing (locked: 1)"),
        ("no-such-thing==1 ; sys_platform == 'win32' \\\n", Verdict.OK, "1 packages as locked"),
        (None, Verdict.OK, "its lock file is not here"),
    ],
)
def test_packages_are_held_against_the_lock(tmp_path, lock, verdict, seen):
    if lock is not None:
        (tmp_path / "lock.txt").write_text(lock)
    _, packages = machine.versions(tmp_path / "lock.txt")

    assert packages.verdict is verdict
    assert seen in packages.seen


@pytest.mark.parametrize(("is_running", "verdict"), [(False, Verdict.WARN), (True, Verdict.OK)])
def test_a_port_in_use_is_fine_if_a_daemon_runs(tmp_path, is_running, verdict):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_of(tmp_path, METRICS_PORT=str(taken.getsockname()[1]))
        found = {each.name: each for each in machine.ports(settings, is_running=is_running)}

    assert found["metrics port"].verdict is verdict


def test_the_kernel_is_asked_for_the_clock_without_touching_it():
    (found,) = machine.kept_clock()

    assert found.verdict in {Verdict.OK, Verdict.WARN}
