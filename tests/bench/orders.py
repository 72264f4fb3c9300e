"""Measures an order's round trip: from the call that sends it until the reply was understood. It trades nothing.

The port answers at once and always alike, so that what differs is the client's own work: signing, writing, reading. The
client time of ours is what it takes above an echo of finished bytes.
"""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from arbitrage.domain.instruments import Venue
from tests.bench import children
from tests.bench.rounds import Findings, Say, Turn, take_turns
from tests.bench.venue_port import VenuePort

PACE_S: Final = 0.01
WHO: Final = {"ours": 1, "echo": 1, "ccxt-unlimited": 2, "ccxt-defaults": 10}
"""Who sends, and by how much fewer orders a turn: ccxt's own limiter holds each back for an eighth of a second."""


async def measure(findings: Findings, folder: Path, rounds: int, count: int, say: Say) -> None:
    """Measure every sender at both venues, `count` orders a turn."""
    async with AsyncExitStack() as stack:
        turns: dict[str, Turn] = {}
        for venue in Venue:
            for who, fewer in WHO.items():
                turns[f"orders/{venue.value}/{who}"] = await _turn(stack, folder, venue, who, max(2, count // fewer))
        await take_turns(findings, "µs", turns, rounds, say)


async def _turn(stack: AsyncExitStack, folder: Path, venue: Venue, who: str, count: int) -> Turn:
    port = await stack.enter_async_context(VenuePort())
    output = folder / f"{who}-{venue.value}.log"
    process = await stack.enter_async_context(
        children.conversing("tests.bench.order_client", who, venue.value, port.base_url, output=output)
    )

    async def turn() -> Sequence[float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"go {count} {PACE_S}\n".encode())
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"{who} has ended: {output.read_text()[-500:]}")
        taken: list[float] = json.loads(line)
        return taken

    return turn
