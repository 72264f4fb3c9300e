"""What `arbitrage limits` says: every limit has a unit, and the next to trip is the one that is used most."""

from dataclasses import fields
from decimal import Decimal

import pytest

from arbitrage.domain.views import LimitUse
from arbitrage.status.limits import UNITS, next_to_trip, shape_limits
from liveguard.risk_limits import RiskLimits


def a_use(name: str, share: float | None) -> LimitUse:
    return LimitUse(name=name, used=None if share is None else Decimal(1), limit=Decimal(1), share=share)


def test_every_limit_has_a_unit() -> None:
    assert UNITS.keys() == {field.name for field in fields(RiskLimits)}
    assert all(UNITS.values())


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([0.2, 0.9, 0.5], "limit-1", id="the largest share"),
        pytest.param([0.2, None, 1.4], "limit-2", id="beyond the limit is nearer still"),
        pytest.param([0.0, None, 0.0], None, id="nothing is used"),
        pytest.param([], None, id="no limits"),
    ],
)
def test_the_next_to_trip_is_the_one_that_is_used_most(shares: list[float | None], expected: str | None) -> None:
    uses = [a_use(f"limit-{number}", share) for number, share in enumerate(shares)]

    nearest = next_to_trip(shape_limits(uses))

    assert (nearest["name"] if nearest else None) == expected
