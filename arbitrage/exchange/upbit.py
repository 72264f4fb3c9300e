"""UpbitOrders: orders to Upbit, questions about them and cancels, and what the replies prove. It sends nothing twice.

A new order's reply shows it before it was matched, so it never tells an end; a cancel's reply only that it was asked
for. How an order ended is asked, or heard on the private stream (docs.upbit.com, new-order and cancel-order).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from arbitrage.domain.events import OrderReply, ReplyKind, VenueTrouble
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Fill, Order, Purpose
from arbitrage.exchange.outcomes import Outcome, Question, failure_outcome, unsent, upbit_outcome
from arbitrage.exchange.upbit_limits import DEFAULT, ORDER, REMAINING, learn
from arbitrage.exchange.upbit_signing import UpbitSigner, sent_query, signed_text
from arbitrage.exchange.upbit_words import OrderForm, OrderRow, check_it_is, decoded, standing
from arbitrage.ports import Clock, Emit, Ready
from arbitrage.wire.http_address import HttpAddress, RequestForm
from arbitrage.wire.http_reply import HttpReply, LineFailure
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import KEPT_FOR_ORDERS, LineHooks, LineLimits, OrderLines

_WRITABLE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What an id or a market may consist of. Anything else would have to be escaped, and signed otherwise."""

# looked up once: an enum takes 70 ns for it
_VENUE: Final = Venue.UPBIT
_PLACE: Final = Question.PLACE
_REDUCE: Final = Purpose.REDUCE

_PING: Final = "/v1/ticker", "markets=KRW-USDT"
"""A small public answer, in a rate limit of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a reply is waited for. Seconds."""

    place_s: float = 3.0
    ask_s: float = 2.0
    cancel_s: float = 2.0


class UpbitOrders:
    """The sender of Upbit (`Sender`). What becomes of an order is told to `emit`, as `OrderReply` events."""

    def __init__(
        self,
        lines: OrderLines,
        signer: UpbitSigner,
        clock: Clock,
        emit: Emit,
        limiter: Limiter,
        patience: Patience | None = None,
    ) -> None:
        self._lines = lines
        self._signer = signer
        self._clock = clock
        self._emit = emit
        self._limiter = limiter
        self._patience = patience or Patience()
        json_body = {"Content-Type": "application/json; charset=utf-8"}
        self._forms: dict[tuple[str, Side], OrderForm] = {}
        self._placing = RequestForm(lines.address, "POST", "/v1/orders", json_body)
        self._asking = RequestForm(lines.address, "GET", "/v1/order")
        self._cancelling = RequestForm(lines.address, "DELETE", "/v1/order")

    def has_room(self) -> bool:
        """Tell whether an order that opens could be written now: an idle connection, and the venue's limit."""
        return self._lines.idle > 0 and self._limiter.has_room(ORDER, self._clock.now())

    def send(self, order: Order) -> bool:
        """Sign an order and write it to a connection that stands. False: not sent, and told why."""
        ready = self.prepare(order)
        return ready is not None and ready()

    def prepare(self, order: Order) -> Ready | None:
        """Sign an order; return how to write it to a connection that stands. None: told as BUSY or REFUSED."""
        if not (_WRITABLE.fullmatch(order.client_id) and _WRITABLE.fullmatch(order.symbol)):
            self._tell(order, Outcome(ReplyKind.REFUSED, "not sent: its id or its market cannot be written"))
            return None
        if not self._limiter.take(ORDER, self._clock.now(), is_urgent=order.purpose is _REDUCE):
            self._tell(order, unsent("not sent: our rate limit"))
            return None
        return partial(self._write, order, self.sign(order))

    def sign(self, order: Order) -> bytes:
        """Write an order out as a signed request, which goes nowhere. Its id and its market must be writable."""
        form = self._forms.get((order.symbol, order.side))
        if form is None:
            form = self._forms[order.symbol, order.side] = OrderForm(order.symbol, order.side)
        signed, sent = form.fill_in(order)
        return self._placing.write(header=f"Authorization: Bearer {self._signer.token(signed)}", body=sent.encode())

    def _write(self, order: Order, request: bytes) -> bool:
        if not self._lines.send(request, partial(self._placed, order), self._patience.place_s):
            self._tell(order, unsent("not sent: no connection is idle"))
            return False
        return True

    def ask(self, order: Order) -> None:
        """Ask how an order stands. Tells UNKNOWN if that cannot be asked now."""
        self._name(order, self._asking, self._asked, self._patience.ask_s)

    def cancel(self, order: Order) -> None:
        """Ask for an order to be cancelled, and then how it stands. Tells UNKNOWN if that cannot be asked now."""
        self._name(order, self._cancelling, self._cancelled, self._patience.cancel_s)

    def _name(
        self,
        order: Order,
        form: RequestForm,
        heard: Callable[[Order, HttpReply | LineFailure], None],
        timeout_s: float,
    ) -> None:
        if not self._limiter.take(DEFAULT, self._clock.now(), is_urgent=True):
            self._tell(order, Outcome(ReplyKind.UNKNOWN, "not asked: our rate limit"))
            return
        fields = (("identifier", order.client_id),)
        header = f"Authorization: Bearer {self._signer.token(signed_text(fields))}"
        request = form.write(query=sent_query(fields), header=header)
        if not self._lines.send(request, partial(heard, order), timeout_s, spare=KEPT_FOR_ORDERS):
            self._tell(order, Outcome(ReplyKind.UNKNOWN, "not asked: no connection is idle"))

    def _placed(self, order: Order, what: HttpReply | LineFailure) -> None:
        outcome = self._outcome(_PLACE, what, ORDER)
        if outcome.kind is ReplyKind.ACCEPTED and isinstance(what, HttpReply):
            try:
                check_it_is(order, decoded(what.body, OrderRow))
            except ValueError as unbelievable:
                outcome = _unbelievable(unbelievable)
        self._tell(order, outcome)

    def _asked(self, order: Order, what: HttpReply | LineFailure) -> None:
        outcome, fill = self._outcome(Question.ASK, what, DEFAULT), None
        if outcome.kind is ReplyKind.ACCEPTED and isinstance(what, HttpReply):
            try:
                kind, fill = standing(order, what.body)
            except ValueError as unbelievable:
                outcome = _unbelievable(unbelievable)
            else:
                outcome = Outcome(kind, outcome.reason)
        self._tell(order, outcome, fill)

    def _cancelled(self, order: Order, what: HttpReply | LineFailure) -> None:
        outcome = self._outcome(Question.CANCEL, what, DEFAULT)
        if outcome.is_trouble:
            self._emit(_trouble(self._clock.now(), outcome))
        self.ask(order)

    def _outcome(self, question: Question, what: HttpReply | LineFailure, group: str) -> Outcome:
        if isinstance(what, LineFailure):
            return failure_outcome(what)
        learn(self._limiter, what, self._clock.now(), group)
        return upbit_outcome(question, what.status, what.body)

    def _tell(self, order: Order, outcome: Outcome, fill: Fill | None = None) -> None:
        at = self._clock.now()
        self._emit(OrderReply(at, order.client_id, _VENUE, outcome.kind, fill, outcome.reason))
        if outcome.is_trouble:
            self._emit(_trouble(at, outcome))


def upbit_lines(
    url: str,
    clock: Clock,
    rng: Random,
    on_up: Callable[[], None],
    on_down: Callable[[str], None],
    limits: LineLimits | None = None,
) -> OrderLines:
    """Return connections to Upbit's REST address, kept awake by a small public question. Raises ValueError."""
    path, query = _PING
    ping = RequestForm(HttpAddress.parse(url), "GET", path).write(query=query)
    hooks = LineHooks(on_up=on_up, on_down=on_down, ping=lambda: ping, wanted=frozenset({REMAINING}))
    return OrderLines(Venue.UPBIT.value, url, clock, rng, hooks, limits)


def _unbelievable(why: ValueError) -> Outcome:
    return Outcome(ReplyKind.UNKNOWN, str(why)[:200], is_trouble=True)


def _trouble(at: Instant, outcome: Outcome) -> VenueTrouble:
    return VenueTrouble(at, Venue.UPBIT, outcome.reason)
