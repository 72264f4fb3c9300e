"""One run's hold on the state in Redis: its claim, its fenced and repeatable writes, its reads.

It does not know what the rows mean, keeps no queue, and never tries again by itself: every failure is raised as
`StateUnavailable` and the caller decides.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.state.client import new_client, unavailable
from arbitrage.state.keys import Command, RedisAddress, StateKeys

SOCKET_TIMEOUT_S: Final = 0.25
"""Without it, redis-py waits for ever on a server that is stopped but not dead."""

CONNECT_TIMEOUT_S: Final = 1.0

# All of a batch or nothing, once, by the one run that may: a reply that was lost can be asked for again, and a batch
# that was still on its way when its sender gave up cannot be counted twice. Types, and numbers that are added to, are
# looked at before the first write, because a script that fails half-way is not undone.
# KEYS: epoch, fence, applied. ARGV: our epoch, our fence, the batch's number, then each command as count, words...
APPLY_BATCH: Final = """
local KINDS = {HSET='hash', HDEL='hash', HINCRBY='hash', XADD='stream', ZADD='zset', ZREMRANGEBYSCORE='zset'}
local function not_whole(key, field)
  local held = redis.call('HGET', key, field)
  return held and not string.match(held, '^-?%d+$')
end
local function wrong(key, kind)
  local held = redis.call('TYPE', key).ok
  return kind and held ~= 'none' and held ~= kind
end
for _, key in ipairs(KEYS) do
  if wrong(key, 'string') then return redis.error_reply('WRONGTYPE ' .. key .. ' is not a string') end
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'emptied' end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 'fenced' end
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[3]) then return 'again' end
local at = 4
while at <= #ARGV do
  local kind = KINDS[ARGV[at + 1]]
  if wrong(ARGV[at + 2], kind) then return redis.error_reply('WRONGTYPE ' .. ARGV[at + 2] .. ' is not a ' .. kind) end
  if ARGV[at + 1] == 'HINCRBY' and not_whole(ARGV[at + 2], ARGV[at + 3]) then
    return redis.error_reply('WRONGTYPE ' .. ARGV[at + 2] .. ' ' .. ARGV[at + 3] .. ' is not a whole number')
  end
  at = at + ARGV[at] + 1
end
at = 4
while at <= #ARGV do
  redis.call(unpack(ARGV, at + 1, at + ARGV[at]))
  at = at + ARGV[at] + 1
end
redis.call('SET', KEYS[3], ARGV[3])
return 'ok'
"""


Word = str | bytes | int
"""An argument of a script."""


class StateReplaced(StateUnavailable):
    """The state is not the one that this run claimed: flushed, or another server answers."""


class StateLink:
    """Talks to Redis for one run. `epoch` and `fence` hold after `claim`."""

    def __init__(self, address: RedisAddress, keys: StateKeys) -> None:
        self._address = address
        self._keys = keys
        self._redis = new_client(address, SOCKET_TIMEOUT_S, CONNECT_TIMEOUT_S)
        self._apply = self._redis.register_script(APPLY_BATCH)
        self.epoch = ""
        self.fence = 0

    async def claim(self) -> None:
        """Make this run the one that may write: initialise a virgin state, and raise the fence."""
        async with self.transaction() as pipe:
            pipe.set(self._keys.epoch, secrets.token_hex(3), nx=True)
            pipe.get(self._keys.epoch)
            pipe.incr(self._keys.fence)
            pipe.delete(self._keys.applied)
            _, epoch, fence, _ = await pipe.execute()
        self.epoch, self.fence = epoch.decode(errors="replace"), fence

    async def apply(self, number: int, commands: Sequence[Command]) -> None:
        """Write a batch, all or nothing. Call again with the same number after a failure: it is done at most once.

        Raises StateReplaced if this is not the state that was claimed, StateHeld if another run has claimed it since,
        StateUnavailable for everything else.
        """
        keys = (self._keys.epoch, self._keys.fence, self._keys.applied)
        words = [word for command in commands for word in (len(command), *command)]
        async with self._translated():
            verdict = await self._apply(keys=keys, args=[self.epoch, self.fence, number, *words])
        if verdict == b"emptied":
            raise StateReplaced("state was emptied or replaced")
        if verdict == b"fenced":
            raise StateHeld(f"another daemon took over the state {self._keys.namespace}; this one ends")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Pipeline]:
        """Give a pipeline whose commands run as one transaction. Failures are raised as StateUnavailable."""
        async with self._translated(), self._redis.pipeline(transaction=True) as pipe:
            yield pipe

    def script(self, text: str) -> Callable[[Sequence[str], Sequence[Word]], Awaitable[Any]]:
        """Return how to run a script on keys and arguments; a server that has lost it is given it again.

        Running it raises StateUnavailable.
        """
        prepared = self._redis.register_script(text)

        async def run(keys: Sequence[str], arguments: Sequence[Word]) -> Any:
            async with self._translated():
                return await prepared(keys=[*keys], args=arguments)

        return run

    async def setting(self, name: str) -> str:
        """Return one of the server's settings, "" if it has none of that name. Raises StateUnavailable."""
        async with self._translated():
            held = await self._redis.config_get(name)
        return next((_text(value) for value in held.values()), "")

    async def version(self) -> str:
        """Return the server's version, "" if it does not tell. Raises StateUnavailable."""
        async with self._translated():
            told = await self._redis.info("server")
        return _text(told.get("redis_version", ""))

    async def close(self) -> None:
        """Let the connection go."""
        await self._redis.aclose()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:  # redis-py's ConnectionError is not an OSError
            raise unavailable(self._address, error) from error


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
