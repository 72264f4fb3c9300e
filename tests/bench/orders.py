"""Measures an order's round trip: from the call that sends it until the reply was understood. It trades nothing.

The port answers at once and always alike, so that what differs is the client's own work: signing, writing, reading. The
client time of ours is what it takes above an echo of finished bytes.

That is measured back to back, each process spinning on a core of its own: nobody has to be woken up, which takes longer
than all that is looked for and scatters by as much. So these are warm caches and work alone. What a lone order takes,
ten milliseconds after anything else and by a process that slept, is in the rows that are `paced`.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final, Self

from arbitrage.domain.instruments import Venue
from tests.bench import children, cores
from tests.bench.rounds import Findings, Say, Turn, take_turns
from tests.bench.spinning import kept_spinning
from tests.bench.venue_port import VenuePort

PACE_S: Final = 0.01

# by how much fewer orders a turn; ccxt's own limiter holds each back for an eighth of a second
BACK_TO_BACK: Final = {"ours": 1, "echo": 1, "ccxt-unlimited": 4, "ccxt-defaults": 50}
PACED: Final = {"ours": 10, "echo": 10}


async def measure(findings: Findings, folder: Path, rounds: int, count: int, say: Say) -> None:
    """Measure every sender at both venues, `count` orders a turn."""
    async with AsyncExitStack() as stack:
        turns: dict[str, Turn] = {}
        for venue in Venue:
            for who, fewer in BACK_TO_BACK.items():
                sender = await Sender.start(stack, folder, venue, who)
                turns[f"orders/{venue.value}/{who}"] = partial(sender.send, max(2, count // fewer), 0.0)
                if who in PACED:
                    paced = partial(sender.send, max(2, count // PACED[who]), PACE_S)
                    turns[f"orders/{venue.value}/{who}, paced"] = paced
        await take_turns(findings, "µs", turns, rounds, say)


class Sender:
    """A process that sends orders when it is told to, with a port of its own."""

    def __init__(self, who: str, process: asyncio.subprocess.Process, output: Path) -> None:
        self._who = who
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, stack: AsyncExitStack, folder: Path, venue: Venue, who: str) -> Self:
        """Start a sender, which ends with the stack."""
        port = await stack.enter_async_context(VenuePort())
        output = folder / f"{who}-{venue.value}.log"
        process = await stack.enter_async_context(
            children.conversing("tests.bench.order_client", who, venue.value, port.base_url, output=output)
        )
        return cls(who, process, output)

    async def send(self, count: int, pace_s: float) -> Sequence[float]:
        """Have orders sent; return the µs of each. Without a pace both sides spin, where there is a core for each.

        Raises RuntimeError if the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        spins = cores.ARE_SHARED_OUT and not pace_s
        with kept_spinning(spins):
            self._process.stdin.write(f"go {count} {pace_s} {int(spins)}\n".encode())
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._who} has ended: {self._output.read_text()[-500:]}")
        taken: list[float] = json.loads(line)
        return taken
