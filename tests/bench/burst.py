"""Measures a burst: how old the book was that each decision saw, when 5,000 frames come at once.

The age is the time from right before the first byte was written until the engine was through with a frame. All frames
were true at that first instant, so whatever is decided late is decided on old news. A frame that the product passes
over, because a newer one of its market is in the same read, makes no decision and no age.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from arbitrage.domain.instruments import Venue
from tests.bench import children, product
from tests.bench.frames import market_frames, websocket_frame
from tests.bench.rounds import Findings, Say
from tests.bench.watched_product import FILE

FRAMES: Final = 5_000
CALM_S: Final = 1.0
WRITTEN_S: Final = 10.0
NS_PER_MS: Final = 1_000_000


async def measure(
    findings: Findings, folder: Path, rounds: int, pairs: int, redis_binary: str | None, say: Say
) -> None:
    """Measure bursts of touches, and of whole books of either venue."""
    if redis_binary is None:
        findings.notes.append(product.NO_REDIS)
        return
    seen = folder / "seen.json"
    async with product.site(folder / "product", pairs, redis_binary) as site:
        say(f"the product starts with {pairs} pairs")
        given = {**site.variables, FILE: str(seen)}
        async with product.running(given, site.folder, "tests.bench.watched_product") as daemon:
            await daemon.ready(site.market)
            for number in range(rounds):
                for kind in ("bookTicker", "depth20", "upbit"):
                    ages = await _burst(site, daemon, kind, seen)
                    _take(findings, kind, ages)
                    say(f"round {number + 1}/{rounds}  {kind}: p99 {_percentile(ages, 99):.1f} ms")


def _take(findings: Findings, kind: str, ages: Sequence[float]) -> None:
    for share in (50, 99):
        findings.take(f"burst/{kind}/ours p{share}", "ms", [_percentile(ages, share)])
    findings.take(f"burst/{kind}/decisions", "", [float(len(ages))])


def _percentile(ages: Sequence[float], share: int) -> float:
    return ages[min(len(ages) - 1, len(ages) * share // 100)]


async def _burst(site: product.Site, daemon: product.Product, kind: str, seen: Path) -> Sequence[float]:
    """Write the burst; return the age in ms of each decision, sorted."""
    await site.market.breathe(CALM_S)
    await _seen(daemon, seen)
    venue = Venue.UPBIT if kind == "upbit" else Venue.BINANCE
    wire = b"".join(_frames(site.market.next_ids(2 * FRAMES), kind, site.pairs))
    (stream,) = site.port.streams[venue]
    began_ns = time.perf_counter_ns()
    stream.post(wire)
    await asyncio.sleep(CALM_S * 2)
    rows = [row for row in await _seen(daemon, seen) if row[1] == venue.value and row[2] > began_ns]
    if not rows:
        raise RuntimeError(f"the product decided on no frame of the burst ({kind})")
    return sorted((at_ns - began_ns) / NS_PER_MS for _, _, at_ns in rows)


def _frames(first_id: int, kind: str, pairs: int) -> Sequence[bytes]:
    templates = {
        "bookTicker": [pair.ticker for pair in market_frames(pairs).pairs],
        "depth20": [pair.depth for pair in market_frames(pairs).pairs],
        "upbit": [pair.simple for pair in market_frames(pairs).pairs],
    }[kind]
    stamp = time.time_ns() // NS_PER_MS  # noqa: TID251 - a venue's own clock
    numbers = [stamp] * FRAMES if kind == "upbit" else range(first_id, first_id + FRAMES)
    return [
        websocket_frame(templates[i % len(templates)] % number, is_binary=kind == "upbit")
        for i, number in enumerate(numbers)
    ]


async def _seen(daemon: product.Product, path: Path) -> list[tuple[str, str, int]]:
    """Return what the product has decided on since the last time."""
    os.kill(daemon.process.pid, signal.SIGUSR2)
    await children.eventually(path.exists, WRITTEN_S)
    return _taken(path)


def _taken(path: Path) -> list[tuple[str, str, int]]:
    rows: list[tuple[str, str, int]] = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return rows
