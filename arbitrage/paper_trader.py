"""PaperTrader: a scenario in, what happened out. Engine, runner and guard are Live's; time is virtual, nothing waits.

No permit, no keys, no sender: nothing that it does can reach a venue.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from arbitrage.domain.errors import OperatorNeeded
from arbitrage.paper.outcome import Observed
from arbitrage.paper.scenario import Scenario
from arbitrage.paper.scenario_time import lasts_s, start_of
from arbitrage.paper.witness import Witness
from arbitrage.paper.world import World
from arbitrage.virtual_loop import run


class PaperTrader:
    """Plays one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def run(self, seed: int | None = None) -> Observed:
        """Play it, under its own seed or another. Raises OperatorNeeded if the engine broke on it."""
        return run_scenario(self._scenario, seed)


def run_scenario(scenario: Scenario, seed: int | None = None) -> Observed:
    """Play a scenario to its end, on a virtual loop of its own; return what happened. Tells nothing to the log.

    Raises OperatorNeeded if the engine broke.
    """
    chosen = scenario.seed if seed is None else seed
    with _quiet():
        return run(_play(scenario, chosen), chosen)


async def _play(scenario: Scenario, seed: int) -> Observed:
    witness = Witness(start_of(scenario), lasts_s(scenario))
    world = World(scenario, seed, witness)
    await world.play()
    world.daemon.tick()
    state = witness.view.trading_state if witness.view is not None else ""
    await world.end()
    if world.daemon.failure is not None:
        raise OperatorNeeded(f"the engine failed: {world.daemon.failure!r}") from world.daemon.failure
    return witness.observed(
        restarts=world.notebook.boots - 1,
        updates=world.prices.told,
        virtual_s=lasts_s(scenario),
        trading_state=state,
        violations=world.rules.broken,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*_: object) -> str:
    raise structlog.DropEvent
