"""AccountTerms: the universe with what our accounts pay and may do in each market, in place of what is usual.

A market whose terms are not known opens nothing new, one in which an account may not trade is marked as halted there;
the guard then refuses its pair. Markets are asked for one by one, as each venue's limit has room, and a failure loses
nothing of what is known: hundreds of them take a minute.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import structlog

from arbitrage.domain.events import Event, UniverseChanged
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, after
from arbitrage.domain.instruments import Instrument, Pair, Universe, Venue
from arbitrage.live_shell.links import Terms, VenueLink
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import VenueFailed

log = structlog.get_logger()

GOOD_FOR: Final = Nanos(3_600 * NS_PER_S)
"""How long terms are taken for granted before they are asked for again; they hold until the next ones come."""

BAD_FOR: Final = Nanos(30 * NS_PER_S)
"""The same, where something has to be mended, or the account may not trade."""

PUT_OFF: Final = Nanos(10 * NS_PER_S)
"""How long a market waits that a venue gave no answer for: the others may have one."""

RETRY_S: Final = 1.0
LOOK_AGAIN_S: Final = 0.5
TOLD_EVERY_S: Final = 3.0
"""How often what has become known is passed on while there is more to come: the engine looks at every pair then."""

UNKNOWN: Final = "the account's terms are not known yet"
_AT_ONCE: Final = Instant(0)


@dataclass(slots=True)
class _Market:
    """What is known of one market, and when to ask for it (again)."""

    terms: Terms | None = None
    due: Instant = _AT_ONCE
    failure: str = ""


class AccountTerms:
    """Stands between market data and the runner: `hear` takes events of the one and passes them to the other."""

    def __init__(self, links: Iterable[VenueLink], clock: Clock, emit: Emit) -> None:
        self._links = tuple(links)
        self._clock = clock
        self._emit = emit
        self._markets: dict[tuple[Venue, str], _Market] = {}
        self._universe: Universe | None = None
        self._is_listed = asyncio.Event()
        self._has_news = False
        self._counted = 0

    @property
    def universe(self) -> Universe | None:
        """Return what is traded, None while that is not known."""
        return self._universe

    def hear(self, event: Event) -> None:
        """Pass an event on; a universe with our terms in it."""
        if not isinstance(event, UniverseChanged):
            self._emit(event)
            return
        self._universe = event.universe
        for instrument in _instruments(event.universe):
            self._markets.setdefault((instrument.venue, instrument.symbol), _Market())
        self._is_listed.set()
        self._pass_on(event.universe, event.at)

    async def problems(self) -> Sequence[str]:
        """Return what must be mended before anything is traded. In order: the terms of the fx and of one pair."""
        if self._universe is None:
            return ("the instruments are not known yet",)
        listed = [(each, self._of(each)) for each in _instruments(self._universe)]
        bad = (f"{i.venue} {i.symbol}: {m.terms.problem}" for i, m in listed if m.terms and m.terms.problem)
        if found := tuple(dict.fromkeys(bad)):
            return found
        fx, pairs = self._of(self._universe.fx), self._universe.pairs
        if fx.terms and any(self._of(pair.upbit).terms and self._of(pair.binance).terms for pair in pairs):
            self._tell()
            return ()
        failures = dict.fromkeys(market.failure for _, market in listed if market.failure)
        return tuple(failures) or ("no pair's terms are known yet",)

    async def keep(self) -> NoReturn:
        """Ask for what is not known, and each hour again, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for link in self._links:
                tasks.create_task(self._keep_asking(link), name=f"{link.venue}-terms")
            while True:
                await asyncio.sleep(TOLD_EVERY_S)
                self._tell()

    async def _keep_asking(self, link: VenueLink) -> NoReturn:
        await self._is_listed.wait()
        while True:
            symbol = self._next_due(link.venue)
            if symbol is None:
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            market = self._markets[link.venue, symbol]
            try:
                await link.room()
                self._learn(market, await link.terms(symbol))
            except VenueFailed as failure:  # the account watch tells of a venue that does not answer
                market.failure, market.due = str(failure), after(self._clock.now(), PUT_OFF)
                await asyncio.sleep(RETRY_S)

    def _next_due(self, venue: Venue) -> str | None:
        """Return the market to ask for next: the first one that is not known, else the one that is due the longest."""
        now = self._clock.now()
        due = [each for each in self._listed_at(venue) if self._of(each).due <= now]
        unknown = (each.symbol for each in due if self._of(each).terms is None)
        oldest = min(due, key=lambda each: self._of(each).due, default=None)
        return next(unknown, oldest.symbol if oldest else None)

    def _learn(self, market: _Market, told: Terms) -> None:
        is_good, was_known = not (told.problem or told.why_not), market.terms is not None
        market.due = after(self._clock.now(), GOOD_FOR if is_good else BAD_FOR)
        self._has_news = self._has_news or told != market.terms
        market.terms, market.failure = told, ""
        if not was_known and self._universe and all(self._of(each).terms for each in _instruments(self._universe)):
            self._tell()

    def _tell(self) -> None:
        """Pass on what has become known since the last time."""
        if self._universe is None or not self._has_news:
            return
        self._has_news = False
        listed = _instruments(self._universe)
        known = sum(self._of(each).terms is not None for each in listed)
        if known != self._counted:
            self._counted = known
            log.info("account_terms", known=known, of=len(listed))
        self._pass_on(self._universe, self._clock.now())

    def _pass_on(self, universe: Universe, at: Instant) -> None:
        self._emit(UniverseChanged(at, _mapped(universe, self._with_terms)))

    def _with_terms(self, instrument: Instrument) -> Instrument:
        terms = self._of(instrument).terms
        if terms is None:
            return replace(instrument, held_back=UNKNOWN)
        halted = instrument.halted or terms.why_not
        return replace(instrument, taker_fee=terms.taker_fee, halted=halted, held_back=terms.problem)

    def _of(self, instrument: Instrument) -> _Market:
        return self._markets[instrument.venue, instrument.symbol]

    def _listed_at(self, venue: Venue) -> Iterator[Instrument]:
        listed = _instruments(self._universe) if self._universe else ()
        return (instrument for instrument in listed if instrument.venue is venue)


def _instruments(universe: Universe) -> list[Instrument]:
    return [universe.fx, *(each for pair in universe.pairs for each in (pair.upbit, pair.binance))]


def _mapped(universe: Universe, change: Callable[[Instrument], Instrument]) -> Universe:
    pairs = tuple(Pair(pair.base, change(pair.upbit), change(pair.binance)) for pair in universe.pairs)
    return replace(universe, pairs=pairs, fx=change(universe.fx))
