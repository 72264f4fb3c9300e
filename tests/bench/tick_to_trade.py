"""Measures tick to trade: from right before a frame is written until both orders were received. It decides nothing.

The frame is Upbit's book with a premium in it. Variants take turns on ports of their own in this one process, whose
clock stamps both ends; each gets the same market at the same pace. The product is the whole daemon in Live mode: its
orders are really executed by a sandbox behind the port, its losses, journal and intent log are in a real Redis and on
this disk. The others are answered by the port itself, at once.
"""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import children, product
from tests.bench.floor import NO_COMPILER, compile_floor
from tests.bench.frames import market_frames
from tests.bench.market import FEW, BenchMarket
from tests.bench.rounds import Findings, Say, Turn, take_turns
from tests.bench.venue_port import VenuePort

PACE_S: Final = 0.2
"""Between two premiums: Upbit takes 12 orders a second, of which a third is kept for what reduces."""

CCXT: Final = {"ccxt, defaults": "defaults", "ccxt, limiter off": "unlimited", "ccxt, legs together": "together"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure: so many ticks a turn, with so many pairs in the large book (0: without it)."""

    rounds: int
    ticks: int
    many: int = 200
    redis_binary: str | None = None
    peers: bool = True


async def measure(findings: Findings, folder: Path, plan: Plan, say: Say) -> None:
    """Measure all variants that can run here; a line in the notes for each that cannot."""
    async with AsyncExitStack() as stack:
        markets: dict[str, BenchMarket] = {}
        if plan.redis_binary is None:
            findings.notes.append(product.NO_REDIS)
        else:
            markets |= await _products(stack, folder, plan, plan.redis_binary, say)
        if plan.peers:
            markets |= {f"tick/{name}": await _ccxt(stack, folder, how) for name, how in CCXT.items()}
        markets["tick/picows echo"] = await _echo(stack, folder)
        floor = compile_floor(folder)
        if floor is None:
            findings.notes.append(NO_COMPILER)
        else:
            markets["tick/C echo, blocking"] = await _floor_echo(stack, floor)
        turns: dict[str, Turn] = {name: a_turn(market, plan.ticks) for name, market in markets.items()}
        await take_turns(findings, "µs", turns, plan.rounds, say)
        for name, market in markets.items():
            if market.missed:
                findings.notes.append(f"{name}: {market.missed} ticks were missed, and shown again")


async def _products(
    stack: AsyncExitStack, folder: Path, plan: Plan, redis_binary: str, say: Say
) -> Mapping[str, BenchMarket]:
    """Start the product: with a few pairs, with a few over TLS, and with many."""
    wanted = [("tick/ours, 4 pairs", FEW, False)]
    if plan.many:
        wanted += [("tick/ours, 4 pairs, TLS", FEW, True), ("tick/ours, many pairs", plan.many, False)]
    markets: dict[str, BenchMarket] = {}
    for name, pairs, tls in wanted:
        say(f"the product starts: {name} ({pairs})")
        place = folder / f"product-{len(markets)}"
        site = await stack.enter_async_context(product.site(place, pairs, redis_binary, tls=tls))
        await product.started(stack, site)
        markets[name] = site.market
    return markets


async def _floor_echo(stack: AsyncExitStack, floor: Path) -> BenchMarket:
    market, port = await _new_market(stack)
    await stack.enter_async_context(children.program(floor, "block", str(port.port)))
    await port.subscribed(binance=0)
    return market


async def _ccxt(stack: AsyncExitStack, folder: Path, how: str) -> BenchMarket:
    market, port = await _new_market(stack)
    output = folder / f"ccxt-{how}.log"
    await stack.enter_async_context(children.module("tests.bench.ccxt_bot", port.base_url, how, output=output))
    await port.subscribed()
    await market.breathe(1.0)
    return market


async def _echo(stack: AsyncExitStack, folder: Path) -> BenchMarket:
    market, port = await _new_market(stack)
    output = folder / "picows.log"
    await stack.enter_async_context(children.module("tests.bench.picows_echo", str(port.port), output=output))
    await port.subscribed(binance=0)
    return market


async def _new_market(stack: AsyncExitStack) -> tuple[BenchMarket, VenuePort]:
    port = await stack.enter_async_context(VenuePort())
    return BenchMarket(port, market_frames(FEW)), port


def a_turn(market: BenchMarket, ticks: int) -> Turn:
    """Return a turn of so many ticks, after a moment in which the variant hears of every book again."""

    async def turn() -> Sequence[float]:
        await market.breathe(0.5)  # what was not heard of during the others' turns is old
        gc.disable()
        try:
            return await market.ticks(ticks, PACE_S)
        finally:
            gc.enable()
            await asyncio.sleep(0.2)

    return turn
