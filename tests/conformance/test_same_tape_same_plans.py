"""The same tape through Paper's daemon and through Shadow's wiring gives the same plans.

What makes them equal: the engine sees the same frames until the first order of a plan is answered, and both sides own
so much that no plan is smaller for what became of another. So the first plan of a pair is always the same. What follows
differs with the fates of orders; where both venues are at once where they are, and stand still until they have
answered, the fates are the same too, and so is every plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.domain.events import ClockSample, InventoryGiven, StateUp, Tick, UniverseChanged, VenueUp
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, from_ms
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.intents import Intent, ReportPlanEnd, SubmitPlan
from arbitrage.domain.plans import Fill, Outcome, PlanEnd
from arbitrage.engine import Engine, EngineConfig
from arbitrage.intents import MemoryIntents
from arbitrage.paper.wire_names import EPOCH
from arbitrage.runner import Runner
from arbitrage.settings import load_settings
from arbitrage.shadow_wiring import ShadowWiring
from arbitrage.virtual_loop import run as run_virtually
from tests import builders as make
from tests.conformance import tapes
from tests.conformance.paper_bench import PLENTY, play_in_paper
from tests.conformance.tapes import Tape

TICK_LATE = from_ms(5)
"""Both daemons tick a little after each second; what prices have been is sampled then."""

LIMITS = make.limits(max_position_size=Decimal(2_000_000))


@dataclass
class Played:
    """What came of a tape (Sink): every plan with its orders, and every end."""

    submitted: list[SubmitPlan] = field(default_factory=list)
    ends: list[PlanEnd] = field(default_factory=list)

    def publish(self, intent: Intent) -> None:
        match intent:
            case SubmitPlan():
                self.submitted.append(intent)
            case ReportPlanEnd():
                self.ends.append(intent.end)

    def fates(self) -> list[tuple[str, Outcome, Fill, Fill, int]]:
        """Return how each plan ended, but for when that was heard."""
        return [(e.plan.plan_id, e.outcome, e.upbit_fill, e.binance_fill, e.result) for e in self.ends]


def in_paper(tape: Tape, universe: Universe, way_ms: float) -> Played:
    """Play a tape to Paper's daemon: an order meets what its venue shows when it arrives, `way_ms` later."""
    played = Played()
    run_virtually(play_in_paper(tape, universe, played, LIMITS, way_ms), seed=1)
    return played


def in_shadow(tape: Tape, universe: Universe, latency_ms: int) -> Played:
    """Play a tape to Shadow's wiring: the first frame after `latency_ms` says what an order would have come to."""
    played = Played()
    wiring = ShadowWiring(load_settings({"SHADOW_LATENCY_MS": str(latency_ms)}, None), lambda event: None)
    config = EngineConfig(limits=LIMITS, trading_day_tz="Asia/Seoul", virtual_capital_krw=None)
    engine = Engine(config, make.remembered(epoch=EPOCH, fence=1))
    gateway = wiring.gateway(engine, _nobody_to_verify)
    runner = Runner(engine, MemoryIntents(), gateway, (played,), wiring.observers, later=lambda tell: tell())
    at = Instant(next(tape()).at - NS_PER_S)
    due = Instant((at // NS_PER_S + 1) * NS_PER_S + TICK_LATE)
    ups = (VenueUp(at, venue) for venue in Venue)
    start = (UniverseChanged(at, universe), StateUp(at), ClockSample(at, Venue.BINANCE, Nanos(0)), *ups)
    for event in (*start, InventoryGiven(at, PLENTY)):
        runner.on_event(event)
    for frame in tape():
        while frame.at >= due:
            runner.on_event(Tick(due))
            due = Instant(due + NS_PER_S)
        runner.on_event(frame)
    for seconds in range(15):
        runner.on_event(Tick(Instant(due + seconds * NS_PER_S)))
    assert runner.failure is None, repr(runner.failure)
    return played


async def _nobody_to_verify() -> Sequence[str]:
    return ()


# --- markets that go their own way: the first plan


@pytest.mark.parametrize("base", ["BTC", "ETH"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sandbox_tape_gives_the_same_first_plan(tmp_path: Path, seed: int, base: str) -> None:
    universe = make.universe(base)
    tapes.write_sandbox_tape(tmp_path, (base,), seconds=20, seed=seed)
    tape = tapes.taped(tmp_path, universe)
    paper, shadow = in_paper(tape, universe, way_ms=40), in_shadow(tape, universe, latency_ms=50)

    assert paper.submitted[0] == shadow.submitted[0]


SESSION = "upbit/ws/orderbook_trade_simple_2021-04-05.txt.gz"
RECORDED = pytest.mark.parametrize(("base", "binance_price"), [("DAWN", 4.4734), ("STX", 2.165)])


@RECORDED
def test_recorded_books_give_the_same_first_plan(base: str, binance_price: float) -> None:
    universe = tapes.fine_universe(base)
    tape = tapes.recorded_upbit(SESSION, base, binance_price)
    paper, shadow = in_paper(tape, universe, way_ms=40), in_shadow(tape, universe, latency_ms=50)

    assert paper.submitted[0] == shadow.submitted[0]


# --- nothing moves between an order and its answer: every plan


@RECORDED
def test_recorded_books_give_the_same_plans_where_orders_are_there_at_once(base: str, binance_price: float) -> None:
    universe = tapes.fine_universe(base)
    tape = tapes.recorded_upbit(SESSION, base, binance_price)
    paper, shadow = in_paper(tape, universe, way_ms=0), in_shadow(tape, universe, latency_ms=0)

    assert paper.submitted == shadow.submitted
    assert paper.fates() == shadow.fates()
    assert len(paper.submitted) > 10


@settings(max_examples=15)
@given(moves=st.lists(st.tuples(st.integers(250, 900), st.integers(-80, 80)), min_size=2, max_size=12))
def test_whatever_upbit_does_the_plans_are_the_same_where_orders_are_there_at_once(
    moves: list[tuple[int, int]],
) -> None:
    universe, tape = make.universe(), partial(tapes.written_upbit, moves)
    paper, shadow = in_paper(tape, universe, way_ms=0), in_shadow(tape, universe, latency_ms=0)

    assert paper.submitted == shadow.submitted
    assert paper.fates() == shadow.fates()
