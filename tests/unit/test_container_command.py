"""The command `arbitrage` of the container: which venues it chooses, with a network and a clock of the test's own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from arbitrage.local_stack.stack import Demo
from arbitrage.settings import load_settings

SCRIPT = Path(__file__).parents[2] / "infra" / "arbitrage.sh"
PROGRAM = "/opt/arbitrage/bin/arbitrage"
HOST = "sandbox.arbitrage.internal"
COUNT_DOWN = "read -r left <network && echo $((left - 1)) >network"

REHEARSAL = {
    # the addresses that `scripts/run demo` uses, on another host
    **{name: url.replace("127.0.0.1", HOST) for name, url in Demo(port=8900).urls().items()},
    "SANDBOX_HOSTS": HOST,
    "APP_ENV": "sandbox",
}


@dataclass
class Container:
    """A container's file system and network, as far as the script looks at them; started twice, it is the same."""

    folder: Path

    def __post_init__(self) -> None:
        self._install("getent", f'[ "$1 $2" = "hosts {HOST}." ] && {COUNT_DOWN} && [ "$left" -le 0 ]')
        self._install("sleep", "exit 0")
        self._install("program", 'echo "ran $*"; env')
        text = SCRIPT.read_text().replace(PROGRAM, str(self.folder / "program"))
        self._install("arbitrage", text.partition("\n")[2])
        self.sandbox_appears_after(None)

    def sandbox_appears_after(self, questions: int | None) -> None:
        """Let the name of the sandbox resolve from the n-th question on; None: never."""
        (self.folder / "network").write_text(f"{10**9 if questions is None else questions}\n")

    def start(self, *arguments: str, **environ: str) -> tuple[list[str], dict[str, str]]:
        """Run the command; return what was printed before the program ran, and the program's environment."""
        given = {"PATH": f"{self.folder}:{os.environ['PATH']}", "STATE_DIR": str(self.folder / "state"), **environ}
        command = [str(self.folder / "arbitrage"), *arguments]
        printed = subprocess.check_output(command, env=given, cwd=self.folder, text=True, timeout=20)
        said, _, seen = printed.partition(f"ran {' '.join(arguments)}\n")
        return said.splitlines(), dict(line.split("=", 1) for line in seen.splitlines())

    def _install(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_without_a_sandbox_the_daemon_gets_what_was_given(container: Container) -> None:
    said, environ = container.start("run", APP_ENV="mine")

    assert said == []
    assert environ["APP_ENV"] == "mine"
    assert not REHEARSAL.keys() - {"APP_ENV"} & environ.keys()


def test_beside_a_sandbox_the_daemon_rehearses_with_a_state_of_its_own(container: Container) -> None:
    container.sandbox_appears_after(0)

    said, environ = container.start("run", APP_ENV="mine")

    assert REHEARSAL.items() <= environ.items()
    assert environ["STATE_DIR"].endswith("/state/sandbox")
    assert '"event":"rehearsal"' in said[0]


def test_a_rehearsal_is_a_configuration_that_the_daemon_takes(container: Container) -> None:
    container.sandbox_appears_after(0)

    settings = load_settings(container.start("run")[1], env_file=None)

    assert settings.upbit_ws_url == f"ws://{HOST}:8900/upbit/websocket/v1"


def test_a_sandbox_that_starts_a_moment_later_is_still_seen(container: Container) -> None:
    container.sandbox_appears_after(3)

    assert container.start("run")[1]["APP_ENV"] == "sandbox"


def test_a_container_that_rehearsed_waits_for_the_sandbox_to_come_back(container: Container) -> None:
    container.sandbox_appears_after(0)
    container.start("run")
    container.sandbox_appears_after(130)

    said, environ = container.start("run")

    assert environ["APP_ENV"] == "sandbox"
    assert [line.count("waiting_for_sandbox") for line in said] == [1, 1, 1, 0]  # at once, then each minute


@pytest.mark.parametrize("profiles", ["sandbox", "monitoring,sandbox", "*"])
def test_who_asks_for_the_profile_by_its_variable_never_gets_the_real_venues(
    container: Container, profiles: str
) -> None:
    container.sandbox_appears_after(30)

    assert container.start("run", COMPOSE_PROFILES=profiles)[1]["APP_ENV"] == "sandbox"


def test_another_profile_is_not_a_rehearsal(container: Container) -> None:
    assert "APP_ENV" not in container.start("run", COMPOSE_PROFILES="monitoring,not-sandbox")[1]


@pytest.mark.parametrize("name", sorted(name for name in REHEARSAL if name.startswith(("UPBIT_", "BINANCE_"))))
def test_an_address_of_ones_own_wins(container: Container, name: str) -> None:
    container.sandbox_appears_after(0)

    said, environ = container.start("run", **{name: "https://elsewhere"})

    assert said == []
    assert {key: environ.get(key) for key in REHEARSAL} == {**dict.fromkeys(REHEARSAL), name: "https://elsewhere"}


def test_status_looks_where_the_daemon_of_this_container_trades(container: Container) -> None:
    container.sandbox_appears_after(0)
    container.start("run")
    container.sandbox_appears_after(None)

    said, environ = container.start("status", "--json", "--max-age", "30")

    assert said == []
    assert REHEARSAL.items() <= environ.items()


def test_a_sandbox_beside_a_container_that_trades_for_real_changes_nothing_for_status(container: Container) -> None:
    container.start("run")
    container.sandbox_appears_after(0)

    assert "APP_ENV" not in container.start("status")[1]


def test_the_page_looks_where_the_daemon_rehearses_and_waits_for_nobody(container: Container) -> None:
    container.sandbox_appears_after(0)
    first = container.start("dashboard", "--port", "8080")[1]
    container.sandbox_appears_after(None)

    said, later = container.start("dashboard", "--port", "8080")

    assert (first["APP_ENV"], later["APP_ENV"], said) == ("sandbox", "sandbox", [])


def test_without_a_sandbox_the_page_shows_what_it_was_told_to(container: Container) -> None:
    assert container.start("dashboard", APP_ENV="mine")[1]["APP_ENV"] == "mine"
