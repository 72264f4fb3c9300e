"""A client of our Redis, made in one way for whoever keeps a connection. It asks nothing by itself."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from arbitrage.domain.errors import StateUnavailable
from arbitrage.redaction import redact
from arbitrage.state.keys import RedisAddress

LONGEST_TEXT: Final = 300


def new_client(address: RedisAddress, answer_s: float, connect_s: float) -> Redis:
    """Return a client that connects when first asked, waits no longer than told, and tries nothing a second time."""
    return Redis(
        host=address.host,
        port=address.port,
        db=address.db,
        username=address.username,
        password=address.password,
        socket_timeout=answer_s,
        socket_connect_timeout=connect_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def unavailable(address: RedisAddress, error: Exception) -> StateUnavailable:
    """Return what a failure of the client means, in one line and without secrets."""
    text = " ".join(redact(str(error)).split())[:LONGEST_TEXT] or type(error).__name__
    return StateUnavailable(f"Redis at {address}: {text}")
