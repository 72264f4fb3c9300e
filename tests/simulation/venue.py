"""One venue in this process: the matching core behind requests that get lost, held up, refused and answered wrongly.

It speaks in OrderReply words, as order entry and private stream do; `truth` and `taken` are for the judge alone.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Final

from arbitrage.domain.events import (
    BalancesSeen,
    Event,
    Inspected,
    OpenOrdersSeen,
    OrderReply,
    ReplyKind,
    VenueTrouble,
)
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.accounts import exactly
from arbitrage.exchange.leg_reports import fill_of, open_order_of
from arbitrage.exchange.matching import ExactLevel, FeeRule, MatchingCore
from arbitrage.exchange.order_requests import request_of
from arbitrage.exchange.venue_orders import Change, Rejection, Traded, VenueOrder
from arbitrage.ports import Clock
from tests.simulation.faults import Chances, Fate

Say = Callable[[Event], None]
"""How a word reaches whoever asked; one that has died in the meantime hears nothing."""

Word = tuple[ReplyKind, Fill | None]
Act = Callable[[], Word]

TIMEOUT_S: Final = 5.0
RECV_WINDOW: Final = 2 * NS_PER_S

_FEES: Final = {Venue.UPBIT: FeeRule.ON_TOP, Venue.BINANCE: FeeRule.FROM_RECEIVED}
_UNKNOWN: Final[Word] = (ReplyKind.UNKNOWN, None)
_TURNED_AWAY: Final = {Fate.BUSY: ReplyKind.BUSY, Fate.REFUSED: ReplyKind.REFUSED, Fate.FAILED: ReplyKind.UNKNOWN}


@dataclass(slots=True)
class Call:
    """A request on its way: whoever sent it hears one word of it, the last one that there was none."""

    order: Order
    say: Say
    clock: Clock
    sent_at: Instant
    timer: asyncio.TimerHandle | None = field(default=None)
    is_over: bool = False

    def answer(self, kind: ReplyKind, fill: Fill | None) -> None:
        """Say what the venue answered; too late is not at all."""
        if self.is_over:
            return
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()
        self.say(OrderReply(self.clock.now(), self.order.client_id, self.order.venue, kind, fill))

    def give_up(self) -> None:
        """Say that nothing was answered."""
        if not self.is_over:
            self.say(VenueTrouble(self.clock.now(), self.order.venue, "no answer"))
            self.answer(*_UNKNOWN)


class SimulatedVenue:
    """The venue. `listener` is the private stream's; `taken` counts how often each id was taken on as an order.

    While it `is_down` nothing gets through; while it `is_mute` its private stream says nothing, and nobody is told so.
    `under_way` is how many requests, replies and events are on their way that can still change something.
    """

    def __init__(self, venue: Venue, instruments: Mapping[str, Instrument], chances: Chances, clock: Clock) -> None:
        self.venue = venue
        self.core = MatchingCore(instruments.values(), _FEES[venue])
        self.taken: Counter[str] = Counter()
        self.listener: Say | None = None
        self.is_down = self.is_mute = False
        self.under_way = 0
        self._chances = chances
        self._clock = clock
        self._burnt: set[str] = set()
        self._shown_at: dict[str, Instant] = {}

    # --- what clients ask

    def place(self, order: Order, say: Say) -> None:
        """Take an order's request on its way."""
        call = self._call(order, say)
        self._request(call, partial(self._take, order, call.sent_at), turns_away=True)

    def ask(self, order: Order, say: Say) -> None:
        """Take a question on its way."""
        self._request(self._call(order, say), partial(self._show, order))

    def cancel(self, order: Order, say: Say) -> None:
        """Take a cancel on its way."""
        self._request(self._call(order, say), partial(self._take_back, order))

    def inspect(self, order: Order, say: Say) -> None:
        """Look through lists and balances; where one of these requests fails, nothing is told."""
        if self._chances.fate() is Fate.FINE:
            self._in(self._chances.way_s(), partial(self._look, order, say, self._clock.now()))

    def tell_balances(self, say: Say) -> None:
        """Tell all balances, unless that fails."""
        if self._chances.fate() is Fate.FINE and not self.is_down:
            self._later(say, BalancesSeen(self._clock.now(), self.venue, self.truth(), is_whole=True))

    def tell_open_orders(self, say: Say) -> None:
        """Tell which orders are open, unless that fails."""
        if self._chances.fate() is Fate.FINE and not self.is_down:
            listed = tuple(open_order_of(order) for order in self.core.live_orders() if self._is_shown(order))
            self._later(say, OpenOrdersSeen(self._clock.now(), self.venue, listed))

    # --- what is

    @exactly()
    def truth(self) -> dict[str, Decimal]:
        """Return what the account owns, free and locked together."""
        return {currency: held.free + held.locked for currency, held in self.core.account.balances().items()}

    def best_bid(self, symbol: str) -> Decimal:
        """Return the market's best bid."""
        return self.core.best(symbol, Side.BUY) or Decimal(0)

    def move(self, symbol: str, bids: list[ExactLevel], asks: list[ExactLevel]) -> None:
        """Replace a market's levels."""
        self.core.set_book(symbol, bids, asks, self._clock.now())

    # --- how

    def _call(self, order: Order, say: Say) -> Call:
        call = Call(order, say, self._clock, self._clock.now())
        call.timer = asyncio.get_running_loop().call_later(TIMEOUT_S, call.give_up)
        return call

    def _request(self, call: Call, act: Act, *, turns_away: bool = False) -> None:
        fate = self._chances.fate()
        if fate in _TURNED_AWAY:
            kind = _TURNED_AWAY[fate] if turns_away else ReplyKind.UNKNOWN
            self._in(2 * self._chances.way_s(), partial(call.answer, kind, None))
        if fate in {Fate.LOST, Fate.BUSY, Fate.REFUSED} or (fate is Fate.FAILED and self._chances.happens(0.5)):
            return
        is_late = fate is Fate.LATE or (fate is Fate.FAILED and self._chances.happens(0.5))
        way_s = self._chances.late_s() if is_late else self._chances.way_s()
        answers = fate in {Fate.FINE, Fate.LATE}
        self._in(way_s, partial(self._arrive, call, act, answers=answers))

    def _arrive(self, call: Call, act: Act, *, answers: bool) -> None:
        if self.is_down:
            return
        word = act()
        if answers:
            self._in(self._chances.way_s(), partial(call.answer, *word))

    def _take(self, order: Order, sent_at: Instant) -> Word:
        at = self._clock.now()
        if self.venue is Venue.BINANCE and at - sent_at > RECV_WINDOW:
            return ReplyKind.REFUSED, None
        if self._is_repeat(order.client_id):
            return _UNKNOWN
        made = self.core.accept(request_of(order), at)
        if isinstance(made, Rejection):
            return ReplyKind.REFUSED, None
        self.taken[order.client_id] += 1
        self._shown_at[order.client_id] = Instant(at + int(self._chances.hidden_s() * NS_PER_S))
        wait_s = self._chances.matching_s()
        if wait_s:
            self._in(wait_s, partial(self._match, made))
        else:
            self._match(made)
        return self._word(made)

    def _is_repeat(self, client_id: str) -> bool:
        """Say whether an id cannot be used: Upbit burns one for ever, Binance while its order is open."""
        if self.venue is Venue.UPBIT:
            burnt = client_id in self._burnt
            self._burnt.add(client_id)
            return burnt
        held = self.core.by_client(client_id)
        return held is not None and not held.is_over

    def _show(self, order: Order) -> Word:
        held = self.core.by_client(order.client_id)
        return self._word(held) if held is not None and self._is_shown(held) else (ReplyKind.MISSING, None)

    def _take_back(self, order: Order) -> Word:
        held = self.core.by_client(order.client_id)
        if held is None or not self._is_shown(held):
            return _UNKNOWN
        self._tell(self.core.cancel(held, self._clock.now()))
        return self._word(held) if self.venue is Venue.BINANCE else (ReplyKind.ACCEPTED, None)

    def _look(self, order: Order, say: Say, asked_at: Instant) -> None:
        if self.is_down:
            return
        held = self.core.by_client(order.client_id)
        is_listed = held is not None and self._is_shown(held)
        seen = BalancesSeen(asked_at, self.venue, self.truth(), is_whole=True)
        self._later(say, seen, Inspected(asked_at, order.client_id, self.venue, is_listed=is_listed))

    def _match(self, order: VenueOrder) -> None:
        self._tell(self.core.match(order, self._clock.now(), Decimal(str(self._chances.share()))))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            for after_s in () if self.is_down or self.is_mute else self._chances.copies():
                self._in(after_s, partial(self._stream, self.listener, *self._event(change)))
        if changes and not (self.is_down or self.is_mute):
            self._in(0.01, partial(self._stream_balances, self.listener, changes[-1].order.instrument))

    def _stream_balances(self, listener: Say | None, traded: Instrument) -> None:
        held = self.truth()
        if listener is not None:
            moved = {currency: held[currency] for currency in (traded.base, traded.quote)}
            listener(BalancesSeen(self._clock.now(), self.venue, moved, is_whole=False))

    def _event(self, change: Change) -> tuple[str, Word]:
        order = change.order
        if not isinstance(change, Traded):
            return order.request.client_id, self._word(order)
        trade = change.trade
        so_far = Fill(
            quantity=trade.order_quantity, funds=trade.order_funds, fee=trade.order_fee, fee_currency=trade.fee_currency
        )
        return order.request.client_id, (ReplyKind.ACCEPTED, so_far)

    def _stream(self, listener: Say | None, client_id: str, word: Word) -> None:
        if listener is not None:
            listener(OrderReply(self._clock.now(), client_id, self.venue, *word))

    def _word(self, order: VenueOrder) -> Word:
        return (ReplyKind.ENDED, fill_of(order)) if order.is_over else (ReplyKind.ACCEPTED, None)

    def _is_shown(self, order: VenueOrder) -> bool:
        return self._clock.now() >= self._shown_at[order.request.client_id]

    def _later(self, say: Say, *events: Event) -> None:
        """Tell what was seen; balances are as old as the question after them."""

        def arrive() -> None:
            for event in events:
                say(event if isinstance(event, BalancesSeen) else replace(event, at=self._clock.now()))

        asyncio.get_running_loop().call_later(self._chances.way_s(), arrive)  # what is only told moves nothing

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        def arrive() -> None:
            self.under_way -= 1
            act()

        self.under_way += 1
        asyncio.get_running_loop().call_later(seconds, arrive)
