"""Plans, their orders, ends and views with good defaults, so that a test names only what it is about."""

from decimal import Decimal

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import ReportRefusal, SubmitPlan
from arbitrage.domain.money import WonUnits
from arbitrage.domain.plans import (
    Direction,
    Fill,
    FxQuote,
    Leg,
    LegEnd,
    Order,
    Outcome,
    PlanEnd,
    Purpose,
    TwoLegPlan,
)
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode
from arbitrage.domain.views import BookLine, EdgeLine, EngineView, FxLine, RefusalLine, ScoreLine, VenueLine
from tests.clocks import NOON


def a_plan(plan_id: str = "p-1", at: Instant = NOON) -> TwoLegPlan:
    """A plan that sells 0.01 BTC on Upbit and buys it on Binance."""
    upbit = Leg(
        venue=Venue.UPBIT,
        symbol="KRW-BTC",
        side=Side.SELL,
        quantity=Decimal("0.01"),
        limit_price=Decimal(120_000_000),
        vwap=120_000_500.0,
        levels=((120_001_000.0, 0.005), (120_000_000.0, 0.005)),
    )
    binance = Leg(
        venue=Venue.BINANCE,
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal("0.01002"),
        limit_price=Decimal("85000.12"),
        vwap=85_000.1,
    )
    return TwoLegPlan(
        plan_id=plan_id,
        base="BTC",
        direction=Direction.SELL_UPBIT,
        decided_at=at,
        upbit=upbit,
        binance=binance,
        fx=FxQuote(bid=Decimal(1_399), ask=Decimal(1_400), at=at),
        base_quantity=Decimal("0.01"),
        notional_krw=Decimal("1200005"),
        net_edge_bps=14.2,
        expected_krw=Decimal("1704.0071"),
    )


def a_submission(plan_id: str = "p-1", at: Instant = NOON) -> SubmitPlan:
    """The intent to send that plan's two orders."""
    plan = a_plan(plan_id, at)
    first, second = (
        Order(
            client_id=f"{plan_id}-{number}",
            decided_at=at,
            net_edge_bps=plan.net_edge_bps,
            plan_id=plan_id,
            venue=leg.venue,
            symbol=leg.symbol,
            side=leg.side,
            quantity=leg.quantity,
            limit_price=leg.limit_price,
            purpose=Purpose.OPEN,
        )
        for number, leg in enumerate(plan.legs)
    )
    return SubmitPlan(Approved(plan), (first, second))


def an_end(
    plan_id: str = "p-1", at: Instant = NOON, outcome: Outcome = Outcome.BOTH, result: int = 15_000_000
) -> PlanEnd:
    """The end of that plan, by default with both legs filled and a gain of 1,500 won."""
    return PlanEnd(
        plan=a_plan(plan_id, at),
        at=at,
        outcome=outcome,
        upbit_end=LegEnd.FILLED,
        binance_end=LegEnd.FILLED,
        upbit_fill=_fill("0.01", "1200005", "600.0025", "KRW"),
        binance_fill=_fill("0.01002", "851.70", "0.00001", "BTC"),
        residual_base=Decimal("-0.00000001"),
        result=WonUnits(result),
    )


def a_refusal(at: Instant = NOON, times: int = 7) -> ReportRefusal:
    """An opportunity in BTC that was refused `times` times for two reasons."""
    reasons = (
        Refusal(RefusalCode.EDGE_TOO_SMALL, "4.2 bps", "10 bps"),
        Refusal(RefusalCode.FX_TOO_OLD, "40,000 ms", "30,000 ms"),
    )
    return ReportRefusal(at, "BTC", Direction.SELL_UPBIT, 4.2, tuple((reason, times) for reason in reasons))


def a_view(at: Instant = NOON, *, accepting: bool = True, day: str = "2026-11-22") -> EngineView:
    """Both venues connected, one pair, a plan in flight, some inventory."""
    return EngineView(
        at=at,
        accepting=accepting,
        why_not="" if accepting else "the state cannot be written",
        venues={
            "upbit": _venue("KRW-BTC", 120_000_000.0, 120_010_000.0, at),
            "binance": _venue("BTCUSDT", 84_999.99, 85_000.01, at),
        },
        fx=FxLine(bid=1_399.0, ask=1_400.0, age_ms=310.0),
        edges=(
            EdgeLine(base="BTC", direction="sell_upbit", bps=4.2, best_today_bps=31.5),
            EdgeLine(base="BTC", direction="buy_upbit", bps=None, best_today_bps=None),
        ),
        left_out=(("DOGE", "not on binance"),),
        notices=(("KRW-XRP", "the venue warns: PRICE_FLUCTUATIONS"),),
        plans_open=1,
        score_today=ScoreLine(day=day, plans=3, outcomes={"both": 2, "missed": 1}, result_units=21_234_567),
        refusals=(RefusalLine(code="edge_too_small", count=12),),
        inventory={"upbit": {"KRW": Decimal("9000000.5"), "BTC": Decimal("0.04")}, "binance": {"USDT": Decimal(7_000)}},
        positions={"BTC": Decimal("0.00000001")},
        portfolio_krw=Decimal("20001234.5678"),
        events=123_456,
        trading_state="ACTIVE" if accepting else "REDUCING",
    )


def _venue(symbol: str, bid: float, ask: float, since: Instant) -> VenueLine:
    return VenueLine(
        connected=True,
        since=since,
        reason="",
        book_age_ms=52.5,
        clock_skew_ms=-3.1,
        messages_per_s=48.0,
        messages=4_800,
        rejected=2,
        books=(BookLine(symbol=symbol, health="good", age_ms=52.5, bid=bid, ask=ask),),
    )


def _fill(quantity: str, funds: str, fee: str, currency: str) -> Fill:
    return Fill(quantity=Decimal(quantity), funds=Decimal(funds), fee=Decimal(fee), fee_currency=currency)
