"""Accounts: to the last unit, and nothing changes by what cannot be done."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from arbitrage.exchange.accounts import Account, Balance


def account(free: str = "100", locked: str = "0") -> Account:
    made = Account()
    made.deposit("KRW", Decimal(free) + Decimal(locked))
    assert made.lock("KRW", Decimal(locked))
    return made


def test_a_lock_sets_aside_and_gives_back() -> None:
    held = account("100")

    assert held.lock("KRW", Decimal(60))
    assert not held.lock("KRW", Decimal("40.00000001"))
    assert held.balance("KRW") == Balance(Decimal(40), Decimal(60))

    held.unlock("KRW", Decimal(25))

    assert held.balance("KRW") == Balance(Decimal(65), Decimal(35))
    assert held.balance("KRW").total == 100


def test_what_is_paid_and_received_is_remembered() -> None:
    held = account("0", locked="100")
    held.pay("KRW", Decimal(90), Decimal("0.09"))
    held.receive("BTC", Decimal(2), Decimal("0.002"))

    assert (held.traded, held.fees) == (
        {"KRW": 90, "BTC": -2},
        {"KRW": Decimal("0.09"), "BTC": Decimal("0.002")},
    )
    assert held.balance("BTC").free == Decimal("1.998")
    assert held.discrepancy() == {}


@pytest.mark.parametrize(
    "act",
    [
        lambda held: held.deposit("KRW", Decimal("-100.00000001")),
        lambda held: held.deposit("BTC", Decimal(-1)),
        lambda held: held.deposit("KRW", Decimal("NaN")),
        lambda held: held.deposit("KRW", Decimal("Infinity")),
        lambda held: held.lock("KRW", Decimal(-1)),
        lambda held: held.lock("KRW", Decimal("NaN")),
        lambda held: held.unlock("KRW", Decimal("50.1")),
        lambda held: held.unlock("KRW", Decimal(-1)),
        lambda held: held.unlock("BTC", Decimal(1)),
        lambda held: held.pay("KRW", Decimal(50), Decimal("0.1")),
        lambda held: held.pay("KRW", Decimal(-1)),
        lambda held: held.pay("KRW", Decimal(1), Decimal(-1)),
        lambda held: held.pay("BTC", Decimal(1)),
        lambda held: held.receive("KRW", Decimal(1), Decimal(2)),
        lambda held: held.receive("KRW", Decimal(1), Decimal(-2)),
        lambda held: held.receive("KRW", Decimal(-1), Decimal(-1)),
    ],
)
def test_what_cannot_be_done_changes_nothing(act: Callable[[Account], object]) -> None:
    held = account("100", locked="50")
    with pytest.raises(ValueError, match="cannot"):
        act(held)

    assert held.balances() == {"KRW": Balance(Decimal(100), Decimal(50))}
    assert (held.traded, held.fees, held.moved) == ({}, {}, {"KRW": 150})


def test_looking_changes_nothing() -> None:
    held = account("100")
    held.balance("BTC")
    held.lock("BTC", Decimal(1))
    held.discrepancy()

    assert list(held.balances()) == ["KRW"]
    assert (held.traded, held.fees) == ({}, {})


def test_a_balance_is_a_copy() -> None:
    held = account("100")
    held.balance("KRW").free += 1
    held.balances()["KRW"].free += 1

    assert held.balance("KRW").free == 100


def test_a_trillion_and_a_sixteenth_decimal_are_both_kept() -> None:
    held = account("1000000000000000")
    tiny = Decimal("0.0000000000000001")
    held.deposit("KRW", tiny)
    both = held.balance("KRW").free
    held.lock("KRW", tiny)
    held.pay("KRW", tiny)

    assert both == Decimal("1000000000000000.0000000000000001")
    assert held.balance("KRW") == Balance(Decimal(10**15), Decimal(0))
    assert held.traded["KRW"] == tiny
    assert held.discrepancy() == {}


def test_money_from_nowhere_is_seen() -> None:
    held = account("100")
    held.traded["KRW"] += Decimal("0.00000001")

    assert held.discrepancy() == {"KRW": Decimal("0.00000001")}
