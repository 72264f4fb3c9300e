"""A bank's reference rate, in the words of Frankfurter's v1 interface. One number a day; nobody trades on it."""

from datetime import UTC, datetime

from aiohttp import web

from arbitrage.domain.instants import NS_PER_S
from arbitrage.ports import Clock
from arbitrage.sandbox.listing import FX_KRW

# A USDT costs a little more in won than a bank's dollar does.
_BANK_KRW = round(FX_KRW * 0.994, 2)


class Bank:
    """Serves the day's rate of the sandbox's world."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def latest(self, _: web.Request) -> web.Response:
        """Answer GET /v1/latest?base=USD&symbols=KRW."""
        day = datetime.fromtimestamp(self._clock.now() // NS_PER_S, UTC).date().isoformat()
        return web.json_response({"amount": 1.0, "base": "USD", "date": day, "rates": {"KRW": _BANK_KRW}})
