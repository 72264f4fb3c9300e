"""RiskLimits: the numbers that a plan may not go beyond, with their units. It judges nothing; `safety` does."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Final, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """What may be risked. Frozen, and without defaults: a limit that nobody set must not exist.

    Every field `x` is set by the variable `RISK_X`. Raises ValueError naming every field that is not above zero, not
    finite, or beyond what its unit can mean.

    what one plan may be
    max_position_size          KRW that one plan may be worth (notional of its Upbit leg)
    max_depth_pct              percent of the visible depth on the side that a leg takes
    min_spread_pct             percent of the notional that must be left after every fee and the fx (the net edge)
    max_edge_pct               percent of net edge above which an opportunity is not believed
    max_slippage_pct           percent by which a leg's limit may go beyond the deepest level that the plan counts on
    collar_pct                 percent that an OPEN's limit price may be off its own venue's mid and off the last minute
    unwind_collar_pct          percent that a REDUCE's limit price may be off its own venue's mid, at its widest

    how many
    max_position_count         plans that may be in flight at once, over all pairs
    max_trades_per_hour        plans that may be started within any 60 minutes
    max_trades_per_day         plans that may be started within any 24 hours
    max_repeats_per_minute     plans of one pair and direction within any 60 seconds; one more is a runaway and latches
    max_messages_per_s         order messages to one venue in any second; a third is kept for cancels and unwinds

    what may be lost, and left open
    max_daily_loss             KRW that may be lost in one trading day, and in any 24 hours
    max_total_loss             KRW that may be lost since the start, or since a person cleared this latch
    max_naked_notional         KRW of all plans in flight together: what would stand open if each lost a leg
    max_naked_s                seconds that one leg may be open without the other before no new plan is started
    dust_cap                   KRW of left-over base, per asset, above which no new plan is started

    when to pause
    circuit_breaker_threshold  part of the capital (0.02 is 2 percent) that one day may lose before the breaker trips
    circuit_breaker_cooldown_s seconds that a trip lasts after its cause was seen last
    min_fill_rate              part (0.5 is half) of the last 20 plans that must have filled on both legs
    max_failed_plans           plans in a row that may end with a leg open or a loss
    max_venue_errors           failed requests, lost connections and unbelievable frames of one venue within a minute

    what may be believed
    max_book_age_ms            ms since the last frame of either book
    max_fx_age_ms              ms since the last frame of the KRW-USDT book
    max_book_skew_ms           ms between the last frames of the two books
    max_clock_skew_ms          ms between our clock and the venue's
    """

    max_position_size: Decimal
    max_depth_pct: Decimal
    min_spread_pct: Decimal
    max_edge_pct: Decimal
    max_slippage_pct: Decimal
    collar_pct: Decimal
    unwind_collar_pct: Decimal
    max_position_count: int
    max_trades_per_hour: int
    max_trades_per_day: int
    max_repeats_per_minute: int
    max_messages_per_s: int
    max_daily_loss: Decimal
    max_total_loss: Decimal
    max_naked_notional: Decimal
    max_naked_s: int
    dust_cap: Decimal
    circuit_breaker_threshold: Decimal
    circuit_breaker_cooldown_s: int
    min_fill_rate: Decimal
    max_failed_plans: int
    max_venue_errors: int
    max_book_age_ms: int
    max_fx_age_ms: int
    max_book_skew_ms: int
    max_clock_skew_ms: int

    def __post_init__(self) -> None:
        bad = [f"{f.name} = {getattr(self, f.name)}" for f in fields(self) if not _is_usable(getattr(self, f.name))]
        if bad:
            raise ValueError(f"limits must be finite and above zero: {', '.join(bad)}")
        large = [
            f"{name} = {getattr(self, name)} (at most {most})"
            for name, most in MOST.items()
            if not getattr(self, name) <= most
        ]
        if large:
            raise ValueError(f"limits beyond what they can mean: {', '.join(large)}")

    @classmethod
    def over_cautious(cls, given: dict[str, Decimal | int]) -> Self:
        """Make limits from the given fields, and from the cautious profile where none is given.

        Two follow from others that are given without them: what may stand open from size times count, and the total
        loss from five days' worth.
        """
        filled = {**CAUTIOUS, **given}
        if "max_naked_notional" not in given and _are_usable(filled, "max_position_size", "max_position_count"):
            largest = Decimal(filled["max_position_size"] * filled["max_position_count"])
            filled["max_naked_notional"] = min(largest, Decimal(MOST["max_naked_notional"]))
        if "max_total_loss" not in given and _are_usable(filled, "max_daily_loss"):
            filled["max_total_loss"] = min(Decimal(filled["max_daily_loss"] * 5), Decimal(MOST["max_total_loss"]))
        return cls(**filled)  # type: ignore[arg-type]  # checked field by field in __post_init__

    def lowered(self, name: str, value: Decimal) -> Self:
        """Return the same limits with one of them stricter. Raises ValueError if it is unknown, unusable, or looser."""
        held = getattr(self, name, None) if name in CAUTIOUS else None
        if held is None:
            raise ValueError(f"there is no limit {name[:40]!a}")
        exact = int(value) if isinstance(held, int) and _is_usable(value) and value == int(value) else value
        if type(exact) is not type(held):
            raise ValueError(f"{name} must be a whole number above zero")
        stricter = replace(self, **{name: exact})  # type: ignore[arg-type]  # the same type as before
        if not (exact > held if name in STRICTER_ABOVE else exact < held):
            raise ValueError(f"{name} is {held}: while running it can only be made stricter")
        return stricter

    def looser_than(self, other: "RiskLimits") -> Iterator[str]:
        """Yield the names of the limits that allow more here than in `other`."""
        for name in CAUTIOUS:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine < theirs if name in STRICTER_ABOVE else mine > theirs:
                yield name


STRICTER_ABOVE: Final = frozenset({"min_spread_pct", "min_fill_rate", "circuit_breaker_cooldown_s"})
"""The limits of which more is stricter; of all others less is."""

NEEDED_FOR_LIVE: Final = ("max_position_size", "max_daily_loss")
"""The fields that have no built-in value in Live: someone must have chosen them."""

CAUTIOUS: Final[dict[str, Decimal | int]] = {
    "max_position_size": Decimal(1_000_000),
    "max_depth_pct": Decimal(100),
    "min_spread_pct": Decimal("0.10"),
    "max_edge_pct": Decimal(5),
    "max_slippage_pct": Decimal("0.10"),
    "collar_pct": Decimal(1),
    "unwind_collar_pct": Decimal(3),
    "max_position_count": 3,
    "max_trades_per_hour": 120,
    "max_trades_per_day": 1_000,
    "max_repeats_per_minute": 30,
    "max_messages_per_s": 6,
    "max_daily_loss": Decimal(100_000),
    "max_total_loss": Decimal(500_000),
    "max_naked_notional": Decimal(3_000_000),
    "max_naked_s": 3,
    "dust_cap": Decimal(30_000),
    "circuit_breaker_threshold": Decimal("0.02"),
    "circuit_breaker_cooldown_s": 60,
    "min_fill_rate": Decimal("0.3"),
    "max_failed_plans": 5,
    "max_venue_errors": 20,
    "max_book_age_ms": 5_000,
    "max_fx_age_ms": 30_000,
    "max_book_skew_ms": 3_000,
    "max_clock_skew_ms": 500,
}
"""Shadow's built-in profile; its choice of values is explained in docs/architecture.md."""

MOST: Final[dict[str, int]] = {
    "max_position_size": 10**11,
    "max_daily_loss": 10**11,
    "max_total_loss": 10**11,
    "max_naked_notional": 10**11,
    "dust_cap": 10**11,
    "max_depth_pct": 100,
    "max_edge_pct": 100,
    "max_slippage_pct": 10,
    "collar_pct": 20,
    "unwind_collar_pct": 50,
    "circuit_breaker_threshold": 1,
    "min_fill_rate": 1,
    "max_naked_s": 60,
    "max_clock_skew_ms": 1_000,
}
"""The largest values that make sense. 10^11 won keep sums of won units below 2^53, up to which Lua compares exactly."""


def _are_usable(values: dict[str, Decimal | int], *names: str) -> bool:
    return all(_is_usable(values[name]) for name in names)


def _is_usable(value: Decimal | int) -> bool:
    # `Decimal("NaN") > 0` raises, so finiteness is asked first; a bool is an int that nobody means as a limit
    return isinstance(value, Decimal | int) and not isinstance(value, bool) and Decimal(value).is_finite() and value > 0
