"""What a restart may not get wrong: words about plans whose pair is not known yet, and balances nobody has told."""

from decimal import Decimal

from arbitrage.domain.events import (
    BalancesSeen,
    ClockSample,
    OrderReply,
    PlanRecovered,
    RecoveryEnded,
    ReplyKind,
    StateUp,
    Tick,
    UniverseChanged,
    VenueUp,
)
from arbitrage.domain.instants import Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import AskOrder, Publish
from arbitrage.domain.plans import Fill
from arbitrage.domain.views import EngineView
from arbitrage.engine import Engine, EngineConfig
from arbitrage.execution.numbering import opening_orders
from tests import builders as make
from tests.plan_builders import a_plan

PLAN = a_plan()
ORDERS = opening_orders(PLAN)
SOLD = Fill(quantity=Decimal("0.01"), funds=Decimal(1_200_000), fee=Decimal(600), fee_currency="KRW")


def restarted() -> Engine:
    """An engine right after a start that found one plan in flight; the instruments are not known yet."""
    config = EngineConfig(limits=make.limits(), trading_day_tz="Asia/Seoul", virtual_capital_krw=None)
    engine = Engine(config, make.remembered())
    for event in (
        StateUp(make.NOON),
        ClockSample(make.NOON, Venue.BINANCE, Nanos(0)),
        PlanRecovered(make.NOON, PLAN, ORDERS),
        RecoveryEnded(make.NOON),
    ):
        engine.handle(event)
    return engine


def shown(engine: Engine, ms: float = 1_000) -> EngineView:
    (view,) = (each.view for each in engine.handle(Tick(make.after_ms(ms))) if isinstance(each, Publish))
    return view


def ended(fill: Fill) -> OrderReply:
    return OrderReply(make.NOON, ORDERS[0].client_id, Venue.UPBIT, ReplyKind.ENDED, fill)


def test_a_word_about_a_recovered_plan_is_no_orphans_before_its_instruments_are_known() -> None:
    engine = restarted()

    engine.handle(ended(SOLD))

    assert shown(engine).guard.latches == ()


def test_nothing_new_starts_while_a_recovered_plan_waits_for_its_instruments() -> None:
    engine = restarted()

    before, later = shown(engine), shown(engine, 2_000)

    assert "earlier run" in before.why_not
    assert "earlier run" in later.why_not


def test_its_orders_are_asked_after_as_soon_as_they_are_known() -> None:
    engine = restarted()

    asked = engine.handle(UniverseChanged(make.after_ms(1_500), make.universe()))

    assert {intent.order for intent in asked if isinstance(intent, AskOrder)} == set(ORDERS)


def test_what_is_owned_is_worth_nothing_known_before_a_venue_has_told_it() -> None:
    config = EngineConfig(limits=make.limits(), trading_day_tz="Asia/Seoul", virtual_capital_krw=None)
    engine = Engine(config, make.remembered())
    for event in (UniverseChanged(make.NOON, make.universe()), VenueUp(make.NOON, Venue.UPBIT), make.fx()):
        engine.handle(event)

    engine.handle(BalancesSeen(make.NOON, Venue.UPBIT, {"KRW": Decimal(10**9)}, is_whole=True))
    half = shown(engine, 3_000).portfolio_krw
    engine.handle(BalancesSeen(make.after_ms(4_000), Venue.BINANCE, {"USDT": Decimal(1_000)}, is_whole=True))
    whole = shown(engine, 5_000).portfolio_krw

    assert half is None
    assert whole == Decimal(10**9) + 1_400_000
