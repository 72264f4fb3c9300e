#!/usr/bin/env python3
"""Plays one scenario in containers and looks, from outside, at what it left in Redis. One line for each check.

It starts a Compose project of its own, asks the published Redis port as any program on this machine would, and takes
everything down again, volumes too. Exit codes: 0 all checks passed, 1 one did not, 2 it could not be tried.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
if find_spec("arbitrage") is None:  # started by a Python without our packages
    subprocess.run([ROOT / "scripts" / "bootstrap"], check=True)
    python = str(ROOT / ".venv" / "bin" / "python")
    os.execv(python, [python, str(Path(__file__).resolve()), *sys.argv[1:]])

from arbitrage.clock import SystemClock  # noqa: E402 - not every Python has it
from arbitrage.domain.errors import ArbitrageError, StateUnavailable  # noqa: E402
from arbitrage.paper.publish import OutcomeKeys  # noqa: E402
from arbitrage.state.glance import ask  # noqa: E402
from arbitrage.state.keys import RedisAddress  # noqa: E402

PROJECT: Final = "arbitrage-paper-smoke"
APP_ENV: Final = "smoke"
BUILD_S: Final = 1_200.0
PLAY_S: Final = 300.0


class CannotTry(Exception):
    """The containers could not be brought up, which says nothing about the scenario."""


@dataclass(frozen=True, slots=True)
class Site:
    """The Compose project of this run."""

    compose: list[str]
    port: int
    scenario: Path

    def run(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """Call Compose; return what it printed. Raises CannotTry with its last words."""
        return _printed([*self.compose, "--profile", "paper", *arguments], self._environ(), timeout_s)

    def exit_code(self, container: str) -> int:
        """Wait for a container's end and return its exit code. Raises CannotTry."""
        return int(_printed(["docker", "wait", container], None, PLAY_S))

    def _environ(self) -> dict[str, str]:
        # the shell's values win over a .env: whatever stands there, this run is one of its own
        classic = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"} if len(self.compose) == 1 else {}
        ours = {
            "COMPOSE_FILE": str(ROOT / "infra" / "docker-compose.yml"),
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_PROFILES": "",
            "SCENARIOS_DIR": str(self.scenario.parent),
            "SCENARIO": self.scenario.name,
            "REDIS_HOST_PORT": str(self.port),
            "REDIS_PASSWORD": "",
            "REDIS_DB": "0",
            "STATE": "redis",
            "APP_ENV": APP_ENV,
        }
        return {**classic, **os.environ, **ours}


def main() -> int:
    """Bring the containers up, check what they did, take them down."""
    asked = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], epilog="Exit codes: 0 passed, 1 a check failed, 2 could not be tried."
    )
    scenarios = sorted((ROOT / "tests" / "scenarios").glob("*.yaml"))
    first = scenarios[0] if scenarios else ROOT / "tests" / "scenarios" / "*.yaml"
    asked.add_argument("scenario", nargs="?", type=Path, default=first, help=f"the file to play ({first.name})")
    asked.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("REDIS_HOST_PORT") or 6380),
        help="Redis's port here (%(default)s)",
    )
    given = asked.parse_args()
    try:
        scenario = given.scenario.resolve(strict=True)
        with _up(Site(_compose(), given.port, scenario)) as site:
            passed = [_told(*check) for check in _checks(site)]
    except (CannotTry, OSError, ArbitrageError) as failure:
        sys.stderr.write(f"docker_paper_smoke: {failure}\n")
        return 2
    return 0 if all(passed) else 1


def _checks(site: Site) -> Iterator[tuple[str, bool, str]]:
    """Yield what is checked, whether it holds, and what was seen."""
    began = SystemClock().now()
    address, keys = RedisAddress("127.0.0.1", site.port), OutcomeKeys(APP_ENV)
    yield "Redis answers on the host's port", *_seen(lambda: ask(address, ("PING",)) == [b"PONG"], str(address))
    site.run("up", "-d", "--no-build", "paper")
    container = site.run("ps", "-q", "paper").strip()
    if not container:
        raise CannotTry("the service paper left no container")
    code = site.exit_code(container)
    if code:
        sys.stderr.write(_printed(["docker", "logs", "--tail", "20", container], None, 60.0))
    yield "the container ends with exit code 0", code == 0, str(code)
    flat = ask(address, ("HGETALL", keys.outcome(site.scenario.stem)))[0]
    held = {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
    yield "its outcome is in Redis", bool(held), keys.outcome(site.scenario.stem)
    yield "it is of this run", int(held.get("finished_at", 0)) > began, held.get("finished_at", "nothing")
    yield "the scenario passed", held.get("passed") == "true", held.get("passed", "nothing")
    for check in json.loads(held.get("json", "{}")).get("checks", []):
        yield f"{check['name']}: {check['wanted']}", check["passed"], check["seen"]
    beside = ask(address, ("KEYS", "*"))[0]
    foreign = [key.decode() for key in beside if not key.startswith(b"arbitrage:paper:")]
    yield "nothing was written beside the paper namespace", not foreign, ", ".join(foreign) or f"{len(beside)} keys"


@contextmanager
def _up(site: Site) -> Iterator[Site]:
    try:
        site.run("build", "paper", timeout_s=BUILD_S)
        site.run("up", "-d", "redis", timeout_s=BUILD_S)
        _await_redis(site.port)
        yield site
    finally:
        site.run("down", "-v", "--rmi", "local", "--remove-orphans")


def _await_redis(port: int) -> None:
    give_up = perf_counter() + 30.0
    while True:
        try:
            ask(RedisAddress("127.0.0.1", port), ("PING",))
        except StateUnavailable:
            if perf_counter() > give_up:
                raise
            sleep(0.2)
        else:
            return


def _compose() -> list[str]:
    """Return how Compose is called here. Raises CannotTry."""
    if shutil.which("docker") is None:
        raise CannotTry("there is no docker on the PATH; install Docker Engine, then try again")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        raise CannotTry("docker's engine does not answer; is it running, and may you use it?")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        raise CannotTry("there is neither `docker compose` nor docker-compose; install one of them")
    return ["docker-compose"]


def _printed(command: list[str], environ: dict[str, str] | None, timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotTry(f"{' '.join(command)}: not done within {timeout_s:.0f} s") from None
    if done.returncode != 0:
        raise CannotTry(f"{' '.join(command)}: {' '.join(done.stderr.split())[-400:]}")
    return done.stdout


def _seen(holds: Callable[[], bool], what: str) -> tuple[bool, str]:
    try:
        return holds(), what
    except StateUnavailable as failure:
        return False, str(failure)


def _told(check: str, holds: bool, seen: str) -> bool:
    sys.stdout.write(f"{'ok     ' if holds else 'FAILED '} {check} ({seen})\n")
    sys.stdout.flush()
    return holds


if __name__ == "__main__":
    sys.exit(main())
