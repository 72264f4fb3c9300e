"""Play money: what the sandbox's accounts start with, and how it is kept over a restart. It trades nothing."""

import asyncio
import os
from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Final

import msgspec
import structlog

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import floor_to, plain
from arbitrage.sandbox.fault_script import one_line, read_yaml
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.grid import UNIT
from arbitrage.sandbox.listing import FX_CODE
from arbitrage.sandbox.market_book import MarketBook

log = structlog.get_logger()

Balances = dict[Venue, dict[str, Decimal]]

CAPITAL_KRW: Final = Decimal(10_000_000)
"""What each side starts with if nothing else is said: half of it cash, half of it coins."""

KEEP_EVERY_S: Final = 5.0
"""How often the balances are written; after a crash at most this much of a rehearsal is lost."""

_SMALLEST: Final = Decimal("0.00000001")
_MOST_DIGITS: Final = 15


def default_balances(books: Mapping[Venue, Mapping[str, MarketBook]]) -> Balances:
    """Split the capital at the opening prices: each coin that both venues list gets the same worth."""
    fx = _opening(books[Venue.UPBIT][FX_CODE])
    on_upbit = {b.listing.base: _opening(b) for code, b in books[Venue.UPBIT].items() if code != FX_CODE}
    on_binance = {book.listing.base: _opening(book) for book in books[Venue.BINANCE].values()}
    shared = [base for base in on_upbit if base in on_binance]
    cash = CAPITAL_KRW / 2
    each = cash / max(1, len(shared))
    return {
        Venue.UPBIT: {"KRW": cash, **{base: _floor(each / on_upbit[base]) for base in shared}},
        Venue.BINANCE: {
            "USDT": _floor(cash / fx),
            **{base: _floor(each / fx / on_binance[base]) for base in shared},
        },
    }


def read_balances(path: Path) -> Balances:
    """Read starting balances, by venue and currency. Raises ConfigurationError naming the file and the currency."""
    balances: Balances = read_yaml(path, Balances)
    for venue, held in balances.items():
        for currency, amount in held.items():
            if not is_amount(amount) or amount < 0:
                raise ConfigurationError(f"{path}: {venue.value}: {currency}: not a balance of at most eight decimals")
    return balances


def is_amount(amount: Decimal) -> bool:
    """Say whether an amount can be booked exactly: finite, of at most eight decimals, and not beyond all reason."""
    if not amount.is_finite() or not amount:
        return amount.is_finite()
    # bounds first: beyond them a quantize may raise, depending on the process's decimal context
    return -8 <= amount.adjusted() <= _MOST_DIGITS and amount == amount.quantize(_SMALLEST)


class Purse:
    """Fills the accounts at the start, and writes what is in them to a file (`keep`) while they are used."""

    def __init__(self, floors: Mapping[Venue, Floor], keep: Path | None) -> None:
        self._floors = floors
        self._keep = keep

    def fill(self, start: Balances) -> None:
        """Deposit what was kept, or else the starting balances. Raises ConfigurationError for a file that is broken."""
        kept = self._keep is not None and self._keep.exists()
        balances = read_balances(self._keep) if self._keep is not None and kept else start
        for venue, held in balances.items():
            for currency, amount in held.items():
                self._floors[venue].core.account.deposit(currency, amount)

    async def run(self) -> None:
        """Write the balances every few seconds, and once more at the end."""
        try:
            while True:
                await asyncio.sleep(KEEP_EVERY_S)
                try:
                    await asyncio.to_thread(self._put, self._totals())
                except ConfigurationError as e:
                    log.error("balances_not_kept", reason=str(e))
        finally:
            self.write()

    def write(self) -> None:
        """Write the balances now. Raises ConfigurationError where that cannot be done."""
        self._put(self._totals())

    def _totals(self) -> dict[str, dict[str, str]]:
        # an open order dies with the sandbox, and gives back what it held
        return {
            venue.value: {
                # both venues keep eight decimals; funds of a fine tick may have more
                currency: plain(floor_to(held.total, _SMALLEST))
                for currency, held in floor.core.account.balances().items()
            }
            for venue, floor in self._floors.items()
        }

    def _put(self, totals: dict[str, dict[str, str]]) -> None:
        """Put a whole new file in the old one's place, so that no crash leaves half of one."""
        if self._keep is None:
            return
        beside = self._keep.with_name(f"{self._keep.name}.new")
        try:
            with beside.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(totals)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._keep)
        except OSError as e:
            raise ConfigurationError(f"cannot keep the balances in {self._keep}: {one_line(e)}") from e


def _opening(book: MarketBook) -> Decimal:
    return Decimal(book.day.opening) / UNIT


def _floor(amount: Decimal) -> Decimal:
    return amount.quantize(_SMALLEST, rounding=ROUND_FLOOR)
