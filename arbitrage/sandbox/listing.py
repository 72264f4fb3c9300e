"""What the sandbox's venues list: coins, their names, steps and lots. Facts only; prices move in `model`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.grid import KRW_GRID, Grid, single_step, units


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A base asset: around what price it trades, its names on Upbit, and its step and lot on Binance.

    `thin`: its books on Upbit have fewer levels than clients may ask for.
    """

    base: str
    usdt: str
    korean: str
    english: str
    binance_tick: str
    binance_lot: str
    on_upbit: bool = True
    thin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One market of one venue. `lot` is in units of base."""

    venue: Venue
    code: str
    base: str
    quote: str
    grid: Grid
    lot: int
    korean: str
    english: str


# Prices as of late 2026; steps and lots as in Binance's exchangeInfo.
COINS: Final = {
    coin.base: coin
    for coin in (
        Coin(
            base="BTC", usdt="85000", korean="비트코인", english="Bitcoin", binance_tick="0.01", binance_lot="0.00001"
        ),
        Coin(base="ETH", usdt="3000", korean="이더리움", english="Ethereum", binance_tick="0.01", binance_lot="0.0001"),
        Coin(base="XRP", usdt="2.1", korean="엑스알피(리플)", english="XRP", binance_tick="0.0001", binance_lot="0.1"),
        Coin(base="SOL", usdt="140", korean="솔라나", english="Solana", binance_tick="0.01", binance_lot="0.001"),
        Coin(base="DOGE", usdt="0.16", korean="도지코인", english="Dogecoin", binance_tick="0.00001", binance_lot="1"),
        Coin(base="ADA", usdt="0.55", korean="에이다", english="Ada", binance_tick="0.0001", binance_lot="0.1"),
        # thin, so that its books are padded with zero levels
        Coin(
            base="LINK",
            usdt="14",
            korean="체인링크",
            english="Chainlink",
            binance_tick="0.01",
            binance_lot="0.01",
            thin=True,
        ),
        # Upbit has no KRW-BNB: a pair that must be left out, for those who want to see that
        Coin(
            base="BNB",
            usdt="900",
            korean="비엔비",
            english="BNB",
            binance_tick="0.01",
            binance_lot="0.001",
            on_upbit=False,
        ),
    )
}

FX_CODE: Final = "KRW-USDT"
FX_KRW: Final = 1_400.0
"""Around how many KRW a USDT trades."""


def coins_of(symbols: Iterable[str]) -> tuple[Coin, ...]:
    """Look the wanted coins up. Raises ConfigurationError naming the ones that the sandbox does not know."""
    wanted = tuple(dict.fromkeys(symbols))
    unknown = [base for base in wanted if base not in COINS]
    if unknown or not wanted:
        seen = ", ".join(unknown) or "nothing"
        raise ConfigurationError(f"the sandbox does not list {seen}; it knows {', '.join(COINS)}")
    return tuple(COINS[base] for base in wanted)


def upbit_listing(coin: Coin) -> Listing:
    """Describe a coin's KRW market. Upbit takes quantities of eight decimals."""
    return _krw_market(coin.base, coin.korean, coin.english)


def fx_listing() -> Listing:
    """Describe Upbit's KRW-USDT market."""
    return _krw_market("USDT", "테더", "Tether")


def binance_listing(coin: Coin) -> Listing:
    """Describe a coin's USDT market."""
    return Listing(
        venue=Venue.BINANCE,
        code=f"{coin.base}USDT",
        base=coin.base,
        quote="USDT",
        grid=single_step(coin.binance_tick),
        lot=units(coin.binance_lot),
        korean=coin.korean,
        english=coin.english,
    )


def _krw_market(base: str, korean: str, english: str) -> Listing:
    return Listing(
        venue=Venue.UPBIT,
        code=f"KRW-{base}",
        base=base,
        quote="KRW",
        grid=KRW_GRID,
        lot=1,
        korean=korean,
        english=english,
    )
