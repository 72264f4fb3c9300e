"""What `scripts/run` starts: the right things, in the right order, and nothing of it stays behind."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from arbitrage.domain.errors import ConfigurationError
from arbitrage.local_stack.play_money import play_money, refuse_real
from arbitrage.local_stack.redis_server import Answer, ask, configuration
from arbitrage.local_stack.stack import Demo
from arbitrage.sandbox.keys import UPBIT_KEYS
from arbitrage.settings import load_settings
from liveguard.mode_gate import API_KEYS, Mode, decide
from tests.redis_server import RedisServer

# Stands in for the command `arbitrage`: writes down what it is told, and ends as its folder's file `ending` says.
PROGRAM = """
import json, os, pathlib, signal, socket, sys, time
def note(line):
    with open("notes", "a") as notes: notes.write(line + "\\n")
def end(*_):
    note(f"{sys.argv[1]} ends"); sys.exit(0)
signal.signal(signal.SIGINT, lambda *_: note(f"{sys.argv[1]} got Ctrl-C"))
ending = pathlib.Path("ending").read_text() if pathlib.Path("ending").exists() else ""
signal.signal(signal.SIGTERM, signal.SIG_IGN if ending == "never" and sys.argv[1] == "run" else end)
if sys.argv[1] == "sandbox":
    if ending == "no sandbox": sys.exit("no market today")
    port = int(sys.argv[sys.argv.index("--port") + 1])
    listener = socket.create_server(("127.0.0.1", port))
pathlib.Path(f"{sys.argv[1]}.json").write_text(json.dumps({"argv": sys.argv[1:], "environ": dict(os.environ)}))
note(f"{sys.argv[1]} {os.getpid()} {os.environ.get('UPBIT_REST_URL', '-')}")
if ending.isdigit() and sys.argv[1] == "run": sys.exit(int(ending))
while True: time.sleep(60)
"""

DRIVER = """
import sys
from arbitrage.clock import SystemClock
from arbitrage.local_stack.__main__ import start
sys.exit(start(sys.argv[2:], SystemClock(), (sys.executable, sys.argv[1])))
"""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def eventually(condition: Callable[[], bool], limit_s: float = 8.0) -> bool:
    """Tell whether it came true within the limit."""
    for _ in range(int(limit_s / 0.02)):
        if condition():
            return True
        time.sleep(0.02)
    return False


class Stack:
    """A supervisor in a folder of its own, with the stand-in for everything but Redis."""

    def __init__(self, folder: Path, redis_port: int) -> None:
        self.folder = folder
        self.redis_port = redis_port
        self.said = ""
        self.sandbox_port = free_port()
        (folder / "program.py").write_text(PROGRAM)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start it as a terminal would: it leads a process group of its own."""
        base = {"PATH": os.environ["PATH"], "REDIS_PORT": str(self.redis_port)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(self.folder / "program.py"), *arguments],
            env=base | environ, cwd=self.folder, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        return self.process

    def end(self, **environ: str) -> tuple[int, str]:
        """Start it where it ends by itself; return its exit code and what it said."""
        said = self.start(**environ).communicate(timeout=10)[1]
        return self.process.returncode, said

    def notes(self) -> list[str]:
        """Return what the stand-ins wrote down, so far."""
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def wait_for_daemon(self) -> int:
        """Return the daemon's process id once it runs."""
        assert eventually(lambda: any(line.startswith("run ") for line in self.notes()))
        return int(next(line for line in self.notes() if line.startswith("run ")).split()[1])

    def interrupt(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Press Ctrl-C; return the exit code and how many seconds it took."""
        began = time.perf_counter()
        os.killpg(self.process.pid, number)
        self.said = self.process.communicate(timeout=10)[1]
        return self.process.returncode, time.perf_counter() - began


@pytest.fixture
def stack(tmp_path: Path, redis_binary: str) -> Iterator[Stack]:
    stack = Stack(tmp_path, free_port())
    yield stack
    if stack.process.poll() is None:
        os.killpg(stack.process.pid, signal.SIGTERM)
        stack.process.communicate(timeout=10)


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_ctrl_c_ends_the_daemon_then_the_sandbox_then_redis_and_keeps_the_data(stack):
    stack.start("demo", "--port", str(stack.sandbox_port))
    stack.wait_for_daemon()
    with socket.create_connection(("127.0.0.1", stack.redis_port)) as client:
        client.sendall(b"SET kept yes\r\n")
        client.recv(16)
    code, seconds = stack.interrupt()

    assert (code, ask("127.0.0.1", stack.redis_port)) == (0, Answer.NOBODY)
    assert seconds < 8  # five by hand; a busy machine may be late
    assert stack.notes()[1].endswith(f" http://127.0.0.1:{stack.sandbox_port}/upbit")
    assert stack.notes()[2:] == ["run ends", "sandbox ends"]  # and no Ctrl-C of their own
    assert any(
        b"kept" in file.read_bytes() for file in (stack.folder / "var/redis").rglob("appendonly.aof*") if file.is_file()
    )


def test_a_daemon_that_will_not_end_is_killed_in_time(stack):
    (stack.folder / "ending").write_text("never")
    stack.start()
    daemon = stack.wait_for_daemon()
    code, seconds = stack.interrupt(signal.SIGTERM)

    assert code == 0
    assert seconds < 8  # five by hand; a busy machine may be late
    assert not is_alive(daemon)


def test_the_exit_code_of_a_daemon_that_ends_by_itself_is_passed_on(stack):
    (stack.folder / "ending").write_text("6")
    code, _ = stack.end()

    assert code == 6
    assert ask("127.0.0.1", stack.redis_port) is Answer.NOBODY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed parent")
def test_nothing_outlives_a_supervisor_that_is_killed(stack):
    stack.start()
    daemon = stack.wait_for_daemon()
    stack.interrupt(signal.SIGKILL)

    assert eventually(lambda: not is_alive(daemon))
    assert eventually(lambda: ask("127.0.0.1", stack.redis_port) is Answer.NOBODY)


def test_a_redis_that_answers_is_used_and_left_alone(tmp_path, private_redis: RedisServer):
    stack = Stack(tmp_path, private_redis.address.port)
    (tmp_path / "ending").write_text("0")
    code, said = stack.end()

    assert code == 0
    assert f"run: Redis found on localhost:{stack.redis_port}\n" in said
    assert ask("127.0.0.1", stack.redis_port) is Answer.REDIS
    assert not (tmp_path / "var/redis").exists()


# Says that it is a Redis 7 and is whatever binary there is: what is asked of it here, every version does.
NEW_REDIS = """#!/bin/sh
[ "$1" = --version ] && echo "Redis server v=7.2.5 sha=00000000:0 malloc=libc bits=64" && exit
exec {binary} "$@"
"""

REAL_KEYS = dict.fromkeys(API_KEYS, "kanarienvogel")


def a_new_redis(folder: Path, binary: str) -> dict[str, str]:
    """Put a Redis that calls itself new in front of the PATH."""
    program = folder / "bin" / "redis-server"
    program.parent.mkdir()
    program.write_text(NEW_REDIS.format(binary=binary))
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def what(stack: Stack, child: str) -> dict[str, Any]:
    """Return the arguments and the environment that a stand-in was given."""
    noted: dict[str, Any] = json.loads((stack.folder / f"{child}.json").read_text())
    return noted


def test_a_demo_with_play_money_is_live_on_the_sandbox_with_the_sandboxs_keys_only(stack, redis_binary):
    newer = a_new_redis(stack.folder, redis_binary)
    stack.start(
        "demo", "--live", "--port", str(stack.sandbox_port), **newer, **REAL_KEYS, UPBIT_REST_URL="https://x.org"
    )
    stack.wait_for_daemon()
    given = load_settings(what(stack, "run")["environ"], None)
    folder = stack.folder / "var/live-demo"
    stack.interrupt()
    said = stack.said

    assert decide(given.gate_evidence()).mode is Mode.LIVE
    assert given.state_dir == folder
    assert given.app_env == "live-demo"
    assert all(f"127.0.0.1:{stack.sandbox_port}" in url for url in (given.upbit_rest_url, given.binance_ws_api_url))
    assert given.upbit_api_key is not None
    assert given.upbit_api_key.get_secret_value() == UPBIT_KEYS.access
    assert "kanarienvogel" not in str(what(stack, "run")) + str(what(stack, "sandbox"))
    assert ["--keep", str(folder / "play-money.json")] == what(stack, "sandbox")["argv"][7:9]
    assert (folder / "redis").is_dir()
    assert "run: PLAY MONEY: real Live mode, and every order goes to the sandbox on" in said
    assert f"`{folder}/arbitrage status` shows what it does" in said
    assert "run: Live ends: it finishes what is in flight first" in said


def test_the_demos_own_command_finds_its_daemon_from_another_terminal(stack, redis_binary):
    stack.start("demo", "--live", "--port", str(stack.sandbox_port), **a_new_redis(stack.folder, redis_binary))
    stack.wait_for_daemon()
    stack.interrupt()
    done = subprocess.run(
        [stack.folder / "var/live-demo/arbitrage", "check", "--json", "--require", "live"],
        env={"PATH": os.environ["PATH"], **REAL_KEYS}, cwd=stack.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mode"] == "live"


def test_keys_of_the_demo_are_for_its_owner_only(stack, redis_binary):
    stack.start("demo", "--live", "--port", str(stack.sandbox_port), **a_new_redis(stack.folder, redis_binary))
    stack.wait_for_daemon()
    files = list((stack.folder / "var/live-demo/keys").iterdir())

    assert len(files) == 4
    assert {file.stat().st_mode & 0o777 for file in (*files, stack.folder / "var/live-demo/ARM")} == {0o600}


@pytest.mark.skipif(shutil.which("redis-server") is not None, reason="there may be a Redis 7 on this machine")
def test_live_without_a_new_redis_says_in_one_line_what_to_install(stack):
    said = stack.start("demo", "--live", "--port", str(stack.sandbox_port)).communicate(timeout=10)[1]

    assert stack.process.returncode == 1
    assert said.endswith("Live needs 7 or newer; install it, for instance with `apt install redis-server`\n")
    assert not (stack.folder / "notes").exists()


def test_live_does_not_take_an_old_redis_that_answers(tmp_path, private_redis: RedisServer):
    with Redis(host="127.0.0.1", port=private_redis.address.port) as redis:
        if int(redis.info("server")["redis_version"].split(".")[0]) >= 7:
            pytest.skip("this machine has a newer one")
    stack = Stack(tmp_path, private_redis.address.port)
    said = stack.start("demo", "--live", "--port", str(stack.sandbox_port)).communicate(timeout=10)[1]

    assert stack.process.returncode == 1
    assert f"run: the Redis at localhost:{stack.redis_port}/0 is 6." in said


def test_limits_that_the_gate_does_not_take_end_a_demo_with_play_money_before_it_begins(tmp_path):
    stack = Stack(tmp_path, free_port())
    said = stack.start("demo", "--live", RISK_COLLAR_PCT="-1").communicate(timeout=10)[1]

    assert stack.process.returncode == 1
    assert "run: not live: RISK_LIMITS: limits must be finite and above zero: collar_pct = -1" in said


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"UPBIT_REST_URL": "https://api.upbit.com"}, "UPBIT_REST_URL"),
        ({"BINANCE_WS_API_URL": "wss://ws-api.binance.com:443/ws-api/v3"}, "BINANCE_WS_API_URL"),
        ({"UPBIT_API_KEY": "kanarienvogel", "UPBIT_API_KEY_FILE": ""}, "UPBIT_API_KEY"),
        ({"BINANCE_SECRET_KEY": "kanarienvogel", "BINANCE_SECRET_KEY_FILE": ""}, "BINANCE_SECRET_KEY"),
    ],
)
def test_play_money_refuses_whatever_is_real(tmp_path, changed, named):
    given = play_money(load_settings({"STATE_DIR": str(tmp_path)}, None), Demo(port=8900, is_live=True))
    refuse_real(load_settings(given, None))

    with pytest.raises(ConfigurationError, match=f"{named}: a demo with play money") as refused:
        refuse_real(load_settings(given | changed, None))
    assert "kanarienvogel" not in str(refused.value)


def test_a_plain_demo_stays_shadow_with_real_keys_at_hand(stack):
    live = {"LIVE_MODE": "true", "DRY_RUN": "false", "RISK_MAX_POSITION_SIZE": "1", "RISK_MAX_DAILY_LOSS": "1"}
    stack.start("demo", "--port", str(stack.sandbox_port), **live, **REAL_KEYS)
    stack.wait_for_daemon()

    assert decide(load_settings(what(stack, "run")["environ"], None).gate_evidence()).mode is Mode.SHADOW


def test_without_a_state_store_no_redis_is_started(tmp_path):
    stack = Stack(tmp_path, free_port())
    (tmp_path / "ending").write_text("0")
    code, said = stack.end(STATE="memory")

    assert code == 0
    assert "Redis" not in said


def test_a_second_one_in_the_same_folder_is_refused(stack):
    stack.start()
    stack.wait_for_daemon()
    second = Stack(stack.folder, free_port())
    code, said = second.end()

    assert code == 1
    assert said == "run: another scripts/run uses var; stop it, or set STATE_DIR and REDIS_PORT\n"


def test_a_port_that_is_taken_by_something_else_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        code, said = Stack(tmp_path, port).end()

    assert code == 1
    assert said == f"run: port {port} is taken by something that is not Redis; set REDIS_PORT to a free one\n"


def test_a_sandbox_port_that_is_taken_is_one_line(stack):
    with socket.create_server(("127.0.0.1", stack.sandbox_port)):
        said = stack.start("demo", "--port", str(stack.sandbox_port)).communicate(timeout=10)[1]

    assert stack.process.returncode == 1
    assert f"run: port {stack.sandbox_port} is taken; give the sandbox a free one with --port\n" in said


def test_a_sandbox_that_does_not_start_says_why(stack):
    (stack.folder / "ending").write_text("no sandbox")
    said = stack.start("demo", "--port", str(stack.sandbox_port)).communicate(timeout=10)[1]

    assert stack.process.returncode == 1
    assert said.endswith("run: the sandbox did not start: no market today\n")


def test_a_state_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    code, said = Stack(tmp_path, free_port()).end(STATE_DIR="file/var")

    assert code == 2
    assert said == "run: STATE_DIR: cannot write to file/var (Not a directory)\n"


def test_the_redis_that_is_started_keeps_everything_and_is_for_this_machine_only(tmp_path):
    settings = load_settings({"REDIS_PASSWORD": 'quo"te\\d', "REDIS_DB": "20", "REDIS_PORT": "7000"}, None)
    lines = configuration(settings, tmp_path / "my folder").splitlines()

    assert {"bind 127.0.0.1", "port 7000", "databases 21", "appendonly yes", "maxmemory-policy noeviction"} <= set(
        lines
    )
    assert f'dir "{tmp_path}/my folder"' in lines
    assert 'requirepass "quo\\"te\\\\d"' in lines


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (b"+PONG\r\n", Answer.REDIS),
        (b"-NOAUTH Authentication required.\r\n", Answer.REDIS),
        (b"-LOADING Redis is loading the dataset in memory\r\n", Answer.LOADING),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Answer.STRANGER),
        (b"", Answer.STRANGER),
    ],
)
async def test_who_answers_a_ping_is_told_apart(reply, answer):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        assert await asyncio.to_thread(ask, "127.0.0.1", port) is answer


def test_nobody_answers_where_nothing_listens():
    assert ask("127.0.0.1", free_port()) is Answer.NOBODY
