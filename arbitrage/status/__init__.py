"""`arbitrage status`: what the daemon says of itself, read from Redis. It imports nothing of the daemon's."""

from arbitrage.status.report import main, read_status, reset_shadow

__all__ = ["main", "read_status", "reset_shadow"]
