"""The sandbox as a process: it starts, says so, and ends cleanly."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server

import pytest

PATIENCE_S = 15


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "arbitrage.sandbox", *arguments]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly_when_told(number: signal.Signals) -> None:
    with running("--port", "0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)

    assert "sandbox_listening" in line
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("arguments", [("--speed", "nan"), ("--port", "70000"), ("--tape", "nowhere")])
def test_what_it_cannot_do_is_a_usage_error(arguments: tuple[str, str]) -> None:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_one_line_that_says_what_to_do() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(command("--port", port), capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is taken" in done.stderr
