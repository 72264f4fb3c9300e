"""The seeded market: fair prices, and a book per market that follows them. Pure: no clock, no I/O, its own chance.

A coin has one price in USDT for the world. Upbit trades it at that price times KRW per USDT times one plus a small
premium, which pays nobody's fees. Now and then one venue jumps off the other: those jumps are the opportunities.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.grid import UNIT
from arbitrage.sandbox.listing import FX_CODE, FX_KRW, Coin, binance_listing, fx_listing, upbit_listing
from arbitrage.sandbox.market_book import Habits, MarketBook, Moved

SLOT_MS: Final = 20
SLOTS_A_STEP: Final = 5
"""Fair prices move every 100 ms; within a step each market has a phase of its own, as on Upbit's wire."""

_STEP_S: Final = SLOT_MS * SLOTS_A_STEP / 1_000

# A coin wanders by 2 % around its anchor over a day: about 60 % a year from one step to the next.
_PRICE_SD: Final = 0.02
_PRICE_PULL_S: Final = 86_400.0
# Small and slow: fees, spreads and ticks cost some 25 bps, so that a premium alone is never worth a plan.
_PREMIUM_SD_BPS: Final = 2.0
_PREMIUM_PULL_S: Final = 60.0
_NOISE_SD_BPS: Final = 0.5
_NOISE_PULL_S: Final = 0.5
# A jump's size, how long it holds, and the time to the next are drawn evenly between these bounds. It leaves more than
# the usual minimum of 10 bps, because an edge that hovers there starts plans whose limits have no room. It outlasts the
# 0.3 s after which the next frame has shown what an order got. Four coins have three a minute, the first within 20 s.
_JUMP_BPS: Final = (40.0, 60.0)
_JUMP_HOLD_S: Final = (2.0, 4.0)
_JUMP_FADE_S: Final = 1.0
_JUMP_EVERY_S: Final = (40.0, 120.0)
_FIRST_JUMP_S: Final = (5.0, 18.0)
_TURN_ODDS: Final = 0.75
"""How often a jump goes the other way than the one before: who trades one way only runs dry."""
_FX_SD_KRW: Final = 5.0
_FX_PULL_S: Final = 900.0
_FX_SLACK_KRW: Final = 0.65
"""How far the rate runs from the middle of a tick before the quotes follow: else they would flicker at the border."""


# Upbit: about half of the 100 ms steps are quiet. Binance: two or three changes in 100 ms.
_EAGERNESS: Final = {Venue.UPBIT: 0.55, Venue.BINANCE: 0.5}
_UPBIT_HABITS: Final = Habits(
    depth=30, half_spread_bps=0.8, gap_bps=0.8, worth=4e6, worth_bounds=(2e5, 6e7), trade_odds=0.2
)
_THIN_HABITS: Final = replace(_UPBIT_HABITS, depth=10)
_FX_HABITS: Final = Habits(
    depth=30, half_spread_bps=0.0, gap_bps=1.0, worth=6e7, worth_bounds=(2e6, 6e8), trade_odds=0.2
)
_BINANCE_HABITS: Final = Habits(
    depth=30, half_spread_bps=0.0, gap_bps=0.4, worth=6e3, worth_bounds=(2e2, 8e4), trade_odds=0.05
)


class Reverting:
    """A value drawn back to zero (Ornstein-Uhlenbeck), sampled once a step."""

    def __init__(self, sd: float, pull_s: float) -> None:
        self._keep = math.exp(-_STEP_S / pull_s)
        self._kick = sd * math.sqrt(1 - self._keep**2)
        self.value = 0.0

    def step(self, rng: Random) -> None:
        """Move on by one step."""
        self.value = self.value * self._keep + self._kick * rng.gauss(0.0, 1.0)


class Jump:
    """How far one venue is off the other: nothing mostly; now and then it jumps to one side, holds there and fades."""

    _KEEP: Final = math.exp(-_STEP_S / _JUMP_FADE_S)

    def __init__(self, rng: Random) -> None:
        self._venue = Venue.UPBIT
        self._bps = 0.0
        self._upbit_is_dear = rng.random() < 0.5
        self._holds_s = 0.0
        self._waits_s = rng.uniform(*_FIRST_JUMP_S)

    def step(self, rng: Random) -> None:
        """Move on by one step."""
        self._waits_s -= _STEP_S
        self._holds_s -= _STEP_S
        if self._waits_s <= 0:
            self._leap(rng)
        elif self._holds_s <= 0:
            self._bps *= self._KEEP

    def off_bps(self, venue: Venue) -> float:
        """Return how far a venue is off because of it."""
        return self._bps if venue is self._venue else 0.0

    def _leap(self, rng: Random) -> None:
        self._venue = rng.choice(tuple(Venue))
        self._upbit_is_dear ^= rng.random() < _TURN_ODDS
        is_up = self._upbit_is_dear is (self._venue is Venue.UPBIT)
        self._bps = rng.uniform(*_JUMP_BPS) * (1 if is_up else -1)
        self._holds_s = rng.uniform(*_JUMP_HOLD_S)
        self._waits_s = rng.uniform(*_JUMP_EVERY_S)


class _Fair:
    """The fair prices of one coin."""

    def __init__(self, anchor_usdt: float, rng: Random) -> None:
        self._anchor = anchor_usdt
        self._log = Reverting(_PRICE_SD, _PRICE_PULL_S)
        self._premium_bps = Reverting(_PREMIUM_SD_BPS, _PREMIUM_PULL_S)
        self._noise_bps = {venue: Reverting(_NOISE_SD_BPS, _NOISE_PULL_S) for venue in Venue}
        self._jump = Jump(rng)

    def step(self, rng: Random) -> None:
        for value in (self._log, self._premium_bps, *self._noise_bps.values()):
            value.step(rng)
        self._jump.step(rng)

    def at(self, venue: Venue, krw_per_usdt: float) -> float:
        """Return the price in the venue's quote currency."""
        off_bps = self._noise_bps[venue].value + self._jump.off_bps(venue)
        usdt = self._anchor * math.exp(self._log.value) * (1 + off_bps / 10_000)
        if venue is Venue.BINANCE:
            return usdt
        return usdt * krw_per_usdt * (1 + self._premium_bps.value / 10_000)


class _Rate:
    """KRW per USDT: where it is, and the middle of the tick at which it is quoted."""

    def __init__(self) -> None:
        self._off_krw = Reverting(_FX_SD_KRW, _FX_PULL_S)
        self.quoted_krw = FX_KRW + 0.5

    @property
    def krw(self) -> float:
        return FX_KRW + 0.5 + self._off_krw.value

    def step(self, rng: Random) -> None:
        self._off_krw.step(rng)
        if abs(self.krw - self.quoted_krw) > _FX_SLACK_KRW:
            self.quoted_krw = math.floor(self.krw) + 0.5


@dataclass(frozen=True, slots=True)
class _Seat:
    """A book, when it may move, and how often it does."""

    book: MarketBook
    phase: int | None
    eagerness: float
    rng: Random


class MarketModel:
    """All markets of both venues. Two models of the same coins and seed make the same moves.

    `shocks` are factors by which markets are off their fair prices, by code; they may be changed while it runs.
    """

    def __init__(self, coins: Iterable[Coin], seed: int) -> None:
        coins = tuple(coins)
        self._rng = Random(f"{seed}:world")
        self._seed = seed
        self.shocks: dict[str, Decimal] = {}
        self._rate = _Rate()
        self._fair = {coin.base: _Fair(float(coin.usdt), self._rng) for coin in coins}
        self._seats = [self._seat(MarketBook(fx_listing(), _FX_HABITS, self._chance("fx")), len(coins))]
        for phase, coin in enumerate(coins):
            if coin.on_upbit:
                upbit, habits = upbit_listing(coin), _THIN_HABITS if coin.thin else _UPBIT_HABITS
                self._seats.append(self._seat(MarketBook(upbit, habits, self._chance(upbit.code)), phase))
            binance = binance_listing(coin)
            self._seats.append(self._seat(MarketBook(binance, _BINANCE_HABITS, self._chance(binance.code)), None))
        self.slot = 0
        self._start()

    def books(self, venue: Venue) -> dict[str, MarketBook]:
        """Return a venue's books by market code."""
        return {seat.book.listing.code: seat.book for seat in self._seats if seat.book.listing.venue is venue}

    def advance(self) -> list[Moved]:
        """Let 20 ms of the market's time pass; return the books that changed."""
        self.slot += 1
        if self.slot % SLOTS_A_STEP == 0:
            self._step()
        return list(self._moves())

    def _moves(self) -> Iterator[Moved]:
        for seat in self._seats:
            its_turn = seat.phase is None or seat.phase % SLOTS_A_STEP == self.slot % SLOTS_A_STEP
            if its_turn and seat.rng.random() < seat.eagerness:
                yield seat.book.follow(self._fair_units(seat.book), seat.rng)

    def _start(self) -> None:
        for seat in self._seats:
            seat.book.open_at(self._fair_units(seat.book), seat.rng)

    def _step(self) -> None:
        self._rate.step(self._rng)
        for fair in self._fair.values():
            fair.step(self._rng)

    def _fair_units(self, book: MarketBook) -> float:
        shocked = UNIT * float(self.shocks.get(book.listing.code, 1))
        if book.listing.code == FX_CODE:
            return self._rate.quoted_krw * shocked
        return self._fair[book.listing.base].at(book.listing.venue, self._rate.krw) * shocked

    def _seat(self, book: MarketBook, phase: int | None) -> _Seat:
        eagerness = _EAGERNESS[book.listing.venue]
        return _Seat(book, phase, eagerness, self._chance(f"{book.listing.code} moves"))

    def _chance(self, name: str) -> Random:
        return Random(f"{self._seed}:{name}")
