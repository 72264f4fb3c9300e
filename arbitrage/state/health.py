"""How the state store does, for whoever shows it. Facts; nothing is decided on them."""

from dataclasses import dataclass

from arbitrage.domain.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHealth:
    """Whether rows can be written, when the last heartbeat was, how long a ping takes. None: there is no such thing."""

    is_up: bool | None = None
    beat_at: Instant | None = None
    round_trip_s: float | None = None
