"""What Compose makes of our file, and, where an engine is at hand, the containers themselves.

The containers are built and run only with ARBITRAGE_CONTAINER_TESTS=1: it takes minutes and an engine.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTEXT = ("arbitrage", "liveguard", "requirements", "infra", "pyproject.toml", "README.md", ".dockerignore")
START_S = 180.0
HEAL_S = 180.0  # a breaker that a lost venue has tripped cools down for 60 s


def commands_at_hand() -> list[list[str]]:
    """Return how Compose is called here: its second generation, its first, both or neither."""
    found = [["docker-compose"]] if shutil.which("docker-compose") else []
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        found += [["docker", "compose"]] if plugin.returncode == 0 else []
    return found


@dataclass
class Site:
    """A checkout of our own with a `.env`, where Compose is called as a user would, in the root."""

    folder: Path
    compose: Sequence[str]
    environ: dict[str, str] = field(default_factory=dict)

    def set(self, **values: str) -> None:
        """Change or add lines of `.env`."""
        path = self.folder / ".env"
        text = path.read_text() if path.exists() else (ROOT / ".env.example").read_text()
        for name, value in values.items():
            text = re.sub(rf"^#?{name}=.*\n", "", text, flags=re.MULTILINE) + f"{name}={value}\n"
        path.write_text(text)

    def run(self, *arguments: str, check: bool = True) -> str:
        """Call Compose; return what it printed. Raises CalledProcessError."""
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        # 1.29 would call the client for BuildKit, which an engine may lack
        classic = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"} if len(self.compose) == 1 else {}
        command = [*self.compose, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=bare | classic | self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stderr[-2000:]}"
        return done.stdout

    def config(self, *arguments: str) -> dict[str, Any]:
        """Return the services as Compose understands them."""
        services: dict[str, Any] = yaml.safe_load(self.run(*arguments, "config"))["services"]
        return services

    def environment(self) -> dict[str, str | None]:
        """Return what Compose would give the daemon; None is a variable that it leaves out."""
        given: dict[str, str | None] = self.config()["arbitrage"]["environment"]
        return given

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of itself; empty while it says nothing."""
        text = self.run("exec", "-T", "arbitrage", "arbitrage", "status", "--json", "--max-age", "5", check=False)
        try:
            status: dict[str, Any] = json.loads(text)
        except ValueError:
            return {}
        return status if status["heartbeat_age_s"] < 5 else {}

    def orders(self) -> int:
        """Return the number of would-be orders so far."""
        return int(self.status().get("orders", {}).get("shadow", 0))

    def wait_for_more_orders_than(self, orders: int, within_s: float) -> None:
        """Wait until the daemon has told more orders. Raises TimeoutError."""
        give_up = time.perf_counter() + within_s
        while self.orders() <= orders:
            if time.perf_counter() > give_up:
                raise TimeoutError(self.run("logs", "--tail", "20", check=False))
            time.sleep(0.5)

    def facts(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of the container of a service."""
        name = self.run("ps", "-q", service).strip()
        facts: dict[str, Any] = json.loads(subprocess.check_output(["docker", "inspect", name]))[0]
        return facts


@pytest.fixture(params=commands_at_hand() or [[]], ids=lambda command: "-".join(command) or "none")
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A fresh `cp .env.example .env`, for each Compose that is at hand."""
    if not request.param:
        pytest.skip("neither docker-compose nor docker compose is installed")
    shutil.copytree(ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("secrets"))
    made = Site(tmp_path, request.param)
    made.set()
    return made


def test_a_variable_flipped_in_the_env_file_reaches_the_daemon(site: Site) -> None:
    before = site.environment()
    site.set(LIVE_MODE="true", PAIRS="BTC,XRP")
    after = site.environment()

    assert (before["LIVE_MODE"], before.get("PAIRS")) == ("false", None)
    assert (after["LIVE_MODE"], after.get("PAIRS")) == ("true", "BTC,XRP")


def test_an_empty_value_arrives_empty_and_not_as_the_default(site: Site) -> None:
    site.set(SAFETY_MODE="")

    assert site.environment()["SAFETY_MODE"] == ""


def test_the_shell_wins_over_the_env_file(site: Site) -> None:
    site.environ["DRY_RUN"] = "yes"

    assert site.environment()["DRY_RUN"] == "yes"


def test_a_misspelt_name_reaches_the_daemon_too_so_that_it_can_complain(site: Site) -> None:
    site.set(RISK_MAX_DAILY_LOS="100000")

    assert site.environment()["RISK_MAX_DAILY_LOS"] == "100000"


def test_without_an_env_file_everything_has_its_default(site: Site) -> None:
    (site.folder / ".env").unlink()
    arbitrage = site.config("-f", "infra/docker-compose.yml")["arbitrage"]
    given = {name for name, value in arbitrage["environment"].items() if value}

    of_redis = {"REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD_FILE"}
    assert given == of_redis | {"STATE_DIR", "METRICS_HOST", "METRICS_PORT"}


@pytest.fixture
def running(site: Site) -> Iterator[Site]:
    """The stack with its sandbox, under a project name and a port of its own; gone afterwards, with its volumes."""
    if os.environ.get("ARBITRAGE_CONTAINER_TESTS") != "1":
        pytest.skip("set ARBITRAGE_CONTAINER_TESTS=1 to build and run the containers")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no container engine answers")
    for name in CONTEXT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        if name != "infra":
            copy(ROOT / name, site.folder / name)
    (site.folder / "infra" / "secrets").mkdir()
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, page_port = one.getsockname()[1], other.getsockname()[1]
    site.set(COMPOSE_PROJECT_NAME=f"arbitrage-test-{port}", REDIS_HOST_PORT=str(port), DASHBOARD_PORT=str(page_port))
    try:
        site.run("--profile", "sandbox", "build")
        site.run("--profile", "sandbox", "up", "-d")
        yield site
    finally:
        site.run("--profile", "sandbox", "down", "-v", "--rmi", "local", "--remove-orphans", check=False)


def test_the_profile_rehearses_heals_and_goes_without_a_trace(running: Site) -> None:
    running.wait_for_more_orders_than(0, START_S)
    status = running.status()

    assert status["mode"] == "shadow"
    assert status["state"]["namespace"] == "arbitrage:shadow:sandbox"
    for service in ("redis", "arbitrage", "sandbox"):
        assert running.facts(service)["HostConfig"]["ReadonlyRootfs"], service
        assert running.facts(service)["HostConfig"]["CapDrop"] == ["ALL"], service
        orders = running.orders()
        # as a crash would, from within: an engine does not restart what it was itself told to kill
        running.run("exec", "-T", service, "sh", "-c", "kill -9 -1", check=False)
        running.wait_for_more_orders_than(orders, HEAL_S)

    running.set(LIVE_MODE="on")

    assert "LIVE_MODE=on" in running.run("run", "--rm", "-T", "arbitrage", "env").split()
