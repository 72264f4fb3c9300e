"""What a run was made on: facts of this machine and of the packages. It measures nothing."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from tests.bench import cores

PACKAGES: Final = ("arbitrage", "ccxt", "picows", "msgspec", "uvloop", "aiohttp", "redis", "structlog", "orjson")


def facts() -> dict[str, Any]:
    """Return the facts, as JSON takes them. `load` is the load average as it is now."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_shared_out": cores.ARE_SHARED_OUT,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()}",
        "loop": "uvloop",
        "packages": {name: _version(name) for name in PACKAGES},
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
