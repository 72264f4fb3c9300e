"""The rules that keep a leg from being lost, each to be taken out: a run without one must find that it is missing.

They are taken out by other tables and classes in their places; the product has no switch for any of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from arbitrage.domain.events import Event, OrderReply, ReplyKind
from arbitrage.domain.plans import Order
from arbitrage.execution import hedging
from arbitrage.execution.order_track import MOVES, OrderState
from tests.simulation.daemon import Line
from tests.simulation.venue import SimulatedVenue


class Rule(StrEnum):
    """What can be done without."""

    UNKNOWN_AS_FAILED = "unknown-as-failed"
    FIRST_MISS_IS_FINAL = "first-miss-is-final"
    NO_LOG = "no-log"
    NO_UNWIND = "no-unwind"
    RE_SEND = "re-send"


class ResendingLine(Line):
    """Sends an order again, once, when nobody knows what became of it: what looks like care and doubles a leg."""

    def send(self, order: Order) -> bool:
        """Send an order, and again."""
        again = iter((True,))

        def say(event: Event) -> None:
            is_unknown = isinstance(event, OrderReply) and event.kind is ReplyKind.UNKNOWN
            if is_unknown and next(again, False):
                self._venue.place(order, say)
            else:
                self._say(event)

        self.may_crash()
        self._venue.place(order, say)
        self.may_crash()
        return True


def line_of(without: Rule | None) -> Callable[[SimulatedVenue, Callable[[Event], None]], Line]:
    """Return the order entry of a run."""
    return ResendingLine if without is Rule.RE_SEND else Line


@contextmanager
def taken_out(rule: Rule | None) -> Iterator[None]:
    """Take a rule's table out while the context lasts; those without a table are the harness's own."""
    with _substitute(rule):
        yield


def _substitute(rule: Rule | None) -> Any:
    match rule:
        case Rule.UNKNOWN_AS_FAILED:
            return _moves(OrderState.SENT, ReplyKind.UNKNOWN, OrderState.REFUSED)
        case Rule.FIRST_MISS_IS_FINAL:
            return _moves(OrderState.UNKNOWN, ReplyKind.MISSING, OrderState.ABSENT)
        case Rule.NO_UNWIND:
            return patch.object(hedging, "OVER_MINIMUM", Decimal(10**9))
        case _:
            return patch.dict({})


def _moves(state: OrderState, kind: ReplyKind, becomes: OrderState) -> Any:
    also = {**MOVES[OrderState.SENT], kind: becomes}
    return patch.dict(MOVES, {state: {**MOVES[state], kind: becomes}, OrderState.SENT: also})
