"""Which redis-server the product may be measured on: Live refuses one older than 7."""

import shutil

from arbitrage.local_stack.redis_server import OLDEST_FOR_LIVE, find


def find_for_live() -> str | None:
    """Return a redis-server that Live accepts, or None."""
    found = find()
    return found.path if found is not None and found.major >= OLDEST_FOR_LIVE and shutil.which(found.path) else None
