"""`python -m tests.bench.watched_product run`: the command `arbitrage`, noting when each book was decided on.

The product knows nothing of it: `Engine.handle` is wrapped before it starts. On SIGUSR2 what was noted is written to
the file that BENCH_SEEN names, and forgotten: the kind of each frame and the instant at which its decision was made.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from arbitrage import cli
from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.engine import Engine

FILE: Final = "BENCH_SEEN"
_KINDS: Final = {BookSnapshot: "book", TouchUpdate: "touch"}


def main() -> None:
    """Wrap the engine, then run the command."""
    seen: list[tuple[str, str, int]] = []
    inner, target = Engine.handle, Path(os.environ[FILE])

    def handle(engine: Engine, event: Any) -> Any:
        intents = inner(engine, event)
        kind = _KINDS.get(type(event))
        if kind is not None:
            seen.append((kind, event.venue.value, time.perf_counter_ns()))
        return intents

    def write(*_: object) -> None:
        target.with_suffix(".new").write_text(json.dumps(seen), encoding="utf-8")
        target.with_suffix(".new").replace(target)
        seen.clear()

    setattr(Engine, "handle", handle)  # noqa: B010 - said aloud: the bench looks on, and changes nothing
    signal.signal(signal.SIGUSR2, write)
    sys.argv[0] = "arbitrage"
    cli.main()


if __name__ == "__main__":
    main()
