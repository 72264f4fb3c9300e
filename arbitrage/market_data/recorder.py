"""`arbitrage record`: both venues' frames onto a tape, without an engine. What came is kept, sense or nonsense."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BookRejected, BookSnapshot, Event, TouchUpdate
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.instruments import Fees
from arbitrage.market_data.supervisor import MarketData, MarketDataConfig
from arbitrage.market_data.tape import TapeWriter

STORE_EVERY_S: Final = 2.0


class RecordSettings(Protocol):
    """What recording needs to know; Settings has it."""

    @property
    def pairs(self) -> tuple[str, ...]: ...
    @property
    def upbit_rest_url(self) -> str: ...
    @property
    def upbit_ws_url(self) -> str: ...
    @property
    def binance_rest_url(self) -> str: ...
    @property
    def binance_ws_url(self) -> str: ...


def run_record(settings: RecordSettings, directory: Path, seconds: float | None) -> int:
    """Record for some seconds, or until interrupted. Returns the exit code: 0, or 1 if the disk did not take it."""
    console = Console(stderr=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        asyncio.run(_record(_config(settings), TapeWriter(directory), console, seconds))
    except OSError as failure:
        console.print(f"cannot write to {directory}: {failure.strerror or failure}", style="red")
        return 1
    return 0


class _Counts:
    """What was emitted, by venue and kind; stands where the engine would."""

    def __init__(self) -> None:
        self.by_kind: Counter[tuple[str, str]] = Counter()

    def take(self, event: Event) -> None:
        """Count an event (ports.Emit)."""
        match event:
            case BookSnapshot() | TouchUpdate():
                self.by_kind[event.venue, type(event).__name__] += 1
            case BookRejected():
                self.by_kind[event.venue, f"rejected: {event.reason}"] += 1
            case _:
                pass

    def table(self, data: MarketData) -> Table:
        """Show the counts."""
        table = Table("venue", "what", "frames")
        for feed, venue in ((data.upbit, Venue.UPBIT), (data.binance, Venue.BINANCE)):
            table.add_row(venue, "all", str(feed.intake.frames))
            rows = [(kind, count) for (where, kind), count in self.by_kind.items() if where == venue]
            for kind, count in sorted([*rows, *feed.intake.notices.items()]):
                table.add_row("", kind, str(count))
        return table


async def _record(config: MarketDataConfig, tape: TapeWriter, console: Console, seconds: float | None) -> None:
    counts = _Counts()
    data = MarketData(config, counts.take, SystemClock(), tape)
    feeding = asyncio.create_task(data.run(), name="market-data")
    with _stop_signal() as stop, Live(console=console, refresh_per_second=2) as live:
        storing = asyncio.create_task(_store(tape, live, counts, data), name="tape")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({feeding, storing, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, feeding, storing):
            await _end(task)
        tape.flush()
        live.update(counts.table(data))


async def _store(tape: TapeWriter, live: Live, counts: _Counts, data: MarketData) -> None:
    while True:
        await asyncio.sleep(STORE_EVERY_S)
        # shielded: a batch that is being written must be finished, or it would be neither on disk nor in memory
        await asyncio.shield(asyncio.to_thread(tape.store, tape.drain()))
        live.update(counts.table(data))


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for it; what it failed with, if anything, is raised."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@contextmanager
def _stop_signal() -> Iterator[asyncio.Event]:
    """Turn Ctrl-C and a polite kill into an event."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for each in signals:
        loop.add_signal_handler(each, stop.set)
    try:
        yield stop
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


def _config(settings: RecordSettings) -> MarketDataConfig:
    return MarketDataConfig(
        wanted=settings.pairs,
        fees=Fees(Decimal(0), Decimal(0)),  # nothing is traded here
        upbit_rest_url=settings.upbit_rest_url,
        upbit_ws_url=settings.upbit_ws_url,
        binance_rest_url=settings.binance_rest_url,
        binance_ws_url=settings.binance_ws_url,
    )
