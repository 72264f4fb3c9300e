"""What an earlier run left behind, as the engine may use it at start. Facts only; where they were kept is not said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from arbitrage.domain.alerts import Alert
from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import NEVER, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.views import ScoreLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The past, read once at start.

    epoch           random word of this state; tells it from an emptied or a foreign one
    fence           number of this run; higher than that of every earlier run on the same state
    inventory       what we owned on each venue, by currency; empty: nothing is known
    inventory_at    when that was so
    trade_instants  when the plans of the last 24 hours were started, oldest first
    score           the score so far, if the trading day is still the same
    best_edges      the best edge of the same trading day in bps, by base and direction
    positions       net base that plans have left over, by base
    open_plans      plans that an earlier run never ended; they are closed in the state as unscored
    guard           losses and latches, as Redis and the intent log agree on them
    alerts          alerts that nobody may have seen yet
    """

    epoch: str
    fence: int
    inventory: Mapping[Venue, Mapping[str, Decimal]] = field(default_factory=dict)
    inventory_at: Instant = NEVER
    trade_instants: tuple[Instant, ...] = ()
    score: ScoreLine | None = None
    best_edges: Mapping[tuple[str, Direction], float] = field(default_factory=dict)
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    open_plans: tuple[TwoLegPlan, ...] = ()
    guard: GuardMemory = field(default_factory=GuardMemory)
    alerts: tuple[Alert, ...] = ()
