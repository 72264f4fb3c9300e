"""What comes of a review: approved, or refused with every reason. Only `liveguard/safety.py` makes an `Approved`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class RefusalCode(StrEnum):
    """The closed list of reasons for a "no"."""

    # the finder: the opportunity cannot be made into a plan
    PLAN_IN_FLIGHT = "plan_in_flight"
    NOT_REARMED = "not_rearmed"
    INVENTORY_DRY = "inventory_dry"
    BELOW_MINIMUM = "below_minimum"
    NO_DEPTH = "no_depth"
    # the guard: the plan may not be sent
    STATE_UNAVAILABLE = "state_unavailable"
    INSTRUMENT_HALTED = "instrument_halted"
    PLAN_TOO_LARGE = "plan_too_large"
    BOOK_TOO_OLD = "book_too_old"
    FX_TOO_OLD = "fx_too_old"
    BOOKS_TOO_FAR_APART = "books_too_far_apart"
    EDGE_TOO_SMALL = "edge_too_small"
    EDGE_IMPLAUSIBLE = "edge_implausible"
    TOO_MANY_TRADES_HOUR = "too_many_trades_hour"
    TOO_MANY_TRADES_DAY = "too_many_trades_day"
    TOO_MANY_POSITIONS = "too_many_positions"
    NAKED_NOTIONAL = "naked_notional"
    REPEATED_EXECUTION = "repeated_execution"
    DEPTH_SHARE = "depth_share"
    OUTSIDE_COLLAR = "outside_collar"
    LATCHED = "latched"
    BREAKER_ACTIVE = "breaker_active"
    DAILY_LOSS = "daily_loss"
    LOSS_24H = "loss_24h"
    TOTAL_LOSS = "total_loss"
    MESSAGE_RATE = "message_rate"
    # the last gate: the order may not leave
    NO_PERMIT = "no_permit"
    NO_LEASE = "no_lease"
    NOT_REVIEWED = "not_reviewed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason: its code, what was seen, and the limit it was held against, each with its unit."""

    code: RefusalCode
    seen: str
    limit: str

    def __str__(self) -> str:
        return f"{self.code}: {self.seen} (limit {self.limit})" if self.limit else f"{self.code}: {self.seen}"


@dataclass(frozen=True, slots=True)
class Approved(Generic[T]):
    """Something that passed every check. An order is only ever sent out of one of these."""

    what: T


@dataclass(frozen=True, slots=True)
class Refused(Generic[T]):
    """Something that failed at least one check, with all the checks that it failed."""

    what: T
    refusals: tuple[Refusal, ...]
