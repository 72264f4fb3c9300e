"""What a scenario's venues list: instruments with the ticks, lots and minima of the real ones. Prices are elsewhere."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument, Pair, TickTable, Universe, Venue
from arbitrage.domain.money import KRW, USDT
from arbitrage.market_data.instruments_upbit import (
    KRW_TICKS,
    LOT,
    MAX_NOTIONAL_KRW,
    MAX_QUANTITY,
    MIN_NOTIONAL_KRW,
)
from arbitrage.paper.scenario import Fees, Scenario, Step
from arbitrage.sandbox.listing import COINS, FX_CODE

_PERCENT: Final = Decimal(100)
_BINANCE_MIN_NOTIONAL: Final = Decimal(5)  # Binance: exchangeInfo, NOTIONAL of the large USDT markets
_BINANCE_MAX_NOTIONAL: Final = Decimal(9_000_000)
_BINANCE_MAX_QUANTITY: Final = Decimal(9_000_000_000)
_SMALLEST: Final = -8
"""Both venues write at most eight decimals."""
_LARGEST: Final = 6  # of the coins with the most zeros in their price


def universe_of(scenario: Scenario) -> Universe:
    """Return the scenario's pairs with its fees, and KRW-USDT beside them."""
    fees = scenario.fees
    both = zip(scenario.symbols.of(Venue.UPBIT), scenario.symbols.of(Venue.BINANCE), strict=True)
    pairs = (_pair(upbit, binance, scenario) for upbit, binance in both)
    return Universe(tuple(pairs), _upbit(FX_CODE, USDT, fees))


def first_price(scenario: Scenario, venue: Venue, symbol: str, base: str) -> float | None:
    """Return the first price above zero that a scenario gives a market; None if it gives none."""
    first = scenario.symbols.of(Venue.UPBIT)[0].removeprefix(f"{KRW}-")
    named = (price for step in scenario.steps for price in _prices(step, venue, symbol, (step.base or first) == base))
    return next((price for price in named if price), None)


def _prices(step: Step, venue: Venue, symbol: str, is_named: bool) -> Iterator[float | None]:
    if is_named:
        yield from (step.upbit_bid, step.upbit_ask) if venue is Venue.UPBIT else (step.binance_bid, step.binance_ask)
    book = step.books.get(symbol)
    if book is not None:
        yield from (price for price, _ in (*book.bids, *book.asks))


def _pair(upbit: str, binance: str, scenario: Scenario) -> Pair:
    base = upbit.removeprefix(f"{KRW}-")
    return Pair(base, _upbit(upbit, base, scenario.fees), _binance(binance, base, scenario))


def _upbit(symbol: str, base: str, fees: Fees) -> Instrument:
    return Instrument(
        venue=Venue.UPBIT,
        symbol=symbol,
        base=base,
        quote=KRW,
        ticks=KRW_TICKS,
        lot=LOT,
        min_quantity=LOT,
        max_quantity=MAX_QUANTITY,
        min_notional=MIN_NOTIONAL_KRW,
        max_notional=MAX_NOTIONAL_KRW,
        taker_fee=fees.upbit_pct / _PERCENT,
    )


def _binance(symbol: str, base: str, scenario: Scenario) -> Instrument:
    coin = COINS.get(base)
    if coin is not None:
        tick, lot = Decimal(coin.binance_tick), Decimal(coin.binance_lot)
    else:
        tick, lot = _grid_around(first_price(scenario, Venue.BINANCE, symbol, base) or 1.0)
    return Instrument(
        venue=Venue.BINANCE,
        symbol=symbol,
        base=base,
        quote=USDT,
        ticks=TickTable.single(tick),
        lot=lot,
        min_quantity=lot,
        max_quantity=_BINANCE_MAX_QUANTITY,
        min_notional=_BINANCE_MIN_NOTIONAL,
        max_notional=_BINANCE_MAX_NOTIONAL,
        taker_fee=scenario.fees.binance_pct / _PERCENT,
    )


def _grid_around(price: float) -> tuple[Decimal, Decimal]:
    """Return a tick of a fifth digit, a cent at most, and a lot worth a dollar at most, as Binance sets them."""
    tick_at, lot_at = math.floor(math.log10(price)) - 4, math.floor(-math.log10(price))
    return Decimal(1).scaleb(max(_SMALLEST, min(-2, tick_at))), Decimal(1).scaleb(min(_LARGEST, max(_SMALLEST, lot_at)))
