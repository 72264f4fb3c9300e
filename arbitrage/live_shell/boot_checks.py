"""BootChecks: what has to be in order before the first order. A check that fails is told and made again: no exit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import BootChecked
from arbitrage.domain.instants import NS_PER_S, Nanos
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed

log = structlog.get_logger()

Check = Callable[[], Awaitable[Sequence[str]]]
"""One check: what is wrong, a line each. Raises VenueFailed or StateUnavailable if it cannot be made."""

AGAIN_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses while checks fail; the last one repeats."""

SETTLING: Final = Nanos(10 * NS_PER_S)
"""So long after a start connections and streams may still be coming up: what is missing then is not yet a failure."""

UNCHECKED: Final = "the checks before the first order are being made"


class BootChecks:
    """Makes every check until all are passed at once, and says so to the engine."""

    def __init__(self, checks: Sequence[Check], clock: Clock, emit: Emit, pauses_s: Sequence[float] = AGAIN_S) -> None:
        self._checks = checks
        self._pauses_s = pauses_s
        self._clock = clock
        self._emit = emit
        self._told: tuple[str, ...] = ()
        self._started_at = clock.now()
        self._is_over = False

    def hold(self) -> None:
        """Hold everything back: nothing was checked yet."""
        self._emit(BootChecked(self._clock.now(), (UNCHECKED,), is_final=False))

    def end(self, why: str) -> None:
        """Hold new plans back for good; what is checked from now on does not count."""
        self._is_over = True
        self._emit(BootChecked(self._clock.now(), (why,), is_final=False))

    async def run(self) -> None:
        """Check until everything is in order."""
        tries = 0
        while problems := await self.problems():
            self._tell(problems)
            await asyncio.sleep(self._pauses_s[min(tries, len(self._pauses_s) - 1)])
            tries += 1
        self._tell(())

    async def problems(self) -> tuple[str, ...]:
        """Make every check; return what is wrong, each problem once."""
        found = [problem for check in self._checks for problem in await _made(check)]
        return tuple(dict.fromkeys(found))

    def _tell(self, problems: tuple[str, ...]) -> None:
        if self._is_over:
            return
        is_final = not problems or self._clock.now() - self._started_at > SETTLING
        if problems != self._told or not problems:
            tell = log.warning if problems else log.info
            tell("boot_checks", problems=list(problems), passed=not problems)
        self._told = problems
        self._emit(BootChecked(self._clock.now(), problems, is_final))


async def _made(check: Check) -> Sequence[str]:
    try:
        return await check()
    except (VenueFailed, StateUnavailable) as failure:
        return (str(failure),)
