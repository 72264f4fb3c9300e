"""A Compose project of a script's own: called as a user would, looked into with the engine, gone at the end.

For the scripts that try the containers. It knows how Compose is called, and nothing about what is tried.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CALL_S: Final = 180.0
BUILD_S: Final = 1_800.0


class CannotTry(Exception):
    """The containers could not be brought up, or did not get somewhere, which leaves nothing to look at."""


def use_our_python(script: str) -> None:
    """Start a script again with the checkout's own Python, where the one that runs it lacks our packages."""
    if find_spec("arbitrage") is None:
        subprocess.run([ROOT / "scripts" / "bootstrap"], check=True)
        python = str(ROOT / ".venv" / "bin" / "python")
        os.execv(python, [python, str(Path(script).resolve()), *sys.argv[1:]])


@dataclass
class Site:
    """A Compose project. `environ` is what a person would have in the shell: it wins over a `.env`."""

    project: str
    profile: str
    compose: list[str]
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, timeout_s: float = CALL_S) -> str:
        """Call Compose; return what it printed. Raises CannotTry with its last words."""
        return printed([*self.compose, "--profile", self.profile, *arguments], self._environ(), timeout_s)

    def container(self, service: str) -> str:
        """Return the id of a service's container. Raises CannotTry if it has none."""
        container = self.run("ps", "-q", service).strip()
        if not container:
            raise CannotTry(f"the service {service} has no container")
        return container

    def facts(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of the container of a service."""
        facts: dict[str, Any] = json.loads(printed(["docker", "inspect", self.container(service)]))[0]
        return facts

    def execute(self, service: str, *command: str) -> str:
        """Run a command inside the container of a service and return what it printed. Raises CannotTry."""
        return printed(["docker", "exec", self.container(service), *command])

    def exit_code(self, service: str, within_s: float) -> int:
        """Wait for a container's end and return its exit code. Raises CannotTry."""
        return int(printed(["docker", "wait", self.container(service)], None, within_s))

    def log(self, service: str, lines: int = 20) -> str:
        """Return the last lines that a service wrote, to either stream."""
        return printed(["docker", "logs", "--tail", str(lines), self.container(service)], joined=True)

    def _environ(self) -> dict[str, str]:
        # 1.29 would call the client for BuildKit, which an engine may lack
        classic = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"} if len(self.compose) == 1 else {}
        ours = {
            "COMPOSE_FILE": str(ROOT / "infra" / "docker-compose.yml"),
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_PROFILES": "",
        }
        return {**classic, **os.environ, **ours, **self.environ}


@contextmanager
def gone_afterwards(site: Site) -> Iterator[Site]:
    """Take everything down at the end, however it comes: containers, volumes, the images that were built."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # else it would leave them running
    try:
        yield site
    finally:
        site.run("down", "-v", "--rmi", "local", "--remove-orphans")


def find_compose() -> list[str]:
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


def printed(
    command: list[str], environ: Mapping[str, str] | None = None, timeout_s: float = CALL_S, *, joined: bool = False
) -> str:
    """Run a command in the checkout and return its output, `joined` with its errors. Raises CannotTry."""
    errors = subprocess.STDOUT if joined else subprocess.PIPE
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotTry(f"{' '.join(command)}: not done within {timeout_s:.0f} s") from None
    if done.returncode != 0:
        raise CannotTry(f"{' '.join(command)}: {' '.join((done.stderr or done.stdout).split())[-400:]}")
    return done.stdout


def seconds_until(holds: Callable[[], bool], within_s: float, what: str) -> float:
    """Wait until something holds and return how long that took. Raises CannotTry saying what did not happen."""
    began = perf_counter()
    while not holds():
        if perf_counter() - began > within_s:
            raise CannotTry(f"{what}: not within {within_s:.0f} s")
        sleep(0.25)
    return perf_counter() - began


def tell(check: str, holds: bool, seen: str) -> bool:
    """Print one line for a check and return whether it holds."""
    sys.stdout.write(f"{'ok     ' if holds else 'FAILED '} {check} ({seen})\n")
    sys.stdout.flush()
    return holds
