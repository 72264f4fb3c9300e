#!/usr/bin/env python3
"""Plays one scenario in containers and looks, from outside, at what it left in Redis. One line for each check.

It starts a Compose project of its own, asks the published Redis port as any program on this machine would, and takes
everything down again, volumes too. Exit codes: 0 all checks passed, 1 one did not, 2 it could not be tried.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from containers import (
    BUILD_S,
    ROOT,
    CannotTry,
    Site,
    find_compose,
    gone_afterwards,
    seconds_until,
    tell,
    use_our_python,
)

use_our_python(__file__)

from arbitrage.clock import SystemClock  # noqa: E402 - not every Python has it
from arbitrage.domain.errors import ArbitrageError, StateUnavailable  # noqa: E402
from arbitrage.paper.publish import OutcomeKeys  # noqa: E402
from arbitrage.state.glance import ask  # noqa: E402
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of  # noqa: E402

APP_ENV: Final = "smoke"
PLAY_S: Final = 300.0
ANSWER_S: Final = 30.0

Check = tuple[str, bool, str]
"""What is checked, whether it holds, and what was seen."""


def main() -> int:
    """Bring the containers up, check what they did, take them down."""
    given = _arguments()
    password = secrets.token_hex(32)
    try:
        scenario = given.scenario.resolve(strict=True)
        site = Site("arbitrage-paper-smoke", "paper", find_compose(), _environ(scenario, given.port, password))
        with gone_afterwards(site):
            site.run("build", "paper", timeout_s=BUILD_S)
            site.run("up", "-d", "redis", timeout_s=BUILD_S)
            address = RedisAddress("127.0.0.1", given.port, password=password, username="arbitrage")
            passed = [tell(*check) for check in _checks(site, address, scenario.stem)]
    except (CannotTry, OSError, ArbitrageError) as failure:
        sys.stderr.write(f"docker_paper_smoke: {failure}\n")
        return 2
    return 0 if all(passed) else 1


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="Exit codes: 0 passed, 1 a check failed, 2 could not be tried.",
    )
    scenarios = sorted((ROOT / "tests" / "scenarios").glob("*.yaml"))
    first = scenarios[0] if scenarios else ROOT / "tests" / "scenarios" / "*.yaml"
    asked.add_argument("scenario", nargs="?", type=Path, default=first, help=f"the file to play ({first.name})")
    usual = int(os.environ.get("REDIS_HOST_PORT") or 6380)
    asked.add_argument("--port", type=int, default=usual, help="Redis's port here (%(default)s)")
    return asked.parse_args()


def _environ(scenario: Path, port: int, password: str) -> dict[str, str]:
    return {
        "SCENARIOS_DIR": str(scenario.parent),
        "SCENARIO": scenario.name,
        "REDIS_HOST_PORT": str(port),
        "REDIS_PASSWORD": password,
        "REDIS_DB": "0",
        "STATE": "redis",
        "APP_ENV": APP_ENV,
    }


def _checks(site: Site, address: RedisAddress, scenario: str) -> Iterator[Check]:
    began, keys = SystemClock().now(), OutcomeKeys(APP_ENV)
    took_s = seconds_until(lambda: _answers(address), ANSWER_S, f"Redis answers at {address}")
    yield "Redis answers on the host's port", True, f"{address}, after {took_s:.1f} s"
    stranger = RedisAddress(address.host, address.port)
    yield "it tells nothing to who does not say who he is", not _reads(stranger, keys.outcomes), "no user, no password"
    site.run("up", "-d", "--no-build", "paper")
    code = site.exit_code("paper", PLAY_S)
    if code:
        sys.stderr.write(site.log("paper"))
    yield "the container ends with exit code 0", code == 0, str(code)
    held = _hash(address, keys.outcome(scenario))
    yield "its outcome is in Redis", bool(held), keys.outcome(scenario)
    yield "it is of this run", int(held.get("finished_at", 0)) > began, held.get("finished_at", "nothing")
    yield "the scenario passed", held.get("passed") == "true", held.get("passed", "nothing")
    for check in json.loads(held.get("json", "{}")).get("checks", []):
        yield f"{check['name']}: {check['wanted']}", check["passed"], check["seen"]
    others = [StateKeys(namespace_of(mode, APP_ENV)) for mode in ("shadow", "live")]
    (found,) = ask(address, ("EXISTS", *(key for other in others for key in (other.epoch, other.run, other.heartbeat))))
    yield "nothing was written in another mode's namespace", found == 0, f"{found} keys"


def _hash(address: RedisAddress, key: str) -> dict[str, str]:
    (flat,) = ask(address, ("HGETALL", key))
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _answers(address: RedisAddress) -> bool:
    try:
        return ask(address, ("PING",)) == [b"PONG"]
    except StateUnavailable:
        return False


def _reads(address: RedisAddress, key: str) -> bool:
    try:
        ask(address, ("ZCARD", key))
    except StateUnavailable:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
