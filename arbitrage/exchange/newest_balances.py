"""The newest word on each currency: a frame that was overtaken must not bring an old balance back. Memory only."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

MOST_CURRENCIES: Final = 5_000
"""Many times what either venue lists; beyond it everything is forgotten, and the next word is believed."""


class NewestBalances:
    """When the venue last said something of each currency, by its own time stamps in milliseconds."""

    def __init__(self) -> None:
        self._said_at_ms: dict[str, int] = {}

    def take(self, at_ms: int, totals: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Return those totals that are not older than what is known. The same moment counts as newer."""
        news = {currency: total for currency, total in totals.items() if at_ms >= self._said_at_ms.get(currency, 0)}
        if len(self._said_at_ms) > MOST_CURRENCIES:
            self._said_at_ms.clear()
        self._said_at_ms.update(dict.fromkeys(news, at_ms))
        return news

    def forget(self) -> None:
        """Believe the next word on every currency: a new connection has no frames of an old one under way."""
        self._said_at_ms.clear()
