"""Measures what the product takes: memory by the number of pairs, processor time under load and at rest.

Figures are the kernel's own: resident memory, and user and system time of the process. It judges nothing.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.bench import children, product
from tests.bench.market import FEW, FRAMES_A_BOOK, MANY
from tests.bench.rounds import Findings, Say

_TICKS_S: Final = os.sysconf("SC_CLK_TCK")
_MB: Final = 1 << 20
_IMPORT: Final = "import ccxt.pro, sys; print(open('/proc/self/statm').read().split()[1])"


async def measure(
    findings: Findings, folder: Path, pairs: int, seconds: float, redis_binary: str | None, say: Say
) -> None:
    """Measure a product of a few pairs at rest, and one of many under load."""
    findings.take("footprint/ccxt import", "MB", [await _ccxt_mb()])
    if redis_binary is None:
        findings.notes.append(product.NO_REDIS)
        return
    async with AsyncExitStack() as stack:
        say(f"the product starts with {FEW} pairs")
        few, _ = await _running(stack, folder / "few", FEW, redis_binary)
        used_s, began = _cpu_s(few), time.perf_counter()
        await asyncio.sleep(seconds / 2)
        findings.take("footprint/cpu at rest, 4 pairs", "%", [_share(few, used_s, began)])
        few_mb = _rss_mb(few)
    findings.take("footprint/rss, 4 pairs", "MB", [few_mb])
    async with AsyncExitStack() as stack:
        frames_s = pairs * MANY.books_s * FRAMES_A_BOOK
        say(f"the product starts with {pairs} pairs; {frames_s:,.0f} frames a second for {seconds:g} s")
        many, site = await _running(stack, folder / "many", pairs, redis_binary)
        await site.market.breathe(seconds / 4)
        findings.take("footprint/cpu, many pairs", "%", await _under_load(many, site, seconds))
        findings.take("footprint/rss, many pairs", "MB", [_rss_mb(many)])
        findings.take("footprint/memory a 100 pairs", "MB", [(_rss_mb(many) - few_mb) / (pairs - FEW) * 100])


async def _under_load(pid: int, site: product.Site, seconds: float) -> Sequence[float]:
    """Return the share of a core in each quarter of the time."""
    shares = []
    for _ in range(4):
        used_s, began = _cpu_s(pid), time.perf_counter()
        await site.market.breathe(seconds / 4)
        shares.append(_share(pid, used_s, began))
    return shares


async def _running(stack: AsyncExitStack, folder: Path, pairs: int, redis_binary: str) -> tuple[int, product.Site]:
    site = await stack.enter_async_context(product.site(folder, pairs, redis_binary))
    daemon = await product.started(stack, site)
    return daemon.process.pid, site


def _share(pid: int, used_s: float, began: float) -> float:
    return (_cpu_s(pid) - used_s) / (time.perf_counter() - began) * 100


def _cpu_s(pid: int) -> float:
    # the name in brackets may hold spaces; user and system time are the 12th and 13th field behind it
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


async def _ccxt_mb() -> float:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _IMPORT), env=children.environment(), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    return int(printed) * os.sysconf("SC_PAGE_SIZE") / _MB
