"""How much of each limit is used now, for people: `arbitrage limits`, page, metrics. Nothing is decided on it."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import won
from arbitrage.domain.views import LimitUse
from liveguard.pace import DAY, HOUR
from liveguard.risk_limits import STRICTER_ABOVE, RiskLimits
from liveguard.safety import SafetyModule


def uses(safety: SafetyModule, now: Instant, seen: Mapping[str, Decimal]) -> tuple[LimitUse, ...]:
    """Return every limit with what is used of it; `seen` are the figures that only the market knows, by limit."""
    used = {**seen, **dict(_counted(safety, now))}
    return tuple(_use(safety.limits, field.name, used.get(field.name)) for field in fields(RiskLimits))


def _counted(safety: SafetyModule, now: Instant) -> Iterator[tuple[str, Decimal]]:
    losses = safety.keeper.losses
    yield "max_daily_loss", won(max(losses.lost_today, losses.lost_24h) + losses.in_flight)
    yield "max_total_loss", won(losses.lost_in_all + losses.in_flight)
    yield "max_trades_per_hour", Decimal(safety.pace.within(HOUR, now))
    yield "max_trades_per_day", Decimal(safety.pace.within(DAY, now))
    yield "max_repeats_per_minute", Decimal(safety.pace.most_alike(now))
    yield "max_failed_plans", Decimal(safety.plans.failed_in_a_row)
    yield "max_messages_per_s", Decimal(max(_sent(safety, venue, now) for venue in Venue))
    if (rate := safety.plans.fill_rate()) is not None:
        yield "min_fill_rate", Decimal(f"{rate:.2f}")


def _sent(safety: SafetyModule, venue: Venue, now: Instant) -> int:
    return round(safety.limits.max_messages_per_s - safety.buckets[venue].left(now))


def _use(limits: RiskLimits, name: str, used: Decimal | None) -> LimitUse:
    limit = Decimal(getattr(limits, name))
    if used is None or not used.is_finite():
        return LimitUse(name=name, used=None, limit=limit, share=None)
    part = limit / used if name in STRICTER_ABOVE and used else used / limit
    return LimitUse(name=name, used=used, limit=limit, share=round(float(part), 4))
