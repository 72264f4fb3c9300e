"""Which day a report is about: its name, and the instants between which it lies. It asks no clock."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ledger.trading_day import TradingDay

FIRST: Final = date(2009, 1, 3)
"""Before there was any bitcoin nothing was traded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpan:
    """A trading day as YYYY-MM-DD, from `start` up to and without `end`; of a day that still runs, `until` is now."""

    day: str
    start: Instant
    end: Instant
    until: Instant

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more can happen in it."""
        return self.until >= self.end

    def holds(self, at: int) -> bool:
        """Tell whether an instant lies in it."""
        return self.start <= at < self.end


def span_of(asked: str, zone: str, now: Instant) -> DaySpan:
    """Return the day that is asked for: YYYY-MM-DD, "yesterday", or "" for the one that runs now.

    Raises ConfigurationError for what is no day, and for a day that has not begun.
    """
    today = date.fromisoformat(TradingDay(zone).of(now))
    day = _day(asked, today)
    if not FIRST <= day <= today:
        raise ConfigurationError(f"--day: {day} is not a day that has been; today is {today} ({zone})")
    start, end = (_midnight(each, zone) for each in (day, day + timedelta(days=1)))
    return DaySpan(day=day.isoformat(), start=start, end=end, until=min(now, end))


def _day(asked: str, today: date) -> date:
    if asked in {"", "today"}:
        return today
    if asked == "yesterday":
        return today - timedelta(days=1)
    try:
        return datetime.strptime(asked, "%Y-%m-%d").replace(tzinfo=ZoneInfo("UTC")).date()
    except ValueError:
        raise ConfigurationError("--day: must be a day such as 2026-11-22, or yesterday") from None


def _midnight(day: date, zone: str) -> Instant:
    return Instant(round(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * NS_PER_S)
