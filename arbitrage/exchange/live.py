"""LiveGateway: the only way by which a real order leaves, and the last gate stands in it. It never retries.

Every order is asked of the guard right before its bytes leave. One that may not leave is reported as blocked, which
proves that it was never sent.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from arbitrage.domain.events import OrderBlocked
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order, Purpose
from arbitrage.exchange.order_telling import OrderTelling
from arbitrage.ports import Clock, Emit, Later, Ready
from liveguard.safety import LiveSafetyError, SafetyModule

log = structlog.get_logger()

_OPEN: Final = Purpose.OPEN  # looked up once: an enum takes 0.1 µs for it

REMEMBERED: Final = 10_000
"""How many of the last ids that left are known again: weeks of them, in a megabyte."""


class Sender(Protocol):
    """One venue's order entry. What becomes of an order arrives later as events; none of these waits."""

    def has_room(self) -> bool:
        """Tell whether an order that opens could be written now."""
        ...

    def sign(self, order: Order) -> bytes:
        """Write an order out as a signed request, which goes nowhere."""
        ...

    def prepare(self, order: Order) -> Ready | None:
        """Sign an order; it leaves when what is returned is called. None: it cannot be sent, and an event says why."""
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
    """The gateway of Live: has orders signed, asks the last gate, and lets them leave. The log hears of it `later`."""

    def __init__(
        self,
        safety: SafetyModule,
        senders: Mapping[Venue, Sender],
        clock: Clock,
        emit: Emit,
        later: Later | None = None,
    ) -> None:
        self._safety = safety
        self._senders = senders
        self._clock = clock
        self._emit = emit
        self._telling = OrderTelling("[LIVE] order", later)
        self._left: dict[str, None] = {}

    def submit(self, *orders: Order) -> None:
        """Send orders that belong together, all of them or none: what may not leave now is reported as blocked.

        An id leaves once. All are signed before the first is written, so that the second follows it at once; and
        neither a venue without room nor a stop that comes in between costs a leg.
        """
        new = [order for order in orders if self._is_new(order)]
        full = [order.venue.value for order in new if order.purpose is _OPEN and not self._has_room(order)]
        if full:
            self._block(new, {}, f"{' and '.join(full)} has no room for another order now")
            return
        signed = self._signed(new)
        if len(signed) < len(new):
            self._block([order for order, _ in signed], {}, "its other leg was not sent")
        elif self._may_leave(new):
            self._write(signed)

    def rehearse(self, *orders: Order) -> None:
        """Do with orders that nobody approved all that comes before their bytes: the last gate stops each of them."""
        at = self._clock.now()
        for order in orders:
            sender = self._senders[order.venue]
            sender.has_room()
            sender.sign(order)
            with suppress(LiveSafetyError):
                self._safety.assert_live(order, order.purpose, at)

    def _is_new(self, order: Order) -> bool:
        if order.client_id not in self._left:
            return True
        # nothing is told either: "blocked" would say of the one that left that it never did
        log.critical("order_repeated", client_id=order.client_id, action="the first one's end counts")
        return False

    def _has_room(self, order: Order) -> bool:
        return self._senders[order.venue].has_room()

    def _signed(self, orders: Sequence[Order]) -> Sequence[tuple[Order, Ready]]:
        """Return the orders that can be sent, each with how it is written; senders tell why not of the others."""
        signed = []
        for order in orders:
            ready = self._senders[order.venue].prepare(order)
            if ready is None:
                self._telling.note(order, is_sent=False)
            else:
                signed.append((order, ready))
        return signed

    def _may_leave(self, orders: Sequence[Order]) -> bool:
        """Ask the last gate about each order, right before the first one's bytes leave."""
        at, blocked = self._clock.now(), {}
        for order in orders:
            try:
                self._safety.assert_live(order, order.purpose, at)
            except LiveSafetyError as failure:
                blocked[order.client_id] = "; ".join(map(str, failure.refusals))
        if blocked:
            self._block(orders, blocked, "its other leg was blocked")
        return not blocked

    def _write(self, signed: Sequence[tuple[Order, Ready]]) -> None:
        went: list[bool] = []
        for order, ready in signed:
            if all(went):
                self._left[order.client_id] = None
                went.append(ready())
        for (order, _), is_sent in zip(signed, went, strict=False):
            self._telling.note(order, is_sent=is_sent)
        self._block([order for order, _ in signed[len(went) :]], {}, "its other leg was not sent")
        while len(self._left) > REMEMBERED:
            del self._left[next(iter(self._left))]

    def _block(self, orders: Sequence[Order], reasons: Mapping[str, str], else_reason: str) -> None:
        at = self._clock.now()
        for order in orders:
            why = reasons.get(order.client_id, else_reason)
            log.warning("order_blocked", client_id=order.client_id, venue=order.venue.value, reasons=why)
            self._emit(OrderBlocked(at, order.client_id, order.plan_id, order.venue, why))

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
