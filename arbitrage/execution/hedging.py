"""How to get rid of what a plan left open: sell or buy it, on which venue, at which limit. Pure; it sends nothing.

Two ways out: *proceed* does on the other venue what its leg missed; *reverse* undoes the leg that filled. The cheaper
one is taken; after one proceed only reverse is left, so that a plan cannot chase a price that runs away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument, Pair, Side, Venue
from arbitrage.domain.money import floor_to
from arbitrage.domain.plans import FxQuote, TwoLegPlan

TRIES: Final = 5
"""After so many orders a person is called, and the rest is tried at the widest collar (the design, section 7)."""

OVER_MINIMUM: Final = Decimal("1.1")
"""What is hedged must be worth this much of the venue's minimum, as the price moves meanwhile (design, section 7)."""

INSIDE: Final = Decimal("0.999")
"""How much of a collar is used: the last gate reckons in floats, and its very bound may lie on either side of it."""

Touches = Mapping[Venue, tuple[Decimal, Decimal]]
"""(bid, ask) of the books that can be believed, in their quote currencies."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """An order that lowers the exposure, and what one base brings (sale) or costs (purchase) that way, in KRW."""

    venue: Venue
    side: Side
    quantity: Decimal
    limit_price: Decimal
    krw_per_base: Decimal


def is_dust(exposure: Decimal, pair: Pair, plan: TwoLegPlan, touches: Touches) -> bool:
    """Tell whether an exposure is too small to be hedged on either venue."""
    return all(_is_too_little(exposure, pair.on(venue), _price(plan, venue, touches)) for venue in Venue)


def way_out(
    exposure: Decimal, pair: Pair, plan: TwoLegPlan, touches: Touches, collar: Decimal, *, may_proceed: bool
) -> WayOut | None:
    """Return the cheaper order that lowers an exposure (positive: long), or None while no venue offers one.

    `collar` is the fraction by which its limit may be off the mid, which is what the last gate holds it against; where
    the touch itself is further off, the limit is the touch.
    """
    reverse = next(venue for venue in Venue if plan.on(venue).side.sign * exposure > 0)
    # what is too little for the venue that filled, and not for the other, could never be got rid of otherwise
    anywhere = may_proceed or _is_too_little(exposure, pair.on(reverse), _price(plan, reverse, touches))
    found = [
        way
        for venue, touch in touches.items()
        if (venue is reverse or anywhere) and (way := _way(exposure, pair, venue, touch, plan.fx, collar)) is not None
    ]
    if not found:
        return None
    return max(found, key=lambda way: -way.side.sign * way.krw_per_base)


def _way(
    exposure: Decimal, pair: Pair, venue: Venue, touch: tuple[Decimal, Decimal], fx: FxQuote, collar: Decimal
) -> WayOut | None:
    instrument, (bid, ask) = pair.on(venue), touch
    if instrument.halted:
        return None
    mid, off = (bid + ask) / 2, collar * INSIDE
    if exposure > 0:
        side, price, wanted = Side.SELL, bid, exposure
        limit = instrument.ticks.ceil(min(bid, mid * (1 - off)))
    else:
        side, price, wanted = Side.BUY, ask, -exposure
        limit = instrument.ticks.floor(max(ask, mid * (1 + off)))
        if venue is Venue.BINANCE:  # takes its fee out of what it hands over
            wanted /= 1 - instrument.taker_fee
    quantity = min(floor_to(wanted, instrument.lot), instrument.max_quantity)
    if quantity < _least(instrument, price):
        return None
    return WayOut(venue, side, quantity, limit, _krw_per_base(instrument, side, price, fx, pair.upbit.taker_fee))


def _is_too_little(exposure: Decimal, instrument: Instrument, price: Decimal) -> bool:
    return floor_to(abs(exposure), instrument.lot) < _least(instrument, price)


def _least(instrument: Instrument, price: Decimal) -> Decimal:
    return max(instrument.lot, instrument.min_quantity, OVER_MINIMUM * instrument.min_notional / price)


def _price(plan: TwoLegPlan, venue: Venue, touches: Touches) -> Decimal:
    return touches[venue][0] if venue in touches else plan.on(venue).limit_price


def _krw_per_base(instrument: Instrument, side: Side, price: Decimal, fx: FxQuote, upbit_fee: Decimal) -> Decimal:
    fee = instrument.taker_fee
    if side is Side.SELL:
        krw = price * (1 - fee)
        return krw if instrument.venue is Venue.UPBIT else krw * fx.bid * (1 - upbit_fee)
    if instrument.venue is Venue.UPBIT:
        return price * (1 + fee)
    return price / (1 - fee) * fx.ask * (1 + upbit_fee)
