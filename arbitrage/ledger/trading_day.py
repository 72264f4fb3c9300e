"""Which trading day an instant belongs to. It is told the instant; it never asks for the present."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from arbitrage.domain.instants import NS_PER_S, Instant


class TradingDay:
    """Calendar days of one time zone, such as Asia/Seoul."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def of(self, instant: Instant) -> str:
        """Return the day as YYYY-MM-DD."""
        return datetime.fromtimestamp(instant // NS_PER_S, UTC).astimezone(self._zone).date().isoformat()
