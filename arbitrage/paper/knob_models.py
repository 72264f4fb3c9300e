"""What a simulated venue is like while its knobs are turned: its patience with orders, and what others leave us."""

from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instants import NS_PER_S, Nanos
from arbitrage.sandbox.knobs import Knobs


@dataclass(frozen=True, slots=True)
class KnobMatching:
    """How long a venue hangs over an order that it has taken on (Latency)."""

    knobs: Knobs

    def draw(self) -> Nanos:
        """Return it."""
        return Nanos(round(self.knobs.match_after_s * NS_PER_S))


@dataclass(frozen=True, slots=True)
class KnobShare:
    """What others leave of each level (LevelShare)."""

    knobs: Knobs

    def draw(self) -> Decimal:
        """Return it."""
        return self.knobs.fill_share
