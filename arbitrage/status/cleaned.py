"""Makes a status safe to show: whatever is in Redis may have been put there by anybody. It reads nothing."""

from decimal import Decimal
from typing import Any, Final

from arbitrage.telemetry.cleaning import clean_text

_LARGEST: Final = Decimal(10) ** 18
"""No amount of ours comes near it; written out, a larger one may be longer than any memory."""


def cleaned(value: Any) -> Any:
    """Return a status with every text in it made safe to show. Raises ValueError for a figure that cannot be."""
    match value:
        case str():
            return clean_text(value)
        case Decimal() if not (value.is_finite() and abs(value) < _LARGEST):
            raise ValueError("a figure that cannot be")
        case dict():
            return {clean_text(str(name)): cleaned(held) for name, held in value.items()}
        case list() | tuple():
            return [cleaned(held) for held in value]
    return value
