"""Builders of paper scenarios: one pair, calm at first, so that a test names only what happens."""

from typing import Any

from arbitrage.paper.scenario import Scenario

CALM = {"upbit_bid": 119_000_000, "upbit_ask": 119_020_000, "binance_bid": 84_990, "binance_ask": 85_000}
"""Upbit stands where Binance stands at 1,400 KRW: nothing to earn either way."""

RICH = {**CALM, "upbit_bid": 119_900_000, "upbit_ask": 119_920_000}
"""Upbit pays some 40 bps more than both fees and the fx cost."""

CHEAP = {**CALM, "upbit_bid": 118_000_000, "upbit_ask": 118_020_000}
"""Upbit is as much too cheap."""


def step(t: float, prices: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"t": t, **(prices or {}), **more}


def scenario(*steps: dict[str, Any], **changes: Any) -> Scenario:
    """A scenario on one pair whose limits seldom bind."""
    return Scenario.model_validate(
        {
            "name": "a test",
            "symbols": {"upbit": "KRW-BTC", "binance": "BTCUSDT", "exchange_rate": 1_400},
            "risk_profile": {
                "max_position_krw": 1_000_000,
                "max_daily_loss_krw": 10_000_000,
                "max_messages_per_s": 100,
            },
            "steps": list(steps),
            **changes,
        }
    )


def once(t: float = 1.0, gone_after_s: float = 0.4) -> tuple[dict[str, Any], ...]:
    """Steps in which an edge stands just long enough for one plan."""
    return step(0, CALM), step(t, RICH), step(t + gone_after_s, CALM)
