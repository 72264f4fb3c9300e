"""`python -m tests.bench.profiled_product run`: the command `arbitrage`, with a stamp at each stage of a tick.

The product knows nothing of it: its own functions are wrapped before it starts. What it is slower by is the stamps, two
tenths of a microsecond each. A stage whose function is not there any more is left out.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial, reduce
from typing import Any, Final

from arbitrage import cli

FILE: Final = "BENCH_STAGES"
"""The variable that names the file that gets a line for each tick: [[stage, ns], ...]."""

FRAME: Final = "arbitrage.wire.sockets", "_Connection.on_ws_frame"
WRITTEN: Final = "order written"

# module, function, what the stamp before it is called, what the one after it is called ("" for none)
STAGES: Final = (
    ("arbitrage.market_data.decode_upbit", "decode", "to be decoded", "decoded"),
    ("arbitrage.market_data.decode_binance", "decode", "to be decoded", "decoded"),
    ("arbitrage.engine", "Engine.handle", "engine has the event", "engine returns"),
    ("arbitrage.books.market", "Market.replace", "", "book replaced"),
    ("arbitrage.books.market", "Market.lay_over", "", "touch laid over"),
    ("arbitrage.desk", "Desk._consider", "edge clears at the touch", ""),
    ("arbitrage.opportunity.finder", "PairFinder.draft", "", "plan drafted"),
    ("liveguard.safety", "SafetyModule.review", "facts gathered", "reviewed"),
    ("liveguard.safety", "SafetyModule.start", "", "counted by the guard"),
    ("arbitrage.intents.log", "IntentLog.note", "intent to be logged", "intent logged"),
    ("arbitrage.exchange.live", "LiveGateway.submit", "gateway has the order", "gateway returns"),
    ("liveguard.safety", "SafetyModule.assert_live", "", "last gate passed"),
    ("arbitrage.exchange.upbit_signing", "UpbitSigner.token", "", "upbit signed"),
    ("arbitrage.exchange.binance_requests", "BinanceRequests.place", "", "binance signed"),
    ("arbitrage.wire.line", "Line.write", "", WRITTEN),
)

Stamps = list[tuple[str, int]]


def main() -> None:
    """Wrap every stage, then run the command."""
    stamps: Stamps = []
    for module, name, before, after in STAGES:
        _wrap(module, name, partial(_stamped, stamps, before, after))
    target = os.open(os.environ[FILE], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    _wrap(*FRAME, partial(_framed, stamps, target))
    sys.argv[0] = "arbitrage"
    cli.main()


def _wrap(module: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    *path, last = name.split(".")
    try:
        owner = reduce(getattr, path, importlib.import_module(module))
        inner = getattr(owner, last)
    except (ImportError, AttributeError):
        sys.stderr.write(f"profiled_product: there is no {module}:{name}\n")
        return
    setattr(owner, last, wrapper(inner))


def _stamped(stamps: Stamps, before: str, after: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    now, add = time.perf_counter_ns, stamps.append

    def stamped(*arguments: Any, **named: Any) -> Any:
        if before:
            add((before, now()))
        result = inner(*arguments, **named)
        if after:
            add((after, now()))
        return result

    return stamped


def _framed(stamps: Stamps, target: int, inner: Callable[..., Any]) -> Callable[..., Any]:
    now = time.perf_counter_ns

    def framed(*arguments: Any) -> Any:
        stamps.clear()
        stamps.append(("frame in the callback", now()))
        inner(*arguments)
        stamps.append(("callback returns", now()))
        if any(stage == WRITTEN for stage, _ in stamps):
            os.write(target, json.dumps(stamps).encode() + b"\n")

    return framed


if __name__ == "__main__":
    main()
