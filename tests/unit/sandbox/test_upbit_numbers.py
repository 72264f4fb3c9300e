"""Upbit's number forms, held against frames that were captured on the wire."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.sandbox.grid import UNIT, eight_decimals, plain, units
from arbitrage.sandbox.upbit_numbers import java_double, small_quantity


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("116539000", "1.16539E8"),
        ("10000000", "1.0E7"),
        ("9999999", "9999999.0"),
        ("2945", "2945.0"),
        ("41.4", "41.4"),
        ("0.001", "0.001"),
        ("0.00079276", "7.9276E-4"),
        ("0.00000022", "2.2E-7"),
        ("0", "0.0"),
        ("-0.0005", "-5.0E-4"),
    ],
)
def test_a_double_is_written_as_java_writes_it(value: str, written: str) -> None:
    assert java_double(units(value)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [("0.02054761", "0.02054761"), ("0.0005", "5.0E-4"), ("30", "30.0"), ("12103375.77710546", "12103375.77710546")],
)
def test_a_simple_quantity_has_an_exponent_only_when_tiny(value: str, written: str) -> None:
    assert small_quantity(units(value)) == written


def test_default_quantities_keep_their_zeros_and_simple_prices_none() -> None:
    assert eight_decimals(units("0.0007772")) == "0.00077720"
    assert plain(units("116606000")) == "116606000"


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_whatever_the_form_the_number_is_exact(value: int) -> None:
    assert Decimal(java_double(value)) * UNIT == value
    assert Decimal(small_quantity(value)) * UNIT == value
