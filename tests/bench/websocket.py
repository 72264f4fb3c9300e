"""Measures the receipt of books over a websocket, down to the book: how many, how dear, how late. ccxt.pro likewise.

Sustained: all frames at once, messages a second until the last has become a book; ours decodes only the newest of
those that it reads together. At a pace of 2,000 a second: processor time a message, and the time from right before a
frame's write until its book was there. Each gets the same market of Upbit, 15 levels, in the format that it reads.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.upbit_numbers import Format
from tests.bench import children
from tests.bench.frames import STAMP, UPBIT_LEVELS, upbit_book, websocket_frame
from tests.bench.market import NS_PER_US
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
        self._port, self._process = port, process
        self._stamp = 0
        port.on_stream = self._greet

    async def flood(self, count: int) -> dict[str, Any]:
        """Write so many frames at once; return what the receiver tells."""
        stream = self._stream()
        self._stamp = first = max(self._stamp, _now_us()) + 1
        self._stamp += count
        template = _template(stream)
        wire = b"".join(websocket_frame(template % (first + i), is_binary=True) for i in range(count))
        await self._begin(first + count - 1)
        stream.post(wire)
        return await self._told()

    async def pace(self, seconds: float) -> dict[str, Any]:
        """Write 2,000 frames a second for a while, each stamped with the instant of its write."""
        stream, total = self._stream(), int(seconds * PACE_PER_S)
        template = _template(stream)
        self._stamp = last = max(self._stamp, _now_us()) + int(seconds * 1e6)
        await self._begin(last)
        due = time.perf_counter()
        for number in range(1, total):
            stream.send(template % _now_us())
            if number % _HANDFUL == 0:
                due += _HANDFUL / PACE_PER_S
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        stream.send(template % max(last, _now_us()))
        return await self._told()

    def _greet(self, stream: Stream) -> None:
        stream.send((_template(stream) % 1).replace(b"REALTIME", b"SNAPSHOT"))

    def _stream(self) -> Stream:
        return self._port.streams[Venue.UPBIT][0]

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


def _template(stream: Stream) -> bytes:
    """Return one market's book of 15 levels in the format that was asked for, with its stamp to be filled in."""
    form, name = (Format.DEFAULT, b'"timestamp":') if stream.is_default else (Format.SIMPLE, b'"tms":')
    written = upbit_book(form, UPBIT_LEVELS)
    return written.replace(name + str(STAMP).encode(), name + b"%d", 1)


def _now_us() -> int:
    return time.perf_counter_ns() // NS_PER_US


async def _receiver(stack: AsyncExitStack, folder: Path, who: str) -> Receiver:
    port = await stack.enter_async_context(VenuePort())
    output = folder / f"receiver-{who}.log"
    process = await stack.enter_async_context(
        children.conversing("tests.bench.ws_client", who, port.base_url, output=output)
    )
    receiver = Receiver(port, process)
    await port.subscribed(binance=0)
    return receiver
