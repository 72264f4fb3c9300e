"""What was lost, and what may still be lost: exact, in integer won units, by plan. It keeps count; `safety` judges.

A loss is never forgotten by time alone: the trading day moves only forward, results stay for 24 hours beside it, and
the worst case of each plan in flight is held until its result is booked, whatever day that is.
"""

from collections import deque
from decimal import Decimal
from typing import Final

from arbitrage.domain.guarding import LossMemory
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.money import WonUnits, won_units

DAY_NS: Final = 24 * 3_600 * NS_PER_S


def worst_case(notional_krw: Decimal, collar_pct: Decimal, fees: Decimal) -> WonUnits:
    """Return what a plan may lose at the most, above zero: notional x (2 x collar + all fees), rounded up.

    `fees` is the sum of every fee as a fraction of the notional. Source: the design's daily loss.
    """
    return WonUnits(-won_units(-notional_krw * (2 * collar_pct / 100 + fees)))


class LossBook:
    """Losses of the day, of the last 24 hours and in all, with what plans in flight may add to each.

    `lost_today`, `lost_24h`, `lost_in_all` and `in_flight` (the worst case of all plans in flight) are 0 or above.
    """

    def __init__(self, memory: LossMemory) -> None:
        self.day = memory.day
        self.day_units = memory.day_units
        self.total_units = memory.total_units
        self.reserved = dict(memory.reserved)
        self._recent = deque(memory.recent)
        self._recent_units = sum(units for _, units in memory.recent)
        self.in_flight = sum(self.reserved.values())
        self._add_up()

    def reserve(self, plan_id: str, units: int) -> None:
        """Hold the worst case of a plan that starts. Raises ValueError if it is held already, or is not above zero."""
        if plan_id in self.reserved or not units > 0:
            raise ValueError(f"cannot reserve {units} for plan {plan_id}")
        self.reserved[plan_id] = units
        self.in_flight += units

    def settle(self, plan_id: str, result: int, at: Instant) -> bool:
        """Book a plan's result and let go of its worst case. False, and nothing is booked, if it holds none."""
        if not self.release(plan_id):
            return False
        self.day_units += result
        self.total_units += result
        self._recent.append((at, result))
        self._recent_units += result
        self._add_up()
        return True

    def release(self, plan_id: str) -> bool:
        """Let go of the worst case of a plan that was never sent; False if it holds none."""
        held = self.reserved.pop(plan_id, 0)
        self.in_flight -= held
        return held > 0

    def roll(self, day: str) -> bool:
        """Begin a trading day; False if it is not later than the one that stands."""
        if not day > self.day:
            return False
        # what was lost before there was any day belongs to the first
        self.day_units = 0 if self.day else self.day_units
        self.day = day
        self._add_up()
        return True

    def forget_old(self, now: Instant) -> None:
        """Let go of results of more than 24 hours ago."""
        while self._recent and self._recent[0][0] < now - DAY_NS:
            self._recent_units -= self._recent.popleft()[1]
        self._add_up()

    def clear_total(self) -> None:
        """Start the count of the total loss anew, because a person said so."""
        self.total_units = 0
        self._add_up()

    def memory(self) -> LossMemory:
        """Return all of it, as it is kept."""
        return LossMemory(
            day=self.day,
            day_units=self.day_units,
            total_units=self.total_units,
            recent=tuple(self._recent),
            reserved=dict(self.reserved),
        )

    def _add_up(self) -> None:
        # worked out when something changes, not when it is asked: that is between a frame and its orders
        self.lost_today = max(0, -self.day_units)
        self.lost_24h = max(0, -self._recent_units)
        self.lost_in_all = max(0, -self.total_units)
