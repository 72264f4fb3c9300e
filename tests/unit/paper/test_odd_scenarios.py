"""Scenarios that are right and odd: they are played to their end all the same, and last as long as they say."""

from pathlib import Path
from typing import Any

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import Instant
from arbitrage.paper.gathering import gather
from arbitrage.paper.scenario_time import lasts_s, start_of
from arbitrage.paper_trader import run_scenario
from tests.paper_builders import CALM, RICH, once, scenario, step

GAP = {"kind": "gap", "by_bps": 1e8}
CRASH_DOWN = {"kind": "gap", "by_bps": -9_999}
TINY = {"upbit_bid": 1e-20, "upbit_ask": 2e-20, "binance_bid": 1e-99, "binance_ask": 2e-99}


@pytest.mark.parametrize("coin", ["BTC", "ZZZ"])  # one whose ticks are known, and one whose price decides on them
def test_prices_of_next_to_nothing_are_played(coin: str) -> None:
    symbols = {"upbit": f"KRW-{coin}", "binance": f"{coin}USDT"}

    seen = run_scenario(scenario(step(0, TINY), symbols=symbols))

    assert (seen.trades, seen.violations) == (0, ())


@pytest.mark.parametrize("gap", [GAP, CRASH_DOWN])
def test_prices_that_leap_again_and_again_end_somewhere(gap: dict[str, Any]) -> None:
    leaps = [step(number, generate=[gap]) for number in range(1, 100)]

    seen = run_scenario(scenario(step(0, CALM), *leaps))

    assert seen.violations == ()


def test_a_venue_whose_balances_are_not_named_has_enough_of_everything() -> None:
    seen = run_scenario(scenario(*once(), balances={"upbit": {"BTC": 1}}))

    assert (seen.trades, seen.violations) == (1, ())


def test_a_scenario_lasts_until_its_last_rate_and_a_gap_takes_no_time() -> None:
    path = {
        "upbit": "KRW-BTC",
        "binance": "BTCUSDT",
        "exchange_rate": [{"t": 0, "rate": 1_400}, {"t": 90, "rate": 1_401}],
    }

    assert lasts_s(scenario(step(0, CALM), symbols=path)) == 120
    assert lasts_s(scenario(step(0, CALM), step(5, generate=[{"kind": "gap", "by_bps": 5}]))) == 35
    assert lasts_s(scenario(step(0, CALM), step(5, generate=[{"kind": "shock", "by_bps": 5, "seconds": 7}]))) == 42


def test_a_beginning_keeps_its_fraction_of_a_second() -> None:
    begins = scenario(step(0, CALM), starts_at="2001-01-01T00:00:00Z")
    later = scenario(step(0, CALM), starts_at="2001-01-01T00:00:00.123456Z")

    assert start_of(later) == Instant(start_of(begins) + 123_456_000)


def test_an_order_that_hangs_is_hung_up_on_where_a_time_is_said() -> None:
    hangs = {"kind": "hang_after_execution", "venue": "binance", "endpoint": "POST *", "s": 0.1}
    deaf = {"kind": "event_lost", "venue": "binance", "count": 0}

    seen = run_scenario(scenario(*once(), faults=[hangs, deaf]))

    assert (seen.unknown_orders, seen.outcomes, seen.violations) == (1, {"both": 1}, ())


def test_a_name_that_no_system_takes_is_a_complaint() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: File name too long"):
        gather([Path("a" * 300)])


def test_a_touch_between_books_is_traded_on() -> None:
    """For a quarter of a second, and between two whole books, Binance is cheaper."""
    cheaper = {"binance_bid": 84_300, "binance_ask": 84_310}
    steps = (step(0, CALM), step(10.4, cheaper), step(10.65, {"binance_bid": 84_990, "binance_ask": 85_000}))
    touches = scenario(*steps, frames_every_ms=1_000, binance_touches=True)

    seen = run_scenario(touches)

    assert (seen.trades, seen.outcomes, seen.violations) == (1, {"both": 1}, ())
    assert seen.digest == run_scenario(touches).digest


def test_touches_are_not_told_where_they_are_not_asked_for() -> None:
    steps = (step(0, CALM), step(1, RICH), step(1.4, CALM))

    assert run_scenario(scenario(*steps)).updates == run_scenario(scenario(*steps, binance_touches=True)).updates
