#!/usr/bin/env python3
"""Tries the whole stack in containers, on the sandbox: hardening, Redis's users, healing, Live and back.

It starts a Compose project of its own, does to it what an operator or a bad night would, and takes everything down
again. It prints one line for each check. Exit codes: 0 all checks passed, 1 one did not, 2 it could not be tried.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any, Final

import containers
from containers import CannotTry, Site, seconds_until

containers.use_our_python(__file__)

from arbitrage.domain.errors import ArbitrageError, StateUnavailable  # noqa: E402 - not every Python has it
from arbitrage.local_stack.play_money import KEYS, LIMITS  # noqa: E402
from arbitrage.state.glance import ask  # noqa: E402
from arbitrage.state.keys import Command, RedisAddress, StateKeys, namespace_of  # noqa: E402

SERVICES: Final = ("redis", "arbitrage", "dashboard", "sandbox")
START_S: Final = 60.0
HEAL_S: Final = 60.0
HEALTHY_S: Final = 120.0
TRADE_S: Final = 180.0
QUIET_S: Final = 20.0
"""So long nothing may be sent after the way back; the sandbox has a chance for a plan every 20 s or so."""

LIVE: Final = {"LIVE_MODE": "true", "SAFETY_MODE": "true", "DRY_RUN": "false", **LIMITS}
REFUSED: Final[tuple[Command, ...]] = (
    ("FLUSHALL",),
    ("CONFIG", "SET", "appendonly", "no"),
    ("SHUTDOWN", "NOSAVE"),
    ("KEYS", "*"),
    ("ACL", "LIST"),
    ("SET", "somebody:else", "1"),
)
"""What no user of ours may do."""

NEVER_LESS: Final = ("fence", "sequence", "results")
"""What of the guard's account only grows, within an hour."""

Check = tuple[str, bool, str]
"""What is checked, whether it holds, and what was seen."""


def main() -> int:
    """Bring the stack up, try it, take it down."""
    asked = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="Exit codes: 0 passed, 1 a check failed, 2 could not be tried.",
    )
    asked.add_argument("--redis-port", type=int, default=16_380, help="Redis's port here (%(default)s)")
    asked.add_argument("--page-port", type=int, default=18_080, help="the page's port here (%(default)s)")
    given = asked.parse_args()
    try:
        with TemporaryDirectory() as folder:
            environ = _environ(Path(folder), given.redis_port, given.page_port)
            site = Site("arbitrage-stack-check", "sandbox", containers.find_compose(), environ)
            site.run("build", timeout_s=containers.BUILD_S)
            with containers.gone_afterwards(site):
                passed = [containers.tell(*check) for check in _checks(site, given.redis_port)]
    except (CannotTry, OSError, ArbitrageError) as failure:
        sys.stderr.write(f"docker_stack_check: {failure}\n")
        return 2
    return 0 if all(passed) else 1


def _environ(folder: Path, redis_port: int, page_port: int) -> dict[str, str]:
    """Return what this run's shell has set, after writing the play keys as files that the container's user reads."""
    folder.chmod(0o755)
    for name, value in KEYS.items():
        (folder / name.lower()).write_text(value)
    return {
        **dict.fromkeys((*LIMITS, *KEYS, *(f"{name}_FILE" for name in KEYS), "REDIS_PASSWORD", "ALERT_URLS"), ""),
        **{"PAPER_MODE": "false", "LIVE_MODE": "false", "SAFETY_MODE": "true", "DRY_RUN": "true"},
        "DAEMON_ENV_FILE": "no.env",
        "REDIS_HOST_PORT": str(redis_port),
        "DASHBOARD_PORT": str(page_port),
        "SECRETS_DIR": str(folder),
    }


def _checks(site: Site, port: int) -> Iterator[Check]:
    began = perf_counter()
    site.run("up", "-d", "--no-build")
    seconds_until(lambda: _mode(site) == "shadow", START_S, "a daemon in Shadow Live")
    took_s = perf_counter() - began
    yield "Shadow Live within 60 s of `up`", took_s <= START_S, f"{took_s:.0f} s"
    took_s = seconds_until(
        lambda: all(_health(site, service) == "healthy" for service in SERVICES), HEALTHY_S, "health"
    )
    yield "every container is healthy", True, f"after {took_s:.0f} s more"
    for service in SERVICES:
        wrong = list(_soft_spots(site.facts(service)))
        yield f"{service} is hardened", not wrong, ", ".join(wrong) or "all of it"
    users = _users(site, port)
    yield from _refusals(users)
    shadow = StateKeys(namespace_of("shadow", "sandbox"))
    for service in SERVICES:
        yield from _healing(site, users["arbitrage"], shadow, service)
    yield from _there_and_back(site)


def _soft_spots(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a container may that it need not."""
    host, config = facts["HostConfig"], facts["Config"]
    wanted = {
        "writable root": host["ReadonlyRootfs"],
        "capabilities": host["CapDrop"] == ["ALL"] and not host["CapAdd"],
        "new privileges": "no-new-privileges:true" in (host["SecurityOpt"] or []),
        "privileged": not host["Privileged"],
        "runs as root": config["User"].partition(":")[0] not in {"", "0", "root"},
        "no memory limit": host["Memory"] > 0,
        "no limit of processes": (host["PidsLimit"] or 0) > 0,
        "no init": host["Init"],
        "no restart": host["RestartPolicy"]["Name"] == "unless-stopped",
        "no health check": "Healthcheck" in config,
        "no tmpfs": "/tmp" in (host["Tmpfs"] or {}),
        "shares the host's network": host["NetworkMode"] != "host",
    }
    yield from (spot for spot, is_fine in wanted.items() if not is_fine)
    published = [place["HostIp"] for places in (host["PortBindings"] or {}).values() for place in places]
    yield from (f"published at {address}" for address in published if address != "127.0.0.1")
    names = [entry.partition("=") for entry in config["Env"]]
    yield from (f"{name} in its environment" for name, _, value in names if value and _is_secret(name))


def _is_secret(name: str) -> bool:
    return name.endswith(("_KEY", "_PASSWORD", "_TOKEN", "_URLS"))


def _users(site: Site, port: int) -> dict[str, RedisAddress]:
    """Return how each user reaches Redis, with the password that the service was given; a stranger has none."""
    passwords = {user: site.execute(user, "cat", "/run/access/redis_password") for user in ("arbitrage", "dashboard")}
    known = {user: RedisAddress("127.0.0.1", port, 0, password, user) for user, password in passwords.items()}
    return {**known, "nobody": RedisAddress("127.0.0.1", port)}


def _refusals(users: Mapping[str, RedisAddress]) -> Iterator[Check]:
    for user, address in users.items():
        allowed = [" ".join(map(str, command)) for command in REFUSED if _may(address, command)]
        yield f"Redis refuses {user} whatever is not its business", not allowed, ", ".join(allowed) or "all refused"
    key = StateKeys(namespace_of("shadow", "sandbox"))
    rows: dict[str, tuple[Command, dict[str, bool]]] = {
        "read the view": (("GET", key.view), {"arbitrage": True, "dashboard": True, "nobody": False}),
        "write the view": (("SET", key.view + ":tried", "1"), {"arbitrage": True, "dashboard": False, "nobody": False}),
        "write the journal": (
            ("XADD", key.journal, "NOMKSTREAM", "*", "a", "b"),
            {"dashboard": False, "nobody": False},
        ),
        "ask the daemon": (("XADD", key.commands + ":commands", "*", "do", "nothing"), {"dashboard": True}),
    }
    for what, (command, wanted) in rows.items():
        seen = {user: _may(users[user], command) for user in wanted}
        told = ", ".join(f"{user} {'may' if may else 'may not'}" for user, may in seen.items())
        yield f"who may {what}", seen == wanted, told


def _may(address: RedisAddress, command: Command) -> bool:
    try:
        ask(address, command)
    except StateUnavailable as failure:
        if not re.search("no permissions|Authentication required", str(failure)):
            raise
        return False
    return True


def _healing(site: Site, address: RedisAddress, keys: StateKeys, service: str) -> Iterator[Check]:
    """Kill a service as a crash would, and hold what is remembered against what was."""
    before, orders, started = _remembered(address, keys), _orders(site), site.facts(service)["State"]["StartedAt"]
    began = perf_counter()
    with suppress(CannotTry):  # the call dies with what it kills; an engine does not restart what it was told to kill
        site.execute(service, "sh", "-c", "kill -9 -1")
    seconds_until(lambda: _restarted(site, service, started), HEAL_S, f"{service} comes back")
    seconds_until(lambda: bool(_status(site)), HEAL_S, f"heartbeat and market data after {service} was killed")
    seconds_until(lambda: _health(site, service) == "healthy", HEAL_S, f"{service} is healthy again")
    took_s = perf_counter() - began
    yield f"{service} is killed: the stack heals within 60 s", took_s <= HEAL_S, f"after {took_s:.0f} s"
    seconds_until(lambda: _orders(site) > orders, TRADE_S, f"a would-be order after {service} was killed")
    took_s, after = perf_counter() - began, _remembered(address, keys)
    yield f"{service} is killed: it trades again", True, f"after {took_s:.0f} s; a breaker cools down for 60 s"
    lost = [name for name in NEVER_LESS if int(after[name]) < int(before[name])]
    lost += ["epoch"] if after["epoch"] != before["epoch"] else []
    told = ", ".join(f"{name} {before[name]} -> {after[name]}" for name in lost or ("epoch", "sequence", "total_units"))
    yield f"{service} is killed: the state stays", not lost, told


def _remembered(address: RedisAddress, keys: StateKeys) -> dict[str, str]:
    epoch, flat = ask(address, ("GET", keys.epoch), ("HGETALL", keys.guard))
    guard = {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return {**guard, "epoch": epoch.decode()}


def _there_and_back(site: Site) -> Iterator[Check]:
    """Change three variables, keys and limits, as an operator would, and change them back."""
    yield "in Shadow nothing reaches the sandbox", _sent(site) == 0, f"{_sent(site)} orders"
    shell = dict(site.environ)
    site.environ |= {**LIVE, **{f"{name}_FILE": f"/run/secrets/{name.lower()}" for name in KEYS}}
    began = perf_counter()
    site.run("up", "-d", "--no-build", "arbitrage")
    seconds_until(lambda: _sent(site) > 0, TRADE_S, "an order at the sandbox")
    yield "three variables, keys and limits: orders are placed", True, f"after {perf_counter() - began:.0f} s"
    yield "the daemon says that it is Live", _mode(site) == "live", _mode(site)
    seconds_until(lambda: "[LIVE] order" in site.log("arbitrage", 2_000), 10.0, "[LIVE] in the log")
    yield "the log says [LIVE]", True, f"{_sent(site)} orders at the sandbox"
    site.environ = shell
    site.run("up", "-d", "--no-build", "arbitrage")
    seconds_until(lambda: _mode(site) == "shadow", START_S, "Shadow again")
    sent, orders, began = _sent(site), _orders(site), perf_counter()
    seconds_until(lambda: _orders(site) > orders, TRADE_S, "a would-be order after the way back")
    sleep(max(0.0, QUIET_S - (perf_counter() - began)))
    quiet_s = perf_counter() - began
    yield (
        "back in Shadow nothing more is sent",
        _sent(site) == sent,
        f"{_sent(site)} orders still, after {quiet_s:.0f} s",
    )
    open_orders = [row for row in _truth(site, "orders?limit=1000")["rows"] if row.get("state") in {"open", "partial"}]
    yield "nothing was left open at the sandbox", not open_orders, f"{len(open_orders)} open"


def _truth(site: Site, path: str) -> dict[str, Any]:
    """Ask the sandbox's control API, which is heard in its own container only."""
    asking = f"from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8901/truth/{path}').read().decode())"
    truth: dict[str, Any] = json.loads(site.execute("sandbox", "/opt/arbitrage/bin/python", "-c", asking))
    return truth


def _sent(site: Site) -> int:
    return int(_truth(site, "orders?limit=1")["total"])


def _status(site: Site) -> dict[str, Any]:
    with suppress(CannotTry, ValueError):
        status: dict[str, Any] = json.loads(
            site.execute("arbitrage", "arbitrage", "status", "--json", "--max-age", "5")
        )
        return status
    return {}


def _mode(site: Site) -> str:
    return str(_status(site).get("mode", ""))


def _orders(site: Site) -> int:
    return int(_status(site).get("orders", {}).get("shadow", 0))


def _health(site: Site, service: str) -> str:
    return str(site.facts(service)["State"].get("Health", {}).get("Status", ""))


def _restarted(site: Site, service: str, started: str) -> bool:
    state = site.facts(service)["State"]
    return bool(state["Running"]) and state["StartedAt"] != started


if __name__ == "__main__":
    sys.exit(main())
