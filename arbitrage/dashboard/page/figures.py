"""Figures as people read them: separators, signs, units, Korean time. What is not known is a dash, and never a zero."""

from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Final

from arbitrage.dashboard.page.markup import Markup, el, joined
from arbitrage.kst import KST

UNKNOWN: Final = "–"

Number = Decimal | float | None


def krw(value: Number, *, signed: bool = False) -> Markup:
    """Write won, whole."""
    return _with_unit(value, "KRW", "+,.0f" if signed else ",.0f")


def bps(value: Number) -> Markup:
    """Write an edge."""
    return _with_unit(value, "bps", "+,.1f")


def percent(value: Number, digits: int = 2, *, signed: bool = True) -> Markup:
    """Write percent."""
    return _with_unit(value, "%", f"{'+' if signed else ''},.{digits}f")


def ms(value: Number) -> Markup:
    """Write a short time; from ten seconds on in seconds."""
    if value is not None and abs(float(value)) >= 10_000:
        return _with_unit(float(value) / 1_000, "s", ",.0f")
    return _with_unit(value, "ms", ",.0f")


def seconds(value: Number) -> Markup:
    """Write an age; from two minutes on in minutes, from two hours on in hours."""
    if value is None or value < 120:
        return _with_unit(value, "s", ",.0f")
    size, unit = (3_600, "h") if value >= 7_200 else (60, "min")
    return _with_unit(float(value) / size, unit, ",.0f")


def amount(value: Number, unit: str = "") -> Markup:
    """Write a quantity or a price with the digits that matter at its size."""
    if value is None or not isfinite(value):
        return Markup(UNKNOWN)
    large = abs(float(value))
    digits = 0 if large >= 10_000 else 2 if large >= 100 else 4 if large >= 1 else 8
    shown = f"{value:,.{digits}f}"
    shown = (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", "−")
    return joined(shown, " ", el("small", unit)) if unit else joined(shown)


def count(value: Number, unit: str = "") -> Markup:
    """Write a whole number."""
    return _with_unit(value, unit, ",.0f")


def moment(at: datetime | None, now: datetime) -> Markup:
    """Write a time of today in Seoul as a time, another with its date; UTC is its title."""
    if at is None:
        return Markup(UNKNOWN)
    there = at.astimezone(KST)
    shown = f"{there:%H:%M:%S}" if there.date() == now.astimezone(KST).date() else f"{there:%m-%d %H:%M}"
    return el("time", shown, title=f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", datetime=at.isoformat())


def tone(value: Number) -> str:
    """Return the class that a gain or a loss is shown in."""
    return "" if not value else "gain" if value > 0 else "loss"


def _with_unit(value: Number, unit: str, form: str) -> Markup:
    if value is None or not isfinite(value):
        return Markup(UNKNOWN)
    shown = format(value, form)
    if shown.strip("-+0.,") == "":
        shown = shown.lstrip("-+")  # neither +0 nor -0
    return joined(shown.replace("-", "−"), " ", el("small", unit)) if unit else joined(shown.replace("-", "−"))
