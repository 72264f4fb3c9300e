"""Exact prices: texts, units and the steps of the venues."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.sandbox.grid import KRW_GRID, UNIT, eight_decimals, plain, single_step, units

prices = st.integers(min_value=1, max_value=10**9 * UNIT)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("119174000", "1000"),
        ("1000000", "1000"),
        ("999999", "500"),
        ("195600", "100"),
        ("9999", "5"),
        ("4999", "1"),
        ("1400", "1"),
        ("99.9", "0.1"),
        ("0.00000001", "0.00000001"),
    ],
)
def test_the_krw_market_has_its_step_in_each_band(price: str, tick: str) -> None:
    assert KRW_GRID.tick(units(price)) == units(tick)


@given(prices)
def test_rounding_lands_on_the_grid_on_the_right_side(price: int) -> None:
    low, high = KRW_GRID.floor(price), KRW_GRID.ceil(price)

    assert low <= price <= high
    assert low % KRW_GRID.tick(low) == 0
    assert high % KRW_GRID.tick(high) == 0


@given(st.integers(min_value=-(10**20), max_value=10**20))
def test_texts_say_exactly_the_units(value: int) -> None:
    assert Decimal(plain(value)) * UNIT == value
    assert Decimal(eight_decimals(value)) * UNIT == value
    assert len(eight_decimals(value).partition(".")[2]) == 8


def test_more_than_eight_decimals_do_not_fit() -> None:
    with pytest.raises(ValueError, match="more than eight decimals"):
        single_step("0.000000001")
