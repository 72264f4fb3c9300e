"""`arbitrage doctor`: examine everything that trading needs, and say what to do. It changes nothing."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console

from arbitrage.clock import SystemClock
from arbitrage.doctor.finding import Verdict, examine
from arbitrage.doctor.rounds import rounds
from arbitrage.doctor.text import show, worst
from arbitrage.redaction import conceal_settings
from arbitrage.settings import Settings
from arbitrage.telemetry.log import configure


def main(settings: Settings, as_json: bool) -> int:
    """Examine, and print what was found. Returns 1 if something is bad."""
    conceal_settings(settings)
    configure("CRITICAL", None, sys.stderr)  # what the connections log is what the findings say
    with _progress() as told:
        findings = asyncio.run(examine(list(rounds(settings, SystemClock())), told))
    if as_json:
        facts = {"verdict": worst(findings), "findings": findings}
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    else:
        show(findings, sys.stdout)
    return 1 if worst(findings) is Verdict.BAD else 0


@contextmanager
def _progress() -> Iterator[Callable[[Sequence[str]], None]]:
    """Show on a terminal what is still waited for; nothing elsewhere."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda waiting: None
        return
    with console.status("looking …") as status:
        yield lambda waiting: status.update(f"waiting for {', '.join(waiting)}" if waiting else "done")
