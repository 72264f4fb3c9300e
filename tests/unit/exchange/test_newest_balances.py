from decimal import Decimal

from arbitrage.exchange.newest_balances import MOST_CURRENCIES, NewestBalances


def test_memory_is_bounded_by_forgetting():
    newest = NewestBalances()
    newest.take(2, {str(n): Decimal(1) for n in range(MOST_CURRENCIES + 1)})
    newest.take(2, {"one more": Decimal(1)})

    assert newest.take(1, {"0": Decimal(1)}) == {"0": Decimal(1)}
    assert newest.take(1, {"one more": Decimal(1)}) == {}
