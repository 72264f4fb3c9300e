"""BinanceOrders: orders, questions after them and cancels over REST, and what the replies prove, as events.

It never sends anything twice and decides nothing. An order that was accepted and is over is told with all of its fees,
or not yet as over. Requests are the venue's rest-api page's.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from arbitrage.domain.events import OrderReply, ReplyKind, VenueTrouble
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill, Order, Purpose
from arbitrage.exchange.binance_limits import ORDERS_10S, ORDERS_DAY, WEIGHT, learn_limits
from arbitrage.exchange.binance_replies import OrderSeen, fill_of, nothing_filled, order_seen, trades_of
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.outcomes import ACCEPTED, ENDED, Outcome, Question, binance_outcome, failure_outcome, unsent
from arbitrage.ports import Clock, Emit, Ready
from arbitrage.wire.http_reply import HttpReply, LineFailure
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import KEPT_FOR_ORDERS, OrderLines

log = structlog.get_logger()

TIMEOUT_S: Final = 5.0
"""How long a reply is waited for. Much longer than any good one, and short enough to free the connection."""

# rest-api: weight of a question after an order, of the trades of one order, of a cancel that fails
FIND_WEIGHT: Final = 4
TRADES_WEIGHT: Final = 5
CANCEL_WEIGHT: Final = 1

# looked up once: an enum takes 70 ns for it
_VENUE: Final = Venue.BINANCE
_PLACE: Final = Question.PLACE
_REDUCE: Final = Purpose.REDUCE

Reply = HttpReply | LineFailure


class BinanceOrders:
    """One account's order entry. Calls return at once; what became of them arrives as `OrderReply` events."""

    def __init__(
        self, lines: OrderLines, requests: BinanceRequests, limiter: Limiter, clock: Clock, emit: Emit
    ) -> None:
        self._lines = lines
        self._requests = requests
        self._limiter = limiter
        self._clock = clock
        self._emit = emit

    def has_room(self) -> bool:
        """Tell whether an order that opens could be written now: an idle connection, and the venue's limits."""
        at, limiter = self._clock.now(), self._limiter
        return self._lines.idle > 0 and limiter.has_room(ORDERS_10S, at) and limiter.has_room(ORDERS_DAY, at)

    def send(self, order: Order) -> bool:
        """Sign an order and write it to a warm connection. False: it was not sent, which is told as BUSY."""
        ready = self.prepare(order)
        return ready is not None and ready()

    def prepare(self, order: Order) -> Ready | None:
        """Sign an order; return how to write it to a warm connection. None: told as BUSY."""
        at, is_urgent = self._clock.now(), order.purpose is _REDUCE
        limiter = self._limiter
        if not (
            limiter.take(ORDERS_10S, at, is_urgent=is_urgent) and limiter.take(ORDERS_DAY, at, is_urgent=is_urgent)
        ):
            self._tell(order, unsent("no room under the venue's limit on orders"))
            return None
        return partial(self._write, order, self.sign(order))

    def sign(self, order: Order) -> bytes:
        """Write an order out as a signed request, which goes nowhere."""
        return self._requests.place(order)

    def _write(self, order: Order, request: bytes) -> bool:
        if not self._lines.send(request, partial(self._placed, order), TIMEOUT_S):
            self._tell(order, unsent("no connection is idle"))
            return False
        return True

    def ask(self, order: Order) -> None:
        """Ask what became of an order; if it traded, its trades are asked for too, because they hold the fees."""
        done = partial(self._shown, order, Question.ASK)
        self._inquire(order, partial(self._requests.find, order), done, FIND_WEIGHT)

    def cancel(self, order: Order) -> None:
        """Ask the venue to cancel an order. Its reply is final."""
        done = partial(self._shown, order, Question.CANCEL)
        self._inquire(order, partial(self._requests.cancel, order), done, CANCEL_WEIGHT)

    def _inquire(self, order: Order, write: Callable[[], bytes], done: Callable[[Reply], None], weight: int) -> None:
        unable = self._send_inquiry(write, done, weight)
        if unable:
            self._tell(order, Outcome(ReplyKind.UNKNOWN, unable))

    def _send_inquiry(self, write: Callable[[], bytes], done: Callable[[Reply], None], weight: int) -> str:
        """Send what places no order; return why it could not be sent, or ""."""
        if not self._limiter.take(WEIGHT, self._clock.now(), cost=weight, is_urgent=True):
            return "not asked: no room under the venue's limit on requests"
        sent = self._lines.send(write(), done, TIMEOUT_S, spare=KEPT_FOR_ORDERS)
        return "" if sent else "not asked: no connection is idle"

    def _placed(self, order: Order, reply: Reply) -> None:
        seen = self._accepted(order, _PLACE, reply)
        if seen is None:
            return
        try:
            fill, remark = fill_of(seen, seen.trades, order.symbol)
        except ValueError as failure:
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"over, its fills are to be asked for: {failure}"))
            return
        if remark:
            # the trades say it again, and only then it counts: a fee that the ledger cannot price is no small thing
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"its fees are to be asked for: {remark}"))
            return
        self._tell(order, ENDED if seen.is_over else ACCEPTED, fill)

    def _shown(self, order: Order, question: Question, reply: Reply) -> None:
        seen = self._accepted(order, question, reply)
        if seen is None:
            return
        if seen.executed == 0:
            self._tell(order, ENDED if seen.is_over else ACCEPTED, nothing_filled())
            return
        write = partial(self._requests.read, "/api/v3/myTrades", _by_id(order.symbol, seen.order_id))
        unable = self._send_inquiry(write, partial(self._traded, order, seen), TRADES_WEIGHT)
        if unable:
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"its trades are {unable}"))

    def _traded(self, order: Order, seen: OrderSeen, reply: Reply) -> None:
        """Learn the trades of an order that the venue has: whatever goes wrong here, that much is proven."""
        if isinstance(reply, LineFailure):
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"its trades: {failure_outcome(reply).reason}", True))
            return
        learn_limits(self._limiter, reply, self._clock.now())
        if reply.status != 200:
            said = binance_outcome(Question.ASK, reply.status, reply.body)
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"its trades: {said.reason}", said.is_trouble))
            return
        try:
            fill, remark = fill_of(seen, trades_of(reply.body, seen.order_id), order.symbol)
        except ValueError as failure:
            self._tell(order, Outcome(ReplyKind.ACCEPTED, f"its trades cannot be believed yet: {failure}"))
            return
        if remark:
            log.warning("fee_in_another_currency", venue=Venue.BINANCE.value, client_id=order.client_id, fees=remark)
        self._tell(order, Outcome(ReplyKind.ENDED if seen.is_over else ReplyKind.ACCEPTED, remark), fill)

    def _accepted(self, order: Order, question: Question, reply: Reply) -> OrderSeen | None:
        """Return the order that a reply shows; where it shows none, tell what that proves and return None."""
        if isinstance(reply, LineFailure):
            self._tell(order, failure_outcome(reply))
            return None
        learn_limits(self._limiter, reply, self._clock.now())
        why = ""
        try:
            seen = order_seen(reply.body, order)
            if 200 <= reply.status < 300:
                return seen
        except ValueError as failure:
            why = str(failure)
        outcome = binance_outcome(question, reply.status, reply.body)
        if outcome.kind is ReplyKind.ACCEPTED:
            outcome = Outcome(ReplyKind.UNKNOWN, f"a reply that cannot be believed: {why}", True)
        self._tell(order, outcome, nothing_filled() if outcome.kind is ReplyKind.ENDED else None)
        return None

    def _tell(self, order: Order, outcome: Outcome, fill: Fill | None = None) -> None:
        at = self._clock.now()
        self._emit(OrderReply(at, order.client_id, _VENUE, outcome.kind, fill, outcome.reason))
        if outcome.is_trouble:
            self._emit(VenueTrouble(at, Venue.BINANCE, outcome.reason))


def _by_id(symbol: str, order_id: int) -> dict[str, str]:
    return {"symbol": symbol, "orderId": str(order_id), "limit": "1000"}
