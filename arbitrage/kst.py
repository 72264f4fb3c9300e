"""Instants as Korean time, for people. It decides nothing by them."""

from datetime import datetime, timedelta, timezone
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant

KST: Final = timezone(timedelta(hours=9), "KST")
"""Korea has had no daylight saving time since 1988."""


def at_kst(instant: Instant) -> datetime:
    """Return an instant as Korean time, to the microsecond."""
    seconds, nanos = divmod(instant, NS_PER_S)
    return datetime.fromtimestamp(seconds, KST) + timedelta(microseconds=nanos // 1_000)
