"""What came of a scenario, and how each expectation fared. Facts for tables, JSON and pictures; it judges nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from arbitrage.domain.plans import PlanEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What happened. Sums in KRW, times in ms or s of virtual time.

    `digest` is the SHA-256 of everything that was decided and told, in order: equal for equal runs. `still_open` counts
    the plans in flight at the end that leave a leg open. `edges` are samples of (second, pair, direction, bps) and
    `results` of (second, KRW so far), for pictures.
    """

    trades: int
    orders: int
    hedges: int
    outcomes: Mapping[str, int]
    refusals: Mapping[str, int]
    pnl_krw: Decimal
    exposure: Mapping[str, Decimal]
    trips: frozenset[str]
    latches: frozenset[str]
    trading_state: str
    times_to_neutral_ms: tuple[float, ...]
    unknown_orders: int
    restarts: int
    violations: tuple[str, ...]
    updates: int
    virtual_s: float
    digest: str
    still_open: int = 0
    ends: tuple[PlanEnd, ...] = ()
    edges: tuple[tuple[float, str, str, float], ...] = ()
    results: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation: what was wanted, what was seen."""

    name: str
    wanted: str
    seen: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A scenario's run, judged. `took_s` is real time."""

    name: str
    file: str
    seed: int
    observed: Observed
    checks: tuple[Check, ...] = field(default=())
    took_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Tell whether every expectation held."""
        return all(check.passed for check in self.checks)
