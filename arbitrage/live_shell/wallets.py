"""Wallets: holds back each pair whose coin cannot be moved at Upbit, and asks for that again and again.

A premium on such a coin is that of a trap, not of a market. A way out needs no wallet, and none is blocked here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NoReturn

import structlog

from arbitrage.domain.events import Event, UniverseChanged
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Pair, Universe, Venue
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.quiet_log import Outage, one_line

log = structlog.get_logger()

States = Mapping[str, frozenset[str]]
"""The states that a currency's wallets are in, one for each of its networks, in the venue's words."""

ASK_EVERY_S: Final = 4.0
"""What the venue tells is obeyed within 5 s, the wait for a turn and the answer included."""

RETRY_S: Final = 1.0
"""How soon it is asked again after a failure."""

GOOD_FOR: Final = Nanos(60 * NS_PER_S)
"""How long states are believed that could not be asked for again. The venue's own are some minutes old (its page calls
them a reference), so a few failed questions add little; a longer silence could hide that everything is frozen.
"""

WORKING: Final = "working"
"""The state of a wallet that takes and pays out (docs.upbit.com, status/wallet). One such network is enough."""

UNLISTED: Final = frozenset({"unknown"})
UNKNOWN: Final = "the wallets' states are not known yet"
TOO_OLD: Final = f"the wallets' states could not be asked for during {GOOD_FOR // NS_PER_S} s"

_VENUE: Final = Venue.UPBIT.value
_MOST_NAMED: Final = 3


class Wallets:
    """Stands between the terms and the runner: `hear` takes events of the one and passes them to the other."""

    def __init__(self, ask: Callable[[], Awaitable[States]], clock: Clock, emit: Emit) -> None:
        """Ask by `ask`, which raises VenueFailed where it has no answer that can be believed."""
        self._ask = ask
        self._clock = clock
        self._emit = emit
        self._outage = Outage(clock, "wallets_not_told", "wallets_told", venue=_VENUE)
        self._states: States = {}
        self._asked_at: Instant | None = None
        self._failure = ""
        self._universe: Universe | None = None
        self._held: Mapping[str, str] = {}

    def hear(self, event: Event) -> None:
        """Pass an event on; a universe with the pairs held back whose coins cannot be moved."""
        if not isinstance(event, UniverseChanged):
            self._emit(event)
            return
        self._universe = event.universe
        self._pass_on(event.universe, self._held_now(event.universe), event.at)

    async def problems(self) -> Sequence[str]:
        """Return why no pair can be traded at all; a stuck coin among others holds back its own pair only."""
        if self._universe is None:
            return ("the instruments are not known yet",)
        if self._not_known():
            await self._try()
        if why := self._not_known():
            return (self._failure or f"{_VENUE}: {why}",)
        held = self._held_now(self._universe)
        if len(held) < len(self._universe.pairs):
            return ()
        lines = [f"{_VENUE}: {why}" for why in held.values()]
        more = len(lines) - _MOST_NAMED
        return (*lines[:_MOST_NAMED], *([f"{_VENUE}: {more} more wallets do not work"] if more > 0 else ()))

    async def keep(self) -> NoReturn:
        """Ask every few seconds until cancelled."""
        while True:
            has_answer = await self._try()
            await asyncio.sleep(ASK_EVERY_S if has_answer else RETRY_S)

    async def _try(self) -> bool:
        """Ask once, and pass on what has changed, be it only that what was known is too old now."""
        asked_at = self._clock.now()
        try:
            self._states = await self._ask()
        except VenueFailed as failure:
            self._failure = str(failure)
            self._outage.failed(self._failure)
        else:
            self._asked_at, self._failure = asked_at, ""
            self._outage.recovered()
        self._look()
        return not self._failure

    def _look(self) -> None:
        """Pass the universe on if it has changed: the engine looks at every pair then."""
        if self._universe is None:
            return
        held = self._held_now(self._universe)
        if held != self._held:
            self._pass_on(self._universe, held, self._clock.now())

    def _pass_on(self, universe: Universe, held: Mapping[str, str], at: Instant) -> None:
        if held != self._held and self._asked_at is not None:
            self._log(held)
        self._held = held
        pairs = tuple(_held_back(pair, held.get(pair.base, "")) for pair in universe.pairs)
        self._emit(UniverseChanged(at, replace(universe, pairs=pairs)))

    def _log(self, held: Mapping[str, str]) -> None:
        if why := self._not_known():
            log.warning("wallets_not_known", reason=why, failure=self._failure, action="no pair opens anything new")
        else:
            tell = log.warning if held else log.info
            tell("wallets_stuck", coins=sorted(held))

    def _not_known(self) -> str:
        """Return why nothing can be said of any wallet now, or ""."""
        if self._asked_at is None:
            return UNKNOWN
        return TOO_OLD if self._clock.now() - self._asked_at > GOOD_FOR else ""

    def _held_now(self, universe: Universe) -> dict[str, str]:
        """Return the bases that nothing new may be begun in, each with its reason."""
        bases = [pair.base for pair in universe.pairs]
        if why := self._not_known():
            return dict.fromkeys(bases, why)
        found = ((base, self._states.get(base, UNLISTED)) for base in bases)
        return {base: f"the wallet of {base} is {_words(states)}" for base, states in found if WORKING not in states}


def _words(states: frozenset[str]) -> str:
    return one_line(", ".join(sorted(states)))


def _held_back(pair: Pair, why: str) -> Pair:
    return replace(pair, upbit=replace(pair.upbit, held_back=pair.upbit.held_back or why)) if why else pair
