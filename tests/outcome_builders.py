"""Outcomes of scenarios, jobs, and ways to play them that need no market: for what tells and carries outcomes."""

import os
import signal
from decimal import Decimal
from typing import Any

from arbitrage.paper.batch import Job
from arbitrage.paper.outcome import Check, Observed, Outcome
from arbitrage.paper.scenario import Scenario

STEP = {"t": 0, "upbit_bid": 119_000_000, "upbit_ask": 119_010_000, "binance_bid": 84_000, "binance_ask": 84_001}


def a_scenario(**more: Any) -> Scenario:
    given = {"name": "a quiet market", "symbols": {"upbit": "KRW-BTC", "binance": "BTCUSDT"}, "steps": [STEP]}
    return Scenario.model_validate(given | more)


def a_job(name: str = "a quiet market", file: str = "quiet.yaml", seed: int = 1) -> Job:
    return Job(scenario=a_scenario(name=name), file=file, seed=seed)


def what_was_seen(**more: Any) -> Observed:
    nothing: dict[str, Any] = {
        "trades": 2, "orders": 4, "hedges": 0, "outcomes": {"both": 2}, "refusals": {}, "pnl_krw": Decimal(1_500),
        "exposure": {}, "trips": frozenset(), "latches": frozenset(), "trading_state": "ACTIVE",
        "times_to_neutral_ms": (41.5,), "unknown_orders": 0, "restarts": 0, "violations": (), "updates": 10,
        "virtual_s": 60.0, "digest": "d1",
    }  # fmt: skip
    return Observed(**nothing | more)


def a_check(*, passed: bool = True, **more: Any) -> Check:
    given = {"name": "trades", "wanted": "at least 1", "seen": "2" if passed else "0"}
    return Check(**given | more, passed=passed)


def an_outcome(*checks: Check, name: str = "a quiet market", seed: int = 1, **seen: Any) -> Outcome:
    file = f"{name.replace(' ', '_')}.yaml"
    return Outcome(name=name, file=file, seed=seed, observed=what_was_seen(**seen), checks=checks, took_s=0.25)


def play(job: Job) -> Outcome:
    """Do what the scenario's name says; another process finds this function by its own name."""
    match job.scenario.name:
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leaves":
            os._exit(7)
        case "fails":
            raise RuntimeError("the market\nis closed")
        case "hangs":
            signal.pause()
    return an_outcome(a_check(), name=job.scenario.name, seed=job.seed, digest=f"{job.scenario.name} {job.seed}")
