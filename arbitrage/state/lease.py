"""Lease: one writer per pair of accounts, whatever APP_ENV says. It expires by itself; nothing else of ours does.

Who holds it is told until when, by our own steady clock and with a margin: a daemon that was stopped finds it over.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.domain.events import LeaseHeld
from arbitrage.domain.instants import NS_PER_MS, Instant, Nanos
from arbitrage.ports import Clock, Emit
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.link import StateLink

log = structlog.get_logger()

LENGTH_MS: Final = 8_000
"""Long enough for an unwind to end while Redis is away: without a lease nothing leaves, whatever it is for."""

MARGIN: Final = Nanos(500 * NS_PER_MS)
"""How long before Redis lets it go we stop to send: time for a request that is already being written."""

RENEW_EVERY_S: Final = 1.0
RETRY_S: Final = 0.2

# KEYS: the lease, who had it last. ARGV: our name, its length in ms, "1" to take it over from who had it last.
# Answers with the holder's name, "" for us. A lease of ours that has ended is renewed only if nobody had it since.
_TAKE: Final = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
local last = redis.call('GET', KEYS[2])
if not held and ARGV[3] ~= '1' and last and last ~= ARGV[1] then return last end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
return ''
"""

_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lease:
    """One daemon's hold on the accounts of a namespace. `name` tells it from every other one.

    `failure` is set once another daemon has it.
    """

    def __init__(self, address: RedisAddress, namespace: str, name: str, clock: Clock, emit: Emit) -> None:
        self.failure: StateHeld | None = None
        self._namespace = namespace
        self._name = name
        self._clock = clock
        self._emit = emit
        self._until = Instant(0)
        self._link = StateLink(address, StateKeys(namespace))
        self._keys = (f"{namespace}:lease", f"{namespace}:lease:last")
        self._take = self._link.script(_TAKE)
        self._release = self._link.script(_RELEASE)

    def tell(self) -> None:
        """Tell the engine until when it may send: again, for one that was not there yet."""
        self._emit(LeaseHeld(self._clock.now(), self._until))

    async def take(self) -> str:
        """Take the lease if it is free; return who holds it, "" for us. Raises StateUnavailable."""
        return await self._ask(takes_over=True)

    async def keep(self) -> None:
        """Renew it each second until cancelled. Returns, with `failure` set, once another daemon has it."""
        failing = False
        while True:
            try:
                holder = await self._ask(takes_over=False)
            except StateUnavailable as error:
                if not failing:
                    log.warning("lease_not_renewed", reason=str(error), left_ms=self._left_ms())
                failing = True
            else:
                if holder:
                    self._lose(holder)
                    return
                if failing:
                    log.info("lease_renewed")
                failing = False
                self.tell()
            await asyncio.sleep(RETRY_S if failing else RENEW_EVERY_S)

    async def close(self) -> None:
        """Give it back if it is ours, so that who stands by need not wait, and let the connection go."""
        if self.failure is None:
            self._until = Instant(0)
            self.tell()
            with suppress(StateUnavailable):  # it ends by itself
                await self._release(self._keys, (self._name,))
        await self._link.close()

    async def _ask(self, *, takes_over: bool) -> str:
        asked_at = self._clock.now()
        holder = await self._take(self._keys, (self._name, LENGTH_MS, int(takes_over)))
        if not holder:
            self._until = Instant(asked_at + LENGTH_MS * NS_PER_MS - MARGIN)
        return str(holder.decode(errors="replace"))

    def _lose(self, holder: str) -> None:
        self.failure = StateHeld(f"{holder} took over the accounts of {self._namespace}; this one ends")
        self._until = Instant(0)
        self.tell()

    def _left_ms(self) -> int:
        return max(0, self._until - self._clock.now()) // NS_PER_MS
