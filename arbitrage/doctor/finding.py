"""What an examination finds, and the examination: all checks at once, each with an end. It knows none of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from arbitrage.domain.errors import ArbitrageError

CHECK_S: Final = 6.5
"""How long a check may take; the whole examination, whatever does not answer, stays below ten seconds."""


class Verdict(StrEnum):
    """How a finding is meant: fine; a person should look; the daemon cannot work, or must not."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was seen, and what to do about it; "" where nothing is to be done."""

    name: str
    verdict: Verdict
    seen: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `make` raises ArbitrageError if it cannot be looked at; `fix` is what to do then."""

    name: str
    make: Callable[[], Awaitable[Iterable[Finding]]]
    fix: str = ""


async def examine(
    checks: Sequence[Check], told: Callable[[Sequence[str]], None], limit_s: float = CHECK_S
) -> list[Finding]:
    """Make all checks at once; return their findings in the order of the checks.

    `told` hears the names of those that are not over yet, each time that one is.
    """
    waiting = [check.name for check in checks]
    told(tuple(waiting))

    async def made(check: Check) -> list[Finding]:
        found = await _made(check, limit_s)
        waiting.remove(check.name)
        told(tuple(waiting))
        return found

    return [finding for found in await asyncio.gather(*map(made, checks)) for finding in found]


async def _made(check: Check, limit_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(limit_s):
            return list(await check.make())
    except TimeoutError:
        seen = f"no answer within {limit_s:g} s"
    except ArbitrageError as failure:
        seen = str(failure)
    except Exception as failure:  # noqa: BLE001 - an examination that breaks off would hide what it had found
        seen = f"could not be looked at ({type(failure).__name__}); this is an error of the program"
    return [Finding(check.name, Verdict.BAD, seen, check.fix)]
