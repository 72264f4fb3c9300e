"""`arbitrage watch` in a terminal of its own (a pty), on a real Redis that comes and goes."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.settings import load_settings
from arbitrage.state.keys import RedisAddress, RunFacts, StateKeys, namespace_of
from arbitrage.state.link import StateLink
from arbitrage.state.rows import RowWriter
from arbitrage.watch.reading import look
from tests.plan_builders import a_view, an_end
from tests.redis_server import RedisServer

WITHIN_S = 10.0
ALTERNATE, USUAL = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A terminal in which `arbitrage watch` runs."""

    def __init__(self, environ: dict[str, str], columns: int = 100, rows: int = 40) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arbitrage.cli", "watch"],
            env=environ, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.written = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text: str) -> str:
        """Read until something is written that was not there before; return all that came."""
        came, give_up = "", time.perf_counter() + WITHIN_S
        while text not in came:
            assert time.perf_counter() < give_up, f"never: {text!r} in {came[-2_000:]!r}"
            came += self._read()
        self.written += came
        return came

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.until(USUAL)
        return self.process.wait(WITHIN_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(WITHIN_S)
        os.close(self._master)

    def _read(self) -> str:
        if not select.select([self._master], [], [], 0.1)[0]:
            return ""
        try:
            return os.read(self._master, 65_536).decode(errors="replace")
        except OSError:  # EIO: the other end was closed
            return ""


async def leave_a_state(address: RedisAddress) -> None:
    at = Instant(SystemClock().now())
    facts = RunFacts(mode="shadow", app_env="local", version="1.2.3", started_at=at, pid=7)
    keys = StateKeys(facts.namespace)
    rows, link = RowWriter(keys, facts), StateLink(address, keys)
    await link.claim()
    told = [row for intent in (ReportPlanEnd(an_end(at=at)), Publish(a_view(at))) for row in rows.rows(intent)]
    await link.apply(1, [*rows.facts(), *rows.heartbeat(at), *told])
    await link.close()


def a_daemon_was_here(address: RedisAddress) -> None:
    asyncio.run(leave_a_state(address))


@pytest.fixture
def environ(private_redis: RedisServer, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "STATE_DIR": str(tmp_path),
        "REDIS_PORT": str(private_redis.address.port),
        "REDIS_HOST": private_redis.address.host,
    }


@pytest.fixture
def terminal(environ: dict[str, str]) -> Iterator[Terminal]:
    made = Terminal(environ)
    yield made
    made.close()


def test_a_look_finds_edges_plans_and_open_alerts_and_passes_over_damage(private_redis: RedisServer) -> None:
    a_daemon_was_here(private_redis.address)
    keys, at = StateKeys(namespace_of("shadow", "local")), SystemClock().now()
    alert = Alert(id="a-2", at=at, severity=Severity.WARNING, kind="venue", text="upbit\x1b[2J", runbook="", last_at=at)
    others = [replace(alert, id="a-1", severity=Severity.CRITICAL), replace(alert, id="a-3", acked_at=at)]
    with Redis(private_redis.address.host, private_redis.address.port) as redis:
        for each in (alert, *others):
            redis.hset(keys.alerts, each.id, msgspec.json.encode(each))
        redis.hset(keys.alerts, "a-4", b"\xff")
        redis.xadd(keys.series, {"row": b"{}"})
        redis.xadd(keys.plans_closed, {"else": b"{}"})
    given = {"REDIS_HOST": private_redis.address.host, "REDIS_PORT": str(private_redis.address.port)}
    picture = look(load_settings(given, None))

    assert picture is not None
    assert [each.id for each in picture.alerts] == ["a-1", "a-2"]
    assert [bps for _, bps in picture.edges["BTC", "sell_upbit"]] == [4.2]
    assert [end.plan.plan_id for end in picture.ends] == ["p-1"]


def test_it_draws_follows_the_size_and_gives_the_terminal_back(private_redis: RedisServer, terminal: Terminal) -> None:
    a_daemon_was_here(private_redis.address)

    assert ALTERNATE in terminal.until("SHADOW LIVE")
    terminal.resize(200, 40)
    terminal.until(" " * 100)
    assert terminal.end(signal.SIGINT) == 0


def test_redis_goes_and_comes_and_the_picture_stays(private_redis: RedisServer, terminal: Terminal) -> None:
    a_daemon_was_here(private_redis.address)
    terminal.until("SHADOW LIVE")
    private_redis.stop()
    terminal.until("NO NEWS: this is how it was")
    gone = terminal.until("SHADOW LIVE")
    private_redis.start()
    back = terminal.until("SHADOW LIVE")
    while "NO NEWS" in back:
        back = terminal.until("SHADOW LIVE")

    assert "Connection refused" in gone + terminal.written
    assert terminal.end(signal.SIGTERM) == 0


def test_a_redis_that_hangs_does_not_freeze_the_picture(private_redis: RedisServer, terminal: Terminal) -> None:
    a_daemon_was_here(private_redis.address)
    terminal.until("SHADOW LIVE")
    private_redis.freeze()
    try:
        terminal.until("NO NEWS: this is how it was")
        assert terminal.end(signal.SIGINT) == 0
    finally:
        private_redis.thaw()


def test_one_picture_for_a_script_is_plain_text(private_redis: RedisServer, environ: dict[str, str]) -> None:
    a_daemon_was_here(private_redis.address)
    command = [sys.executable, "-m", "arbitrage.cli", "watch"]
    once = subprocess.run([*command, "--once"], env=environ, capture_output=True, text=True, timeout=20, check=False)
    piped = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20, check=False)

    assert (once.returncode, "\x1b" in once.stdout) == (0, False)
    assert "result +2,123 KRW" in once.stdout
    assert (piped.returncode, piped.stdout) == (2, "")
    assert "watch needs a terminal" in piped.stderr


def test_one_picture_of_nothing_says_so(private_redis: RedisServer, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "arbitrage.cli", "watch", "--once"]
    none = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20, check=False)
    private_redis.stop()
    gone = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20, check=False)

    assert (none.returncode, none.stdout) == (1, "")
    assert (gone.returncode, len(gone.stderr.splitlines())) == (4, 1)
