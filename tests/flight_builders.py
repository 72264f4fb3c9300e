"""Orders in flight and the words that venues say of them, with good defaults."""

from dataclasses import replace
from decimal import Decimal

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Direction, Fill, FxQuote, Leg, Order, Purpose, TwoLegPlan
from tests import builders as make

FEES = {Venue.UPBIT: Decimal("0.0005"), Venue.BINANCE: Decimal("0.001")}
QUOTES = {Venue.UPBIT: "KRW", Venue.BINANCE: "USDT"}

EXACT_COIN = Decimal("0.00000001")


def an_order(client_id: str = "arb-abc123-7-1-u-1", **changes: object) -> Order:
    """An order that opens: 0.01 BTC sold on Upbit."""
    made = Order(
        client_id=client_id,
        plan_id="abc123-7-1",
        venue=Venue.UPBIT,
        symbol="KRW-BTC",
        side=Side.SELL,
        quantity=Decimal("0.01"),
        limit_price=Decimal(120_000_000),
        purpose=Purpose.OPEN,
        decided_at=make.NOON,
        net_edge_bps=30.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def a_plan(direction: Direction = Direction.SELL_UPBIT, plan_id: str = "abc123-7-1") -> TwoLegPlan:
    """A plan of 0.01 BTC; what Binance buys is more by its fee."""
    buys = direction.side(Venue.BINANCE) is Side.BUY
    legs = {
        venue: Leg(
            venue=venue,
            symbol={Venue.UPBIT: "KRW-BTC", Venue.BINANCE: "BTCUSDT"}[venue],
            side=direction.side(venue),
            quantity=Decimal("0.01001") if venue is Venue.BINANCE and buys else Decimal("0.01"),
            limit_price={Venue.UPBIT: Decimal(120_000_000), Venue.BINANCE: Decimal(85_000)}[venue],
            vwap={Venue.UPBIT: 120_000_000.0, Venue.BINANCE: 85_000.0}[venue],
        )
        for venue in Venue
    }
    return TwoLegPlan(
        plan_id=plan_id,
        base="BTC",
        direction=direction,
        decided_at=make.NOON,
        upbit=legs[Venue.UPBIT],
        binance=legs[Venue.BINANCE],
        fx=FxQuote(bid=Decimal(1_400), ask=Decimal(1_401), at=make.NOON),
        base_quantity=Decimal("0.01"),
        notional_krw=Decimal(1_200_000),
        net_edge_bps=30.0,
        expected_krw=Decimal(3_600),
    )


def a_fill(order: Order, part: str = "1") -> Fill:
    """What an order came to at its limit price: a part of it, with the venue's fee as the venue takes it."""
    quantity = order.quantity * Decimal(part)
    funds = quantity * order.limit_price
    fee, currency = funds * FEES[order.venue], QUOTES[order.venue]
    if order.venue is Venue.BINANCE and order.side is Side.BUY:
        fee, currency = quantity * FEES[order.venue], order.symbol.removesuffix("USDT")
    return Fill(quantity=quantity, funds=funds, fee=fee, fee_currency=currency)


def said(
    order: Order, kind: ReplyKind, part: str | None = None, ms: float = 0.0, at: Instant | None = None
) -> OrderReply:
    """What a venue says of an order so many ms after noon; with a part, that so much of it has filled."""
    fill = None if part is None else a_fill(order, part)
    return OrderReply(make.after_ms(ms) if at is None else at, order.client_id, order.venue, kind, fill)


def ended(order: Order, part: str = "1", ms: float = 0.0) -> OrderReply:
    """The order is over, and came to a part of itself."""
    return said(order, ReplyKind.ENDED, part, ms)
