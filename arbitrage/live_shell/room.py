"""Room: lets questions wait until a venue's limit has room for them. It asks nothing.

A question that finds no room fails; hundreds of them have to be spread instead, and to leave the others their share.
"""

import asyncio
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.ports import Clock
from arbitrage.wire.limiter import Allowance, Limiter

LOOK_AGAIN_S: Final = 0.05

_WAITING: Final = "waiting"


class Room:
    """What one allowance has left beyond what is kept for orders.

    Of that, `needed` in each window is for questions that cannot wait. Those that can use up no more than the rest, and
    leave a third of it over where others have used much, be it an earlier run of ours.
    """

    def __init__(self, limiter: Limiter, kind: str, allowance: Allowance, needed: int, clock: Clock) -> None:
        self._limiter = limiter
        self._kind = kind
        self._kept = allowance.kept
        self._left_over = needed // 3
        self._waiting = Limiter({_WAITING: Allowance(allowance.limit - allowance.kept, allowance.window, kept=needed)})
        self._clock = clock

    async def now(self, cost: int = 1) -> None:
        """Wait until `cost` can be spent. Spend it before anything is awaited; none is there while we are blocked."""
        while not self._has(cost, self._clock.now()):  # noqa: ASYNC110 - time alone brings room
            await asyncio.sleep(LOOK_AGAIN_S)

    async def later(self, cost: int = 1) -> None:
        """Wait until `cost` can be spent and nobody who cannot wait will miss it. Spend it as after `now`."""
        while not self._takes(cost, self._clock.now()):  # noqa: ASYNC110 - time alone brings room
            await asyncio.sleep(LOOK_AGAIN_S)

    def _takes(self, cost: int, at: Instant) -> bool:
        return self._has(cost + self._left_over, at) and self._waiting.take(_WAITING, at, cost=cost)

    def _has(self, cost: int, at: Instant) -> bool:
        return self._limiter.left(self._kind, at) >= self._kept + cost
