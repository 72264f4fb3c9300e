"""Each limit, how much of it is used, and what would trip next. Pure; units are those of RiskLimits."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from arbitrage.domain.views import LimitUse

UNITS: Final = {
    "max_position_size": "KRW",
    "max_depth_pct": "%",
    "min_spread_pct": "%",
    "max_edge_pct": "%",
    "max_slippage_pct": "%",
    "collar_pct": "%",
    "unwind_collar_pct": "%",
    "max_position_count": "plans",
    "max_trades_per_hour": "plans",
    "max_trades_per_day": "plans",
    "max_repeats_per_minute": "plans",
    "max_messages_per_s": "messages",
    "max_daily_loss": "KRW",
    "max_total_loss": "KRW",
    "max_naked_notional": "KRW",
    "max_naked_s": "s",
    "dust_cap": "KRW",
    "circuit_breaker_threshold": "of capital",
    "circuit_breaker_cooldown_s": "s",
    "min_fill_rate": "of 20 plans",
    "max_failed_plans": "plans",
    "max_venue_errors": "troubles",
    "max_book_age_ms": "ms",
    "max_fx_age_ms": "ms",
    "max_book_skew_ms": "ms",
    "max_clock_skew_ms": "ms",
}
"""What each limit is counted in."""


def shape_limits(uses: Iterable[LimitUse]) -> list[dict[str, Any]]:
    """Return every limit with its unit; `used` and `share` are None where nothing is counted."""
    return [
        {"name": use.name, "used": use.used, "limit": use.limit, "unit": UNITS.get(use.name, ""), "share": use.share}
        for use in uses
    ]


def next_to_trip(limits: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the limit with the highest used share; None while nothing is used."""
    used = [limit for limit in limits if limit["share"]]
    return max(used, key=lambda limit: float(limit["share"]), default=None)
