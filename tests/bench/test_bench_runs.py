"""The bench itself: that it runs, what its JSON looks like, and that its sums are right. No time is asserted."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from arbitrage.domain.events import BookSnapshot, TouchUpdate
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data import decode_binance, decode_upbit
from tests.bench.children import end, environment
from tests.bench.frames import market_frames
from tests.bench.rounds import Findings, Series, Spread, ratios, take_turns
from tests.bench.targets import TARGETS, Kind, Target
from tests.bench.venue_port import OrderSeen, VenuePort

RUN_S = 120.0
NOON = Instant(1_770_000_000_000_000_000)


async def test_it_runs_and_tells_in_json(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench", "--quick", "--only", "decode", "orders", "--json", str(told)),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_S):
            shown, complaint = await process.communicate()
    finally:
        await end(process)
    result = json.loads(told.read_text())

    assert process.returncode == 0, complaint.decode()
    assert b"Ratios of one run" in shown
    assert {"cpu", "cores", "python", "packages", "loop", "load", "load_after"} <= result["machine"].keys()
    assert result["series"]["decode/upbit simple 15/ours"]["median"] > 0
    assert result["series"]["orders/upbit/ours, paced"]["median"] > 0
    assert [target["text"] for target in result["targets"]] == [target.text for target in TARGETS]
    measured = [target for target in result["targets"] if target["rounds"]]
    assert measured
    assert all(target["low"] <= target["median"] <= target["high"] for target in measured)
    assert all(isinstance(target["reached"], bool) for target in measured)


async def test_variants_take_turns() -> None:
    order: list[str] = []

    async def turn(name: str) -> list[float]:
        order.append(name)
        return [1.0, 2.0, 9.0]

    findings = Findings()
    await take_turns(findings, "µs", {"a": lambda: turn("a"), "b": lambda: turn("b")}, 2)

    assert order == ["a", "b"] * 3, "a lap to warm up, and two that count"
    assert findings.series["a"].rounds == [2.0, 2.0]


def test_ratios_are_made_within_a_round() -> None:
    slow, fast = Series("µs", rounds=[10.0, 40.0, 30.0]), Series("µs", rounds=[1.0, 2.0, 3.0])

    assert ratios(slow, fast) == [10.0, 20.0, 10.0]
    assert Spread.of(ratios(slow, fast)) == Spread(10.0, 10.0, 20.0)


def test_a_turn_without_a_sample_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no sample"):
        Series("µs").add([])


@pytest.mark.parametrize(
    ("kind", "is_most", "bound", "reached"),
    [
        (Kind.RATIO, False, 5.0, True),
        (Kind.RATIO, False, 5.1, False),
        (Kind.RATIO, True, 4.9, False),
        (Kind.DIFFERENCE, True, 8.0, True),
        (Kind.DIFFERENCE, True, 7.9, False),
        (Kind.ALONE, True, 10.0, True),
    ],
)
def test_a_target_is_reached_at_its_bound(kind: Kind, is_most: bool, bound: float, reached: bool) -> None:
    target = Target(text="t", first="a", second="b", kind=kind, bound=bound, is_most=is_most)
    figures = target.figures({"a": Series("µs", rounds=[10.0]), "b": Series("µs", rounds=[2.0])})

    assert figures
    assert target.is_reached(Spread.of(figures)) is reached


def test_what_was_not_measured_has_no_figure() -> None:
    assert all(target.figures({}) is None for target in TARGETS)


def test_every_frame_is_one_that_the_product_believes() -> None:
    frames = market_frames(6)
    for pair in frames.pairs:
        quiet, dear = (decode_upbit.decode(frame % 1, NOON) for frame in (pair.simple, pair.simple_trigger))
        book, touch = (decode_binance.decode(frame % 1, NOON) for frame in (pair.depth, pair.ticker))

        assert all(isinstance(event, BookSnapshot) for event in (quiet, dear, book))
        assert isinstance(touch, TouchUpdate)
        assert pair.simple_trigger.endswith(b" }")
        assert not pair.simple.endswith(b" }")


def test_a_premium_is_worth_two_orders_and_the_market_without_it_none() -> None:
    pair = market_frames(1).pairs[0]
    bids = {}
    for name, frame in (("quiet", pair.simple), ("dear", pair.simple_trigger)):
        event = decode_upbit.decode(frame % 1, NOON)
        assert isinstance(event, BookSnapshot)
        touch = event.depth.touch()
        assert touch is not None
        bids[name] = touch[0]

    assert 1.004 < bids["dear"] / bids["quiet"] < 1.01, "above 20 bps of fees and the spread, inside a collar of 1 %"


async def test_a_port_stamps_an_order_only_when_it_is_there_whole() -> None:
    seen: list[OrderSeen] = []
    async with VenuePort() as port:
        port.on_order = seen.append
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        writer.write(b'POST /upbit/v1/orders HTTP/1.1\r\nContent-Length: 20\r\n\r\n{"identifier":')
        await _answered(port)  # by then the port has read what came before
        too_early = [order.venue for order in seen]
        writer.write(b'"abc"}')
        reply = await reader.readuntil(b'"prevented_locked":"0"}')
        writer.close()

    assert too_early == [Venue.BINANCE]
    assert [order.venue for order in seen] == [Venue.BINANCE, Venue.UPBIT]
    assert b'"identifier":"abc"' in reply


async def _answered(port: VenuePort) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    writer.write(b"POST /binance/api/v3/order HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"}]}")
    writer.close()
