"""A bank's USD/KRW, for people to look at beside the executable fx. Nothing is traded on it, and it may be absent.

Source: Frankfurter's v1 interface (frankfurter.dev/v1), which serves the European Central Bank's daily reference rates.
"""

import asyncio
from typing import Final, NoReturn

from msgspec import Struct

from arbitrage.domain.events import ReferenceRate
from arbitrage.ports import Clock, Emit
from arbitrage.wire.http import JsonHttp, VenueFailed
from arbitrage.wire.quiet_log import Outage

EVERY_S: Final = 3_600.0
"""The rate changes once a working day, about 16:00 CET; asking each hour finds it soon enough."""

PLAUSIBLE_KRW: Final = (500.0, 5_000.0)
"""The won has traded between 600 and 2,000 a dollar since 1990; what lies far outside is not a rate."""


class Rates(Struct):
    """What the service answers, as far as we read it."""

    base: str
    date: str
    rates: dict[str, float]


class ReferenceRateFeed:
    """Emits ReferenceRate at the start and once an hour."""

    def __init__(self, url: str, emit: Emit, clock: Clock, every_s: float = EVERY_S) -> None:
        self._http = JsonHttp("reference rate", url, max_body_bytes=1 << 16)
        self._emit = emit
        self._clock = clock
        self._every_s = every_s
        self._outage = Outage(clock, "reference_rate_unknown", "reference_rate_known")

    async def run(self) -> NoReturn:
        """Feed until cancelled. A failure is logged and changes nothing else."""
        async with self._http:
            while True:
                await self._ask()
                await asyncio.sleep(self._every_s)

    async def _ask(self) -> None:
        try:
            answer = await self._http.get("/v1/latest", Rates, {"base": "USD", "symbols": "KRW"})
        except VenueFailed as failure:
            self._outage.failed(str(failure))
            return
        krw = answer.rates.get("KRW", 0.0)
        low, high = PLAUSIBLE_KRW
        if answer.base != "USD" or not low <= krw <= high:
            self._outage.failed(f"reference rate: {answer.base} at {krw} KRW is not believed")
            return
        self._outage.recovered()
        self._emit(ReferenceRate(self._clock.now(), krw, answer.date[:10]))
