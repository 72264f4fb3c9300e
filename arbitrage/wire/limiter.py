"""Limiter: how much of a venue's allowance is left, by the time that is passed in. It checks; it never waits.

What it refuses is not sent, which is proven. It knows no venue: kinds are the names of a venue's allowances.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.instants import Instant, Nanos

SLICES: Final = 64
"""What was spent is counted by slices of a window, so that a day's allowance takes no more memory than a second's."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a venue allows in any window of that length; `kept` of it is for cancels and for orders that reduce."""

    limit: int
    window: Nanos
    kept: int


class Limiter:
    """One account's allowances by kind. Each counts what was spent in the window that ends at the time passed in."""

    def __init__(self, allowances: Mapping[str, Allowance]) -> None:
        self._windows = {kind: _Window(allowance) for kind, allowance in allowances.items()}
        self._blocked_until: dict[str, Instant] = {}

    def take(self, kind: str, at: Instant, *, cost: int = 1, is_urgent: bool = False) -> bool:
        """Spend `cost` if there is as much left. Only what is urgent (a cancel, an order that reduces) may use `kept`.

        Raises KeyError for a kind that it was not made with.
        """
        window = self._windows[kind]
        if at < self._blocked_until.get(kind, 0):
            return False
        kept = 0 if is_urgent else window.allowance.kept
        if window.spent(at) + cost > window.allowance.limit - kept:
            return False
        window.spend(cost, at)
        return True

    def has_room(self, kind: str, at: Instant) -> bool:
        """Tell whether one that is not urgent could be taken now."""
        window = self._windows[kind]
        blocked = at < self._blocked_until.get(kind, 0)
        return not blocked and window.spent(at) < window.allowance.limit - window.allowance.kept

    def left(self, kind: str, at: Instant) -> int:
        """Return what is left for what is urgent; 0 while blocked."""
        window = self._windows[kind]
        if at < self._blocked_until.get(kind, 0):
            return 0
        return max(0, window.allowance.limit - window.spent(at))

    def learn_left(self, kind: str, left: int, at: Instant) -> None:
        """Believe a venue that says that less is left (Upbit's Remaining-Req). An unknown kind says nothing."""
        if (window := self._windows.get(kind)) is not None:
            self.learn_used(kind, window.allowance.limit - left, at)

    def learn_used(self, kind: str, used: int, at: Instant) -> None:
        """Believe a venue that says that more was used (Binance's X-MBX-USED-WEIGHT): somebody else uses it too."""
        window = self._windows.get(kind)
        if window is None:
            return
        unseen = min(used, window.allowance.limit) - window.spent(at)
        if unseen > 0:
            window.spend(unseen, at)

    def block(self, until: Instant, kind: str | None = None) -> None:
        """Refuse a kind, or every kind, until then, urgent or not: the venue has said so (429, 418)."""
        for one in self._windows if kind is None else (kind,):
            self._blocked_until[one] = max(until, self._blocked_until.get(one, until))

    def blocked_until(self, kind: str) -> Instant | None:
        """Return the end of the newest block of a kind; it may have passed."""
        return self._blocked_until.get(kind)


class _Window:
    """What was spent in the last window: [number of the slice, amount], oldest first."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._slice = max(1, allowance.window // SLICES)
        self._parts: deque[list[int]] = deque()
        self._spent = 0

    def spent(self, at: Instant) -> int:
        # a slice counts until its last moment has left the window: a little too long, never too short
        parts, gone = self._parts, (at - self.allowance.window) // self._slice
        while parts and parts[0][0] < gone:
            self._spent -= parts.popleft()[1]
        return self._spent

    def spend(self, cost: int, at: Instant) -> None:
        part, parts = at // self._slice, self._parts
        if parts and parts[-1][0] >= part:
            parts[-1][1] += cost
        else:
            parts.append([part, cost])
        self._spent += cost
