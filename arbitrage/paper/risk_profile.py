"""The limits of a scenario, under their own and their older short names. It checks bounds; `liveguard` judges plans."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from arbitrage.paper.written import Exact, Whole, Written
from liveguard.risk_limits import RiskLimits

Won = Annotated[Exact, Field(gt=0, le=10**11)]
Percent = Annotated[Exact, Field(gt=0, le=100)]
Part = Annotated[Exact, Field(gt=0, le=1)]
Positive = Annotated[Whole, Field(gt=0, le=10**9)]

OLDER_NAMES: Final = {"max_position_krw": "max_position_size", "max_daily_loss_krw": "max_daily_loss"}


class RiskProfile(Written):
    """The limits: every field of RiskLimits by its name, and the older short names; the cautious profile for the rest.

    `slippage_bps` is the simulated one: how much worse than it looks a book is once an order is there.
    """

    max_position_krw: Won | None = None
    """KRW that one plan may be worth: another name of max_position_size."""
    max_daily_loss_krw: Won | None = None
    """KRW that may be lost in one trading day: another name of max_daily_loss."""
    slippage_bps: Annotated[Exact, Field(ge=0, lt=10_000)] = Decimal(0)
    """How much worse than it looks a book is once an order is there; no limit."""

    # RiskLimits says what the rest mean; a test holds the bounds against its own
    max_position_size: Won | None = None
    max_depth_pct: Percent | None = None
    min_spread_pct: Annotated[Exact, Field(gt=0, le=10**9)] | None = None
    max_edge_pct: Percent | None = None
    max_slippage_pct: Annotated[Exact, Field(gt=0, le=10)] | None = None
    collar_pct: Annotated[Exact, Field(gt=0, le=20)] | None = None
    unwind_collar_pct: Annotated[Exact, Field(gt=0, le=50)] | None = None
    max_position_count: Positive | None = None
    max_trades_per_hour: Positive | None = None
    max_trades_per_day: Positive | None = None
    max_repeats_per_minute: Positive | None = None
    max_messages_per_s: Positive | None = None
    max_daily_loss: Won | None = None
    max_total_loss: Won | None = None
    max_naked_notional: Won | None = None
    max_naked_s: Annotated[Whole, Field(gt=0, le=60)] | None = None
    dust_cap: Won | None = None
    circuit_breaker_threshold: Part | None = None
    circuit_breaker_cooldown_s: Positive | None = None
    min_fill_rate: Part | None = None
    max_failed_plans: Positive | None = None
    max_venue_errors: Positive | None = None
    max_book_age_ms: Positive | None = None
    max_fx_age_ms: Positive | None = None
    max_book_skew_ms: Positive | None = None
    max_clock_skew_ms: Annotated[Whole, Field(gt=0, le=1_000)] | None = None

    def limits(self) -> RiskLimits:
        """Return these limits over the cautious profile. Raises ValueError for a limit under both of its names."""
        given = self.model_dump(exclude_none=True, exclude={"slippage_bps"})
        for older, name in OLDER_NAMES.items():
            if older in given and name in given:
                raise ValueError(f"{older} and {name} are the same limit")
        return RiskLimits.over_cautious({OLDER_NAMES.get(name, name): value for name, value in given.items()})
