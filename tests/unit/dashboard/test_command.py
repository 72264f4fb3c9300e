"""`arbitrage dashboard`: it does not start without tokens, and says how to make them."""

import os
import subprocess
import sys

from arbitrage.dashboard.tokens import weakness


def arbitrage(folder, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    command = [sys.executable, "-m", "arbitrage.cli", "dashboard", *arguments]
    return subprocess.run(
        command, env=base | environ, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def test_without_tokens_it_does_not_start_and_says_what_to_do(tmp_path):
    done = arbitrage(tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("arbitrage: DASHBOARD_READ_TOKEN is not set (there is no default)")
    assert done.stderr.endswith("make one with `arbitrage dashboard --new-token`\n")


def test_a_new_token_is_a_strong_one_and_another_each_time(tmp_path):
    first, second = (arbitrage(tmp_path, "--new-token").stdout.strip() for _ in range(2))

    assert weakness(first) == weakness(second) == ""
    assert first != second
