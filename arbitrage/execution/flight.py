"""A plan in flight: its orders, what they have come to, and what is still open. Pure; it asks and sends nothing.

The same record serves a plan that was just sent and one that was found in the intent log after a crash: its orders then
start as unknown, and everything else follows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Pair, Venue
from arbitrage.domain.plans import Fill, LegEnd, Order, Purpose, TwoLegPlan
from arbitrage.execution.order_track import OrderState, OrderTrack


@dataclass(slots=True)
class Flight:
    """A plan, the pair as it was then, and every order that was ever sent for it, by client id.

    `exposed_since` is when an exposure above dust was first proven, 0 while there is none; `is_unseen` marks a virtual
    plan that could not be followed to its end.
    """

    plan: TwoLegPlan
    pair: Pair
    tracks: dict[str, OrderTrack] = field(default_factory=dict)
    first_fill_at: Instant = field(default=Instant(0))
    exposed_since: Instant = field(default=Instant(0))
    wait_until: Instant = field(default=Instant(0))
    is_unseen: bool = False

    def add(self, orders: Iterable[Order], at: Instant, state: OrderState = OrderState.SENT) -> None:
        """Follow orders from now on: sent just now, or with their fate unknown."""
        for order in orders:
            self.tracks[order.client_id] = OrderTrack(order, at, state)

    @property
    def unresolved(self) -> tuple[OrderTrack, ...]:
        """Return the orders of which something is still to be found out."""
        return tuple(track for track in self.tracks.values() if not track.is_resolved)

    @property
    def hedges(self) -> tuple[OrderTrack, ...]:
        """Return the orders that were sent to lower the exposure."""
        return tuple(track for track in self.tracks.values() if track.order.purpose is Purpose.REDUCE)

    @property
    def has_proceeded(self) -> bool:
        """Tell whether a second order came to the book on the side where the plan had wanted to go."""
        return any(
            track.order.side is self.plan.on(track.order.venue).side and track.state is not OrderState.REFUSED
            for track in self.hedges
        )

    def shunned(self, at: Instant, pause: Nanos) -> frozenset[Venue]:
        """Return the venues that have just refused the last hedge they were given."""
        last = {track.order.venue: track for track in self.hedges}
        return frozenset(
            venue
            for venue, track in last.items()
            if track.state is OrderState.REFUSED and at < track.unsure_since + pause
        )

    def exposure(self) -> Decimal:
        """Return the net base that all proven fills leave: positive is long. A fee taken in base counts."""
        return sum((_base_of(track, self.plan.base) for track in self.tracks.values()), Decimal(0))

    def fills(self) -> Iterator[tuple[Order, Fill]]:
        """Yield every order with what it came to; orders that came to nothing are left out."""
        for track in self.tracks.values():
            fill = track.fill
            if fill is not None and fill.quantity > 0:
                yield track.order, fill

    def next_attempt(self, venue: Venue) -> int:
        """Return the number of the next order on a venue."""
        return 1 + sum(track.order.venue is venue for track in self.tracks.values())

    def leg_end(self, venue: Venue) -> LegEnd:
        """Return how the opening order on a venue ended."""
        if self.is_unseen:
            return LegEnd.UNSEEN
        fill = self.leg_fill(venue)
        if fill.quantity == 0:
            return LegEnd.EMPTY
        return LegEnd.FILLED if fill.quantity >= self.plan.on(venue).quantity else LegEnd.PARTIAL

    def leg_fill(self, venue: Venue) -> Fill:
        """Return what the opening order on a venue came to."""
        for track in self.tracks.values():
            fill = track.fill
            if track.order.venue is venue and track.order.purpose is Purpose.OPEN and fill is not None:
                return fill
        return Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency=self.pair.on(venue).quote)


def _base_of(track: OrderTrack, base: str) -> Decimal:
    fill = track.fill
    if fill is None:
        return Decimal(0)
    return track.order.side.sign * fill.quantity - (fill.fee if fill.fee_currency == base else 0)
