"""RiskLimits: the numbers that a plan may not go beyond, with their units. It judges nothing; `safety` does."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """What may be risked. Frozen, and without defaults: a limit that nobody set must not exist.

    Every field `x` is set by the variable `RISK_X`. Raises ValueError naming every field that is not above zero.

    max_position_size      KRW that one plan may be worth (notional of its Upbit leg)
    max_daily_loss         KRW that may be lost in one trading day
    max_position_count     plans that may be in flight at once, over all pairs
    max_trades_per_hour    plans that may be started within any 60 minutes
    max_trades_per_day     plans that may be started within any 24 hours
    max_slippage_pct       percent by which a leg's limit may go beyond the deepest level that the plan counts on
    min_spread_pct         percent of the notional that must be left after every fee and the fx (the net edge)
    max_edge_pct           percent of net edge above which an opportunity is not believed
    max_book_age_ms        ms since the last frame of either book
    max_fx_age_ms          ms since the last frame of the KRW-USDT book
    max_book_skew_ms       ms between the last frames of the two books
    """

    max_position_size: Decimal
    max_daily_loss: Decimal
    max_position_count: int
    max_trades_per_hour: int
    max_trades_per_day: int
    max_slippage_pct: Decimal
    min_spread_pct: Decimal
    max_edge_pct: Decimal
    max_book_age_ms: int
    max_fx_age_ms: int
    max_book_skew_ms: int

    def __post_init__(self) -> None:
        bad = [f"{f.name} = {getattr(self, f.name)}" for f in fields(self) if not _is_usable(getattr(self, f.name))]
        if bad:
            raise ValueError(f"limits must be finite and above zero: {', '.join(bad)}")

    @classmethod
    def over_cautious(cls, given: dict[str, Decimal | int]) -> Self:
        """Make limits from the given fields, and from the cautious profile where none is given."""
        return cls(**{**CAUTIOUS, **given})  # type: ignore[arg-type]  # checked field by field in __post_init__


NEEDED_FOR_LIVE: Final = ("max_position_size", "max_daily_loss")
"""The fields that have no built-in value in Live: someone must have chosen them."""

CAUTIOUS: Final[dict[str, Decimal | int]] = {
    "max_position_size": Decimal(1_000_000),
    "max_daily_loss": Decimal(100_000),
    "max_position_count": 3,
    "max_trades_per_hour": 120,
    "max_trades_per_day": 1_000,
    "max_slippage_pct": Decimal("0.10"),
    "min_spread_pct": Decimal("0.10"),
    "max_edge_pct": Decimal(5),
    "max_book_age_ms": 5_000,
    "max_fx_age_ms": 30_000,
    "max_book_skew_ms": 3_000,
}
"""Shadow's built-in profile; its choice of values is explained in docs/architecture.md."""


def _is_usable(value: Decimal | int) -> bool:
    # `Decimal("NaN") > 0` raises, so finiteness is asked first
    return isinstance(value, Decimal | int) and Decimal(value).is_finite() and value > 0
