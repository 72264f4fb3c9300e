"""Measures where each microsecond of a tick goes in the product, stage by stage. The stamps are `profiled_product`'s.

Both processes stamp with the machine's one monotonic clock, so the frame's way to the callback, and the orders' way
back, are stages too.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench import product
from tests.bench.market import TickTimes
from tests.bench.profiled_product import FILE
from tests.bench.rounds import Say
from tests.bench.tick_to_trade import PACE_S

Stages = Sequence[tuple[str, int]]


async def profile(folder: Path, pairs: int, ticks: int, redis_binary: str, say: Say) -> Mapping[str, float]:
    """Return the µs from a frame's write to each stage, in the order in which they come: medians of many ticks."""
    path = folder / "stages.jsonl"
    async with AsyncExitStack() as stack:
        say(f"the product starts with {pairs} pairs, its stages stamped")
        entry, given = "tests.bench.profiled_product", {FILE: str(path)}
        site = await stack.enter_async_context(product.site(folder / "product", pairs, redis_binary))
        await product.started(stack, site, entry, given)
        market = site.market
        await market.ticks(max(5, ticks // 5), PACE_S)
        market.times.clear()
        path.write_bytes(b"")
        await market.ticks(ticks, PACE_S)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    since: defaultdict[str, list[float]] = defaultdict(list)
    for times in market.times:
        for stage, at_ns in _numbered(_between(times, rows)):
            since[stage].append((at_ns - times.began_ns) / 1_000)
    usual = {stage: median(found) for stage, found in since.items() if len(found) > len(market.times) / 2}
    return dict(sorted(usual.items(), key=lambda item: item[1]))


def show(stages: Mapping[str, float], console: Console) -> None:
    """Print the stages with what each took."""
    table = Table("stage", "µs since the frame's write", "µs since the stage before", title="One tick, medians")
    before = 0.0
    for stage, at_us in stages.items():
        table.add_row(stage, f"{at_us:,.1f}", f"{at_us - before:,.1f}")
        before = at_us
    console.print(table)


def _between(times: TickTimes, rows: Sequence[Stages]) -> Iterator[tuple[str, int]]:
    """Yield the stages of one tick, and the receipt of both orders."""
    received = times.received_ns
    for row in rows:
        if times.began_ns <= row[0][1] <= max(received.values()):
            yield from row
    for venue, at_ns in received.items():
        yield f"{venue.value}'s order received", at_ns


def _numbered(stages: Iterator[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Tell the first time of a stage in a tick from the second: there are two orders."""
    seen: Counter[str] = Counter()
    for stage, at_ns in stages:
        seen[stage] += 1
        yield f"{stage} ({seen[stage]})" if seen[stage] > 1 else stage, at_ns
