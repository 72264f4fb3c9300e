"""RiskLimits: every number is usable and means something, and while running it only becomes stricter."""

from dataclasses import FrozenInstanceError, fields
from decimal import Decimal

import pytest

from liveguard.risk_limits import CAUTIOUS, MOST, NEEDED_FOR_LIVE, STRICTER_ABOVE, RiskLimits

PROFILE = RiskLimits.over_cautious({})


def test_the_cautious_profile_has_a_value_for_every_field_and_no_other() -> None:
    assert list(CAUTIOUS) == sorted(CAUTIOUS, key=[field.name for field in fields(RiskLimits)].index)
    assert {field.name for field in fields(RiskLimits)} == set(CAUTIOUS)
    assert {*MOST, *STRICTER_ABOVE, *NEEDED_FOR_LIVE} <= set(CAUTIOUS)
    assert {name: getattr(PROFILE, name) for name in CAUTIOUS} == CAUTIOUS


def test_the_cautious_profile_is_small_money_and_changes_only_on_purpose() -> None:
    assert {name: float(value) for name, value in CAUTIOUS.items()} == {
        "max_position_size": 1_000_000, "max_depth_pct": 100, "min_spread_pct": 0.1, "max_edge_pct": 5,
        "max_slippage_pct": 0.1, "collar_pct": 1, "unwind_collar_pct": 3, "max_position_count": 3,
        "max_trades_per_hour": 120, "max_trades_per_day": 1_000, "max_repeats_per_minute": 30, "max_messages_per_s": 6,
        "max_daily_loss": 100_000, "max_total_loss": 500_000, "max_naked_notional": 3_000_000, "max_naked_s": 3,
        "dust_cap": 30_000, "circuit_breaker_threshold": 0.02, "circuit_breaker_cooldown_s": 60, "min_fill_rate": 0.3,
        "max_failed_plans": 5, "max_venue_errors": 20, "max_book_age_ms": 5_000, "max_fx_age_ms": 30_000,
        "max_book_skew_ms": 3_000, "max_clock_skew_ms": 500,
    }  # fmt: skip


def test_the_bounds_of_what_a_limit_can_mean_change_only_on_purpose() -> None:
    won = dict.fromkeys(
        ("max_position_size", "max_daily_loss", "max_total_loss", "max_naked_notional", "dust_cap"), 100_000_000_000
    )
    assert won | {
        "max_depth_pct": 100, "max_edge_pct": 100, "max_slippage_pct": 10, "collar_pct": 20, "unwind_collar_pct": 50,
        "circuit_breaker_threshold": 1, "min_fill_rate": 1, "max_naked_s": 60, "max_clock_skew_ms": 1_000,
    } == MOST  # fmt: skip


def test_no_field_has_a_default() -> None:
    with pytest.raises(TypeError, match="26 required keyword-only"):
        RiskLimits()  # type: ignore[call-arg]  # that is the point


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PROFILE.max_daily_loss = Decimal(1)  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize("field", sorted(CAUTIOUS))
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 0, -1, True, 1.5, "1"])
def test_a_limit_that_limits_nothing_is_no_limit(field: str, value: Decimal | int) -> None:
    with pytest.raises(ValueError, match=field):
        RiskLimits.over_cautious({field: value})


@pytest.mark.parametrize(("field", "most"), MOST.items())
def test_a_limit_beyond_what_it_can_mean_is_refused(field: str, most: int) -> None:
    exactly = type(CAUTIOUS[field])(most)
    made = RiskLimits.over_cautious({field: exactly})

    assert getattr(made, field) == most
    with pytest.raises(ValueError, match=rf"beyond what they can mean: {field} = .* \(at most {most}\)"):
        RiskLimits.over_cautious({field: exactly + type(exactly)(1)})


def test_every_bad_limit_is_reported_at_once() -> None:
    with pytest.raises(ValueError, match=r"max_edge_pct = NaN.*max_daily_loss = -1"):
        RiskLimits.over_cautious({"max_daily_loss": Decimal(-1), "max_edge_pct": Decimal("NaN")})
    with pytest.raises(ValueError, match=r"dust_cap.*collar_pct"):
        RiskLimits.over_cautious({"dust_cap": Decimal(10**12), "collar_pct": Decimal(99)})


def test_what_follows_from_other_limits_is_worked_out() -> None:
    made = RiskLimits.over_cautious(
        {"max_position_size": Decimal(7), "max_position_count": 4, "max_daily_loss": Decimal(11)}
    )
    large = RiskLimits.over_cautious({"max_position_size": Decimal(10**11), "max_daily_loss": Decimal(10**11)})

    assert (made.max_naked_notional, made.max_total_loss) == (28, 55)
    assert (large.max_naked_notional, large.max_total_loss) == (10**11, 10**11)


def test_what_is_given_is_not_worked_out() -> None:
    made = RiskLimits.over_cautious({"max_naked_notional": Decimal(5), "max_total_loss": Decimal(6)})

    assert (made.max_naked_notional, made.max_total_loss) == (5, 6)


@pytest.mark.parametrize("name", sorted(CAUTIOUS))
def test_a_limit_can_be_made_stricter_and_never_looser(name: str) -> None:
    held = Decimal(CAUTIOUS[name])
    more, less = held + 1 if isinstance(CAUTIOUS[name], int) else held * Decimal("1.1"), held / 2
    less = Decimal(int(less)) if isinstance(CAUTIOUS[name], int) else less
    stricter, looser = (more, less) if name in STRICTER_ABOVE else (less, more)
    made = PROFILE.lowered(name, stricter)

    assert getattr(made, name) == stricter
    assert type(getattr(made, name)) is type(CAUTIOUS[name])
    assert [n for n in CAUTIOUS if getattr(made, n) != CAUTIOUS[n]] == [name]
    assert (list(PROFILE.looser_than(made)), list(made.looser_than(PROFILE))) == ([name], [])
    for refused in (looser, held):
        with pytest.raises(ValueError, match=name):
            PROFILE.lowered(name, refused)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(0), Decimal(-1)])
@pytest.mark.parametrize("name", ["max_daily_loss", "max_trades_per_hour", "min_spread_pct"])
def test_a_limit_is_not_lowered_to_what_limits_nothing(name: str, value: Decimal) -> None:
    with pytest.raises(ValueError, match=name):
        PROFILE.lowered(name, value)


def test_a_count_is_a_whole_number() -> None:
    with pytest.raises(ValueError, match="max_trades_per_hour must be a whole number"):
        PROFILE.lowered("max_trades_per_hour", Decimal("1.5"))


@pytest.mark.parametrize("name", ["max_daily_los", "", "__class__", "lowered", "x" * 1_000])
def test_a_limit_that_there_is_not_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="there is no limit") as refused:
        PROFILE.lowered(name, Decimal(1))

    assert len(str(refused.value)) < 80
