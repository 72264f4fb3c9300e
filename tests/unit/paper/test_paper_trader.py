"""Stories of scenarios, each played whole: what goes wrong, and what comes of it. The figures are the venues'."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from arbitrage.paper_trader import PaperTrader, run_scenario
from tests.paper_builders import CALM, CHEAP, RICH, once, scenario, step

ORDER_ON = {"upbit": "POST /v1/orders", "binance": "POST /api/v3/order"}

FAULTY: dict[str, Any] = {
    "latency": {"upbit_ms": 20, "binance_ms": 15, "jitter_ms": 30},
    "faults": [
        {"kind": "hang_after_execution", "endpoint": "POST *", "probability": 0.2},
        {"kind": "event_lost", "probability": 0.3},
        {"kind": "event_delayed", "s": 0.7, "probability": 0.3},
    ],
}
GENERATOR = {"kind": "mean_reversion", "seconds": 20, "every_ms": 200, "noise_bps": 20, "pull_s": 2}
STORM = scenario(step(0, CALM), step(1, RICH, generate=[GENERATOR]), step(9, crash_after_s=0.02), **FAULTY)


def fault(kind: str, venue: str, **more: Any) -> dict[str, Any]:
    """What befalls the first order on a venue."""
    return {"kind": kind, "venue": venue, "endpoint": ORDER_ON[venue], **more}


@pytest.mark.parametrize("prices", [RICH, CHEAP])
def test_a_spread_trades_both_legs_either_way(prices: dict[str, Any]) -> None:
    seen = PaperTrader(scenario(step(0, CALM), step(1, prices), step(1.4, CALM))).run()

    assert (seen.trades, seen.orders, seen.outcomes) == (1, 2, {"both": 1})
    assert seen.pnl_krw > 2_000
    assert seen.exposure.get("BTC", 0) == 0
    assert seen.violations == ()


@pytest.mark.parametrize("venue", list(ORDER_ON))
@pytest.mark.parametrize(("kind", "unknown"), [("hang_after_execution", 0), ("drop_after", 1), ("truncated_body", 1)])
def test_an_order_whose_reply_is_lost_is_found_and_not_sent_again(kind: str, unknown: int, venue: str) -> None:
    """One that says nothing is asked after before its time is up, and so was never unknown."""
    deaf = {"kind": "event_lost", "venue": venue, "count": 0}

    seen = run_scenario(scenario(*once(), faults=[fault(kind, venue), deaf]))

    assert (seen.outcomes, seen.orders, seen.unknown_orders) == ({"both": 1}, 2, unknown)
    assert seen.violations == ()


@pytest.mark.parametrize("venue", list(ORDER_ON))
def test_a_leg_that_is_refused_is_hedged(venue: str) -> None:
    market = {"upbit": "KRW-BTC", "binance": "BTCUSDT"}[venue]
    refusing = step(0.5, venues={venue: {"halted": {market: "suspended"}}})

    seen = run_scenario(scenario(step(0, CALM), refusing, *once()[1:]))

    assert seen.outcomes == {"one_leg": 1}
    assert seen.hedges >= 1
    assert abs(seen.exposure.get("BTC", Decimal(0))) * 120_000_000 < 5_000  # below any minimum
    assert seen.violations == ()


def test_a_wallet_that_is_paused_while_it_runs_holds_its_pair_back_within_5_s_until_it_works() -> None:
    paused, mended = ({"upbit": {"wallets": states}} for states in ({"BTC": "paused"}, {}))
    rich_in_the_trap = step(10, venues=paused), step(15, RICH), step(20, CALM)
    rich_after_it = step(30, venues=mended), step(35, RICH), step(35.4, CALM)

    trapped = run_scenario(scenario(step(0, CALM), *rich_in_the_trap))
    after = run_scenario(scenario(step(0, CALM), *rich_in_the_trap, *rich_after_it))

    assert (trapped.trades, after.trades) == (0, 1)
    assert trapped.refusals["instrument_halted"] > 0
    assert after.violations == ()


def test_a_start_waits_while_no_coin_can_be_moved() -> None:
    paused = step(10, venues={"upbit": {"wallets": {"BTC": "paused"}}}, crash_after_s=10)

    seen = run_scenario(scenario(step(0, CALM), paused, step(25, RICH), step(40, CALM)))

    assert (seen.restarts, seen.trades) == (1, 0)
    assert seen.refusals["state_unavailable"] > 0
    assert seen.violations == ()


def test_a_leg_that_a_crash_leaves_open_is_closed_though_its_coin_cannot_be_moved() -> None:
    trap = {"upbit": {"wallets": {"BTC": "paused"}}, "binance": {"halted": {"BTCUSDT": "suspended"}}}

    seen = run_scenario(scenario(step(0, CALM), step(1, RICH, venues=trap, crash_after_s=0.03), step(1.4, CALM)))

    assert (seen.restarts, seen.outcomes) == (1, {"one_leg": 1})
    assert seen.hedges >= 1
    assert abs(seen.exposure.get("BTC", Decimal(0))) * 120_000_000 < 5_000  # below any minimum
    assert seen.violations == ()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.025, 0.1])
def test_a_plan_that_a_crash_interrupts_is_brought_to_its_end(after_s: float) -> None:
    seen = run_scenario(scenario(step(0, CALM), step(1, RICH, crash_after_s=after_s), step(1.4, CALM)))

    assert (seen.restarts, sum(seen.outcomes.values()), seen.trades) == (1, 1, 1)
    assert seen.exposure.get("BTC", 0) == 0
    assert seen.violations == ()


def test_a_halt_lets_a_plan_in_flight_end_and_starts_no_other() -> None:
    halted = step(1.01, operator={"command": "halt", "reason": "lunch"})

    seen = run_scenario(scenario(step(0, CALM), step(1, RICH), halted, step(20, CALM)))

    assert (seen.trades, seen.outcomes) == (1, {"both": 1})
    assert seen.latches == {"operator"}
    assert seen.trading_state == "REDUCING"
    assert seen.refusals["latched"] > 0
    assert seen.violations == ()


def test_a_resume_lets_it_trade_again() -> None:
    halted = step(0.5, operator={"command": "halt", "reason": "lunch"})
    resumed = step(5, operator={"command": "resume", "reason": "coffee was good"})

    seen = run_scenario(scenario(step(0, CALM), halted, step(1, RICH), resumed, step(5.3, CALM)))

    assert (seen.trades, seen.trading_state) == (1, "ACTIVE")


def test_a_stop_ends_what_is_in_flight_before_the_process_does() -> None:
    seen = run_scenario(scenario(step(0, CALM), step(1, RICH), step(1.01, stop=True), step(2, CALM)))

    assert (seen.restarts, seen.trades, seen.outcomes, seen.unknown_orders) == (1, 1, {"both": 1}, 0)
    assert seen.violations == ()


def test_a_loss_is_of_its_day_and_of_the_day_after() -> None:
    jumped = {"upbit_bid": 122_500_000, "upbit_ask": 122_520_000, "binance_bid": 87_540, "binance_ask": 87_550}
    lost = [step(0, CALM), step(10, RICH), step(10.1, jumped)]
    profile = {"max_position_krw": 1_000_000, "max_daily_loss_krw": 23_000}
    said = {"starts_at": "2026-11-22T23:59:30+09:00", "latency": {"binance_ms": 300}, "risk_profile": profile}

    seen = run_scenario(scenario(*lost, lasts_s=60, **said))

    assert seen.latches == {"daily_loss"}
    assert -23_000 < seen.pnl_krw < -22_000
    assert seen.trading_state == "ACTIVE"  # midnight has cleared the latch
    assert seen.violations == ()


def test_a_currency_that_an_account_never_held_can_be_ordered_in_vain() -> None:
    """Upbit holds no coin yet, and its leg finds an empty book."""
    balances = {"upbit": {"KRW": 10_000_000}, "binance": {"USDT": 10_000, "BTC": 1}}
    gone = step(1.01, {"upbit_bid": 119_000_000, "upbit_ask": 119_900_000})

    seen = run_scenario(scenario(step(0, CALM), step(1, CHEAP), gone, balances=balances))

    assert seen.outcomes == {"one_leg": 1}
    assert seen.violations == ()


@pytest.mark.parametrize(("by_s", "trips"), [(0.4, set()), (-0.4, set()), (5.0, {"clock"}), (-5.0, {"clock"})])
def test_a_clock_that_is_set_is_noticed_if_it_is_by_more_than_a_second(by_s: float, trips: set[str]) -> None:
    seen = run_scenario(scenario(step(0, CALM), step(5, clock_step_s=by_s), lasts_s=8))

    assert seen.trips == trips


@pytest.mark.parametrize("venue", list(ORDER_ON))
def test_while_a_venue_is_away_nothing_is_begun(venue: str) -> None:
    away = step(0.5, venues={venue: {"down": True}})

    seen = run_scenario(scenario(step(0, CALM), away, step(1, RICH), step(10, CALM), lasts_s=12))

    assert (seen.trades, seen.trading_state) == (0, "REDUCING")


@pytest.mark.parametrize("lost", [step(0.5, state_down=True), step(0.5, disk_full=True)])
def test_what_cannot_be_written_down_is_not_sent(lost: dict[str, Any]) -> None:
    seen = run_scenario(scenario(step(0, CALM), lost, step(1, RICH), step(3, CALM), lasts_s=5))

    assert seen.orders == 0
    assert seen.violations == ()


def test_money_that_moves_without_a_word_stops_new_plans() -> None:
    """Upbit's stream tells of no transfers."""
    moved = step(2, venues={"upbit": {"deposit": {"BTC": "0.5"}}})

    seen = run_scenario(scenario(step(0, CALM), moved, lasts_s=60))

    assert seen.latches == {"unexplained_funds"}
    assert seen.violations == ()  # what people move is no exposure


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, again, other = run_scenario(STORM, 7), run_scenario(STORM, 7), run_scenario(STORM, 8)

    assert first == again
    assert first.trades > 5
    assert first.unknown_orders > 0
    assert other.digest != first.digest


def test_it_is_the_same_in_another_process_with_other_hashes() -> None:
    play = (
        "from tests.unit.paper.test_paper_trader import STORM; from arbitrage.paper_trader import run_scenario; "
        "print(run_scenario(STORM, 7).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", play],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "4711")
    }

    assert digests == {run_scenario(STORM, 7).digest}


def test_many_seeds_of_a_faulty_market_break_no_rule() -> None:
    found = {seed: seen.violations for seed in range(10) if (seen := run_scenario(STORM, seed)).violations}

    assert found == {}


def test_a_result_is_what_both_accounts_have_gained() -> None:
    """The fees are in it: both venues' and that of the conversion of USDT."""
    seen = run_scenario(scenario(*once(), fees={"upbit_pct": "0.05", "binance_pct": "0.1"}))
    free = run_scenario(scenario(*once(), fees={"upbit_pct": 0, "binance_pct": 0}))

    (end,) = seen.ends
    paid = end.plan.notional_krw * Decimal("0.002")

    assert abs(free.pnl_krw - seen.pnl_krw - paid) < paid / 50
