"""The audit: what venues say that we own and have open, against what we believe. Pure; a difference stops new plans.

People move money: a deposit or a withdrawal that the venue itself tells of is booked; anything else holds the state at
REDUCING until a person accepts it. Orders of other people are told of once, and never touched.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from arbitrage.domain.events import (
    BalancesSeen,
    FundsMoved,
    OpenOrder,
    OpenOrdersSeen,
    OperatorCommand,
    OrderReply,
    ReplyKind,
)
from arbitrage.domain.guarding import GuardAct, LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Universe, Venue
from arbitrage.domain.intents import CancelOrder, Intent
from arbitrage.domain.money import KRW, USDT, plain
from arbitrage.domain.plans import Order, Purpose
from arbitrage.execution.numbering import ORDER_PREFIX
from arbitrage.flight_deck import FlightDeck
from arbitrage.ledger.inventory import Inventory
from liveguard.safety import SafetyModule

SETTLED_FOR: Final = Nanos(2 * NS_PER_S)
"""Balances that a venue tells so soon after a plan's end may still be from before it."""

ROUNDING: Final = {KRW: Decimal(1), USDT: Decimal("0.01")}
COIN_ROUNDING: Final = Decimal("0.00000002")
"""What venues round of a fee or a fill: less than this is no difference."""

_MOST_TOLD: Final = 1_000
_MOST_NAMED: Final = 10


class Audit:
    """Compares, books what is explained, and latches what is not. `inventory` is what we believe to own."""

    def __init__(
        self, safety: SafetyModule, deck: FlightDeck, inventory: Inventory, known: Iterable[Venue] = ()
    ) -> None:
        """Take `known` as the venues of which an earlier run knew what we own: they are compared, not just believed."""
        self.compared: set[Venue] = set()
        self._safety = safety
        self._deck = deck
        self._inventory = inventory
        self._instruments: dict[tuple[Venue, str], Instrument] = {}
        self._known = set(known)
        self._seen: dict[Venue, Mapping[str, Decimal]] = {}
        self._odd: dict[tuple[Venue, str], Decimal] = {}
        self._told: set[str] = set()

    def adopt(self, universe: Universe) -> None:
        """Take the instruments over: only their currencies are ours to compare."""
        pairs = [instrument for pair in universe.pairs for instrument in (pair.upbit, pair.binance)]
        self._instruments = {(each.venue, each.symbol): each for each in pairs}

    def balances(self, event: BalancesSeen) -> None:
        """Take what a venue says that we own; only a whole answer is compared, and only while nothing is in flight."""
        self._seen[event.venue] = (
            event.balances if event.is_whole else {**self._seen.get(event.venue, {}), **event.balances}
        )
        if not event.is_whole or not self._instruments or not self._is_calm(event.at):
            return
        if event.venue not in self._known:
            self._known.add(event.venue)
            self.compared.add(event.venue)
            self._take(event.venue)
        else:
            self._compare(event)

    def funds(self, event: FundsMoved) -> None:
        """Book a transfer that the venue told of: it changes what we own, and no exposure and no result."""
        if event.venue in self._known:
            self._inventory.move(event.venue, event.currency, event.change)
        moved = f"{plain(event.change)} {event.currency} were moved by a person"
        self._safety.keeper.note(GuardAct.SEEN, f"{event.venue} funds", event.at, moved)

    def accept(self, command: OperatorCommand) -> None:
        """Believe the venues, because a person says that the difference is explained."""
        for venue in self._known & self._seen.keys():
            self.compared.add(venue)
            self._take(venue)
        self._odd.clear()
        self._safety.keeper.resume(
            command.at, command.who, command.why, given_at=command.given_at, name=LatchKind.UNEXPLAINED_FUNDS
        )

    def unexplained(self) -> tuple[tuple[str, str, Decimal], ...]:
        """Return what was different when it was compared last: venue, currency, how much more the venue has."""
        return tuple((venue.value, currency, change) for (venue, currency), change in self._odd.items())

    def agrees(self, order: Order) -> bool:
        """Tell whether a venue's balances are just what we believe without this order having filled.

        Where we have not been told yet what we own, as in a recovery, they say nothing against it.
        """
        instrument = self._instruments.get((order.venue, order.symbol))
        if order.venue not in self._seen or instrument is None:
            return False
        if order.venue not in self._known:
            return True
        return not {instrument.base, instrument.quote} & dict(self._differences(order.venue)).keys()

    def open_orders(self, event: OpenOrdersSeen) -> Iterator[Intent]:
        """Cancel what carries our prefix and nobody remembers; tell of other people's orders once."""
        for listed in event.orders:
            if self._deck.knows(listed.client_id):
                # that it is listed is a word of the venue too, and one that hangs open is taken back
                word = OrderReply(event.at, listed.client_id, event.venue, ReplyKind.ACCEPTED, None, "listed as open")
                yield from self._deck.learn(word)
                continue
            if not listed.client_id.startswith(f"{ORDER_PREFIX}-"):
                self._tell_once(event.venue, listed.client_id, event.at)
                continue
            why = f"{event.venue} {listed.symbol}: {listed.client_id} is ours by its name, and nobody remembers it"
            self._safety.keeper.latch(LatchKind.ORPHAN_ORDER, event.at, why)
            yield CancelOrder(_as_order(event.venue, listed, event.at))

    def stray(self, reply: OrderReply) -> None:
        """Take word of an order that is not known: ours by its name stops new plans, other people's are told of."""
        if not reply.client_id.startswith(f"{ORDER_PREFIX}-"):
            self._tell_once(reply.venue, reply.client_id, reply.at)
        elif reply.fill is not None and reply.fill.quantity > 0:
            why = f"{reply.venue}: {reply.client_id} is ours by its name, has filled, and nobody remembers it"
            self._safety.keeper.latch(LatchKind.ORPHAN_ORDER, reply.at, why)

    def _compare(self, event: BalancesSeen) -> None:
        self._take_over(event)
        differences = dict(self._differences(event.venue))
        for currency, change in differences.items():
            # one look may have crossed a fill on its way; two in a row have not
            if (event.venue, currency) in self._odd:
                why = f"{event.venue}: {plain(change)} {currency} that no plan and no transfer explains"
                self._safety.keeper.latch(LatchKind.UNEXPLAINED_FUNDS, event.at, why)
        self._odd = {key: odd for key, odd in self._odd.items() if key[0] is not event.venue}
        self._odd.update({(event.venue, currency): change for currency, change in differences.items()})
        if not differences:
            self.compared.add(event.venue)
            self._take(event.venue)

    def _take_over(self, event: BalancesSeen) -> None:
        """Believe the venue on what nobody has told us of yet, as of a pair that was not traded before."""
        new = [each for each in self._currencies(event.venue) if not self._inventory.knows(event.venue, each)]
        for currency in new:
            self._inventory.give(event.venue, currency, event.balances.get(currency, Decimal(0)))
        if held := [f"{plain(event.balances[each])} {each}" for each in new if event.balances.get(each)]:
            seen = f"taken over, as nothing was known of them: {_named(held)}"
            self._safety.keeper.note(GuardAct.SEEN, f"{event.venue} funds", event.at, seen)

    def _is_calm(self, at: Instant) -> bool:
        return not self._deck.flights and at - self._deck.latest_end >= SETTLED_FOR

    def _differences(self, venue: Venue) -> Iterator[tuple[str, Decimal]]:
        unsettled = self._deck.unsettled(venue)
        for currency in self._currencies(venue):
            if not self._inventory.knows(venue, currency):  # which is not the same as zero
                continue
            believed = self._inventory.owned(venue, currency) + unsettled.get(currency, Decimal(0))
            change = self._seen[venue].get(currency, Decimal(0)) - believed
            if not abs(change) <= ROUNDING.get(currency, COIN_ROUNDING):
                yield currency, change

    def _currencies(self, venue: Venue) -> list[str]:
        ours = [each for (at, _), each in self._instruments.items() if at is venue]
        return sorted({each.base for each in ours} | {each.quote for each in ours})

    def _take(self, venue: Venue) -> None:
        unsettled = self._deck.unsettled(venue)  # will be booked when its plan ends
        for currency in self._currencies(venue):
            owned = self._seen[venue].get(currency, Decimal(0)) - unsettled.get(currency, Decimal(0))
            self._inventory.give(venue, currency, owned)

    def _tell_once(self, venue: Venue, name: str, at: Instant) -> None:
        if name in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add(name)
        self._safety.keeper.note(GuardAct.SEEN, f"{venue} order", at, f"{name} is not ours; it is left alone")


def _named(held: Sequence[str]) -> str:
    more = len(held) - _MOST_NAMED
    return ", ".join(held[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _as_order(venue: Venue, listed: OpenOrder, at: Instant) -> Order:
    return Order(
        client_id=listed.client_id,
        plan_id="",
        venue=venue,
        symbol=listed.symbol,
        side=listed.side,
        quantity=listed.quantity,
        limit_price=listed.limit_price,
        purpose=Purpose.REDUCE,
        decided_at=at,
        net_edge_bps=0.0,
    )
