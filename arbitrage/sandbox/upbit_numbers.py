"""How Upbit writes numbers, and the frame formats that choose between the forms. Text only.

Three forms (measured on the wire, September 2026): DEFAULT frames write prices as Java's doubles (`1.16539E8`) and
quantities with all eight decimals (`0.00077720`); SIMPLE frames write prices plainly (`116606000`) and quantities
without trailing zeros, tiny ones with an exponent (`7.9276E-4`); REST writes everything plainly.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

from arbitrage.sandbox.grid import UNIT, plain


class Format(StrEnum):
    """The frame formats that a client may choose."""

    DEFAULT = "DEFAULT"
    SIMPLE = "SIMPLE"
    JSON_LIST = "JSON_LIST"
    SIMPLE_LIST = "SIMPLE_LIST"

    @property
    def short(self) -> bool:
        """Tell whether keys are abbreviated."""
        return self in (Format.SIMPLE, Format.SIMPLE_LIST)

    @property
    def listed(self) -> bool:
        """Tell whether each frame is a list of one object."""
        return self in (Format.JSON_LIST, Format.SIMPLE_LIST)


# Java writes a double plainly from 1e-3 up to 1e7, else as digit, point, digits, E, exponent.
_PLAIN_FROM: Final = UNIT // 1_000
_PLAIN_BELOW: Final = UNIT * 10_000_000


@lru_cache(maxsize=8_192)
def java_double(value: int) -> str:
    """Write units as Java writes a double: `1.16539E8`, `2945.0`, `7.9276E-4`."""
    if value == 0:
        return "0.0"
    if value < 0:
        return f"-{java_double(-value)}"
    if _PLAIN_FROM <= value < _PLAIN_BELOW:
        text = plain(value)
        return text if "." in text else f"{text}.0"
    digits = str(value)
    mantissa = digits.rstrip("0")
    return f"{mantissa[0]}.{mantissa[1:] or '0'}E{len(digits) - 9}"


@lru_cache(maxsize=8_192)
def small_quantity(value: int) -> str:
    """Write a SIMPLE quantity: never ends in zeros, and has an exponent below 0.001."""
    if 0 < value < _PLAIN_FROM:
        return java_double(value)
    text = plain(value)
    return text if "." in text else f"{text}.0"
