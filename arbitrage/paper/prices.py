"""Prices: every market's book over time, from steps and generators, and when each frame is sent. It trades nothing.

One timer serves all markets: at each beat those whose frame is due move and are told.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Final

from arbitrage.domain.book_views import Depth
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.paper.market import NEVER_MS, Frame, Market, Sides
from arbitrage.paper.movers import Mover
from arbitrage.paper.scenario import Book, FxTouch, Generator, Scenario, Step
from arbitrage.ports import Clock

_USUAL_FX: Final = 1_400.0
"""KRW per USDT by which Binance's levels are sized while no fx was named."""

_FX_LEVEL_KRW: Final = 1e10
"""What each level of the fx book is worth: it is never what bounds a plan."""

_LATER_MS: Final = 1
"""Frames that repeat a book come right after the moments at which steps happen, so that none shows what is over."""


def unheard(_: Frame) -> None:
    """Hear a frame while there is nobody to hear it."""


class Prices:
    """Every market of a scenario. What may be seen of them is told to `tell`, stamped by `clock`; `told` counts it."""

    def __init__(self, scenario: Scenario, universe: Universe, seed: int, clock: Clock) -> None:
        self.told = 0
        self.tell: Callable[[Frame], None] = unheard
        self.universe = universe
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._liquidity = scenario.liquidity
        self._seed = seed
        self._krw_per_usdt = _USUAL_FX
        pairs = [instrument for pair in universe.pairs for instrument in (pair.upbit, pair.binance)]
        self._markets = {
            instrument.symbol: Market(
                instrument,
                scenario.liquidity,
                scenario.frames_every_ms,
                tells_touches=scenario.binance_touches and instrument.venue is Venue.BINANCE,
            )
            for instrument in (universe.fx, *pairs)
        }
        self._fx = self._markets[universe.fx.symbol]
        self._symbols = {(pair.base, venue): pair.on(venue).symbol for pair in universe.pairs for venue in Venue}
        self._first = universe.pairs[0].base
        self._generators = 0
        self._timer: asyncio.TimerHandle | None = None

    def find(self, symbol: str) -> Market:
        """Return a market. Raises KeyError for one that is not in the scenario."""
        return self._markets[symbol]

    def __iter__(self) -> Iterator[Market]:
        """Yield all markets, fx first."""
        return iter(self._markets.values())

    # --- what the scenario says

    def take(self, step: Step) -> None:
        """Take all prices of a step, at one moment."""
        named = {} if step.fx is None else self._fx_sides(step.fx)
        base = step.base or self._first
        upbit, binance = (step.upbit_bid, step.upbit_ask), (step.binance_bid, step.binance_ask)
        for venue, sides in ((Venue.UPBIT, upbit), (Venue.BINANCE, binance)):
            if sides != (None, None):
                named[self._symbols[base, venue]] = sides
        self._change(named, step.books, step.generate)

    def take_fx(self, rate: float) -> None:
        """Take what a USDT costs from now on."""
        self._change(self._fx_sides(rate), {}, ())

    def show(self, venue: Venue, *, is_shown: bool) -> None:
        """Let a venue's frames be told or not; where they are again, its books are told at once."""
        for market in self:
            if market.venue is venue and market.is_shown is not is_shown:
                market.is_shown = is_shown
                self._send(market)

    def tell_all(self) -> None:
        """Tell every book as it stands, to whoever has just begun to listen."""
        for market in self:
            self._send(market)

    def stop(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    # --- how it is done

    def _fx_sides(self, fx: float | FxTouch) -> dict[str, Sides]:
        if isinstance(fx, FxTouch):
            sides: Sides = (fx.bid, fx.ask)
        elif fx > 0:
            sides = self._fx.around(fx)
        else:
            self._fx.hush()
            return {}
        self._krw_per_usdt = (sides[0] or _USUAL_FX) if sides[0] else self._krw_per_usdt
        return {self._fx.symbol: sides}

    def _change(self, named: Mapping[str, Sides], books: Mapping[str, Book], generators: Iterable[Generator]) -> None:
        now_ms, before = self._now_ms(), {market: market.depth for market in self}
        for symbol, sides in named.items():
            self._markets[symbol].name(sides, self._level_worth(self._markets[symbol]))
        for symbol, book in books.items():
            self._markets[symbol].lay(book)
        for generator in generators:
            self._begin(generator, now_ms)
        changed = [market for market, depth in before.items() if market.depth is not depth]
        if len(changed) > 1:
            for market in changed:
                self._step_back(market, before[market])
        for market in changed:
            market.due_ms = now_ms + market.every_ms + _LATER_MS
            self._send(market)
        self._wait()

    def _begin(self, generator: Generator, now_ms: int) -> None:
        self._generators += 1
        for symbol in generator.symbols or self._symbols.values():
            chance = Random(f"{self._seed}: generator {self._generators} of {symbol}")
            market = self._markets[symbol]
            market.begin(Mover(generator, now_ms, chance))
            market.pass_to(now_ms)
            market.due_ms += _LATER_MS

    def _level_worth(self, market: Market) -> float:
        if market is self._fx:
            return _FX_LEVEL_KRW
        level_krw = self._liquidity.level_krw
        return level_krw if market.venue is Venue.UPBIT else level_krw / self._krw_per_usdt

    def _step_back(self, market: Market, before: Depth | None) -> None:
        now, between = market.depth, market.stepped_back(before)
        if between is not None:
            market.depth = between
            self._send(market)
            market.depth = now

    def _send(self, market: Market) -> None:
        if market.depth is not None:
            market.frames += 1
            if market.is_shown:
                self.told += 1
                self.tell(market.frame(self._clock.now()))

    def _beat(self) -> None:
        now_ms, at, tell = self._now_ms(), self._clock.now(), self.tell
        for market in self._markets.values():
            if market.due_ms <= now_ms:
                market.pass_to(now_ms)
                if market.depth is not None:
                    market.frames += 1
                    if market.is_shown:
                        self.told += 1
                        tell(market.frame(at))
        self._wait()

    def _wait(self) -> None:
        due_ms = min(market.due_ms for market in self._markets.values())
        self.stop()
        if due_ms < NEVER_MS:
            self._timer = self._loop.call_at(due_ms / 1_000, self._beat)

    def _now_ms(self) -> int:
        return round(self._loop.time() * 1_000)
