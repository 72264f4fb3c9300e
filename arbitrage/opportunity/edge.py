"""The edge formula, in its one place: what is left of one unit sold here and bought there, after every fee and the fx.

Both directions share one form. With fees fU and fB, fx ask Ka and bid Kb, and prices as averages over the quantity:

    sell on Upbit, buy on Binance:  bidU (1-fU) / ( askB/(1-fB) * Ka (1+fU) ) - 1
    buy on Upbit, sell on Binance:  bidB (1-fB) * Kb (1-fU) / ( askU (1+fU) ) - 1

that is, `kept * (sell price in KRW) / (buy price in KRW) - 1` with `kept = (1-fU)(1-fB)/(1+fU)`. The fee of the
KRW-USDT conversion is in it: (1+fU) on the way to USDT, (1-fU) on the way back. Source: the design's section on money.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from arbitrage.domain.book_views import Level

BPS = 10_000.0
# A sum of level sizes and the same quantity as one number differ by a few parts in 1e16.
_ROUNDING = 1e-12


@dataclass(slots=True)
class Fx:
    """KRW per USDT that can be executed now: sell USDT at `bid`, buy it at `ask`."""

    bid: float
    ask: float


def kept_after_fees(upbit_fee: float, binance_fee: float) -> float:
    """Return the part of the proceeds that survives all three fees (fractions: 0.0005 is 0.05 %)."""
    return (1.0 - upbit_fee) * (1.0 - binance_fee) / (1.0 + upbit_fee)


def edge(kept: float, sell_krw: float, buy_krw: float) -> float:
    """Return the edge as a fraction of the notional, from a selling and a buying price in KRW."""
    return kept * sell_krw / buy_krw - 1.0


def vwap(levels: Sequence[Level], quantity: float) -> float | None:
    """Return the average price of taking `quantity` from the best level on, or None if the levels do not hold it."""
    left, funds = quantity, 0.0
    for price, size in levels:
        if size >= left or left - size <= quantity * _ROUNDING:
            return (funds + left * price) / quantity
        funds += size * price
        left -= size
    return None


@dataclass(frozen=True, slots=True)
class Fees:
    """Taker fees of both venues, as fractions of the notional."""

    upbit: float
    binance: float

    @property
    def kept(self) -> float:
        """Return the part of the proceeds that survives all fees."""
        return kept_after_fees(self.upbit, self.binance)


def sell_upbit_edge(quantity: float, bids: Sequence[Level], asks: Sequence[Level], fees: Fees, fx: Fx) -> float | None:
    """Return the edge of selling `quantity` into Upbit's bids and buying it back, fee and all, from Binance's asks."""
    sell, buy = vwap(bids, quantity), vwap(asks, quantity / (1.0 - fees.binance))
    return None if sell is None or buy is None else edge(fees.kept, sell, buy * fx.ask)


def buy_upbit_edge(quantity: float, asks: Sequence[Level], bids: Sequence[Level], fees: Fees, fx: Fx) -> float | None:
    """Return the edge of buying `quantity` from Upbit's asks and selling it into Binance's bids."""
    buy, sell = vwap(asks, quantity), vwap(bids, quantity)
    return None if sell is None or buy is None else edge(fees.kept, sell * fx.bid, buy)
