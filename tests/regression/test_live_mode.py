"""The thirteen scenarios of going live: what keeps us in Shadow, what blocks an order, what people see."""

import json
from collections import Counter
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from arbitrage.domain.events import BookRejected, ClockSample, ClockStepped, Tick, UniverseChanged
from arbitrage.domain.guarding import LatchKind, Trip
from arbitrage.domain.instants import Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Publish, SubmitPlan
from arbitrage.domain.money import won
from arbitrage.domain.plans import Purpose
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.exchange.shadow import ShadowGateway
from arbitrage.intents import MemoryIntents
from arbitrage.runner import Runner
from arbitrage.settings import load_settings
from arbitrage.state.keys import RunFacts, StateKeys
from arbitrage.state.rows import RowWriter
from liveguard.mode_gate import API_KEYS, Mode, NotLive, decide, issue_live_permit
from liveguard.safety import LiveSafetyError
from tests import builders as make
from tests.safety_builders import LIMITS, LiveStory, evidence, lost, premium, refused, way_out

KEYS = dict.fromkeys(API_KEYS, "k3y")
LIVE = {
    "LIVE_MODE": "true",
    "SAFETY_MODE": "true",
    "DRY_RUN": "false",
    "RISK_MAX_POSITION_SIZE": "1000000",
    "RISK_MAX_DAILY_LOSS": "100000",
    **KEYS,
}


def unmet(**changes: str | None) -> list[str]:
    return [layer.name for layer in decide(evidence(**changes)).unmet]  # type: ignore[arg-type]  # flags only


def mode_of(**environ: str) -> tuple[Mode, list[str]]:
    decision = decide(load_settings(environ, None).gate_evidence())
    return decision.mode, [layer.name for layer in decision.unmet]


def test_shadow_when_live_mode_is_false() -> None:
    assert decide(evidence(live_mode="false")).mode is Mode.SHADOW
    assert unmet(live_mode="false") == unmet(live_mode=None) == ["LIVE_MODE"]


def test_shadow_when_dry_run_is_true() -> None:
    assert decide(evidence(dry_run="true")).mode is Mode.SHADOW
    assert unmet(dry_run="true") == unmet(dry_run=None) == ["DRY_RUN"]


def test_shadow_only_logs(lines: StringIO) -> None:
    story = make.Story()
    intents, gateway = MemoryIntents(), ShadowGateway(story.engine.market, Nanos(0))
    gateway.observe(UniverseChanged(make.NOON, make.universe()))
    runner = Runner(story.engine, intents, gateway, (), (gateway,), later=lambda tell: tell())
    for event in premium(80):
        runner.on_event(event)
    (plan,) = (intent for intent in intents.noted if isinstance(intent, SubmitPlan))
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    shadow = [line for line in logged if line["event"] == "[SHADOW_LIVE] order"]

    assert [line["client_id"] for line in shadow] == [order.client_id for order in plan.orders]
    assert not any("[LIVE]" in line["event"] for line in logged)
    assert not any(hasattr(part, "send") for part in (gateway, *vars(gateway).values()))
    assert story.engine.safety.permit is None
    with pytest.raises(LiveSafetyError, match="no_permit: live is not enabled"):
        story.engine.safety.assert_live(plan.orders[0], Purpose.OPEN, make.NOON)


def test_live_requires_safety_mode() -> None:
    assert decide(evidence(safety_mode="false")).mode is Mode.SHADOW
    assert unmet(safety_mode="false") == unmet(safety_mode="") == ["SAFETY_MODE"]


@pytest.mark.parametrize("missing", API_KEYS)
def test_live_requires_api_keys(missing: str) -> None:
    assert mode_of(**{**LIVE, missing: ""}) == (Mode.SHADOW, ["API_KEYS"])


@pytest.mark.parametrize("missing", ["RISK_MAX_POSITION_SIZE", "RISK_MAX_DAILY_LOSS"])
def test_live_requires_risk_limits(missing: str) -> None:
    given = {name: text for name, text in LIVE.items() if name != missing}

    assert mode_of(**given) == (Mode.SHADOW, ["RISK_LIMITS"])
    with pytest.raises(NotLive, match=f"{missing} is not set"):
        issue_live_permit(load_settings(given, None).gate_evidence())


@pytest.mark.parametrize("name", ["RISK_MAX_POSITION_SIZE", "RISK_MAX_DAILY_LOSS", "RISK_MAX_TOTAL_LOSS"])
@pytest.mark.parametrize("text", ["0", "-1", "NaN", "1000000000000"])
def test_live_requires_valid_risk_limits(name: str, text: str) -> None:
    assert mode_of(**{**LIVE, name: text}) == (Mode.SHADOW, ["RISK_LIMITS"])


def test_all_conditions_satisfied() -> None:
    story = LiveStory()
    story.tell(*premium(80))
    (plan,) = story.plans()

    assert decide(evidence()).mode is Mode.LIVE
    assert issue_live_permit(evidence()).limits is LIMITS
    assert [order.client_id for order in story.sent] == [f"arb-{plan.plan_id}-u-1", f"arb-{plan.plan_id}-b-1"]
    assert story.view().trading_state == "ACTIVE"


@pytest.mark.parametrize(
    ("trip", "causes"),
    [
        ("clock", [ClockStepped(make.NOON, Nanos(-(10**10)))]),
        ("clock", [ClockSample(make.NOON, Venue.UPBIT, Nanos(501 * 10**6))]),
        ("venue_errors", [BookRejected(make.NOON, Venue.UPBIT, "KRW-SOL", "crossed")] * 20),
        ("stale_data", [Tick(make.after_ms(5_001))]),
    ],
)
def test_breaker_blocks_live_orders(trip: str, causes: list[BookRejected | Tick]) -> None:
    story = LiveStory()
    story.tell(*premium(0))
    story.tell(*causes)
    story.tell(*premium(80, story.at))

    assert (story.plans(), story.sent) == ([], [])
    assert RefusalCode.BREAKER_ACTIVE in story.refusals()
    assert story.view().trading_state == "REDUCING"
    assert refused(story.safety, way_out()) == set()


def test_breaker_blocks_live_orders_that_were_approved_before_it_tripped() -> None:
    story = LiveStory()
    (submit,) = (i for event in premium(80) for i in story.engine.handle(event) if isinstance(i, SubmitPlan))
    story.safety.keeper.strike(Trip.VENUE_ERRORS, make.NOON, "upbit is not itself")

    with pytest.raises(LiveSafetyError, match="breaker_active: venue_errors: upbit is not itself"):
        story.safety.assert_live(submit.orders[0], Purpose.OPEN, make.NOON)


def test_daily_loss_limit_blocks_live_orders() -> None:
    story = LiveStory(past=make.remembered(guard=lost(99_900)), max_daily_loss=Decimal(100_000))
    story.tell(*premium(0), Tick(make.NOON), *premium(80))

    assert story.sent == []
    assert RefusalCode.DAILY_LOSS in story.refusals()
    assert [latch.name for latch in story.view().guard.latches] == ["daily_loss"]
    assert refused(story.safety, way_out()) == set()


def test_daily_loss_limit_blocks_live_orders_also_with_what_is_in_flight() -> None:
    """What is lost alone would leave room for another plan; the worst case of the plan in flight does not."""
    story = LiveStory("BTC", "ETH", past=make.remembered(guard=lost(50_000)), max_daily_loss=Decimal(100_000))
    story.tell(*premium(0), Tick(make.NOON))
    story.tell(*premium(80))
    story.tell(*premium(80, base="ETH"))

    assert [order.symbol for order in story.sent] == ["KRW-BTC", "BTCUSDT"]
    assert story.refusals() >= {RefusalCode.DAILY_LOSS, RefusalCode.LOSS_24H}


def test_live_mode_updates_metrics() -> None:
    story = LiveStory()
    quiet = metrics(story)
    story.tell(*premium(80))
    flying = metrics(story)
    story.tell(make.binance_book(86_499.99, 86_500.0, at=story.at), make.upbit_book(1.22e8, 1.22001e8, at=story.at))
    story.end_last(upbit="1", binance="0")
    story.tell(ClockStepped(story.at, Nanos(10**10)))
    story.safety.keeper.latch(LatchKind.OPERATOR, story.at, "looked odd", who="mina")
    tripped = metrics(story)
    loss = -story.ends()[0].result

    assert (quiet["trading_state"], quiet["plans_open"], quiet["circuit_breaker_active"]) == ("REDUCING", 0, "false")
    assert (flying["trading_state"], flying["plans_open"]) == ("ACTIVE", 1)
    assert Decimal(flying["loss_krw_in_flight"]) == won(story.submitted()[0].worst_case)
    assert (tripped["circuit_breaker_active"], tripped["trips"], tripped["latches"]) == ("true", 1, 1)
    assert (tripped["plans_open"], tripped["plans_today"], tripped["loss_krw_in_flight"]) == (0, 1, "0")
    assert {Decimal(tripped[f"loss_krw_{span}"]) for span in ("today", "24h", "total")} == {won(loss)}
    assert loss > 0
    assert counted(story) == {"orders_live": 3, "plans_closed": 1}


def test_live_mode_from_environment_variables() -> None:
    settings = load_settings(LIVE, None)
    permit = issue_live_permit(settings.gate_evidence())

    assert mode_of(**LIVE) == (Mode.LIVE, [])
    assert permit.limits == settings.risk_limits()
    assert (permit.limits.max_position_size, permit.limits.max_daily_loss) == (1_000_000, 100_000)


def test_shadow_mode_from_environment_variables() -> None:
    nothing_met = ["LIVE_MODE", "DRY_RUN", "API_KEYS", "RISK_LIMITS"]

    assert mode_of() == (Mode.SHADOW, nothing_met)
    assert mode_of(LIVE_MODE="false", SAFETY_MODE="true", DRY_RUN="true") == (Mode.SHADOW, nothing_met)
    assert mode_of(**{**LIVE, "DRY_RUN": "true"}) == (Mode.SHADOW, ["DRY_RUN"])
    assert mode_of(**{**LIVE, "LIVE_MODE": "ture"}) == (Mode.SHADOW, ["LIVE_MODE"])


def rows_of(story: LiveStory) -> RowWriter:
    facts = RunFacts(mode="live", app_env="t", version="1", started_at=make.NOON, pid=1)
    return RowWriter(StateKeys("arbitrage:live:t"), facts)


def metrics(story: LiveStory) -> dict[str, Any]:
    """The metrics hash as the next tick writes it."""
    writer, view = rows_of(story), story.view()
    (fields,) = (
        row[2:] for row in writer.rows(Publish(view)) if row[:2] == ("HSET", "arbitrage:live:t:metrics:live_trader")
    )
    return dict(zip(fields[::2], fields[1::2], strict=True))


def counted(story: LiveStory) -> dict[str, int]:
    """What is added to the metrics hash by everything that happened."""
    writer, sums = rows_of(story), Counter[str]()
    for intent in story.intents:
        for row in writer.rows(intent):
            if row[0] == "HINCRBY" and str(row[1]).endswith("metrics:live_trader"):
                sums[str(row[2])] += int(row[3])
    return dict(sums)
