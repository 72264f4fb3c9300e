"""Lines and bars made of characters. Pure; it knows neither colours nor what it draws."""

from collections.abc import Sequence
from math import isfinite
from typing import Final

_HEIGHTS: Final = "▁▂▃▄▅▆▇█"
_UNKNOWN: Final = "·"


def spark(samples: Sequence[tuple[float, float | None]], seconds: float, width: int) -> str:
    """Draw (seconds ago, value) over the last `seconds`, oldest on the left, one character for each part of it.

    A character shows the highest value of its part; a part without any is a dot.
    """
    parts: list[float | None] = [None] * width
    for age_s, value in samples:
        place = width - 1 - int(age_s * width / seconds)
        if value is None or not isfinite(value) or not 0 <= place < width:
            continue
        held = parts[place]
        parts[place] = value if held is None else max(held, value)
    known = [value for value in parts if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(_UNKNOWN if value is None else _height(value, low, high) for value in parts)


def bar(share: float, width: int) -> str:
    """Draw how much of something is used; more than all of it is full."""
    filled = round(width * min(max(share, 0.0), 1.0)) if isfinite(share) else width
    return "█" * filled + "·" * (width - filled)


def _height(value: float, low: float, high: float) -> str:
    # halves, because the distance of two floats may be more than a float can hold
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.0
    return _HEIGHTS[min(int(share * len(_HEIGHTS)), len(_HEIGHTS) - 1)]
