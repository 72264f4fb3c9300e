"""Points in time and distances between them, as integers. It never asks a clock: time arrives inside events."""

from typing import Final, NewType

Instant = NewType("Instant", int)
"""Nanoseconds since 1970-01-01 UTC."""

Nanos = NewType("Nanos", int)
"""A length of time in nanoseconds."""

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

NEVER: Final = Instant(0)
"""Before anything that can have happened."""


def after(instant: Instant, wait: Nanos) -> Instant:
    """Return the instant that lies `wait` after another."""
    return Instant(instant + wait)


def from_ms(milliseconds: float) -> Nanos:
    """Turn milliseconds into nanoseconds."""
    return Nanos(round(milliseconds * NS_PER_MS))


def to_ms(nanos: int) -> float:
    """Turn nanoseconds into milliseconds, for people and for limits that are written in them."""
    return nanos / NS_PER_MS
