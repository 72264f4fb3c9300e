"""How the inside of an order book is looked at. A view holds levels as they came; `books` says what to believe."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Level = tuple[float, float]
"""(price in quote, quantity in base), decoded once from the wire."""

Touch = tuple[float, float, float, float]
"""(bid price, bid quantity, ask price, ask quantity)."""


class Health(StrEnum):
    """Whether a book may be believed. Only `GOOD` books decide anything."""

    EMPTY = "empty"
    GOOD = "good"
    STALE = "stale"
    CROSSED = "crossed"
    GAP = "gap"


class Depth(Protocol):
    """A book's levels, best first. It may keep a decoder's own buffers and split them when first asked."""

    def touch(self) -> "Touch | None":
        """Return the best bid and ask as they came, or None where a side is empty. Cheap: it splits nothing."""
        ...

    def bids(self) -> Sequence[Level]:
        """Return the bids, highest first."""
        ...

    def asks(self) -> Sequence[Level]:
        """Return the asks, lowest first."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """What a price of an instrument is held against, all in its own quote currency.

    `mid` is that of its own book now; `elsewhere` that of the other venue's book, brought over at the fx; `low` and
    `high` are the mids of its own book in the last minute. None where it is not known, which never means "anything".
    """

    mid: float | None
    elsewhere: float | None
    low: float | None
    high: float | None


class ListedLevels:
    """How levels are looked at that are lists of (price, quantity) already, by whatever name a decoder found them."""

    __slots__ = ()

    bid_levels: Sequence[Level]
    ask_levels: Sequence[Level]

    def touch(self) -> Touch | None:
        """Return the best bid and ask, or None where a side is empty."""
        bids, asks = self.bid_levels, self.ask_levels
        return bids[0] + asks[0] if bids and asks else None

    def bids(self) -> Sequence[Level]:
        """Return the bids, highest first."""
        return self.bid_levels

    def asks(self) -> Sequence[Level]:
        """Return the asks, lowest first."""
        return self.ask_levels


@dataclass(slots=True)
class ListedDepth(ListedLevels):
    """A Depth of two lists."""

    bid_levels: Sequence[Level]
    ask_levels: Sequence[Level]
