"""The latches: stops that no timer and no restart clears. It keeps them; who may clear one is said here as well."""

from collections.abc import Iterable, Iterator
from typing import Final

from arbitrage.domain.guarding import Latch, LatchKind, TradingState

HALTING: Final = frozenset({LatchKind.UNEXPLAINED_EXPOSURE, LatchKind.FOREIGN_STATE, LatchKind.EMPTIED_STATE})
"""The latches that say that the position itself is not known; all others only forbid new plans."""

CLEARED_BY_DAY: Final = frozenset({LatchKind.DAILY_LOSS})
"""The latches that the next trading day clears, and nobody else."""


class Latches:
    """Every latch that holds, by name."""

    def __init__(self, held: Iterable[Latch] = ()) -> None:
        self._held = {latch.name: latch for latch in held}

    def __iter__(self) -> Iterator[Latch]:
        return iter(self._held.values())

    def __bool__(self) -> bool:
        return bool(self._held)

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def set(self, latch: Latch) -> bool:
        """Set a latch; False if it holds already: the first reason stays."""
        return self._held.setdefault(latch.name, latch) is latch

    def clear(self, kinds: frozenset[LatchKind]) -> tuple[Latch, ...]:
        """Clear the latches of these kinds; return them."""
        gone = tuple(latch for latch in self if latch.kind in kinds)
        for latch in gone:
            del self._held[latch.name]
        return gone

    def stopping(self, base: str = "") -> Iterator[Latch]:
        """Yield the latches that stop everything, and those that stop the pair of `base`."""
        return (latch for latch in self if latch.scope in {"", base})

    @property
    def state(self) -> TradingState:
        """Return the trading state that the latches alone ask for."""
        kinds = {latch.kind for latch in self if not latch.scope}
        if kinds & HALTING:
            return TradingState.HALTED
        return TradingState.REDUCING if kinds else TradingState.ACTIVE
