"""Market data against the sandbox's venues, which share no code with it."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BookSnapshot, ClockSample, TouchUpdate, UniverseChanged, VenueUp
from arbitrage.market_data.instruments import Fees
from arbitrage.market_data.supervisor import MarketData, MarketDataConfig
from arbitrage.market_data.tape import read_tape
from arbitrage.sandbox.options import SandboxOptions
from arbitrage.sandbox.server import serve_sandbox
from tests.venue_fakes import eventually

CHECKOUT = Path(__file__).parents[2]


async def test_every_book_of_both_venues_arrives():
    events = []
    async with serve_sandbox(SandboxOptions(port=0, symbols=("BTC", "XRP", "BNB"))) as sandbox:
        config = MarketDataConfig(
            wanted=("BTC", "XRP", "BNB"),
            fees=Fees(Decimal("0.0005"), Decimal("0.001")),
            upbit_rest_url=sandbox.upbit_rest_url,
            upbit_ws_url=sandbox.upbit_ws_url,
            binance_rest_url=sandbox.binance_rest_url,
            binance_ws_url=sandbox.binance_ws_url,
        )
        data = MarketData(config, events.append, SystemClock())
        task = asyncio.create_task(data.run())

        def books():
            return {event.symbol for event in events if isinstance(event, BookSnapshot)}

        await eventually(lambda: books() == {"KRW-BTC", "KRW-XRP", "KRW-USDT", "BTCUSDT", "XRPUSDT"}, within_s=5)
        await eventually(lambda: any(isinstance(event, TouchUpdate) for event in events), within_s=5)
        await eventually(lambda: any(isinstance(event, ClockSample) for event in events), within_s=5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    (universe,) = [event.universe for event in events if isinstance(event, UniverseChanged)]
    assert [pair.base for pair in universe.pairs] == ["BTC", "XRP"]
    assert universe.left_out == (("BNB", "not listed on upbit"),)
    assert {event.venue for event in events if isinstance(event, VenueUp)} == {"upbit", "binance"}
    assert not data.upbit.intake.bad.counts
    assert not data.binance.intake.bad.counts


async def test_a_recording_holds_what_the_venues_sent_and_ends_well_when_interrupted(tmp_path):
    tape = tmp_path / "tape"
    async with serve_sandbox(SandboxOptions(port=0, symbols=("BTC",))) as sandbox:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "PAIRS": "BTC",
            "UPBIT_REST_URL": sandbox.upbit_rest_url,
            "UPBIT_WS_URL": sandbox.upbit_ws_url,
            "BINANCE_REST_URL": sandbox.binance_rest_url,
            "BINANCE_WS_URL": sandbox.binance_ws_url,
        }
        command = ("-c", "from arbitrage.cli import main; main()", "record", str(tape))
        recorder = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environ, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        await eventually(lambda: len(os.listdir(tape) if tape.exists() else ()) == 2, within_s=10)
        recorder.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(recorder.communicate(), timeout=5)

    assert recorder.returncode == 0, said.decode()
    assert "BookSnapshot" in said.decode()
    assert taped_by_venue(tape).keys() == {"upbit", "binance"}
    assert all(count > 1 for count in taped_by_venue(tape).values())


def taped_by_venue(tape):
    return {path.name.partition("-")[0]: len(list(read_tape(path))) for path in tape.iterdir()}
