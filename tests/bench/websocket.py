"""Measures the receipt of touches over a websocket, down to the book: how many, how dear, how late. ccxt.pro likewise.

Sustained: all frames at once, messages a second from the first to the last. At a pace of 2,000 a second: processor time
a message, and the time from right before a frame's write until its touch was in the book.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from arbitrage.domain.instruments import Venue
from tests.bench import children
from tests.bench.frames import market_frames, websocket_frame
from tests.bench.rounds import Findings, Say
from tests.bench.venue_port import Stream, VenuePort

PACE_PER_S: Final = 2_000
FEWER: Final = {"ours": 1, "ccxt": 20}
"""By how much fewer messages a peer gets at once, so that its turn does not take for ever."""

SECONDS: Final = 1.0
_HANDFUL: Final = 2


class Receiver:
    """One receiving process and the port that it listens to."""

    def __init__(self, port: VenuePort, process: asyncio.subprocess.Process) -> None:
        frames = market_frames(1).pairs[0]
        self._ticker, self._raw, self._depth = frames.ticker, frames.ticker_raw, frames.depth
        self._port, self._process = port, process
        self._id = 0
        port.on_stream = self._greet

    async def flood(self, count: int) -> dict[str, Any]:
        """Write so many frames at once; return what the receiver tells."""
        first, stream = self._next_id(count), self._stream()
        template = self._raw if stream.is_raw else self._ticker
        wire = b"".join(websocket_frame(template % (first + i), is_binary=False) for i in range(count))
        await self._begin(first + count - 1)
        stream.post(wire)
        return await self._told()

    async def pace(self, seconds: float) -> dict[str, Any]:
        """Write 2,000 frames a second for a while, each with the instant of its write as its id."""
        stream, total = self._stream(), int(seconds * PACE_PER_S)
        template = self._raw if stream.is_raw else self._ticker
        last = self._next_id(0) + int(seconds * 1e9)
        await self._begin(last)
        due = time.perf_counter()
        for number in range(total):
            number_is_last = number == total - 1
            at_ns = time.perf_counter_ns()
            stream.send(template % (max(at_ns, last) if number_is_last else at_ns))
            if number % _HANDFUL == _HANDFUL - 1:
                due += _HANDFUL / PACE_PER_S
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self._id = max(self._id, last)
        return await self._told()

    def _greet(self, stream: Stream) -> None:
        if not stream.is_raw:
            stream.send(self._depth % 1)  # a touch is believed above a book only

    def _stream(self) -> Stream:
        return self._port.streams[Venue.BINANCE][0]

    def _next_id(self, count: int) -> int:
        self._id = max(self._id, time.perf_counter_ns()) + 1
        first, self._id = self._id, self._id + count
        return first

    async def _begin(self, last: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"begin {last}\n".encode())
        await self._line()

    async def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self._line())
        return told

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the receiving process has ended")
        return line


async def measure(findings: Findings, folder: Path, rounds: int, messages: int, say: Say) -> None:
    """Measure both receivers; `messages` is how many ours gets at once."""
    async with AsyncExitStack() as stack:
        receivers = {who: await _receiver(stack, folder, who) for who in FEWER}
        for number in range(rounds + 1):
            for who, receiver in receivers.items():
                flood = await receiver.flood(messages // FEWER[who])
                pace = await receiver.pace(SECONDS)
                if number:  # the first lap only warms up
                    _take(findings, who, flood, pace)
                    say(f"round {number}/{rounds}  {who}: {flood['messages'] / flood['seconds']:,.0f} msg/s")


def _take(findings: Findings, who: str, flood: dict[str, Any], pace: dict[str, Any]) -> None:
    figures: Sequence[tuple[str, str, float]] = (
        ("sustained", "msg/s", flood["messages"] / flood["seconds"]),
        ("cpu", "µs/msg", pace["cpu_us"]),
        *((f"latency {share}", "µs", pace[share]) for share in ("p50", "p99", "p99.9")),
    )
    for name, unit, value in figures:
        findings.take(f"websocket/{name}/{who}", unit, [value])


async def _receiver(stack: AsyncExitStack, folder: Path, who: str) -> Receiver:
    port = await stack.enter_async_context(VenuePort())
    output = folder / f"receiver-{who}.log"
    process = await stack.enter_async_context(
        children.conversing("tests.bench.ws_client", who, port.base_url, output=output)
    )
    receiver = Receiver(port, process)
    await port.subscribed(upbit=0)
    return receiver
