"""`scripts/bench`: measures the hot path against its peers and floors. Reads its arguments; the modules do the rest."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import uvloop
from rich.console import Console

from tests.bench import (
    burst,
    busy,
    cores,
    decode,
    footprint,
    machine,
    orders,
    profile,
    recovery,
    tick_to_trade,
    websocket,
)
from tests.bench.market import FEW
from tests.bench.redis_binary import find_for_live
from tests.bench.rounds import Findings, Say
from tests.bench.table import as_json, show

Result = TypeVar("Result")

MANY: Final = 200
WIDTH: Final = 140
SLOW: Final = frozenset({"busy", "recovery", "footprint"})
"""Measures that --quick leaves out unless they are named: each starts the product several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: where it may write, how much it takes, and whom it tells."""

    folder: Path
    rounds: int
    quick: bool
    pairs: int
    say: Say
    redis_binary: str | None


Measure = Callable[[Findings, Run], Coroutine[None, None, None]]


async def _decode(findings: Findings, run: Run) -> None:
    await decode.measure(findings, run.folder, run.rounds, 200 if run.quick else 1_000, run.say)


async def _websocket(findings: Findings, run: Run) -> None:
    await websocket.measure(findings, run.folder, run.rounds, 20_000 if run.quick else 200_000, run.say)


async def _orders(findings: Findings, run: Run) -> None:
    # short turns and many of them: what is looked for is a small difference
    rounds, count = (1, 20) if run.quick else (run.rounds * 4, 200)
    await orders.measure(findings, run.folder, rounds, count, run.say)


async def _tick_to_trade(findings: Findings, run: Run) -> None:
    ticks, many = (6, 0) if run.quick else (25, run.pairs)
    plan = tick_to_trade.Plan(rounds=run.rounds, ticks=ticks, many=many, redis_binary=run.redis_binary)
    await tick_to_trade.measure(findings, run.folder, plan, run.say)


async def _tick_few(findings: Findings, run: Run) -> None:
    ticks = 10 if run.quick else 40
    plan = tick_to_trade.Plan(rounds=run.rounds, ticks=ticks, many=0, redis_binary=run.redis_binary, peers=False)
    await tick_to_trade.measure(findings, run.folder, plan, run.say)


async def _busy(findings: Findings, run: Run) -> None:
    await busy.measure(findings, run.folder, run.rounds, 6 if run.quick else 25, run.redis_binary, run.say)


async def _burst(findings: Findings, run: Run) -> None:
    pairs = FEW if run.quick else run.pairs // 2
    await burst.measure(findings, run.folder, run.rounds, pairs, run.redis_binary, run.say)


async def _recovery(findings: Findings, run: Run) -> None:
    await recovery.measure(findings, run.folder, min(run.rounds, 3), run.redis_binary, run.say)


async def _footprint(findings: Findings, run: Run) -> None:
    pairs, seconds = (FEW + 1, 2.0) if run.quick else (run.pairs, 20.0)
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
    asked.add_argument("--pairs", type=int, default=MANY, help="how many pairs the large books have (%(default)s)")
    asked.add_argument("--only", nargs="+", choices=[*MEASURES, *ALONE], help="measure only these")
    asked.add_argument(
        "--profile", type=int, nargs="?", const=4, metavar="PAIRS", help="show the stages of a tick, only"
    )
    given = asked.parse_args()
    cores.keep_away()
    if given.profile:
        return _profile(given.profile, 10 if given.quick else 100)
    console = Console(stderr=True, highlight=False)
    rounds = given.rounds or (1 if given.quick else 5)
    before = machine.facts()
    findings, failed = Findings(), 0
    if given.quick or given.pairs != MANY:
        pairs = "a few" if given.quick else given.pairs
        findings.notes.append(f"where {MANY} pairs are meant, these figures are of {pairs}")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        for name in given.only or [name for name in MEASURES if not (given.quick and name in SLOW)]:
            own = Path(folder) / name
            own.mkdir()
            run = Run(
                folder=own,
                rounds=rounds,
                quick=given.quick,
                pairs=given.pairs,
                say=partial(console.print, markup=False, soft_wrap=True),
                redis_binary=find_for_live(),
            )
            console.rule(name)
            failed += _failed(name, findings, run)
    result = as_json(findings, {**before, "load_after": machine.facts()["load"]})
    if given.json is not None:
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        sys.stdout.write(text) if str(given.json) == "-" else given.json.write_text(text, encoding="utf-8")
    if str(given.json) != "-":
        show(findings, _wide())
    return 1 if failed else 0


def _failed(name: str, findings: Findings, run: Run) -> bool:
    """Measure; what goes wrong with one measure is a note, and costs none of the others."""
    try:
        _to_its_end((MEASURES | ALONE)[name](findings, run))
    except (RuntimeError, OSError) as failure:
        findings.notes.append(f"{name} failed: {failure}")
        run.say(findings.notes[-1])
        return True
    return False


def _to_its_end(work: Coroutine[None, None, Result]) -> Result:
    """Run to the end; SIGTERM ends it like an interrupt, so that no child is left behind."""

    async def ended_by_a_signal() -> Result:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(ended_by_a_signal())


def _wide() -> Console:
    """Return the output: a file or a pipe has no width, and takes lines as they are."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


def _profile(pairs: int, ticks: int) -> int:
    console, redis_binary = _wide(), find_for_live()
    if redis_binary is None:
        sys.stderr.write("bench: --profile needs a redis-server 7 or newer on the PATH\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        stages = _to_its_end(profile.profile(Path(folder), pairs, ticks, redis_binary, console.print))
    profile.show(stages, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
