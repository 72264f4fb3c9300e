"""LiveGateway: the only way by which a real order leaves, and the last gate stands in it. It never retries.

Every order is asked of the guard right before its bytes leave. One that may not leave is reported as blocked, which
proves that it was never sent.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from arbitrage.domain.events import OrderBlocked
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order, Purpose
from arbitrage.ports import Clock, Emit
from liveguard.safety import LiveSafetyError, SafetyModule

log = structlog.get_logger()

REMEMBERED: Final = 10_000
"""How many of the last ids that left are known again: weeks of them, in a megabyte."""


class Sender(Protocol):
    """One venue's order entry. What becomes of an order arrives later as events; none of these waits."""

    def has_room(self) -> bool:
        """Tell whether an order that opens could be written now."""
        ...

    def send(self, order: Order) -> None:
        """Write the signed order to the venue's connection."""
        ...

    def ask(self, order: Order) -> None:
        """Ask the venue how an order stands."""
        ...

    def cancel(self, order: Order) -> None:
        """Ask the venue to take an order back."""
        ...

    def inspect(self, order: Order) -> None:
        """Look for an order in the venue's lists, and at the balances there."""
        ...


class LiveGateway:
    """The gateway of Live: asks the last gate, then hands the order to its venue's sender."""

    def __init__(self, safety: SafetyModule, senders: Mapping[Venue, Sender], clock: Clock, emit: Emit) -> None:
        self._safety = safety
        self._senders = senders
        self._clock = clock
        self._emit = emit
        self._opening = self._blocked = ""
        self._left: dict[str, None] = {}

    def submit(self, order: Order) -> None:
        """Send an order if it may leave now; else report it as blocked. An id leaves once.

        The first leg of a plan leaves only if the other one could leave too: a venue without room must not cost a leg.
        """
        at = self._clock.now()
        if order.client_id in self._left:
            # nothing is told either: "blocked" would say of the one that left that it never did
            log.critical("order_repeated", client_id=order.client_id, action="the first one's end counts")
            return
        if order.purpose is Purpose.OPEN and order.plan_id == self._blocked:
            self._block(order, at, "its other leg was blocked")
            return
        if order.purpose is Purpose.OPEN and order.plan_id != self._opening:
            full = [venue.value for venue, sender in self._senders.items() if not sender.has_room()]
            if full:
                self._block(order, at, f"{' and '.join(full)} has no room for another order now")
                return
        try:
            self._safety.assert_live(order, order.purpose, at)
        except LiveSafetyError as blocked:
            self._block(order, at, "; ".join(map(str, blocked.refusals)))
            return
        self._left[order.client_id] = None
        if len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]
        self._senders[order.venue].send(order)
        self._opening = order.plan_id if order.purpose is Purpose.OPEN else self._opening
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

    def _block(self, order: Order, at: Instant, reasons: str) -> None:
        self._blocked = order.plan_id if order.purpose is Purpose.OPEN else self._blocked
        log.warning("order_blocked", client_id=order.client_id, venue=order.venue.value, reasons=reasons)
        self._emit(OrderBlocked(at, order.client_id, order.plan_id, order.venue, reasons))

    def ask(self, order: Order) -> None:
        """Ask how an order stands: nothing that only looks needs the last gate."""
        self._senders[order.venue].ask(order)

    def cancel(self, order: Order) -> None:
        """Ask for an order to be taken back, which no stop may forbid; it counts as a message of the venue."""
        self._safety.note_message(order.venue, self._clock.now())
        log.info("[LIVE] cancel", venue=order.venue.value, symbol=order.symbol, client_id=order.client_id)
        self._senders[order.venue].cancel(order)

    def inspect(self, order: Order) -> None:
        """Look for an order in its venue's lists, and at the balances there."""
        log.warning("order_not_found", venue=order.venue.value, client_id=order.client_id, action="the lists")
        self._senders[order.venue].inspect(order)
