"""What the guard remembers and tells: states, trips, latches, losses, and the evidence of each. Facts; no judging."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from arbitrage.domain.instants import Instant


class TradingState(StrEnum):
    """What may leave: everything; only REDUCE; only cancels and `flatten` with a reason."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Trip(StrEnum):
    """What the circuit breaker trips on. A trip clears by itself: cause gone and cool-down over."""

    VENUE_ERRORS = "venue_errors"
    STALE_DATA = "stale_data"
    CLOCK = "clock"
    FAILED_PLANS = "failed_plans"
    SLIPPAGE = "slippage"
    FILL_RATE = "fill_rate"
    LOSS_RATIO = "loss_ratio"
    INTENT_LOG = "intent_log"
    NAKED_LEG = "naked_leg"
    UNKNOWN_ORDER = "unknown_order"
    NO_WAY_OUT = "no_way_out"
    DUST = "dust"
    ALERT_UNANSWERED = "alert_unanswered"


class LatchKind(StrEnum):
    """What stays, through restarts, until a person clears it with a reason (DAILY_LOSS: until the next trading day)."""

    DAILY_LOSS = "daily_loss"
    TOTAL_LOSS = "total_loss"
    IMPLAUSIBLE_EDGE = "implausible_edge"
    UNEXPLAINED_EXPOSURE = "unexplained_exposure"
    UNEXPLAINED_FUNDS = "unexplained_funds"
    ORPHAN_ORDER = "orphan_order"
    REFUSED_ORDERS = "refused_orders"
    REPEATED_EXECUTION = "repeated_execution"
    FOREIGN_STATE = "foreign_state"
    EMPTIED_STATE = "emptied_state"
    DAY_STEP = "day_step"
    RESTARTS = "restarts"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """A stop that stays. `scope` is a base asset if only its pair is stopped, else ""; `day` the trading day of it."""

    kind: LatchKind
    at: Instant
    why: str
    who: str
    day: str
    scope: str = ""

    @property
    def name(self) -> str:
        """Return what it is kept under: the kind, and the pair if it stops only one."""
        return f"{self.kind}:{self.scope}" if self.scope else self.kind.value


KEY_EXPIRY: Final = "key_expiry"
"""The name of the entry that says that an API key ends soon."""


class GuardAct(StrEnum):
    """What happened to the guard."""

    TRIPPED = "tripped"
    CLEARED = "cleared"
    LATCHED = "latched"
    UNLATCHED = "unlatched"
    LOWERED = "lowered"
    REFUSED = "refused"
    SEEN = "seen"
    ACKNOWLEDGED = "acknowledged"
    DAY_ROLLED = "day_rolled"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardEntry:
    """A piece of evidence: what happened to what (`name`: a trip, a latch, a limit, a command), who did it, and why."""

    at: Instant
    act: GuardAct
    name: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LossMemory:
    """The losses as they are kept, in integer won units (1/10,000 won); results are positive for a gain.

    day           trading day that `day_units` belongs to; "" before the first
    day_units     sum of the day's plan results
    total_units   sum of all results since the start, or since a person cleared the total loss
    recent        (when it ended, result) of the plans of the last 24 hours or more, oldest first
    reserved      worst case of each plan in flight, above zero, by plan id
    """

    day: str = ""
    day_units: int = 0
    total_units: int = 0
    recent: tuple[tuple[Instant, int], ...] = ()
    reserved: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMemory:
    """What the guard is told at start. `sequence` is the number of the last entry that losses and latches hold."""

    sequence: int = 0
    losses: LossMemory = field(default_factory=LossMemory)
    latches: tuple[Latch, ...] = ()
