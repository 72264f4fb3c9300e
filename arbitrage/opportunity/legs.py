"""The exact side of a plan: quantities on both lots, limits on the tick, minima. Decimals only, rounded safely."""

from decimal import Decimal

from arbitrage.domain.instruments import Instrument, Pair, Side
from arbitrage.domain.money import floor_to, plain
from arbitrage.domain.plans import Direction
from arbitrage.domain.verdicts import Refusal, RefusalCode


def quantities(direction: Direction, pair: Pair, base: Decimal) -> tuple[Decimal, Decimal]:
    """Return (Upbit's, Binance's) order quantity for a wanted base quantity, equal after fees.

    Binance takes a buy's fee out of the bought coin, so it buys on its own lot and Upbit sells what is left of it;
    a sale takes its fee in USDT, so both sides are the same number on Binance's lot.
    """
    upbit, binance = pair.upbit, pair.binance
    if direction is Direction.SELL_UPBIT:
        net = 1 - binance.taker_fee
        bought = floor_to(base / net, binance.lot)
        return floor_to(bought * net, upbit.lot), bought
    same = floor_to(floor_to(base, binance.lot), upbit.lot)  # Upbit's 1e-8 divides every lot of Binance
    return same, same


def limit_price(side: Side, deepest: Decimal, room: Decimal, instrument: Instrument) -> Decimal | None:
    """Return the deepest level, widened by `room` (a fraction), rounded back towards it on the tick that holds there.

    None if no tick lies between the level and its widened price (an old order off today's grid can do that).
    """
    if side is Side.BUY:
        price = instrument.ticks.floor(deepest * (1 + room))
        return price if price >= deepest else None
    price = instrument.ticks.ceil(deepest * (1 - room))
    return price if price <= deepest else None


def broken_minimum(instrument: Instrument, quantity: Decimal, price: Decimal) -> Refusal | None:
    """Return why the venue would refuse an order of this size, or None."""
    notional = quantity * price
    low, high = instrument.min_notional, instrument.max_notional
    if quantity < instrument.min_quantity or quantity <= 0:
        return _below(instrument, f"{plain(quantity)} {instrument.base}", f"{plain(instrument.min_quantity)}")
    if notional < low:
        return _below(instrument, f"{plain(_cents(notional))} {instrument.quote}", plain(low))
    if quantity > instrument.max_quantity:
        seen = f"{plain(quantity)} {instrument.base}"
        return Refusal(RefusalCode.PLAN_TOO_LARGE, seen, plain(instrument.max_quantity))
    if notional > high:
        return Refusal(RefusalCode.PLAN_TOO_LARGE, f"{plain(_cents(notional))} {instrument.quote}", plain(high))
    return None


def _below(instrument: Instrument, seen: str, limit: str) -> Refusal:
    return Refusal(RefusalCode.BELOW_MINIMUM, f"{instrument.venue} {instrument.symbol} {seen}", limit)


def _cents(value: Decimal) -> Decimal:
    return floor_to(value, Decimal("0.01"))
