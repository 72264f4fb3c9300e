#!/usr/bin/env python3
"""Takes the picture of the page that README shows: of a demo of its own, with a browser of this machine.

Exit codes: 0 taken, 1 not, 2 there is no browser.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, sync_playwright

from arbitrage.state.keys import RedisAddress
from tests.dashboard_process import READ_TOKEN, Dashboard, a_dashboard

PICTURE: Final = Path(__file__).parents[1] / "docs" / "dashboard.png"
BROWSERS: Final = tuple(map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")))
SIZE: Final = {"width": 1280, "height": 1240}
APP_ENV: Final = "picture"
WAIT_MS: Final = 30_000


def main() -> int:
    """Run the demo, look at its page, take the picture."""
    parser = argparse.ArgumentParser(description="Take a picture of the page of a running demo.")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the demo runs first (%(default)s)")
    parser.add_argument("--file", type=Path, default=PICTURE, help="where the picture goes")
    given = parser.parse_args()
    browser = next((path for path in BROWSERS if path.exists()), None)
    if browser is None:
        sys.stderr.write("screenshot: there is no Chromium; apt-get install chromium\n")
        return 2
    with (
        tempfile.TemporaryDirectory() as name,
        a_demo(Path(name)) as address,
        a_dashboard(address, APP_ENV, Path(name)) as dashboard,
    ):
        time.sleep(given.seconds)
        try:
            take(browser, dashboard, given.file)
        except Error as failure:
            sys.stderr.write(f"screenshot: {failure}\n")
            return 1
    sys.stdout.write(f"written: {given.file}\n")
    return 0


@contextmanager
def a_demo(folder: Path) -> Iterator[RedisAddress]:
    """Run both venues, a daemon and a Redis of their own until the block ends."""
    redis_port, sandbox_port = (_free_port() for _ in range(2))
    environ = {
        **os.environ,
        "REDIS_PORT": str(redis_port),
        "STATE_DIR": str(folder / "state"),
        "APP_ENV": APP_ENV,
        "METRICS_PORT": "0",
    }
    command = [sys.executable, "-m", "arbitrage.local_stack", "demo", "--port", str(sandbox_port)]
    with (folder / "demo.log").open("w") as log:
        demo = subprocess.Popen(command, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield RedisAddress("127.0.0.1", redis_port)
    finally:
        demo.terminate()
        demo.wait(timeout=15)


def take(browser: Path, dashboard: Dashboard, file: Path) -> None:
    """Log in, wait until there is something to see, and take the picture."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(browser), args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
        page.goto(f"{dashboard.url}/login")
        page.fill("input[name=token]", READ_TOKEN)
        page.fill("input[name=person]", "mina")
        page.click("button")
        page.wait_for_selector(".headline.is-active", timeout=WAIT_MS)
        page.wait_for_timeout(3_000)  # a chart draws itself in
        page.screenshot(path=str(file))
        chromium.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
