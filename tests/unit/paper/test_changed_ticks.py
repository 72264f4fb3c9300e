"""A venue that changes a tick shows its books on the new one from then on."""

from typing import Any

import pytest

from arbitrage.paper.scenario import Scenario
from arbitrage.paper.scenario_time import lasts_s, start_of
from arbitrage.paper.witness import Witness
from arbitrage.paper.world import World
from arbitrage.virtual_loop import run

NAMED = {"upbit_bid": 140_000_300, "upbit_ask": 140_050_700, "binance_bid": 100_000.16, "binance_ask": 100_010.14}


async def touch_after(steps: list[dict[str, Any]], symbol: str) -> tuple[float, float]:
    scenario = Scenario.model_validate(
        {"name": "ticks", "symbols": {"upbit": "KRW-BTC", "binance": "BTCUSDT"}, "steps": steps, "lasts_s": 10}
    )
    world = World(scenario, 1, Witness(start_of(scenario), lasts_s(scenario)))
    await world.play()
    depth = world.prices.find(symbol).depth
    await world.end()
    assert depth is not None
    bid, _, ask, _ = depth.touch() or (0.0, 0.0, 0.0, 0.0)
    return bid, ask


@pytest.mark.parametrize(
    ("case", "venue", "symbol", "tick", "touch"),
    [
        ("the tick of always", "binance", "BTCUSDT", "0.01", (100_000.16, 100_010.14)),
        ("ten times as large", "binance", "BTCUSDT", "0.1", (100_000.1, 100_010.2)),
        ("upbit, a fifth", "upbit", "KRW-BTC", "100", (140_000_300, 140_050_700)),
    ],
)
def test_prices_stand_on_the_tick_of_then(
    case: str, venue: str, symbol: str, tick: str, touch: tuple[float, float]
) -> None:
    change: dict[str, Any] = {"t": 1, "venues": {venue: {"tick": {symbol: tick}}}}
    steps = [{"t": 0, **NAMED}, change, {"t": 2, **NAMED}]

    assert run(touch_after(steps, symbol), 1) == touch, case
