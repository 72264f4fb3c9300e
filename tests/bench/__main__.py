"""`scripts/bench`: measures the hot path against its peers and floors. Reads its arguments; the modules do the rest."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from tests.bench import (
    burst,
    busy,
    decode,
    footprint,
    machine,
    orders,
    profile,
    recovery,
    tick_to_trade,
    websocket,
)
from tests.bench.product import FEW
from tests.bench.redis_binary import find_for_live
from tests.bench.rounds import Findings, Say
from tests.bench.table import as_json, show

MANY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: where it may write, how much it takes, and whom it tells."""

    folder: Path
    rounds: int
    quick: bool
    say: Say
    redis_binary: str | None


Measure = Callable[[Findings, Run], Coroutine[None, None, None]]


async def _decode(findings: Findings, run: Run) -> None:
    await decode.measure(findings, run.folder, run.rounds, 200 if run.quick else 1_000, run.say)


async def _websocket(findings: Findings, run: Run) -> None:
    await websocket.measure(findings, run.folder, run.rounds, 20_000 if run.quick else 200_000, run.say)


async def _orders(findings: Findings, run: Run) -> None:
    # short turns and many of them: what is looked for is a small difference
    await orders.measure(findings, run.folder, run.rounds * (1 if run.quick else 4), 20, run.say)


async def _tick_to_trade(findings: Findings, run: Run) -> None:
    ticks, many = (6, 0) if run.quick else (25, MANY)
    plan = tick_to_trade.Plan(rounds=run.rounds, ticks=ticks, many=many, redis_binary=run.redis_binary)
    await tick_to_trade.measure(findings, run.folder, plan, run.say)


async def _tick_few(findings: Findings, run: Run) -> None:
    ticks = 10 if run.quick else 40
    plan = tick_to_trade.Plan(rounds=run.rounds, ticks=ticks, many=0, redis_binary=run.redis_binary, peers=False)
    await tick_to_trade.measure(findings, run.folder, plan, run.say)


async def _busy(findings: Findings, run: Run) -> None:
    await busy.measure(findings, run.folder, run.rounds, 6 if run.quick else 25, run.redis_binary, run.say)


async def _burst(findings: Findings, run: Run) -> None:
    pairs = FEW if run.quick else MANY // 2
    await burst.measure(findings, run.folder, run.rounds, pairs, run.redis_binary, run.say)


async def _recovery(findings: Findings, run: Run) -> None:
    await recovery.measure(findings, run.folder, min(run.rounds, 3), run.redis_binary, run.say)


async def _footprint(findings: Findings, run: Run) -> None:
    pairs, seconds = (FEW + 1, 2.0) if run.quick else (MANY, 20.0)
    await footprint.measure(findings, run.folder, pairs, seconds, run.redis_binary, run.say)


MEASURES: Final[dict[str, Measure]] = {
    "decode": _decode,
    "websocket": _websocket,
    "orders": _orders,
    "tick": _tick_to_trade,
    "busy": _busy,
    "burst": _burst,
    "recovery": _recovery,
    "footprint": _footprint,
}
ALONE: Final[dict[str, Measure]] = {"tick4": _tick_few}
"""Measures that run only if they are named: parts of others, for whoever works on the path."""


def main() -> int:
    """Measure what is asked for; print the table, write the JSON."""
    asked = argparse.ArgumentParser(prog="scripts/bench", description="Measure the hot path.")
    asked.add_argument("--quick", action="store_true", help="less of everything: only whether it runs")
    asked.add_argument("--rounds", type=int, help="how often all variants take turns (5; quick: 1)")
    asked.add_argument("--json", type=Path, metavar="FILE", help="write the result there; - is the standard output")
    asked.add_argument("--only", nargs="+", choices=[*MEASURES, *ALONE], help="measure only these")
    asked.add_argument(
        "--profile", type=int, nargs="?", const=4, metavar="PAIRS", help="show the stages of a tick, only"
    )
    given = asked.parse_args()
    if given.profile:
        return _profile(given.profile, 10 if given.quick else 100)
    console = Console(stderr=True, highlight=False)
    rounds = given.rounds or (1 if given.quick else 5)
    before = machine.facts()
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        for name in given.only or MEASURES:
            own = Path(folder) / name
            own.mkdir()
            run = Run(
                folder=own,
                rounds=rounds,
                quick=given.quick,
                say=console.print,
                redis_binary=find_for_live(),
            )
            console.rule(name)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run((MEASURES | ALONE)[name](findings, run))
    result = as_json(findings, {**before, "load_after": machine.facts()["load"]})
    if given.json is not None:
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        sys.stdout.write(text) if str(given.json) == "-" else given.json.write_text(text, encoding="utf-8")
    if str(given.json) != "-":
        show(findings, Console())
    return 0


def _profile(pairs: int, ticks: int) -> int:
    console, redis_binary = Console(), find_for_live()
    if redis_binary is None:
        sys.stderr.write("bench: --profile needs a redis-server 7 or newer on the PATH\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        stages = uvloop.run(profile.profile(Path(folder), pairs, ticks, redis_binary, console.print))
    profile.show(stages, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
