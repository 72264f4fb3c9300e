"""What a plan came to, in won: its flows at the fx frozen at decision, and what base is left at the worse side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instruments import Instrument, Pair, Venue
from arbitrage.domain.money import WonUnits, won_units
from arbitrage.domain.plans import Fill, FxQuote, OrderFill, TwoLegPlan


@dataclass(frozen=True, slots=True)
class Marks:
    """What one base is worth right now after fees, in KRW: sold at the worse bid, or bought at the worse ask."""

    sold_krw: Decimal
    bought_krw: Decimal


def residual_base(base: str, fills: Sequence[OrderFill]) -> Decimal:
    """Return the base that orders left over: positive is long, negative is short. A fee taken in base counts."""
    return sum(
        (
            each.side.sign * each.fill.quantity - (each.fill.fee if each.fill.fee_currency == base else 0)
            for each in fills
        ),
        Decimal(0),
    )


def result_of(plan: TwoLegPlan, pair: Pair, fills: Sequence[OrderFill], marks: Marks) -> WonUnits:
    """Return the realised result of a plan, from all of its orders, in integer won units.

    KRW flows, plus the net USDT flow at the frozen fx (ask and fee on top for USDT spent, bid less the fee for USDT
    received), plus the residual base at the marks. Source: the design's "result of a plan".
    """
    krw = _flow(pair.upbit, fills)
    usdt = _flow(pair.binance, fills)
    fee = pair.upbit.taker_fee
    fx = plan.fx.ask * (1 + fee) if usdt < 0 else plan.fx.bid * (1 - fee)
    residual = residual_base(plan.base, fills)
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


def _base_of(each: OrderFill, base: str) -> Decimal:
    fill = each.fill
    return each.side.sign * fill.quantity - (fill.fee if fill.fee_currency == base else 0)


def _flow(instrument: Instrument, fills: Sequence[OrderFill]) -> Decimal:
    return sum(
        (
            -each.side.sign * each.fill.funds - _fee_in_quote(each.fill, instrument)
            for each in fills
            if each.venue is instrument.venue
        ),
        Decimal(0),
    )


def _fee_in_quote(fill: Fill, instrument: Instrument) -> Decimal:
    if fill.fee_currency == instrument.quote:
        return fill.fee
    # a fee in a third currency (BNB) has no price here: it counts as the account's own rate, and never as nothing
    return Decimal(0) if fill.fee_currency == instrument.base else fill.funds * instrument.taker_fee
