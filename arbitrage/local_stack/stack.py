"""The order of things on one machine: Redis, the sandbox, the daemon, and back. It decides nothing about trading."""

import fcntl
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from arbitrage.local_stack import redis_server
from arbitrage.local_stack.children import Child, Command, StackError, Stopped, StopSignal, say
from arbitrage.local_stack.redis_server import Answer
from arbitrage.settings import Settings, ensure_state_dir, is_loopback
from liveguard.mode_gate import API_KEYS, Mode, decide

# with Redis's own second, less than the five seconds that Ctrl-C may take
_DAEMON_GRACE_S: Final = 3.0
_LIVE_GRACE_S: Final = 35.0  # Live finishes what is in flight, which it bounds by 30 s itself
_SANDBOX_GRACE_S: Final = 0.6

ARBITRAGE: Final = (sys.executable, "-m", "arbitrage.cli")
"""The command `arbitrage`, of the same installation."""

SANDBOX_SCRIPT: Final = "sandbox.yaml"
BALANCES: Final = "balances.yaml"
"""What the sandbox of a Live demo is told, and what its accounts start with; in the state folder."""

_START_LIMIT_S: Final = 15.0

_REDIS_REST_S: Final = 1.0
"""Pause before a Redis that ended is started again; a broken one must not be started in a tight loop."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A sandbox for both venues, and how it plays them."""

    port: int = 8900
    seed: int = 1
    speed: float = 1.0
    is_live: bool = False

    def options(self, folder: Path) -> list[str]:
        """Return the sandbox's command line. What Live owns is kept in the state folder, as its daemon remembers it."""
        usual = ["--port", str(self.port), "--seed", str(self.seed), "--speed", str(self.speed)]
        if not self.is_live:
            return usual
        files = {"--keep": "play-money.json", "--balances": BALANCES, "--faults": SANDBOX_SCRIPT}
        return [*usual, *(word for option, name in files.items() for word in (option, str(folder / name)))]

    def urls(self) -> dict[str, str]:
        """Return the variables that point the daemon at the sandbox."""
        place = f"127.0.0.1:{self.port}"
        return {
            "UPBIT_REST_URL": f"http://{place}/upbit",
            "UPBIT_WS_URL": f"ws://{place}/upbit/websocket/v1",
            "BINANCE_REST_URL": f"http://{place}/binance",
            "BINANCE_WS_URL": f"ws://{place}/binance",
            "BINANCE_WS_API_URL": f"ws://{place}/binance/ws-api/v3",
            "REFERENCE_RATE_URL": f"http://{place}/bank",
        }


class LocalStack:
    """Starts what is missing, runs the daemon, and stops in the opposite order.

    `environ` is the daemon's, and what `settings` were read from.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        demo: Demo | None,
        stop: StopSignal,
        program: Sequence[str],
    ) -> None:
        self._program = program
        self._settings = settings
        self._environ = environ
        self._is_live = decide(settings.gate_evidence()).mode is Mode.LIVE
        self._demo = demo
        self._stop = stop

    def run(self) -> int:
        """Run until the daemon ends or we are asked to end. Returns the exit code; raises StackError."""
        folder = ensure_state_dir(self._settings)
        try:
            with _alone(folder), ExitStack() as started:
                redis = self._start_redis(started)
                sandbox = self._start_sandbox(folder, started)
                if redis:
                    self._await_redis(redis)
                if sandbox and self._demo:
                    self._await_sandbox(sandbox, self._demo.port)
                return self._watch(self._start_daemon(started), redis, sandbox, started)
        except Stopped:
            return 0

    def _start_redis(self, started: ExitStack) -> Child | None:
        host, port = self._settings.redis_host, self._settings.redis_port
        if self._settings.state != "redis":
            return None
        answer = redis_server.ask(host, port)
        if answer is Answer.STRANGER:
            raise StackError(f"port {port} is taken by something that is not Redis; set REDIS_PORT to a free one")
        if answer is not Answer.NOBODY:
            say(f"Redis found on {host}:{port}")
            if self._is_live:
                redis_server.refuse_old(self._settings)
        elif is_loopback(host):
            return started.enter_context(Child(redis_server.command(self._settings, for_live=self._is_live)))
        else:
            say(f"nobody answers on {host}:{port}; the daemon will wait for that Redis")
        return None

    def _await_redis(self, redis: Child) -> None:
        host, port = self._settings.redis_host, self._settings.redis_port
        self._stop.wait_for(
            lambda: redis.exit_code is not None or redis_server.ask(host, port) is Answer.REDIS, _START_LIMIT_S
        )
        if redis.exit_code is not None:
            raise StackError(f"Redis did not start: {redis.last_words() or 'see redis/redis.log in the state folder'}")

    def _start_sandbox(self, folder: Path, started: ExitStack) -> Child | None:
        if self._demo is None:
            return None
        if _listens(self._demo.port):
            raise StackError(f"port {self._demo.port} is taken; give the sandbox a free one with --port")
        command = Command(
            name="sandbox",
            arguments=[*self._program, "sandbox", *self._demo.options(folder)],
            environ=_without_keys(),
            output=folder / "sandbox.log",
            grace_s=_SANDBOX_GRACE_S,
        )
        return started.enter_context(Child(command))

    def _await_sandbox(self, sandbox: Child, port: int) -> None:
        self._stop.wait_for(lambda: sandbox.exit_code is not None or _listens(port), _START_LIMIT_S)
        if sandbox.exit_code is not None or not _listens(port):
            raise StackError(f"the sandbox did not start: {sandbox.last_words()}")
        say(f"the sandbox plays both venues on 127.0.0.1:{port}")

    def _start_daemon(self, started: ExitStack) -> Child:
        say(f"the daemon starts; `{self._way_to_look()} status` shows what it does, Ctrl-C ends everything")
        command = Command(
            name="daemon",
            arguments=[*self._program, "run"],
            environ=self._environ,
            grace_s=_LIVE_GRACE_S if self._is_live else _DAEMON_GRACE_S,
            farewell="Live ends: it finishes what is in flight first, 30 s at most" if self._is_live else "",
        )
        return started.enter_context(Child(command))

    def _way_to_look(self) -> str:
        is_rehearsal = self._demo is not None and self._demo.is_live
        return str(self._settings.state_dir / "arbitrage") if is_rehearsal else ".venv/bin/arbitrage"

    def _watch(self, daemon: Child, redis: Child | None, sandbox: Child | None, started: ExitStack) -> int:
        while daemon.exit_code is None:
            self._stop.pause()
            if sandbox and sandbox.exit_code is not None:
                raise StackError(
                    f"the sandbox ended with exit code {sandbox.exit_code}; see sandbox.log in the state folder"
                )
            if redis and redis.exit_code is not None:
                say("Redis ended; the daemon makes no new plans until it is back; starting it again")
                self._stop.wait_for(lambda: False, _REDIS_REST_S)
                redis = self._start_redis(started)
        if daemon.exit_code > 128:
            say(f"the daemon was killed (signal {daemon.exit_code - 128})")
        return daemon.exit_code


def _without_keys() -> dict[str, str]:
    """Return our environment less the API keys: only the daemon has any business with them."""
    secret = {*API_KEYS, *(f"{name}_FILE" for name in API_KEYS)}
    return {name: value for name, value in os.environ.items() if name not in secret}


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # the kernel drops the lock when we end, however we end
    try:
        file = (folder / "run.lock").open("w")
    except OSError as error:
        raise StackError(f"cannot write {folder / 'run.lock'} ({error.strerror}); whose is it?") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"another scripts/run uses {folder}; stop it, or set STATE_DIR and REDIS_PORT") from None
        yield
