"""What a plan came to, in won: its flows at the fx frozen at decision, and what base is left at the worse side."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instruments import Pair, Side, Venue
from arbitrage.domain.money import WonUnits, won_units
from arbitrage.domain.plans import Fill, FxQuote, Leg, TwoLegPlan


@dataclass(frozen=True, slots=True)
class Marks:
    """What one base is worth right now after fees, in KRW: sold at the worse bid, or bought at the worse ask."""

    sold_krw: Decimal
    bought_krw: Decimal


def residual_base(plan: TwoLegPlan, upbit: Fill, binance: Fill) -> Decimal:
    """Return the base that the plan left over: positive is long, negative is short. A fee taken in base counts."""
    return sum(
        (
            leg.side.sign * fill.quantity - (fill.fee if fill.fee_currency == plan.base else 0)
            for leg, fill in zip(plan.legs, (upbit, binance), strict=True)
        ),
        Decimal(0),
    )


def result_of(plan: TwoLegPlan, pair: Pair, fills: tuple[Fill, Fill], marks: Marks) -> WonUnits:
    """Return the realised result of a plan in integer won units.

    KRW flows, plus USDT flows at the frozen fx (ask and fee on top for USDT spent, bid less the fee for USDT
    received), plus the residual base at the marks. Source: the design's "result of a plan".
    """
    upbit, binance = fills
    krw = _flow(plan.upbit, upbit, pair.upbit.quote)
    usdt = _flow(plan.binance, binance, pair.binance.quote)
    fee = pair.upbit.taker_fee
    fx = plan.fx.ask * (1 + fee) if usdt < 0 else plan.fx.bid * (1 - fee)
    residual = residual_base(plan, upbit, binance)
    mark = marks.sold_krw if residual > 0 else marks.bought_krw
    return won_units(krw + usdt * fx + residual * mark)


def marks_from(pair: Pair, touches: Mapping[Venue, tuple[Decimal, Decimal]], fx: FxQuote) -> Marks | None:
    """Work the marks out of (bid, ask) per venue and the fx; None without any touch."""
    sold, bought = [], []
    fee_u, fee_b = pair.upbit.taker_fee, pair.binance.taker_fee
    if Venue.UPBIT in touches:
        bid, ask = touches[Venue.UPBIT]
        sold.append(bid * (1 - fee_u))
        bought.append(ask * (1 + fee_u))
    if Venue.BINANCE in touches:
        bid, ask = touches[Venue.BINANCE]
        sold.append(bid * (1 - fee_b) * fx.bid * (1 - fee_u))
        bought.append(ask / (1 - fee_b) * fx.ask * (1 + fee_u))
    return Marks(min(sold), max(bought)) if sold else None


def _flow(leg: Leg, fill: Fill, quote: str) -> Decimal:
    paid = fill.fee if fill.fee_currency == quote else Decimal(0)
    return (fill.funds if leg.side is Side.SELL else -fill.funds) - paid
