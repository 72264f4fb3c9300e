"""SafetyModule: the one place that approves a plan. It asks every check, and has no override."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, from_ms, to_ms
from arbitrage.domain.money import plain
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode, Refused
from liveguard.risk_limits import RiskLimits

HOUR: Final = Nanos(3_600 * NS_PER_S)
DAY: Final = Nanos(24 * 3_600 * NS_PER_S)

_BPS_PER_PCT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the guard judges a plan by: data ages in ns, plans in flight, and what forbids trading altogether.

    `unavailable` says why the state cannot be written ("" if it can); `halted` why an instrument must not be traded.
    """

    upbit_age: Nanos
    binance_age: Nanos
    fx_age: Nanos
    plans_in_flight: int
    unavailable: str
    halted: str


class SafetyModule:
    """Judges plans against limits. It starts with nothing remembered; trades of a former run are told to it."""

    def __init__(self, limits: RiskLimits, started: tuple[Instant, ...] = ()) -> None:
        self.limits = limits
        self._started = sorted(started)

    def review(self, plan: TwoLegPlan, facts: Facts, now: Instant) -> Approved[TwoLegPlan] | Refused[TwoLegPlan]:
        """Ask every check, so that a refusal lists all of its reasons. Changes nothing."""
        refusals = tuple(self._refusals(plan, facts, now))
        return Refused(plan, refusals) if refusals else Approved(plan)

    def note_started(self, at: Instant) -> None:
        """Remember that a plan was started, and forget those of more than a day ago."""
        del self._started[: bisect_left(self._started, at - DAY)]
        self._started.append(at)

    def started_within(self, window: Nanos, now: Instant) -> int:
        """Return how many plans were started within the window that ends now."""
        return len(self._started) - bisect_left(self._started, now - window)

    def _refusals(self, plan: TwoLegPlan, facts: Facts, now: Instant) -> Iterator[Refusal]:
        if facts.unavailable:
            yield Refusal(RefusalCode.STATE_UNAVAILABLE, facts.unavailable, "")
        if facts.halted:
            yield Refusal(RefusalCode.INSTRUMENT_HALTED, facts.halted, "")
        yield from self._ages(facts)
        yield from self._sizes(plan)
        yield from self._counts(facts, now)

    def _ages(self, facts: Facts) -> Iterator[Refusal]:
        limits = self.limits
        for name, age in (("upbit", facts.upbit_age), ("binance", facts.binance_age)):
            if not 0 <= age <= from_ms(limits.max_book_age_ms):
                yield _aged(RefusalCode.BOOK_TOO_OLD, f"{name} book", age, limits.max_book_age_ms)
        if not 0 <= facts.fx_age <= from_ms(limits.max_fx_age_ms):
            yield _aged(RefusalCode.FX_TOO_OLD, "fx", facts.fx_age, limits.max_fx_age_ms)
        apart = Nanos(abs(facts.upbit_age - facts.binance_age))
        if not apart <= from_ms(limits.max_book_skew_ms):
            yield _aged(RefusalCode.BOOKS_TOO_FAR_APART, "apart", apart, limits.max_book_skew_ms)

    def _sizes(self, plan: TwoLegPlan) -> Iterator[Refusal]:
        limits = self.limits
        # a comparison with a Decimal NaN raises, and one with a float NaN is false: neither may pass
        if not (plan.notional_krw.is_finite() and plan.notional_krw <= limits.max_position_size):
            yield Refusal(
                RefusalCode.PLAN_TOO_LARGE, f"{plan.notional_krw:,} KRW", f"{plain(limits.max_position_size)} KRW"
            )
        if not plan.net_edge_bps >= _bps(limits.min_spread_pct):
            yield Refusal(RefusalCode.EDGE_TOO_SMALL, _in_bps(plan.net_edge_bps), _in_bps(_bps(limits.min_spread_pct)))
        if not plan.net_edge_bps <= _bps(limits.max_edge_pct):
            yield Refusal(RefusalCode.EDGE_IMPLAUSIBLE, _in_bps(plan.net_edge_bps), _in_bps(_bps(limits.max_edge_pct)))

    def _counts(self, facts: Facts, now: Instant) -> Iterator[Refusal]:
        limits = self.limits
        for code, seen, limit, of in (
            (RefusalCode.TOO_MANY_TRADES_HOUR, self.started_within(HOUR, now), limits.max_trades_per_hour, "an hour"),
            (RefusalCode.TOO_MANY_TRADES_DAY, self.started_within(DAY, now), limits.max_trades_per_day, "24 hours"),
            (RefusalCode.TOO_MANY_POSITIONS, facts.plans_in_flight, limits.max_position_count, "flight"),
        ):
            if not seen < limit:
                yield Refusal(code, f"{seen} in {of}", str(limit))


def _bps(percent: Decimal) -> float:
    return float(percent) * _BPS_PER_PCT


def _in_bps(value: float) -> str:
    return f"{value:.2f} bps"


def _aged(code: RefusalCode, what: str, age: Nanos, limit_ms: int) -> Refusal:
    return Refusal(code, f"{what} {to_ms(age):.0f} ms", f"{limit_ms} ms")
