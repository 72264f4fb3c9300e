"""SimulatedExchange: one venue's trading without the venue, the gateway of paper and backtest. No clock, no I/O.

Time is what events say. An order is checked and its money locked when it is placed; it meets the book when it is due,
one latency later, and what is due before a new book meets the old one. Two of these make a market pair.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from arbitrage.domain.events import (
    BalancesSeen,
    BookSnapshot,
    Event,
    Inspected,
    OrderReply,
    ReplyKind,
    TouchUpdate,
    UniverseChanged,
)
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Universe, Venue
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.accounts import Balance, exactly
from arbitrage.exchange.book_mirror import BookMirror
from arbitrage.exchange.leg_reports import fill_of, no_fill, report_of
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.exchange.matching import FeeRule, MatchingCore
from arbitrage.exchange.order_checks import is_amount
from arbitrage.exchange.order_requests import request_of
from arbitrage.exchange.simulation_errors import SimulationError, Trouble
from arbitrage.exchange.simulation_models import Behaviour
from arbitrage.exchange.under_way import UnderWay
from arbitrage.exchange.venue_orders import OrderRequest, Rejection, RejectReason, VenueOrder

_FEE_RULES: Final = {Venue.UPBIT: FeeRule.ON_TOP, Venue.BINANCE: FeeRule.FROM_RECEIVED}

# Ours (architecture, section 6); both venues take them.
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")


class SimulatedExchange:
    """One venue as its account sees it. Asks for a connection as a real one does; the market moves without one.

    Whatever it does not do raises SimulationError and changes nothing. `refusals` says, by client id, why a submitted
    order never came to the book.
    """

    def __init__(
        self, venue: Venue, instruments: Iterable[Instrument] = (), behaviour: Behaviour | None = None
    ) -> None:
        self.venue = venue
        self.connected = False
        self.refusals: dict[str, SimulationError] = {}
        self._behaviour = behaviour or Behaviour()
        self._core = MatchingCore(instruments, _FEE_RULES[venue])
        self._mirror = BookMirror(self._core, self._behaviour.slippage)
        self._now = Instant(0)
        self._under_way = UnderWay(self._behaviour.latency)
        self._unmatched = UnderWay(self._behaviour.matching)
        self._submitted: dict[int, Order] = {}
        self._ended: list[tuple[Order, Fill]] = []
        self._unsent: list[tuple[Order, Fill]] = []
        self._answers: list[OrderReply | BalancesSeen | Inspected] = []

    # --- the account

    def connect(self) -> None:
        """Open the connection. What orders came to meanwhile is told with the next event."""
        self.connected = True

    def disconnect(self) -> None:
        """Lose the connection. What is under way goes on; nothing is heard of it."""
        self.connected = False

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Put money on the account, or take free money off with a negative amount."""
        try:
            self._core.account.deposit(currency, amount)
        except ValueError as impossible:
            raise self._error(Trouble.BAD_AMOUNT, str(impossible)) from impossible

    def balances(self) -> dict[str, Balance]:
        """Return what is free and what is locked, by currency."""
        self._ask_connection()
        return self._core.account.balances()

    # --- orders

    def place(self, request: OrderRequest) -> VenueOrder:
        """Take an order on, to be matched one latency later. The order that is returned stays up to date."""
        return self._take_on(request, self._now)

    def cancel(self, order_id: int | str | Order) -> None:
        """Ask for the end of an order, by the venue's id or by ours; it may trade until that arrives.

        Of an order of a plan, as a gateway is asked, nothing is said where there is nothing left to cancel.
        """
        if isinstance(order_id, Order):
            self._cancel_quietly(order_id.client_id)
            return
        order = self.query(order_id)
        if order.is_over:
            raise self._error(Trouble.ORDER_IS_OVER, f"{order_id} is {order.state.value}")
        self._under_way.send(order, self._now, is_cancel=True)

    def query(self, order_id: int | str) -> VenueOrder:
        """Return an order as it stands, by the venue's id or by ours: of ours the newest."""
        self._ask_connection()
        core = self._core
        order = core.orders.get(order_id) if isinstance(order_id, int) else core.by_client(order_id)
        if order is None:
            raise self._error(Trouble.UNKNOWN_ORDER, repr(order_id)[:60])
        return order

    def open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return the orders that are not over, oldest first: of one market or of all."""
        self._ask_connection()
        return self._core.live_orders(symbol)

    def submit(self, order: Order) -> None:
        """Take a plan's order, as a gateway does. One that cannot be placed is reported as empty, with the next event.

        Of a repeated id nothing more is told than of the order that has it.

        Raises SimulationError for another venue's order: the wiring is wrong.
        """
        if order.venue is not self.venue:
            raise self._error(Trouble.OTHER_VENUE, f"an order for {order.venue.value}")
        try:
            taken_on = self._take_on(request_of(order), max(order.decided_at, self._now))
        except SimulationError as refused:
            self.refusals[order.client_id] = refused
            if refused.reason is Trouble.USED_CLIENT_ID:
                return  # "empty" would be told of the order that has this id
            instrument = self._core.instruments.get(order.symbol)
            self._unsent.append((order, no_fill(instrument.quote if instrument else "")))
        else:
            self._submitted[taken_on.order_id] = order

    def ask(self, order: Order) -> None:
        """Tell how a plan's order stands, with the next event; without a connection, that nothing is known."""
        kind, fill = ReplyKind.UNKNOWN, None
        if self.connected:
            held = self._core.by_client(order.client_id)
            kind = ReplyKind.MISSING if held is None else ReplyKind.ENDED if held.is_over else ReplyKind.ACCEPTED
            fill = None if held is None else fill_of(held)
        self._answers.append(OrderReply(self._now, order.client_id, self.venue, kind, fill))

    def inspect(self, order: Order) -> None:
        """Tell of all balances and of an order's place in the lists, with the next event; nothing if not connected."""
        if not self.connected:
            return
        owned = {currency: balance.total for currency, balance in self._core.account.balances().items()}
        is_listed = self._core.by_client(order.client_id) is not None
        self._answers.append(BalancesSeen(self._now, self.venue, owned, is_whole=True))
        self._answers.append(Inspected(self._now, order.client_id, self.venue, is_listed))

    # --- the market and time

    def set_price(self, symbol: str, price: Decimal, quantity: Decimal | None = None) -> None:
        """Let the market stand at a price on both sides, with so much on each; off the tick, on those around it."""
        instrument = self._instrument(symbol)
        there = instrument.max_quantity if quantity is None else quantity
        if not (is_amount(price) and is_amount(there)):
            raise self._error(Trouble.BAD_BOOK, f"{price}, {there}")
        with exactly():
            bid, ask = instrument.ticks.floor(price), instrument.ticks.ceil(price)
        self._lay(symbol, [(bid, there)] if bid > 0 else [], [(ask, there)])

    def set_book(self, symbol: str, bids: Sequence[ExactLevel], asks: Sequence[ExactLevel]) -> None:
        """Let the market's levels be these, best first; resting orders that they cross trade."""
        self._instrument(symbol)
        for number in (number for level in (*bids, *asks) for number in level):
            if not is_amount(number):
                raise self._error(Trouble.BAD_BOOK, f"{symbol[:20]} with {number}")
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise self._error(Trouble.BAD_BOOK, f"{symbol} with a bid of {plain(bids[0][0])}", plain(asks[0][0]))
        self._lay(symbol, list(bids), list(asks))

    def observe(self, event: Event) -> Sequence[Event]:
        """Look at an event: time passes to it, and a book of ours moves. Returns reports of submitted orders."""
        match event:
            case BookSnapshot() | TouchUpdate() if event.venue is self.venue:
                self._work_off(Instant(event.at - 1))
                self._mirror.see(event, max(event.at, self._now))
            case UniverseChanged():
                self._adopt(event.universe)
            case _:
                pass
        return self.advance(max(event.at, self._now))

    def advance(self, now: Instant) -> list[Event]:
        """Let time pass; return reports and answers. Raises SimulationError if it would run backwards."""
        if now < self._now:
            raise self._error(Trouble.TIME_RAN_BACK, f"{now}", f"from {self._now}")
        self._work_off(now)
        self._now = now
        told = self._unsent
        self._unsent = []
        if self.connected:
            told, self._ended = [*told, *self._ended], []
        answers = [replace(answer, at=now) for answer in self._answers]
        self._answers = []
        return [*(report_of(order, fill, now) for order, fill in told), *answers]

    # --- how it is done

    def _cancel_quietly(self, client_id: str) -> None:
        held = self._core.by_client(client_id) if self.connected else None
        if held is not None and not held.is_over:
            self._under_way.send(held, self._now, is_cancel=True)

    def _take_on(self, request: OrderRequest, at: Instant) -> VenueOrder:
        self._ask_connection()
        self._check_client_id(request.client_id)
        self._mirror.catch_up(request.symbol, at)
        answer = self._core.accept(request, at)
        if isinstance(answer, Rejection):
            raise self._error(answer.reason, answer.seen, answer.allowed)
        self._under_way.send(answer, at)
        return answer

    def _work_off(self, until: Instant) -> None:
        for arrived in self._under_way.arrived(until):
            if arrived.is_cancel:
                self._match(arrived.due)
                self._core.cancel(arrived.order, arrived.due)
            else:
                self._unmatched.send(arrived.order, arrived.due)
        self._match(until)

    def _match(self, until: Instant) -> None:
        for waiting in self._unmatched.arrived(until):
            self._core.match(waiting.order, waiting.due, self._behaviour.share.draw())
            submitted = self._submitted.pop(waiting.order.order_id, None)
            if submitted is not None:
                self._ended.append((submitted, fill_of(waiting.order)))

    def _lay(self, symbol: str, bids: list[ExactLevel], asks: list[ExactLevel]) -> None:
        try:
            self._mirror.lay(symbol, bids, asks, self._now)
        except ValueError as unusable:
            raise self._error(Trouble.BAD_BOOK, str(unusable)) from unusable

    def _adopt(self, universe: Universe) -> None:
        known = [universe.fx, *(pair.on(self.venue) for pair in universe.pairs)]
        self._core.instruments = {each.symbol: each for each in known if each.venue is self.venue}

    def _check_client_id(self, client_id: str) -> None:
        if not client_id:
            return
        if not _CLIENT_ID.fullmatch(client_id):
            raise self._error(Trouble.BAD_CLIENT_ID, repr(client_id)[:60], "1 to 36 of A-Z a-z 0-9 _ -")
        before = self._core.by_client(client_id)
        # Upbit burns an id for ever; Binance wants it unique among open orders only
        if before is not None and not (self.venue is Venue.BINANCE and before.is_over):
            raise self._error(Trouble.USED_CLIENT_ID, client_id)

    def _ask_connection(self) -> None:
        if not self.connected:
            raise self._error(Trouble.NOT_CONNECTED)

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self._core.instruments.get(symbol)
        if instrument is None:
            raise self._error(RejectReason.UNKNOWN_INSTRUMENT, repr(symbol)[:60])
        return instrument

    def _error(self, reason: Trouble | RejectReason, seen: str = "", allowed: str = "") -> SimulationError:
        return SimulationError(self.venue, reason, seen, allowed)
