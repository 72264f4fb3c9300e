"""LiveGateway: the only way by which a real order leaves, and the last gate stands in it. It never retries.

Every order is asked of the guard right before its bytes leave. One that may not leave is reported as blocked, which
proves that it was never sent.
"""

from collections.abc import Mapping
from typing import Protocol

import structlog

from arbitrage.domain.events import OrderBlocked
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order
from arbitrage.ports import Clock, Emit
from liveguard.safety import LiveSafetyError, SafetyModule

log = structlog.get_logger()


class Sender(Protocol):
    """One venue's order entry. What becomes of an order arrives later as events."""

    def send(self, order: Order) -> None:
        """Write the signed order to the venue's connection; return at once."""
        ...


class LiveGateway:
    """The gateway of Live: asks the last gate, then hands the order to its venue's sender."""

    def __init__(self, safety: SafetyModule, senders: Mapping[Venue, Sender], clock: Clock, emit: Emit) -> None:
        self._safety = safety
        self._senders = senders
        self._clock = clock
        self._emit = emit

    def submit(self, order: Order) -> None:
        """Send an order if it may leave now; else report it as blocked."""
        at = self._clock.now()
        try:
            self._safety.assert_live(order, order.purpose, at)
        except LiveSafetyError as blocked:
            reasons = "; ".join(map(str, blocked.refusals))
            log.warning("order_blocked", client_id=order.client_id, venue=order.venue.value, reasons=reasons)
            self._emit(OrderBlocked(at, order.client_id, order.plan_id, order.venue, reasons))
            return
        self._senders[order.venue].send(order)
        log.info(
            "[LIVE] order",
            venue=order.venue.value,
            side=order.side.value,
            quantity=plain(order.quantity),
            symbol=order.symbol,
            price=plain(order.limit_price),
            purpose=order.purpose.value,
            plan_id=order.plan_id,
            client_id=order.client_id,
        )
