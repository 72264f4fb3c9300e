"""How Binance keeps a websocket: pings, the pongs it waits for, the end after a day with its notice. No venue data."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.ports import Clock
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.options import Manners

POLICY: Final = 1008
GOING_AWAY: Final = 1001


class Keepalive:
    """The timers of one connection, which start at once. `announce_end` tells the client, and gets the time in ms."""

    def __init__(
        self, connection: Connection, clock: Clock, manners: Manners, announce_end: Callable[[int], None]
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._manners = manners
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pings: deque[bytes] = deque(maxlen=8)
        self._pong_s = asyncio.get_running_loop().time()
        self._later("ping", manners.binance_ping_s, self._ping)
        notice_s = max(0.0, manners.binance_lifetime_s - manners.binance_notice_s)
        self._later("notice", notice_s, lambda: announce_end(clock.now() // NS_PER_MS))
        self._later("end", manners.binance_lifetime_s, lambda: connection.close(GOING_AWAY))

    def pong(self, payload: bytes) -> None:
        """Learn of a pong. Only a copy of a payload of ours counts; an unsolicited one keeps nobody alive."""
        if payload in self._pings:
            self._pong_s = asyncio.get_running_loop().time()

    def end(self) -> None:
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()

    def _ping(self) -> None:
        if asyncio.get_running_loop().time() - self._pong_s > self._manners.binance_pong_s:
            self._connection.close(POLICY, "Pong timeout")
            return
        self._pings.append(str(self._clock.now() // NS_PER_MS).encode())
        self._connection.ping(self._pings[-1])
        self._later("ping", self._manners.binance_ping_s, self._ping)

    def _later(self, name: str, wait_s: float, act: Callable[[], None]) -> None:
        self._timers[name] = asyncio.get_running_loop().call_later(wait_s, act)
