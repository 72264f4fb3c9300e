"""What befalls a request or an event of a venue, drawn from the seed. It carries nothing out."""

from enum import StrEnum
from random import Random
from typing import Final

from arbitrage.domain.instruments import Venue

FAULTY: Final = 0.3
"""The part of all requests and events to which something happens."""

LATEST_S: Final = {Venue.UPBIT: 12.0, Venue.BINANCE: 4.0}
"""How late a request may arrive: Upbit bounds nothing, Binance refuses what is older than its recvWindow."""

HIDDEN_S: Final = 2.0
"""How long at the most a venue's queries, lists and all, do not show what it has taken on."""


class Fate(StrEnum):
    """FAILED is a 5xx or an unreadable answer, of a request that was carried out or not."""

    FINE = "fine"
    LOST = "lost"
    REPLY_LOST = "reply lost"
    LATE = "late"
    FAILED = "failed"
    BUSY = "busy"
    REFUSED = "refused"


_FAULTS: Final = tuple(fate for fate in Fate if fate is not Fate.FINE)


class Chances:
    """One venue's share of chance."""

    def __init__(self, venue: Venue, seed: int) -> None:
        self._random = Random(f"{venue} {seed}")
        self._latest_s = LATEST_S[venue]

    def fate(self) -> Fate:
        """Draw what happens to a request."""
        return self._random.choice(_FAULTS) if self._random.random() < FAULTY else Fate.FINE

    def happens(self, probability: float) -> bool:
        """Draw whether something happens."""
        return self._random.random() < probability

    def way_s(self) -> float:
        """Draw how long a request or a reply travels: most are quick, some take seconds."""
        return self._random.uniform(0.005, 0.05) if self._random.random() < 0.93 else self._random.uniform(0.05, 3.0)

    def late_s(self) -> float:
        """Draw how late a request arrives that is held up."""
        return self._random.uniform(0.5, self._latest_s)

    def hidden_s(self) -> float:
        """Draw how long a new order is not shown by any query."""
        return self._random.uniform(0.1, HIDDEN_S) if self._random.random() < FAULTY else 0.0

    def matching_s(self) -> float:
        """Draw how long an order that was taken on waits to be matched: a few hang for seconds."""
        if self._random.random() < 0.5:
            return 0.0
        return self._random.uniform(0.001, 0.05) if self._random.random() < 0.85 else self._random.uniform(1.0, 6.0)

    def copies(self) -> tuple[float, ...]:
        """Draw how often, and after how many seconds, an event of the private stream arrives; () is never."""
        soon = self._random.uniform(0.002, 0.08)
        if self._random.random() >= FAULTY:
            return (soon,)
        held_up = self._random.uniform(0.1, 6.0)
        return self._random.choice(((), (), (held_up,), (soon, held_up)))

    def share(self) -> float:
        """Draw which part of the levels that an order reaches is still there."""
        return 1.0 if self._random.random() < 0.6 else self._random.choice((0.0, 0.0, 0.1, 0.5, 0.9))
