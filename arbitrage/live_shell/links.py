"""What Live needs of a venue beyond its market data, as protocols, and what a market's terms are. It sends nothing."""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.private_stream import PrivateStream
from arbitrage.ports import Ready

Work = Iterator[tuple[str, Coroutine[None, None, None]]]
"""What has to run beside the daemon: a name and a coroutine each."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the account pays and may do in a market. `why_not` says why it may not trade there; "" if it may.

    `problem` is what must be mended before anything new is begun there.
    """

    taker_fee: Decimal
    why_not: str = ""
    problem: str = ""


class Orders(Protocol):
    """Order entry of one venue; what becomes of an order is told as events."""

    def has_room(self) -> bool: ...

    def sign(self, order: Order) -> bytes: ...

    def prepare(self, order: Order) -> Ready | None: ...

    def ask(self, order: Order) -> None: ...

    def cancel(self, order: Order) -> None: ...


class VenueLink(Protocol):
    """One account at one venue. Every question raises VenueFailed where it has no answer that can be believed."""

    @property
    def venue(self) -> Venue: ...

    @property
    def orders(self) -> Orders: ...

    @property
    def stream(self) -> PrivateStream: ...

    @property
    def key_expires_at(self) -> Instant | None:
        """Tell when our key ends, once `key_problems` has asked; None where that is not known, or never."""
        ...

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds, by currency."""
        ...

    async def open_orders(self) -> Sequence[ListedOrder]:
        """Return every order that stands open, ours or not."""
        ...

    async def orders_since(self, symbols: Sequence[str], since: Instant) -> Sequence[ListedOrder]:
        """Return the orders of some markets, or of more, that were created since then and are over, or all of them."""
        ...

    def in_one_question(self, symbols: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return markets in groups that `orders_since` answers at once."""
        ...

    async def terms(self, symbol: str) -> Terms:
        """Return what the account pays and may do in a market."""
        ...

    async def room(self) -> None:
        """Wait until a question that can wait takes nothing away from orders and from those that cannot."""
        ...

    async def key_problems(self) -> Sequence[str]:
        """Return what speaks against trading with our key, a line each."""
        ...

    def work(self) -> Work:
        """Yield what keeps connections and stream up."""
        ...
