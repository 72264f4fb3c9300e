"""A naive arbitrage bot on ccxt.pro, as most are written: `python -m tests.bench.ccxt_bot BASE_URL HOW`.

It watches the books of both venues, works the edge out in floats and creates both orders: one after the other
(`defaults`, with ccxt's own rate limiter; `unlimited`, without) or at once (`together`). It keeps no state, asks no
guard and remembers nothing. On Binance it watches the touch: ccxt's books there are made of differences over a
snapshot, which would cost it twice as much.
"""

import asyncio
import sys
from typing import Any, Final

from tests.bench import ccxt_clients
from tests.bench.frames import LISTED

MIN_EDGE: Final = 0.001
UPBIT_FEE: Final = 0.0005
BINANCE_FEE: Final = 0.001
WORTH_KRW: Final = 100_000


class Bot:
    """Both exchanges, and the newest prices of Binance and of the fx."""

    def __init__(self, base_url: str, how: str) -> None:
        options = {"enableRateLimit": how == "defaults"}
        self.upbit = ccxt_clients.upbit(base_url, **options)
        self.binance = ccxt_clients.binance(base_url, **options)
        self._together = how == "together"
        self._asks: dict[str, float] = {}
        self._krw_per_usdt = 0.0

    async def run(self) -> None:
        """Trade until ended."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_fx())
            tasks.create_task(self._watch_binance())
            for base in LISTED:
                tasks.create_task(self._watch_upbit(base))

    async def _watch_fx(self) -> None:
        while True:
            book = await self.upbit.watch_order_book("USDT/KRW")
            self._krw_per_usdt = book["asks"][0][0]

    async def _watch_binance(self) -> None:
        while True:
            touches = await self.binance.watch_bids_asks([f"{base}/USDT" for base in LISTED])
            for symbol, touch in touches.items():
                self._asks[symbol] = touch["ask"]

    async def _watch_upbit(self, base: str) -> None:
        while True:
            book: Any = await self.upbit.watch_order_book(f"{base}/KRW")
            ask = self._asks.get(f"{base}/USDT")
            if ask is None or not self._krw_per_usdt:
                continue
            bid = book["bids"][0][0]
            got, paid = bid * (1 - UPBIT_FEE), ask / (1 - BINANCE_FEE) * self._krw_per_usdt * (1 + UPBIT_FEE)
            if got / paid - 1 > MIN_EDGE:
                await self._trade(base, WORTH_KRW / bid, bid, ask)

    async def _trade(self, base: str, amount: float, bid: float, ask: float) -> None:
        sell = self.upbit.create_order(f"{base}/KRW", "limit", "sell", amount, bid, {"timeInForce": "IOC"})
        buy = self.binance.create_order(f"{base}/USDT", "limit", "buy", amount, ask, {"timeInForce": "IOC"})
        if self._together:
            await asyncio.gather(sell, buy)
        else:
            await sell
            await buy


if __name__ == "__main__":
    asyncio.run(Bot(sys.argv[1], sys.argv[2]).run())
