"""A dashboard of the tests' own: the real command in a process of its own, on a free loopback port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from arbitrage.dashboard.sessions import COOKIE
from arbitrage.state.keys import RedisAddress

READ_TOKEN = "q7Zt2mXv9LcR4wYbN8sKd3HfJ6pGaT1eUoViB5xQyMk"
CONTROL_TOKEN = "Hn4rW8zKcP2vT6xBqY9mLs3DfG7jUaE1oViX5bRyNQt"
START_S = 20.0


class Dashboard:
    """A running dashboard, and who asks it what."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def log_in(self, token: str = CONTROL_TOKEN, name: str = "mina") -> str:
        """Show a token as the login page does, and return the session's name."""
        answer = httpx.post(
            f"{self.url}/api/login", json={"token": token, "name": name}, headers={"Origin": self.url}, timeout=5
        )
        answer.raise_for_status()
        return answer.cookies[COOKIE]


@contextmanager
def a_dashboard(address: RedisAddress, app_env: str, folder: Path, **given: str) -> Iterator[Dashboard]:
    """Run one until the block ends."""
    port = _free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "REDIS_HOST": address.host,
        "REDIS_PORT": str(address.port),
        "APP_ENV": app_env,
        "DASHBOARD_READ_TOKEN": READ_TOKEN,
        "DASHBOARD_CONTROL_TOKEN": CONTROL_TOKEN,
        **given,
    }
    command = [sys.executable, "-m", "arbitrage.cli", "dashboard", "--port", str(port)]
    with (folder / "dashboard.log").open("w") as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _await(process, port, folder / "dashboard.log")
            yield Dashboard(port)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.perf_counter() + START_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).json() == {"up": True}:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.perf_counter() > deadline:
            raise RuntimeError(f"the dashboard did not start: {log.read_text()[-2_000:]}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
