"""Measures tick to trade where both sides spin: the product with BUSY_POLL=true against a C echo that polls.

A spinning process takes a whole core, so each is started for its turn only. The kernel's part of the way is the same as
for those that sleep; what falls away is being woken up.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench import children, product
from tests.bench.floor import NO_COMPILER, compile_floor
from tests.bench.frames import market_frames
from tests.bench.market import FEW, BenchMarket
from tests.bench.rounds import Findings, Say, Turn, take_turns
from tests.bench.tick_to_trade import PACE_S, a_turn
from tests.bench.venue_port import VenuePort


async def measure(
    findings: Findings, folder: Path, rounds: int, ticks: int, redis_binary: str | None, say: Say
) -> None:
    """Measure both, or leave a note for what is missing."""
    floor = compile_floor(folder)
    if floor is None or redis_binary is None:
        findings.notes.append(NO_COMPILER if floor is None else product.NO_REDIS)
        return
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(product.site(folder / "product", FEW, redis_binary))
        given = {**site.variables, "BUSY_POLL": "true"}

        async def ours() -> Sequence[float]:
            product.forget_log(site.folder)
            async with product.running(given, site.folder) as daemon:
                await daemon.ready(site.market)
                site.market.why = daemon.last_words
                return await a_turn(site.market, ticks)()

        turns: dict[str, Turn] = {"busy/ours, 4 pairs": ours, "busy/C echo": await _floor_turn(stack, floor, ticks)}
        await take_turns(findings, "µs", turns, rounds, say)


async def _floor_turn(stack: AsyncExitStack, floor: Path, ticks: int) -> Turn:
    port = await stack.enter_async_context(VenuePort())
    market = BenchMarket(port, market_frames(FEW))

    async def turn() -> Sequence[float]:
        async with children.program(floor, "busy", str(port.port)):
            await port.subscribed(binance=0)
            return await market.ticks(ticks, PACE_S)

    return turn
