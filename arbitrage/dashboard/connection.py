"""The dashboard's connection to Redis: reads in one go, and one kind of write, a row in a stream of commands."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from arbitrage.domain.errors import StateUnavailable
from arbitrage.state.keys import RedisAddress, StateKeys

TIMEOUT_S: Final = 0.5
"""How long an answer may take; a server that hangs is shown as gone rather than waited for."""

_COMMANDS_KEPT: Final = 1_000


class Connection:
    """One server. What it cannot do is raised as StateUnavailable, in one line."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._redis: Redis = Redis(
            host=address.host,
            port=address.port,
            db=address.db,
            username=address.username,
            password=address.password,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def read(self, *asking: Callable[[Pipeline], object]) -> list[Any]:
        """Ask several things at once; a question that fails has its error as its answer. Raises StateUnavailable."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for ask in asking:
                    ask(pipe)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError) as error:  # redis-py's ConnectionError is not an OSError
            raise self._unavailable(error) from error
        if isinstance(replies[0], RedisError) and all(isinstance(reply, RedisError) for reply in replies):
            raise self._unavailable(replies[0])  # a wrong password, a server that still loads
        return replies

    async def command(self, daemons: Sequence[StateKeys], row: dict[str, str | int]) -> None:
        """Leave a command for each daemon. Raises StateUnavailable if one of them was not reached."""
        fields: dict[Any, Any] = {**row}  # its stub wants every kind of field there may be
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for keys in daemons:
                    pipe.xadd(keys.commands, fields, maxlen=_COMMANDS_KEPT, approximate=True)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error

    async def close(self) -> None:
        """Let it go."""
        await self._redis.aclose()

    def _unavailable(self, error: Exception) -> StateUnavailable:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        return StateUnavailable(f"Redis at {self._address}: {text}")
