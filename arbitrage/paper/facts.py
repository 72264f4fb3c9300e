"""Outcomes as plain values, for JSON, for Redis and for whoever reads them there. Pictures' samples are left out."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from arbitrage.domain.instants import to_ms
from arbitrage.domain.money import won
from arbitrage.domain.plans import PlanEnd
from arbitrage.paper.outcome import Outcome

_JSON: Final = msgspec.json.Encoder(decimal_format="number")


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return what came of a scenario: sums in KRW, times in ms or s, instants in ns since 1970."""
    seen = outcome.observed
    return {
        "name": outcome.name,
        "file": outcome.file,
        "seed": outcome.seed,
        "passed": outcome.passed,
        "checks": [msgspec.to_builtins(check) for check in outcome.checks],
        "trades": seen.trades,
        "orders": seen.orders,
        "hedges": seen.hedges,
        "outcomes": dict(seen.outcomes),
        "refusals": dict(seen.refusals),
        "pnl_krw": seen.pnl_krw,
        "exposure": dict(seen.exposure),
        "trips": sorted(seen.trips),
        "latches": sorted(seen.latches),
        "trading_state": seen.trading_state,
        "max_time_to_neutral_ms": max(seen.times_to_neutral_ms, default=None),
        "unknown_orders": seen.unknown_orders,
        "restarts": seen.restarts,
        "violations": list(seen.violations),
        "plans": [_plan(end) for end in seen.ends],
        "updates": seen.updates,
        "virtual_s": seen.virtual_s,
        "took_s": round(outcome.took_s, 3),
        "digest": seen.digest,
    }


def batch_facts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what came of all of them."""
    return {
        "passed": all(outcome.passed for outcome in outcomes),
        "digest": digest_of(outcomes),
        "scenarios": [facts(outcome) for outcome in outcomes],
    }


def digest_of(outcomes: Sequence[Outcome]) -> str:
    """Return one digest over all of them, in their order: equal for equal runs, however many processes there were."""
    lines = (f"{outcome.name!a} {outcome.seed} {outcome.observed.digest}\n" for outcome in outcomes)
    return sha256("".join(lines).encode()).hexdigest()


def as_json(plain: dict[str, Any]) -> str:
    """Return plain values as one line of JSON; sums keep every digit."""
    return _JSON.encode(plain).decode()


def failures(outcome: Outcome) -> Iterator[str]:
    """Yield each failed check in words."""
    yield from (f"{c.name}: wanted {c.wanted}, saw {c.seen}" for c in outcome.checks if not c.passed)


def _plan(end: PlanEnd) -> dict[str, Any]:
    return {
        "plan_id": end.plan.plan_id,
        "base": end.plan.base,
        "direction": end.plan.direction.value,
        "decided_at": end.plan.decided_at,
        "ended_at": end.at,
        "outcome": end.outcome.value,
        "notional_krw": end.plan.notional_krw,
        "result_krw": won(end.result),
        "time_to_neutral_ms": None if end.neutral_after is None else to_ms(end.neutral_after),
    }
