"""The plans in flight, as people and programs read them. Pure; it judges nothing."""

from collections.abc import Mapping
from typing import Any

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.views import FlightLine


def shape_flight(line: FlightLine, now: Instant) -> dict[str, Any]:
    """Return a plan in flight: its age, the base that it leaves open as far as is proven, and what it waits for."""
    return {
        "plan_id": line.plan_id,
        "base": line.base,
        "direction": line.direction,
        "age_s": max(0.0, (now - line.since) / NS_PER_S),
        "exposure": line.exposure,
        "waits_for": line.waits_for,
    }


def what_is_open(flight: Mapping[str, Any]) -> str:
    """Say what a plan in flight leaves open, and what it waits for."""
    left = f"{flight['exposure']:+f} {flight['base']} open" if flight["exposure"] else "nothing open"
    return f"{left}, waits for {flight['waits_for']}" if flight["waits_for"] else left
