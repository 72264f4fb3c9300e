"""`arbitrage status`: what the daemon says of itself, read from Redis. It imports nothing of the daemon's."""

from arbitrage.status.report import IN_MEMORY, NEVER_RAN, main, read_status, reset_shadow, shown_namespace

__all__ = ["IN_MEMORY", "NEVER_RAN", "main", "read_status", "reset_shadow", "shown_namespace"]
