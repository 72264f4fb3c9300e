"""What a simulated venue does not do, as one typed error with a reason. Nothing has changed where it is raised."""

from enum import StrEnum
from typing import Final

from arbitrage.domain.errors import ArbitrageError
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.venue_orders import RejectReason

# What was given may be a number of a million digits.
_LONGEST: Final = 80


class Trouble(StrEnum):
    """Why a request did not come to a venue's rules: a closed list beside their own `RejectReason`."""

    NOT_CONNECTED = "not_connected"
    BAD_CLIENT_ID = "bad_client_id"
    USED_CLIENT_ID = "used_client_id"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_IS_OVER = "order_is_over"
    BAD_AMOUNT = "bad_amount"
    BAD_BOOK = "bad_book"
    TIME_RAN_BACK = "time_ran_back"
    OTHER_VENUE = "other_venue"


class SimulationError(ArbitrageError):
    """A simulated venue says no. `reason` is for programs, the text for people: one line, whatever it was given."""

    def __init__(self, venue: Venue, reason: Trouble | RejectReason, seen: str = "", allowed: str = "") -> None:
        self.reason = reason
        limit = f" (allowed: {allowed})" if allowed else ""
        super().__init__(
            f"simulated {venue.value}: {reason.value.replace('_', ' ')}: {seen[:_LONGEST]}{limit}".rstrip(": ")
        )
