"""One order's life as far as it is proven. Pure: words of the venue in, a state and a cumulative fill out.

The table of moves is the whole rule: silence is never a refusal, a first "not found" is never final, and what a venue
once proved to exist can only end, not vanish.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill, Order


class OrderState(StrEnum):
    """What is proven of an order. REFUSED and ABSENT never existed; ABSENT took many misses, lists and balances."""

    SENT = "sent"
    OPEN = "open"
    UNKNOWN = "unknown"
    ENDED = "ended"
    REFUSED = "refused"
    ABSENT = "absent"


_S, _R = OrderState, ReplyKind

MOVES: Final[dict[OrderState, dict[ReplyKind, OrderState]]] = {
    _S.SENT: {
        _R.ACCEPTED: _S.OPEN,
        _R.ENDED: _S.ENDED,
        _R.REFUSED: _S.REFUSED,
        _R.BUSY: _S.REFUSED,
        _R.UNKNOWN: _S.UNKNOWN,
        _R.MISSING: _S.UNKNOWN,
    },
    # the venue has proved that it has it: only its end can follow
    _S.OPEN: {_R.ENDED: _S.ENDED},
    # refused and busy are words on placing alone: a question that is turned away brings unknown
    _S.UNKNOWN: {_R.ACCEPTED: _S.OPEN, _R.ENDED: _S.ENDED, _R.REFUSED: _S.REFUSED, _R.BUSY: _S.REFUSED},
    _S.ENDED: {},
    # it turns up after all: whatever seemed proven was not
    _S.REFUSED: {_R.ACCEPTED: _S.OPEN, _R.ENDED: _S.ENDED},
    _S.ABSENT: {_R.ACCEPTED: _S.OPEN, _R.ENDED: _S.ENDED},
}
"""Every move; a word that is not in a state's row changes nothing but the fill."""

RESOLVED: Final = frozenset({_S.ENDED, _S.REFUSED, _S.ABSENT})

MISSABLE: Final = frozenset({_S.UNKNOWN, _S.OPEN})
"""Where a miss counts: a venue that once had an order may lose it, and then nothing but misses comes any more."""

MISSES_NEEDED: Final = 6
QUIET_NEEDED: Final = {Venue.UPBIT: Nanos(15 * NS_PER_S), Venue.BINANCE: Nanos(12 * NS_PER_S)}
"""How often and for how long a venue must not know an order before it may be called absent (the design's section 6).

Binance refuses what arrives more than recvWindow (2 s) after its time stamp, and its matching engine times out after
10 s; Upbit bounds nothing.
"""

ASK_AFTER: Final = tuple(Nanos(int(s * NS_PER_S)) for s in (0.2, 0.3, 0.5, 1.0, 2.0, 3.0))
"""Pauses between questions after an order; the last one repeats."""

PATIENCE: Final = Nanos(NS_PER_S // 2)
"""How long an order that was sent or accepted may say nothing before it is asked after; its stream is faster."""

ASKED_IN_VAIN: Final = 5
"""An order after which so many questions brought nothing new is as good as not known: 2.5 s after it was sent."""

CANCEL_AFTER: Final = Nanos(2 * NS_PER_S)
"""An immediate-or-cancel order that is open for so long hangs in the venue: it is cancelled."""


@dataclass(slots=True)
class OrderTrack:
    """An order with what is known of it. `unsure_since` is when it was sent, or recovered.

    `told` is the cumulative fill as the venue told it, `booked` the part that belongs to an earlier, ended plan;
    `refusal` is why the venue refused it, "" if it did not.
    """

    order: Order
    unsure_since: Instant
    state: OrderState = OrderState.SENT
    told: Fill | None = None
    booked: Fill | None = None
    refusal: str = ""
    next_ask_at: Instant = field(default=Instant(0))
    asked: int = 0
    misses: int = 0
    first_miss_at: Instant = field(default=Instant(0))
    cancelled_at: Instant = field(default=Instant(0))

    def __post_init__(self) -> None:
        self.next_ask_at = Instant(self.unsure_since + (PATIENCE if self.state is OrderState.SENT else 0))

    @property
    def is_resolved(self) -> bool:
        """Tell whether nothing more is to be found out."""
        return self.state in RESOLVED

    @property
    def is_doubtful(self) -> bool:
        """Tell whether nobody can say what will become of it: not known, cancelled in vain, or never a word of it."""
        if self.state is OrderState.UNKNOWN:
            return True
        return not self.is_resolved and (bool(self.cancelled_at) or self.asked >= ASKED_IN_VAIN)

    @property
    def fill(self) -> Fill | None:
        """Return what the order came to, less what an earlier plan has booked."""
        told, booked = self.told, self.booked
        if told is None or booked is None:
            return told
        return replace(
            told, quantity=told.quantity - booked.quantity, funds=told.funds - booked.funds, fee=told.fee - booked.fee
        )

    def learn(self, reply: OrderReply) -> bool:
        """Take a word of the venue; True if it changed the state or the fill."""
        before = (self.state, self.told)
        self.state = MOVES[self.state].get(reply.kind, self.state)
        if reply.kind is ReplyKind.REFUSED and self.state is OrderState.REFUSED:
            self.refusal = self.refusal or reply.reason
        if reply.fill is not None:
            self.told = _not_less(self.told, reply.fill)
        if reply.kind is ReplyKind.MISSING and self.state in MISSABLE:
            self.misses += 1
            self.first_miss_at = self.first_miss_at or reply.at
        elif self.state is not before[0]:
            self._start_over(reply.at)
        return (self.state, self.told) != before

    def asks(self, at: Instant) -> bool:
        """Tell whether it is time for a question, and count it as asked."""
        if self.is_resolved or at < self.next_ask_at:
            return False
        self.next_ask_at = Instant(at + ASK_AFTER[min(self.asked, len(ASK_AFTER) - 1)])
        self.asked += 1
        return True

    def wants_cancel(self, at: Instant) -> bool:
        """Tell that the order hangs open and should be cancelled, and count it as done: a cancel may get lost too."""
        if self.state is not OrderState.OPEN or at < max(self.unsure_since, self.cancelled_at) + CANCEL_AFTER:
            return False
        self.cancelled_at = at
        return True

    def seems_absent(self, at: Instant) -> bool:
        """Tell whether it was missed often and for long enough; lists and balances have to agree."""
        long_enough = at - self.first_miss_at >= QUIET_NEEDED[self.order.venue]
        return self.state in MISSABLE and self.misses >= MISSES_NEEDED and long_enough

    def declare_absent(self) -> None:
        """Conclude that it was never created. Only for one that `seems_absent`, with lists and balances agreeing."""
        self.state = OrderState.ABSENT

    def _start_over(self, at: Instant) -> None:
        self.asked = self.misses = 0
        self.first_miss_at = Instant(0)
        self.next_ask_at = Instant(at + ASK_AFTER[0])


def _not_less(held: Fill | None, told: Fill) -> Fill:
    """Return the fill that is further on: words may overtake each other, and no fill is ever taken back."""
    if held is None or told.quantity > held.quantity:
        return told
    if told.quantity == held.quantity and told.fee > held.fee:
        return replace(held, fee=told.fee, fee_currency=told.fee_currency)
    return held
