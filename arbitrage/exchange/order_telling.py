"""OrderTelling: the log line of each order, written behind: between a plan's two orders nothing is formatted.

To write one takes longer than to decide, to sign and to send both orders. It decides nothing.
"""

from collections import deque
from typing import Final

import structlog

from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order
from arbitrage.ports import Later

log = structlog.get_logger()


class OrderTelling:
    """Tells of orders under one name. Without `later` a line is written at once, as suits a replay."""

    def __init__(self, name: str, later: Later | None = None) -> None:
        self._name: Final = name
        self._later = later
        self._untold: deque[tuple[Order, bool | None]] = deque()
        self._will_tell = False

    def note(self, order: Order, *, is_sent: bool | None = None) -> None:
        """Tell of an order soon, and whether it was sent: None where none ever is."""
        self._untold.append((order, is_sent))
        if self._later is None:
            self.tell()
        elif not self._will_tell:
            self._will_tell = True
            self._later(self.tell)

    def tell(self) -> None:
        """Write the lines that are due, in the order of their orders."""
        self._will_tell = False
        while self._untold:
            order, is_sent = self._untold.popleft()
            became = {} if is_sent is None else {"sent": is_sent}
            log.info(
                self._name,
                venue=order.venue.value,
                side=order.side.value,
                quantity=plain(order.quantity),
                symbol=order.symbol,
                price=plain(order.limit_price),
                purpose=order.purpose.value,
                net_edge_bps=round(order.net_edge_bps, 2),
                plan_id=order.plan_id,
                client_id=order.client_id,
                **became,
            )
