"""Whether a Redis server may be trusted with Live's losses: how it is configured, and how old it is. It only looks."""

from typing import Final

from arbitrage.domain.errors import StateUnavailable
from arbitrage.state.link import StateLink

OLDEST: Final = 7
"""The first version that Live accepts."""

NEEDED: Final = {
    "maxmemory-policy": ({"noeviction"}, "any other drops keys when memory runs out"),
    "appendonly": ({"yes"}, "without it a restart forgets"),
    "appendfsync": ({"everysec", "always"}, "without it a power cut forgets what was not written yet"),
}
"""Setting: the values that will do, and why. A server that starts with an older loss, because its file was cut, is seen
through when its account is held against the intent log.
"""


async def server_problems(link: StateLink) -> list[str]:
    """Return what speaks against the server, a line each. What it does not tell speaks against it."""
    problems = [problem for name in NEEDED if (problem := await _setting_problem(link, name))]
    problem = await _version_problem(link)
    return [*problems, problem] if problem else problems


async def _setting_problem(link: StateLink, name: str) -> str:
    good, why = NEEDED[name]
    try:
        held = await link.setting(name)
    except StateUnavailable as error:
        return f"{name} cannot be read: {error}"
    return "" if held in good else f"{name} is {held or 'unknown'}, must be {' or '.join(sorted(good))}: {why}"


async def _version_problem(link: StateLink) -> str:
    try:
        version = await link.version()
    except StateUnavailable as error:
        return f"its version cannot be read: {error}"
    major = version.partition(".")[0]
    return (
        ""
        if major.isdigit() and int(major) >= OLDEST
        else f"its version is {version or 'unknown'}, must be {OLDEST} or later"
    )
