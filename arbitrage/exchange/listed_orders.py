"""Orders as a venue's own lists show them: ours, other people's, and those that nobody remembers. Shapes only."""

from dataclasses import dataclass
from decimal import Decimal

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOrder:
    """One order of the account. `client_id` is "" where its owner gave none; quantities are in base.

    `quantity` is 0 where the order was given in quote (a market buy on Upbit).
    """

    venue: Venue
    symbol: str
    order_id: str
    client_id: str
    side: Side
    quantity: Decimal
    executed: Decimal
    is_open: bool
    created_at: Instant
