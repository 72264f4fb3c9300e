"""Measures recovery: from the kill of a trading product until its successor's two orders for a premium were received.

The successor is started at once, on the same Redis and the same files: it reads its log, asks both venues what became
of what was in flight, makes all its checks, and only then trades. Each kill has venues and files of its own: the third
one within ten minutes would latch, as it should.
"""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import product
from tests.bench.market import FEW, MissedTick
from tests.bench.rounds import Findings, Say, take_turns
from tests.bench.tick_to_trade import PACE_S


async def measure(findings: Findings, folder: Path, rounds: int, redis_binary: str | None, say: Say) -> None:
    """Measure it so often, or leave a note for what is missing."""
    if redis_binary is None:
        findings.notes.append(product.NO_REDIS)
        return
    numbers = itertools.count()

    async def turn() -> Sequence[float]:
        async with product.site(folder / f"product-{next(numbers)}", FEW, redis_binary) as site:
            return [await _recovery_s(site)]

    await take_turns(findings, "s", {"recovery/ours": turn}, rounds, say)


async def _recovery_s(site: product.Site) -> float:
    async with product.running(site.variables, site.folder) as first:
        await first.ready(site.market)
        await site.market.ticks(3, PACE_S)
        first.process.kill()
        began = time.perf_counter()
        await first.process.wait()
    async with product.running(site.variables, site.folder) as second:
        site.market.why = second.last_words
        await _traded(site)
        return time.perf_counter() - began


async def _traded(site: product.Site) -> None:
    """Show premiums until one was traded on. Raises MissedTick if that takes for ever."""
    give_up = time.perf_counter() + product.UP_S
    while True:
        try:
            await site.market.tick(PACE_S, give_up_s=PACE_S)
        except MissedTick:
            if time.perf_counter() > give_up:
                raise
        else:
            return
