"""Balances of one account: what is free, what orders hold locked, where everything went. Exact, and it conserves."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Final

_ZERO = Decimal(0)

# A price times a quantity has up to 16 decimals, a float's up to 50; 28 digits, Python's own, would round large sums.
_WIDE: Final = Context(prec=100)


@contextmanager
def exactly() -> Iterator[None]:
    """Reckon without rounding sums and products; use it around a block or on a function."""
    with localcontext(_WIDE):
        yield


@dataclass(slots=True)
class Balance:
    """One currency: `free` can be used, `locked` is held by open orders."""

    free: Decimal = _ZERO
    locked: Decimal = _ZERO

    @property
    @exactly()
    def total(self) -> Decimal:
        """Return both together."""
        return self.free + self.locked


class Account:
    """The balances of one account. What leaves it is remembered, so that nothing can be made or lost unseen.

    `traded` is what the other side of our fills has gained by currency (negative: given), `fees` what the venue took,
    `moved` what people deposited less what they withdrew. Always: balances + traded + fees = moved. What cannot be done
    raises ValueError and changes nothing.
    """

    def __init__(self) -> None:
        self._balances: defaultdict[str, Balance] = defaultdict(Balance)
        self.traded: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.fees: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.moved: defaultdict[str, Decimal] = defaultdict(Decimal)

    def balance(self, currency: str) -> Balance:
        """Return a copy of one balance; nothing where there never was any."""
        held = self._balances.get(currency)
        return Balance(held.free, held.locked) if held else Balance()

    def balances(self) -> dict[str, Balance]:
        """Return a copy of all balances that were ever touched."""
        return {currency: Balance(held.free, held.locked) for currency, held in self._balances.items()}

    @exactly()
    def deposit(self, currency: str, amount: Decimal) -> None:
        """Add money from outside, or take it out with a negative amount. Raises ValueError below what is free."""
        if not amount.is_finite() or self.balance(currency).free + amount < 0:
            raise ValueError(f"cannot move {amount} {currency}")
        self._balances[currency].free += amount
        self.moved[currency] += amount

    @exactly()
    def lock(self, currency: str, amount: Decimal) -> bool:
        """Set an amount aside for an order; False, and nothing changed, if it is not free."""
        if not (amount.is_finite() and amount >= 0):
            raise ValueError(f"cannot lock {amount} {currency}")
        if amount > self.balance(currency).free:
            return False
        held = self._balances[currency]
        held.free -= amount
        held.locked += amount
        return True

    @exactly()
    def unlock(self, currency: str, amount: Decimal) -> None:
        """Give back what an order does not need any more."""
        held = self.balance(currency)
        if not 0 <= amount <= held.locked:
            raise ValueError(f"cannot unlock {amount} of {held.locked} {currency}")
        self._balances[currency] = Balance(held.free + amount, held.locked - amount)

    @exactly()
    def pay(self, currency: str, amount: Decimal, fee: Decimal = _ZERO) -> None:
        """Hand over an amount, and a fee on top, out of what is locked."""
        held = self.balance(currency)
        if not (amount >= 0 and fee >= 0 and amount + fee <= held.locked):
            raise ValueError(f"cannot pay {amount} and {fee} of {held.locked} {currency}")
        self._balances[currency].locked -= amount + fee
        self.traded[currency] += amount
        self.fees[currency] += fee

    @exactly()
    def receive(self, currency: str, amount: Decimal, fee: Decimal = _ZERO) -> None:
        """Take an amount in, less a fee that is no more than it."""
        if not 0 <= fee <= amount:
            raise ValueError(f"cannot take a fee of {fee} from {amount} {currency}")
        self._balances[currency].free += amount - fee
        self.traded[currency] -= amount
        self.fees[currency] += fee

    @exactly()
    def discrepancy(self) -> dict[str, Decimal]:
        """Return what does not add up, by currency: empty for as long as the books are right."""
        currencies = {*self._balances, *self.traded, *self.fees, *self.moved}
        gaps = {currency: self._gap(currency) for currency in currencies}
        return {currency: gap for currency, gap in gaps.items() if gap}

    def _gap(self, currency: str) -> Decimal:
        went = self.traded.get(currency, _ZERO) + self.fees.get(currency, _ZERO)
        return self.balance(currency).total + went - self.moved.get(currency, _ZERO)
