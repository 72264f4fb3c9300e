"""The price collar: how far a limit price may be off what the venues show. Nothing to hold a price against fails it.

Source: RTS 6 Art 15(1)(a), per order and over a period; the last minute stands for the period.
"""

from arbitrage.domain.book_views import Reference
from arbitrage.domain.verdicts import Refusal, RefusalCode
from liveguard.risk_limits import RiskLimits


class Collar:
    """The bounds of one set of limits, as factors worked out once. What is wrong is added to `refusals`."""

    def __init__(self, limits: RiskLimits) -> None:
        within, unwind = float(limits.collar_pct) / 100, float(limits.unwind_collar_pct) / 100
        apart = float(limits.max_edge_pct) / 100 + within
        self._below, self._above = 1 - within, 1 + within
        self._apart_below, self._apart_above = 1 - apart, 1 + apart
        self._unwind_below, self._unwind_above = 1 - unwind, 1 + unwind

    def judge_open(self, price: float, symbol: str, reference: Reference | None, refusals: list[Refusal]) -> None:
        """Hold an OPEN's price against its own mid, the other venue, and the last minute."""
        if reference is None:
            refusals.append(_refusal(symbol, price, "nothing", ""))
            return
        below, above = self._below, self._above
        mid, elsewhere, low, high = reference.mid, reference.elsewhere, reference.low, reference.high
        # `not (a <= x <= b)`: what is no number is never within, and nothing is within a price of zero
        if mid is None or not 0 < mid * below <= price <= mid * above:
            refusals.append(_refusal(symbol, price, f"own mid {mid}", f"{above - 1:.2%}"))
        if elsewhere is None or not elsewhere * self._apart_below <= price <= elsewhere * self._apart_above:
            refusals.append(_refusal(symbol, price, f"other venue's mid {elsewhere}", f"{self._apart_above - 1:.2%}"))
        if low is None or high is None or not 0 < low * below <= price <= high * above:
            refusals.append(_refusal(symbol, price, f"last minute {low} to {high}", f"{above - 1:.2%}"))

    def judge_reduce(self, price: float, symbol: str, reference: Reference | None, refusals: list[Refusal]) -> None:
        """Hold a REDUCE's price against its own venue's mid alone: the other venue may be down."""
        mid = reference.mid if reference else None
        if mid is None or not 0 < mid * self._unwind_below <= price <= mid * self._unwind_above:
            refusals.append(_refusal(symbol, price, f"own mid {mid}", f"{self._unwind_above - 1:.2%}"))


def _refusal(symbol: str, price: float, against: str, within: str) -> Refusal:
    return Refusal(RefusalCode.OUTSIDE_COLLAR, f"{symbol} at {price} against {against}", within)
