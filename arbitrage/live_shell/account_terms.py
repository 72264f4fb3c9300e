"""AccountTerms: the universe with what our accounts pay and may do in each market, in place of what is usual.

A market in which an account may not trade is marked as halted there; the guard then refuses its pair.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from arbitrage.domain.events import Event, UniverseChanged
from arbitrage.domain.instruments import Instrument, Pair, Universe, Venue
from arbitrage.live_shell.links import Terms, VenueLink
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed

REFRESH_EVERY_S: Final = 3_600.0
RETRY_S: Final = 5.0


class AccountTerms:
    """Stands between market data and the runner: `hear` takes events of the one and passes them to the other."""

    def __init__(self, links: Iterable[VenueLink], clock: Clock, emit: Emit) -> None:
        self._links = {link.venue: link for link in links}
        self._clock = clock
        self._emit = emit
        self._told: dict[tuple[Venue, str], Terms] = {}
        self._universe: Universe | None = None
        self._changed = asyncio.Event()
        self._due: set[tuple[Venue, str]] = set()
        self._asking = asyncio.Lock()

    @property
    def universe(self) -> Universe | None:
        """Return what is traded, None while that is not known."""
        return self._universe

    def hear(self, event: Event) -> None:
        """Pass an event on; a universe with our terms in it."""
        if isinstance(event, UniverseChanged):
            self._universe = event.universe
            self._changed.set()
            event = replace(event, universe=_mapped(event.universe, self._with_terms))
        self._emit(event)

    async def problems(self) -> Sequence[str]:
        """Ask for the terms that are not known, or were not good; return what must be mended before anything is traded.

        Raises VenueFailed if a venue does not answer.
        """
        if self._universe is None:
            return ("the instruments are not known yet",)
        async with self._asking:
            await self._ask_for_those_due(_instruments(self._universe))
        problems = (f"{venue} {symbol}: {terms.problem}" for (venue, symbol), terms in self._told.items())
        return tuple(dict.fromkeys(problem for problem in problems if not problem.endswith(": ")))

    async def keep(self) -> None:
        """Ask again each hour, and soon after the universe has changed."""
        while True:
            wait_s = REFRESH_EVERY_S
            if not self._changed.is_set():  # an hour has passed
                self._due.update(self._told)
            self._changed.clear()
            try:
                await self.problems()
            except VenueFailed:  # the account watch tells of a venue that does not answer
                wait_s = RETRY_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    async def _ask_for_those_due(self, instruments: Iterable[Instrument]) -> None:
        changed = False
        for instrument in instruments:
            market = (instrument.venue, instrument.symbol)
            before = self._told.get(market)
            if before is not None and market not in self._due:
                continue
            told = self._told[market] = await self._links[instrument.venue].terms(instrument.symbol)
            (self._due.add if told.problem or told.why_not else self._due.discard)(market)
            changed = changed or told != before
        if changed and self._universe is not None:
            self._emit(UniverseChanged(self._clock.now(), _mapped(self._universe, self._with_terms)))

    def _with_terms(self, instrument: Instrument) -> Instrument:
        terms = self._told.get((instrument.venue, instrument.symbol))
        if terms is None:
            return instrument
        return replace(instrument, taker_fee=terms.taker_fee, halted=instrument.halted or terms.why_not)


def _instruments(universe: Universe) -> list[Instrument]:
    return [universe.fx, *(each for pair in universe.pairs for each in (pair.upbit, pair.binance))]


def _mapped(universe: Universe, change: Callable[[Instrument], Instrument]) -> Universe:
    pairs = tuple(Pair(pair.base, change(pair.upbit), change(pair.binance)) for pair in universe.pairs)
    return replace(universe, pairs=pairs, fx=change(universe.fx))
