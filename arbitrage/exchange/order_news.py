"""What a private stream tells of an order, as the event that the engine knows. Pure; it reads no frame."""

from typing import Final

import msgspec

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.fills_seen import Standing

NOT_READ: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What comes of a frame that is not what it should be: bad JSON, shape, UTF-8 or number, absurd nesting."""


def named(client_id: str | None, venue_id: str) -> str:
    """Return what an order is called: by the id that its owner gave it, or by the venue's."""
    return client_id or f"venue:{venue_id}"


def reply_of(standing: Standing, at: Instant, client_id: str, venue: Venue, reason: str = "") -> OrderReply:
    """Tell how an order stands. Where a trade was missed its end is not told: the fee of it has to be asked for."""
    if standing.fill is None:
        return OrderReply(at, client_id, venue, ReplyKind.ACCEPTED, None, "not all of its trades were told")
    kind = ReplyKind.ENDED if standing.is_over else ReplyKind.ACCEPTED
    return OrderReply(at, client_id, venue, kind, standing.fill, reason)
