"""Exact money: decimals, and won in integer units. Floats come in by their shortest form only, on purpose."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, NewType

KRW: Final = "KRW"
USDT: Final = "USDT"

WonUnits = NewType("WonUnits", int)
"""Won in integer units of 1/10,000: the form in which results and losses are added up and stored."""

UNITS_PER_WON: Final = 10_000

# What a venue may write for a number. Decimal() itself would also take "1_000", " 1", "Infinity" and Arabic digits.
_WIRE_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def decimal_from_wire(text: str) -> Decimal:
    """Parse a venue's decimal text exactly. Raises ValueError for anything but plain digits with at most one point."""
    if not _WIRE_NUMBER.fullmatch(text):
        raise ValueError(f"not a plain decimal number: {text[:40]!r}")
    return Decimal(text)


def decimal_from_float(value: float) -> Decimal:
    """Take a float over by its shortest decimal form (0.1 becomes 0.1). Raises ValueError if it is not finite."""
    exact = Decimal(repr(value))
    if not exact.is_finite():
        raise ValueError(f"not a finite number: {value!r}")
    return exact


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros, as venues want it."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round down to a multiple of `step`."""
    return (value / step).to_integral_value(rounding=ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Round up to a multiple of `step`."""
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step


def won_units(krw: Decimal) -> WonUnits:
    """Turn won into integer units of 1/10,000, rounded down: a gain is never flattered, a loss never hidden."""
    return WonUnits(int((krw * UNITS_PER_WON).to_integral_value(rounding=ROUND_FLOOR)))


def won(units: int) -> Decimal:
    """Turn integer units of 1/10,000 won back into won."""
    return Decimal(units) / UNITS_PER_WON
