"""docs/configuration.md: every variable with its default, what it may be and what it means, out of the settings.

The groups are the comments in the source of `Settings`. It reads no environment: what it writes is the same everywhere.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from arbitrage.manual.meanings import DEFAULTS, MEANINGS
from arbitrage.settings import Settings
from arbitrage.settings.given import SECRETS
from arbitrage.settings.kinds import Kind
from liveguard.risk_limits import CAUTIOUS, MOST, NEEDED_FOR_LIVE, RiskLimits

_HEAD: Final = """# Configuration

Written by `scripts/docs` out of `arbitrage/settings`; do not edit.

Variables come from the environment, or from a file `.env` in the working directory; the environment wins. A misspelt
name is an error with a suggestion, and so is a value that cannot be (exit code 2); no message repeats a value.
`arbitrage check` says what comes of them, `arbitrage doctor` whether they work. `REDIS_URL` is another way to write
where Redis is.

A secret may also lie in a file, which the same name with `_FILE` behind it then names. The secrets are
{secrets}.
"""

_MEMBER: Final = re.compile(r"    (\w+): ")
_COMMENT: Final = re.compile(r"    # (.*)")
_LIMIT: Final = re.compile(r"^    (\w+) +(\S.*)$", re.MULTILINE)
_RISK: Final = "risk_"
_NONE: Final = "–"
_FLAGS: Final = frozenset({"paper_mode", "live_mode", "safety_mode", "dry_run"})


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, under what their comment begins with."""

    title: str
    names: tuple[str, ...]


def groups() -> tuple[Group, ...]:
    """Return the settings in the groups of their source."""
    found: list[Group] = []
    comment: list[str] = []
    names: list[str] = []
    for line in [*inspect.getsource(Settings).splitlines(), "    # end"]:
        if told := _COMMENT.fullmatch(line):
            if names:
                found.append(_group(comment, names))
                comment, names = [], []
            comment.append(told[1])
        elif (member := _MEMBER.match(line)) and member[1] in Settings.model_fields:
            names.append(member[1])
    return tuple(found)


def configuration_text() -> str:
    """Return the text of docs/configuration.md."""
    secrets = textwrap.fill(", ".join(f"`{name}`" for name in SECRETS), 118)
    return "\n".join([_HEAD.format(secrets=secrets), *(line for group in groups() for line in _section(group))])


def _group(comment: list[str], names: list[str]) -> Group:
    return Group(re.split("[;(:,]", " ".join(comment), maxsplit=1)[0].strip(), tuple(names))


def _section(group: Group) -> Iterator[str]:
    yield f"## {group.title[0].upper()}{group.title[1:]}\n"
    yield "| variable | default | allowed | meaning |"
    yield "|---|---|---|---|"
    for name in group.names:
        cells = (f"`{name.upper()}`", default_of(name), allowed_of(name), meaning_of(name))
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""


def default_of(name: str) -> str:
    """Return what holds where a variable is not set."""
    limit = name.removeprefix(_RISK)
    if name.startswith(_RISK):
        needed = "; Live has none" if limit in NEEDED_FOR_LIVE else ""
        return f"`{CAUTIOUS[limit]}`{needed}"
    if name in DEFAULTS:
        return DEFAULTS[name]
    default = Settings.model_fields[name].default
    if default is None or default == ():
        return _NONE
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    return f"`{text.lower() if isinstance(default, bool) else text}`"


def allowed_of(name: str) -> str:
    """Return what a variable may be."""
    if name.startswith(_RISK):
        most = MOST.get(name.removeprefix(_RISK))
        whole = "a whole number " if isinstance(CAUTIOUS[name.removeprefix(_RISK)], int) else ""
        return f"{whole}above zero" + ("" if most is None else f", at most {most:,}")
    field = Settings.model_fields[name]
    if name in _FLAGS:
        return "true, 1, yes, on; false, 0, no, off; anything else keeps us from Live"
    return next((kind.allowed for kind in field.metadata if isinstance(kind, Kind)), "text")


def meaning_of(name: str) -> str:
    """Return what a variable means, in a line."""
    if name.startswith(_RISK):
        told: dict[str, str] = dict(_LIMIT.findall(RiskLimits.__doc__ or ""))
        return told[name.removeprefix(_RISK)]
    return MEANINGS[name]
