"""What a key may do, and whether that will do: a table of keys."""

from dataclasses import replace

import pytest

from arbitrage.domain.instants import Instant
from arbitrage.exchange.key_rights import KeyRights
from arbitrage.exchange.upbit_account import KeyInfo
from arbitrage.live_shell.keys_checked import DAY, NEEDED, binance_problems, ends_soon, upbit_problems
from tests.builders import NOON

YEAR = Instant(NOON + 365 * DAY)
UPBIT = KeyInfo(expires_at=YEAR, permissions=NEEDED, allowed_ips=frozenset({"10.0.0.1"}), moves_money=False)
BINANCE = KeyRights(
    may_read=True, may_trade=True, may_withdraw=False, may_transfer=False, is_address_bound=True, expires_at=None
)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (UPBIT, []),
        (replace(UPBIT, permissions=None, allowed_ips=None), []),
        (replace(UPBIT, moves_money=True), ["money out"]),
        (replace(UPBIT, moves_money=None), ["cannot be told"]),
        (replace(UPBIT, permissions=NEEDED - {"make_orders"}), ["lacks make_orders"]),
        (replace(UPBIT, allowed_ips=frozenset()), ["any address"]),
        (replace(UPBIT, expires_at=NOON), ["expired"]),
        (replace(UPBIT, expires_at=Instant(NOON + 7 * DAY - 1)), ["expires in 7.0 days"]),
        (replace(UPBIT, expires_at=Instant(NOON + 7 * DAY)), []),
        (replace(UPBIT, moves_money=True, expires_at=NOON), ["money out", "expired"]),
    ],
)
def test_an_upbit_key_trades_and_moves_no_money(key: KeyInfo, found: list[str]) -> None:
    problems = list(upbit_problems(key, NOON))

    assert len(problems) == len(found)
    assert all(text in problem for text, problem in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (BINANCE, []),
        (replace(BINANCE, may_withdraw=True), ["withdraw"]),
        (replace(BINANCE, may_transfer=True), ["transfer"]),
        (replace(BINANCE, may_trade=False), ["read and trade"]),
        (replace(BINANCE, may_read=False), ["read and trade"]),
        (replace(BINANCE, is_address_bound=False), ["any address"]),
        (replace(BINANCE, is_address_bound=None), ["any address"]),
        (replace(BINANCE, expires_at=NOON), ["expired"]),
        (replace(BINANCE, may_withdraw=True, may_transfer=True), ["withdraw", "transfer"]),
    ],
)
def test_a_binance_key_trades_and_moves_no_money(key: KeyRights, found: list[str]) -> None:
    problems = list(binance_problems(key, NOON))

    assert len(problems) == len(found)
    assert all(text in problem for text, problem in zip(found, problems, strict=True))


@pytest.mark.parametrize(("days", "soon"), [(29, True), (31, False)])
def test_a_person_is_told_a_month_before_a_key_ends(days: int, soon: bool) -> None:
    assert ends_soon(Instant(NOON + days * DAY), NOON) is soon
    assert not ends_soon(None, NOON)
