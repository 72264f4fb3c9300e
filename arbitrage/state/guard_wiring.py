"""What the keeper of the guard's account is wired with: whose it is, the log beside it, policy, limits. Facts only."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, Self

from arbitrage.domain.errors import ArbitrageError
from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.money import won_units
from arbitrage.state.agreement import Logged
from liveguard.risk_limits import RiskLimits

EXACT: Final = 2**53
"""Below it, the numbers of Redis's Lua are exact."""


class ForeignPolicy(StrEnum):
    """What to do where Redis and the intent log do not agree.

    STOP  latch, and touch nothing in Redis before a person's `resume`: for Live
    HEAL  go on with the worse of both, and write it to both: for Paper and Shadow, whose losses are not real
    """

    STOP = "stop"
    HEAL = "heal"


class IntentLog(Protocol):
    """What is needed of the local intent log: what it said when it was opened, and how to begin it anew."""

    @property
    def logged(self) -> Logged | None: ...

    @property
    def damage(self) -> ArbitrageError | None: ...

    def rebase(self, namespace: str, epoch: str, memory: GuardMemory) -> None:
        """Begin a new file that starts from an account. Raises OSError."""
        ...


class NoLog:
    """The log of a run that keeps none: always new, never damaged."""

    logged: Logged | None = None
    damage: ArbitrageError | None = None

    def rebase(self, namespace: str, epoch: str, memory: GuardMemory) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class LossLimits:
    """What may be lost in a trading day and in all, in won units, with what is in flight."""

    daily_units: int
    total_units: int

    @classmethod
    def of(cls, limits: RiskLimits) -> Self:
        """Take them out of the risk limits."""
        return cls(won_units(limits.max_daily_loss), won_units(limits.max_total_loss))


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardWiring:
    """Whose account it is, the log beside it, what to do if they differ, and the limits as they stand when asked.

    `limits` is asked at start, and again for each entry that says that a limit was lowered.
    """

    namespace: str
    intents: IntentLog
    on_foreign: ForeignPolicy
    limits: Callable[[], LossLimits]

    @classmethod
    def without_log(cls, namespace: str) -> Self:
        """Return the wiring of a run whose losses are not real and whose engine alone holds the limits."""
        most = LossLimits(EXACT - 1, EXACT - 1)
        return cls(namespace=namespace, intents=NoLog(), on_foreign=ForeignPolicy.HEAL, limits=lambda: most)
