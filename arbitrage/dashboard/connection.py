"""The dashboard's connection to Redis: reads in one go, and one kind of write, a row in a stream of commands."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from arbitrage.state.client import new_client, unavailable
from arbitrage.state.keys import RedisAddress, StateKeys

TIMEOUT_S: Final = 0.5
"""How long an answer may take; a server that hangs is shown as gone rather than waited for."""

_COMMANDS_KEPT: Final = 1_000


class Connection:
    """One server. What it cannot do is raised as StateUnavailable, in one line."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._redis = new_client(address, TIMEOUT_S, TIMEOUT_S)

    async def read(self, *asking: Callable[[Pipeline], object]) -> list[Any]:
        """Ask several things at once; a question that fails has its error as its answer. Raises StateUnavailable."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for ask in asking:
                    ask(pipe)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError) as error:  # redis-py's ConnectionError is not an OSError
            raise unavailable(self._address, error) from error
        if isinstance(replies[0], RedisError) and all(isinstance(reply, RedisError) for reply in replies):
            raise unavailable(self._address, replies[0])  # a wrong password, a server that still loads
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
            raise unavailable(self._address, error) from error

    async def close(self) -> None:
        """Let it go."""
        await self._redis.aclose()
