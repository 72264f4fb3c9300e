"""BootChecks: what has to be in order before the first order. A check that fails is told and made again: no exit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.events import BootChecked
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed

log = structlog.get_logger()

Check = Callable[[], Awaitable[Sequence[str]]]
"""One check: what is wrong, a line each.

Raises VenueFailed or StateUnavailable if it cannot be made, and NotDoneYet if it takes more than this time.
"""


class NotDoneYet(Exception):
    """A check that goes on when it is made again: it says how far it has come."""


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
        while not (found := await self._made()).is_nothing:
            self._tell(found)
            await asyncio.sleep(self._pauses_s[min(tries, len(self._pauses_s) - 1)])
            tries = 0 if found.under_way else tries + 1
        self._tell(found)

    async def problems(self) -> tuple[str, ...]:
        """Make every check; return what is wrong, or not known yet, each problem once."""
        return (await self._made()).lines

    async def _made(self) -> "_Found":
        began_at, wrong, under_way = self._clock.now(), list[str](), list[str]()
        for check in self._checks:
            try:
                wrong += await check()
            except (VenueFailed, StateUnavailable) as failure:
                wrong.append(str(failure))
            except NotDoneYet as progress:
                under_way.append(str(progress))
        return _Found(tuple(wrong), tuple(under_way), began_at)

    def _tell(self, found: "_Found") -> None:
        if self._is_over:
            return
        problems = found.lines
        is_final = found.is_nothing or (bool(found.wrong) and found.began_at - self._started_at > SETTLING)
        if problems != self._told or not problems:
            tell = log.warning if found.wrong else log.info
            tell("boot_checks", problems=list(problems), passed=not problems)
        self._told = problems
        self._emit(BootChecked(self._clock.now(), problems, is_final))


@dataclass(frozen=True, slots=True)
class _Found:
    """What a round of checks came to: what is `wrong`, what is `under_way`, and since when it may have been so."""

    wrong: tuple[str, ...]
    under_way: tuple[str, ...]
    began_at: Instant

    @property
    def is_nothing(self) -> bool:
        return not self.wrong and not self.under_way

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.wrong + self.under_way))
