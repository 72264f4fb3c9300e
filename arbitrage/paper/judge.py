"""The judge: what a scenario expects against what was seen, a check for each expectation. It looks at nothing else."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.money import plain
from arbitrage.paper.outcome import Check, Observed
from arbitrage.paper.scenario import Bounds, Expectations

Wanted = int | Decimal | Bounds | None

LOSS_LATCHES: Final = frozenset({LatchKind.DAILY_LOSS.value, LatchKind.TOTAL_LOSS.value})
"""The latches that count as the breaker to people who say `circuit_breaker_triggered`."""

_MOST_SHOWN: Final = 3


def judge(expected: Expectations, seen: Observed) -> tuple[Check, ...]:
    """Hold every expectation that was named against what happened. Safety is always asked."""
    return (
        *_counts(expected, seen),
        *_sums(expected, seen),
        *_stops(expected, seen),
        *_times(expected, seen),
        _safety(expected, seen),
    )


def _counts(expected: Expectations, seen: Observed) -> Iterator[Check]:
    yield from _held("trades", expected.trades, seen.trades, "trades")
    yield from _held("min_trades", _at_least(expected.min_trades), seen.trades, "trades")
    yield from _held("max_trades", _at_most(expected.max_trades), seen.trades, "trades")
    yield from _held("orders", expected.orders, seen.orders, "orders")
    yield from _held("hedges", expected.hedges, seen.hedges, "hedges")
    for outcome, wanted in expected.outcomes.items():
        yield from _held(f"outcomes.{outcome}", wanted, seen.outcomes.get(outcome, 0), f"plans ended {outcome}")
    for code, wanted in expected.refusals.items():
        yield from _held(f"refusals.{code}", wanted, seen.refusals.get(code, 0), f"refusals for {code}")
    yield from _held("unknown_orders", expected.unknown_orders, seen.unknown_orders, "unknown orders")
    yield from _held("restarts", expected.restarts, seen.restarts, "restarts")


def _sums(expected: Expectations, seen: Observed) -> Iterator[Check]:
    yield from _held("pnl_krw", expected.pnl_krw, seen.pnl_krw, "KRW")
    yield from _held("min_pnl", _at_least(expected.min_pnl), seen.pnl_krw, "KRW")
    yield from _held("max_pnl", _at_most(expected.max_pnl), seen.pnl_krw, "KRW")
    wanted = expected.exposure
    if wanted is not None and not isinstance(wanted, dict) and not seen.exposure:
        yield from _held("exposure", wanted, Decimal(0), "of anything")
    by_base = wanted if isinstance(wanted, dict) else dict.fromkeys(seen.exposure, wanted)
    for base, each in by_base.items():
        yield from _held(f"exposure.{base}", each, seen.exposure.get(base, Decimal(0)), base)


def _stops(expected: Expectations, seen: Observed) -> Iterator[Check]:
    if expected.circuit_breaker_triggered is not None:
        stopped = sorted({*seen.trips, *(seen.latches & LOSS_LATCHES)})
        yield Check(
            name="circuit_breaker_triggered",
            wanted="the breaker or a loss limit stops new plans" if expected.circuit_breaker_triggered else "no stop",
            seen=_named(stopped),
            passed=bool(stopped) is expected.circuit_breaker_triggered,
        )
    if expected.trips is not None:
        yield _exactly("trips", expected.trips, seen.trips)
    if expected.latches is not None:
        yield _exactly("latches", expected.latches, seen.latches)
    if expected.trading_state is not None:
        state = expected.trading_state
        yield Check(name="trading_state", wanted=state, seen=seen.trading_state, passed=seen.trading_state == state)


def _times(expected: Expectations, seen: Observed) -> Iterator[Check]:
    most_ms = expected.max_time_to_neutral_ms
    if most_ms is None:
        return
    slowest_ms = max(seen.times_to_neutral_ms, default=None)
    told = "nothing filled" if slowest_ms is None else f"{slowest_ms:,.1f} ms"
    still_open = f"; {seen.still_open} still open at the end" if seen.still_open else ""
    yield Check(
        name="max_time_to_neutral_ms",
        wanted=f"neutral within {most_ms:,g} ms",
        seen=f"{told}{still_open}",
        passed=slowest_ms is not None and slowest_ms <= most_ms and not still_open,
    )


def _safety(expected: Expectations, seen: Observed) -> Check:
    wanted, found = expected.safety_violations, seen.violations
    shown = "; ".join(found[:_MOST_SHOWN]) + ("; …" if len(found) > _MOST_SHOWN else "")
    return Check(
        name="safety_violations",
        wanted=f"{wanted} broken rules of safety",
        seen=f"{len(found)}: {shown}" if found else "0",
        passed=len(found) == wanted,
    )


def _held(name: str, wanted: Wanted, seen: int | Decimal, unit: str) -> Iterator[Check]:
    """Yield the check of a number, if anything is wanted of it."""
    if wanted is None:
        return
    low, high = (wanted.min, wanted.max) if isinstance(wanted, Bounds) else (wanted, wanted)
    passed = (low is None or seen >= low) and (high is None or seen <= high)
    yield Check(name=name, wanted=f"{_range(low, high)} {unit}", seen=f"{_number(seen)} {unit}", passed=passed)


def _range(low: int | Decimal | None, high: int | Decimal | None) -> str:
    if low is not None and high is not None:
        return _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    return f"at least {_number(low)}" if low is not None else f"at most {_number(high)}" if high is not None else "any"


def _number(value: int | Decimal) -> str:
    whole, point, rest = plain(Decimal(value)).partition(".")
    return f"{int(whole):,}{point}{rest}" if whole not in {"-0", ""} else f"{whole}{point}{rest}"


def _exactly(name: str, wanted: Iterable[str], seen: frozenset[str]) -> Check:
    asked = {str(each) for each in wanted}
    return Check(name=name, wanted=_named(sorted(asked)), seen=_named(sorted(seen)), passed=asked == seen)


def _named(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _at_least(value: int | Decimal | None) -> Bounds | None:
    return None if value is None else Bounds(min=Decimal(value))


def _at_most(value: int | Decimal | None) -> Bounds | None:
    return None if value is None else Bounds(max=Decimal(value))
