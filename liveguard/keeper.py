"""What the guard keeps: losses, latches and trips, and the evidence of every change. It judges no plan.

Each change that must outlive the process gets the next sequence number; intent log and Redis hold the same numbers.
"""

from typing import Final

from arbitrage.domain.guarding import GuardAct, GuardEntry, GuardMemory, Latch, LatchKind, TradingState, Trip
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import ReportGuard
from liveguard.breaker import CircuitBreaker
from liveguard.latches import CLEARED_BY_DAY, Latches
from liveguard.losses import LossBook

GUARD: Final = "guard"
"""Who did it, where no person did."""

_CLEARED_BY_PERSON: Final = frozenset(LatchKind) - CLEARED_BY_DAY


class Keeper:
    """Losses, latches and trips of one account, since its state was initialised."""

    def __init__(self, past: GuardMemory, cooldown_s: int) -> None:
        self.losses = LossBook(past.losses)
        self.latches = Latches(past.latches)
        self.breaker = CircuitBreaker(cooldown_s)
        self._sequence = past.sequence
        self._entries: list[GuardEntry] = []
        self._total_from_zero = False

    @property
    def state(self) -> TradingState:
        """Return the trading state that latches and trips ask for."""
        latched = self.latches.state
        return TradingState.REDUCING if latched is TradingState.ACTIVE and self.breaker.active else latched

    @property
    def has_news(self) -> bool:
        """Tell whether anything changed that has not been reported."""
        return bool(self._entries)

    def next_sequence(self) -> int:
        """Return the number of the next change."""
        self._sequence += 1
        return self._sequence

    def latch(self, kind: LatchKind, at: Instant, why: str, *, who: str = GUARD, scope: str = "") -> None:
        """Set a latch; one that holds already keeps its first reason."""
        latch = Latch(kind=kind, at=at, why=why, who=who, day=self.losses.day, scope=scope)
        if self.latches.set(latch):
            self.note(GuardAct.LATCHED, latch.name, at, why, who)

    def find(self, latch: Latch, at: Instant) -> None:
        """Take over a latch that was found where only this machine keeps it."""
        if self.latches.set(latch):
            self.note(GuardAct.LATCHED, latch.name, at, f"found at the start: {latch.why}", latch.who)

    def hold(self, trip: Trip, at: Instant, why: str) -> None:
        """Say that the cause of a trip is there now, or with an empty `why` that it is not."""
        if not why:
            self.breaker.gone(trip)
        elif self.breaker.hold(trip, at, why):
            self.note(GuardAct.TRIPPED, trip, at, why)

    def strike(self, trip: Trip, at: Instant, why: str) -> None:
        """Say that the cause of a trip was there for a moment."""
        if self.breaker.strike(trip, at, why):
            self.note(GuardAct.TRIPPED, trip, at, why)

    def clear_trips(self, at: Instant) -> None:
        """Clear the trips that are over."""
        for trip in self.breaker.clear_over(at):
            self.note(GuardAct.CLEARED, trip, at, "the cause is gone and the cool-down is over")

    def resume(self, at: Instant, who: str, why: str, *, given_at: Instant, name: str = "") -> None:
        """Clear what a person may clear and was set before `given_at`: all of it, or one latch by name.

        A latch from the future was set by a clock that ran ahead: whoever looks at it now has seen it.
        """
        stay = [latch for latch in self.latches if given_at < latch.at <= at or name not in {"", latch.name}]
        for latch in self.latches.clear(_CLEARED_BY_PERSON):
            if latch in stay:
                self.latches.set(latch)
                continue
            self.note(GuardAct.UNLATCHED, latch.name, at, why, who)
            if latch.kind is LatchKind.TOTAL_LOSS:
                self.losses.clear_total()
                self._total_from_zero = True

    def begin_day(self, day: str, at: Instant) -> None:
        """Begin a trading day: the loss of the day starts from zero, and the latch that waited for it clears."""
        before = self.losses.day
        if not self.losses.roll(day):
            return
        self.note(GuardAct.DAY_ROLLED, day, at, f"after {before}" if before else "the first")
        for latch in self.latches.clear(CLEARED_BY_DAY):
            if latch.day == day:  # the account was lost, and the day of the latch is still today
                self.latches.set(latch)
            else:
                self.note(GuardAct.UNLATCHED, latch.name, at, f"the trading day {day} began")

    def note(self, act: GuardAct, name: str, at: Instant, why: str, who: str = GUARD) -> None:
        """Write down a piece of evidence."""
        self._entries.append(GuardEntry(at=at, act=act, name=str(name), who=who, why=why))

    def report(self, at: Instant) -> ReportGuard | None:
        """Return everything that changed since the last time, to be written down; None if nothing did."""
        if not self._entries:
            return None
        entries, self._entries = tuple(self._entries), []
        from_zero, self._total_from_zero = self._total_from_zero, False
        return ReportGuard(at, self.next_sequence(), self.losses.day, entries, tuple(self.latches), from_zero)
