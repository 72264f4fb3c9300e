"""What was given: the environment over `.env`, secrets from the files that `…_FILE` names. It judges no value."""

import os
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from dotenv.parser import Binding, parse_stream

from arbitrage.domain.errors import ConfigurationError
from arbitrage.settings.names import refuse_misspelt
from liveguard.mode_gate import API_KEYS

DASHBOARD_TOKENS: Final = ("DASHBOARD_READ_TOKEN", "DASHBOARD_CONTROL_TOKEN")

SECRETS: Final = (*API_KEYS, "REDIS_PASSWORD", "REDIS_URL", "ALERT_URLS", *DASHBOARD_TOKENS)
"""The variables that may also be given as `…_FILE`, which names a file that holds the value."""

EMPTY_COUNTS: Final = frozenset({"PAPER_MODE", "LIVE_MODE", "SAFETY_MODE", "DRY_RUN", "LIVE_ARM_FILE"})
"""Where an empty text is not the same as no text: it must never bring us closer to Live."""

_LARGEST_SECRET: Final = 4096  # characters; whoever names a larger file has named the wrong one
_REDIS_URL: Final = "an address such as redis://user:password@host:6379/0 (no TLS)"


def gather(environ: Mapping[str, str], env_file: Path | None, names: Iterable[str]) -> dict[str, str]:
    """Return the texts given for `names`, the environment before the file. Raises ConfigurationError in one line."""
    names = set(names)
    given = {**(_env_file(env_file) if env_file else {}), **environ}
    refuse_misspelt(given, names | {"REDIS_URL"} | {f"{secret}_FILE" for secret in SECRETS})
    for secret in SECRETS:
        _take_from_file(secret, given)
    if url := given.get("REDIS_URL"):
        given.update(_redis_parts(url))
    return {name: given[name] for name in names & given.keys() if given[name] or name in EMPTY_COUNTS}


def _env_file(path: Path) -> dict[str, str]:
    text, problem = _read(path) if os.path.lexists(path) else ("", "")
    if problem:
        raise ConfigurationError(f"{path}: cannot be read ({problem})")
    given: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        _add(binding, given, path)
    return given


def _add(binding: Binding, given: dict[str, str], path: Path) -> None:
    text = binding.original.string
    line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
    if binding.error or (binding.key and binding.value is None):
        raise ConfigurationError(f"{path}, line {line}: must be NAME=value, a comment or empty")
    if binding.key in given:
        raise ConfigurationError(f"{path}, line {line}: {binding.key} is given twice")
    if binding.key and binding.value is not None:
        given[binding.key] = binding.value


def _take_from_file(secret: str, given: dict[str, str]) -> None:
    variable = f"{secret}_FILE"
    path = given.get(variable)
    if not path:
        return
    if given.get(secret):
        raise ConfigurationError(f"{variable}: {secret} is given as well; set only one of them")
    text, problem = _read(path, _LARGEST_SECRET + 1)
    if problem:
        raise ConfigurationError(f"{variable}: the file that it names cannot be read ({problem})")
    if len(text) > _LARGEST_SECRET:
        raise ConfigurationError(f"{variable}: the file that it names is too large for a secret")
    given[secret] = text.rstrip("\r\n")


def _redis_parts(url: str) -> dict[str, str]:
    # the port that is left out is the scheme's own, 6379 (IANA registration of "redis"), not our host port
    try:
        parts = urlsplit(url)
        database = parts.path.strip("/") or "0"
        if parts.scheme != "redis" or not parts.hostname or parts.query or not database.isdecimal():
            raise ValueError
        found = {"REDIS_HOST": parts.hostname, "REDIS_PORT": str(parts.port or 6379), "REDIS_DB": database}
    except ValueError:
        found = {}
    if not found:
        raise ConfigurationError(f"REDIS_URL: must be {_REDIS_URL}")
    credentials = {"REDIS_USERNAME": parts.username, "REDIS_PASSWORD": parts.password}
    return found | {name: unquote(text) for name, text in credentials.items() if text}


def _read(path: Path | str, most: int = -1) -> tuple[str, str]:
    # Returns the problem instead of raising it: the errors of Python carry the path and the bytes, and either may be a
    # secret. For the same reason the path of a secret is not repeated.
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read(most), ""
    except OSError as failure:
        return "", failure.strerror or "unknown reason"
    except ValueError:
        return "", "not a text file"
