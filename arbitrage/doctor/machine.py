"""This machine, examined: its clock, its disk, its programs, its ports. It leaves nothing behind."""

import ctypes
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.settings import Settings

DASHBOARD_PORT: Final = 8080

_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while nobody keeps the clock."""

_TIMEX_BYTES: Final = 512  # more than struct timex has anywhere; all zeros only asks
_LOW_BYTES: Final = 1 << 30
_FULL_BYTES: Final = 100 << 20
_SLOW_MS: Final = 50.0
_SYNCS: Final = 5
_OLDEST: Final = (3, 11)
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\]+) (;?)", re.MULTILINE)


def kept_clock() -> Iterator[Finding]:
    """Yield whether something keeps this machine's clock (NTP), as far as the kernel tells."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):  # not Linux
        state = -1
    if state == _TIME_ERROR:
        fix = "switch time synchronisation on (timedatectl set-ntp true, or chrony); in a container: on its host"
        yield Finding("ntp", Verdict.WARN, "nobody keeps this machine's clock", fix)
    else:
        yield Finding("ntp", Verdict.OK, "the clock is kept" if state >= 0 else "the kernel does not tell")


def disk(settings: Settings) -> Iterator[Finding]:
    """Yield whether the state folder can be written, has room, and how long a write takes to reach the disk."""
    folder = settings.state_dir
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(there).free
    verdict = Verdict.BAD if free < _FULL_BYTES else Verdict.WARN if free < _LOW_BYTES else Verdict.OK
    fix = "" if verdict is Verdict.OK else "make room: an intent log that cannot be written stops all trading"
    yield Finding("disk", verdict, f"{folder}: {free / (1 << 30):,.1f} GiB free", fix)
    try:
        took_ms = _sync_ms(there)
    except OSError as failure:
        fix = "give the folder to the daemon's user, or set STATE_DIR"
        yield Finding("state folder", Verdict.BAD, f"{there} cannot be written ({failure.strerror})", fix)
        return
    is_slow = not took_ms <= _SLOW_MS
    fix = "move STATE_DIR to a local disk" if is_slow else ""
    seen = f"{there} can be written; to the disk in {took_ms:.1f} ms"
    yield Finding("state folder", Verdict.WARN if is_slow else Verdict.OK, seen, fix)


def _sync_ms(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        for _ in range(_SYNCS):
            file.write(b"x" * 512)
            file.flush()
            os.fsync(file.fileno())
        return (time.perf_counter() - began) * 1_000 / _SYNCS


def versions(lock: Path) -> Iterator[Finding]:
    """Yield whether Python is recent enough, and the packages are those of the lock file."""
    running = ".".join(map(str, sys.version_info[:3]))
    is_recent = sys.version_info >= _OLDEST
    fix = "" if is_recent else "install Python 3.11 or newer"
    yield Finding("python", Verdict.OK if is_recent else Verdict.BAD, running, fix)
    try:
        pins = _PIN.findall(lock.read_text(encoding="utf-8"))
    except OSError:
        yield Finding("packages", Verdict.OK, f"arbitrage {version('arbitrage')}; its lock file is not here")
        return
    held = {name: _installed(name) for name, _, _ in pins}
    # what is locked for some machines only may be missing on this one
    other = [f"{name} {held[name] or 'missing'} (locked: {pin})" for name, pin, only_for in pins
             if held[name] != pin and (held[name] or not only_for)]  # fmt: skip
    if other:
        shown = ", ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
        yield Finding("packages", Verdict.WARN, shown, "scripts/bootstrap installs what is locked")
    else:
        yield Finding("packages", Verdict.OK, f"arbitrage {version('arbitrage')}, {len(pins)} packages as locked")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def ports(settings: Settings, *, is_running: bool) -> Iterator[Finding]:
    """Yield whether the ports of metrics and dashboard can be had, unless a daemon runs that has them."""
    wanted = {"dashboard": ("127.0.0.1", DASHBOARD_PORT, "--port")}
    if settings.metrics_port:
        wanted["metrics"] = (settings.metrics_host, settings.metrics_port, "METRICS_PORT")
    for name, (host, port, way) in wanted.items():
        why = _why_not(host, port)
        if not why:
            yield Finding(f"{name} port", Verdict.OK, f"{port} is free")
        elif is_running:
            yield Finding(f"{name} port", Verdict.OK, f"{port} is in use, and a daemon runs")
        else:
            yield Finding(f"{name} port", Verdict.WARN, f"{port}: {why}", f"stop what uses it, or set {way}")


def _why_not(host: str, port: int) -> str:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return ""
    except OSError as failure:
        return failure.strerror or type(failure).__name__
