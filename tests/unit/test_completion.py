"""Completion in bash, zsh and fish: commands and options, also where nothing is configured rightly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def complete(words: str, folder: Path, shell: str = "bash", **more: str) -> set[str]:
    """What the shell would offer after these words."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "_ARBITRAGE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        **more,
    }
    program = "import sys; sys.argv = ['arbitrage']; from arbitrage.cli import app; app(prog_name='arbitrage')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stderr == ""
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_commands_and_options_are_completed(tmp_path: Path, shell: str) -> None:
    assert complete("arbitrage re", tmp_path, shell) == {"resume", "reconcile", "report", "record"}
    assert complete("arbitrage check --require ", tmp_path, shell) == {"paper", "shadow", "live"}


def test_zsh_is_offered_the_same(tmp_path: Path) -> None:
    assert "doctor" in " ".join(complete("arbitrage do", tmp_path, "zsh"))


def test_a_wrong_setting_does_not_stand_in_the_way(tmp_path: Path) -> None:
    assert complete("arbitrage hal", tmp_path, RISK_MAX_DAILY_LOS="1") == {"halt"}
