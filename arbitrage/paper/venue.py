"""PaperVenue: one simulated venue as a daemon meets it over the network: requests there, answers back. No permit.

What the venue does with a request is the trading floor's; the way there and back, with all that befalls it, the road's.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from arbitrage.domain.events import BalancesSeen, Event, Inspected, OpenOrdersSeen, OrderReply, ReplyKind, VenueTrouble
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order
from arbitrage.exchange.binance import TIMEOUT_S
from arbitrage.exchange.upbit import Patience
from arbitrage.live_shell.account_watch import FRESH
from arbitrage.paper.road import Answer, Errand, Road
from arbitrage.paper.trading_floor import TradingFloor
from arbitrage.paper.wall import Wall
from arbitrage.paper.wire_names import ASK, BALANCES, CANCEL, LISTS, PLACE
from arbitrage.ports import Emit
from arbitrage.wire.http import VenueFailed

_PATIENCE: Final = Patience()
_PLACE_S: Final = {Venue.UPBIT: _PATIENCE.place_s, Venue.BINANCE: TIMEOUT_S}
_ASK_S: Final = {Venue.UPBIT: _PATIENCE.ask_s, Venue.BINANCE: TIMEOUT_S}

_HEARD: Final = Answer(ReplyKind.ACCEPTED)


class PaperVenue:
    """The venue, with what its market data and its private stream are like now.

    `sent` counts how often each id was sent here as an order. Each `say` is whoever asked: one that has ended in the
    meantime hears nothing.
    """

    def __init__(self, floor: TradingFloor, road: Road, wall: Wall) -> None:
        self.venue = floor.venue
        self.floor = floor
        self.road = road
        self.stream = floor.stream
        self.is_frozen = self.is_private_down = False
        self.sent: Counter[str] = Counter()
        self._wall = wall

    def place(self, order: Order, say: Emit) -> None:
        """Take an order's request on its way."""
        self.sent[order.client_id] += 1
        take, heard = partial(self.floor.take, order, self._wall.true.now()), partial(self._reply, order, say)
        self._carry(PLACE, take, heard, _PLACE_S, turned_away=ReplyKind.BUSY)

    def ask(self, order: Order, say: Emit) -> None:
        """Take a question on its way."""
        self._carry(ASK, partial(self.floor.show, order), partial(self._reply, order, say), _ASK_S)

    def cancel(self, order: Order, say: Emit) -> None:
        """Take a cancel on its way. At Upbit its answer says nothing of the order, which is asked after then."""
        after = partial(self._cancelled, order, say) if self.venue is Venue.UPBIT else partial(self._reply, order, say)
        self._carry(CANCEL, partial(self.floor.take_back, order), after, _ASK_S)

    def inspect(self, order: Order, say: Emit) -> None:
        """Look for an order in the lists, and at the balances; where that fails nothing is told."""

        def found() -> tuple[Event, ...]:
            is_listed = self.floor.find(order) is not None
            return (Inspected(self._wall.now(), order.client_id, self.venue, is_listed),)

        self._look_at_account(LISTS, say, found, with_balances=True)

    def tell_balances(self, say: Emit) -> None:
        """Tell all balances, as of the question; too late an answer is none."""
        self._look_at_account(BALANCES, say, tuple, with_balances=True)

    def tell_open_orders(self, say: Emit) -> None:
        """Tell which orders are open."""

        def found() -> tuple[Event, ...]:
            return (OpenOrdersSeen(self._wall.now(), self.venue, self.floor.open_orders()),)

        self._look_at_account(LISTS, say, found, with_balances=False)

    async def wallets(self) -> Mapping[str, frozenset[str]]:
        """Return the states of all wallets, at once. Raises VenueFailed while nothing gets through."""
        if self.road.is_down:
            raise VenueFailed(self.venue.value, "not asked: no connection stands")
        return self.floor.wallets()

    # --- how it is done

    def _carry(
        self,
        endpoints: Mapping[Venue, str],
        act: Callable[[], Answer],
        heard: Callable[[Answer], None],
        patience_s: Mapping[Venue, float],
        turned_away: ReplyKind = ReplyKind.UNKNOWN,
    ) -> None:
        self.road.carry(
            Errand(
                endpoint=endpoints[self.venue],
                act=act,
                heard=heard,
                timeout_s=patience_s[self.venue],
                turned_away=turned_away,
            )
        )

    def _reply(self, order: Order, say: Emit, answer: Answer) -> None:
        at = self._wall.now()
        say(OrderReply(at, order.client_id, self.venue, answer.kind, answer.fill, answer.reason))
        if answer.is_trouble:
            say(VenueTrouble(at, self.venue, answer.reason))

    def _cancelled(self, order: Order, say: Emit, answer: Answer) -> None:
        if answer.is_trouble:
            say(VenueTrouble(self._wall.now(), self.venue, answer.reason))
        self.ask(order, say)

    def _look_at_account(
        self, endpoints: Mapping[Venue, str], say: Emit, look: Callable[[], tuple[Event, ...]], *, with_balances: bool
    ) -> None:
        asked_at, seen = self._wall.now(), list[Event]()

        def act() -> Answer:
            if with_balances:
                seen.append(BalancesSeen(asked_at, self.venue, self.floor.owned(), is_whole=True))
            seen.extend(look())
            return _HEARD

        def heard(answer: Answer) -> None:
            if answer.kind is ReplyKind.ACCEPTED and self._wall.now() - asked_at <= FRESH:
                for event in seen:
                    say(event if isinstance(event, BalancesSeen) else replace(event, at=self._wall.now()))

        self._carry(endpoints, act, heard, _ASK_S)
