"""When a scenario begins, and how long it lasts. It plays nothing."""

from datetime import UTC, datetime, timedelta
from typing import Final

from arbitrage.domain.instants import Instant
from arbitrage.paper.scenario import GeneratorKind, Scenario, Step
from arbitrage.virtual_loop import START

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NS_PER_US: Final = 1_000

AFTERWARDS_S: Final = 30.0
"""How long a scenario goes on after its last step, and what that generates, if it does not say."""


def start_of(scenario: Scenario) -> Instant:
    """Return when a scenario begins."""
    if scenario.starts_at is None:
        return START
    return Instant((scenario.starts_at - _EPOCH) // timedelta(microseconds=1) * NS_PER_US)


def lasts_s(scenario: Scenario) -> float:
    """Return how long a scenario lasts, in seconds: as it says, or until a while after everything has happened."""
    if scenario.lasts_s is not None:
        return scenario.lasts_s
    fx = scenario.symbols.exchange_rate
    ends = [*map(_end_s, scenario.steps), *(point.t for point in (fx if isinstance(fx, list) else ()))]
    return max(ends) + AFTERWARDS_S


def _end_s(step: Step) -> float:
    moving = (rule.seconds for rule in step.generate if rule.kind is not GeneratorKind.GAP)
    return step.t + max(moving, default=0.0)
