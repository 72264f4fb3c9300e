"""PaperVenue: one simulated venue as a daemon meets it over the network, and PaperGateway, the way to both. No permit.

The trading is SimulatedExchange's; the way there and back, with all that befalls it, is the road's. What is said of an
order is what Live's clients make of the venues' words: Upbit answers before it matches, Binance after.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final

from arbitrage.domain.events import (
    BalancesSeen,
    Event,
    FundsMoved,
    Inspected,
    OpenOrder,
    OpenOrdersSeen,
    OrderReply,
    ReplyKind,
    UniverseChanged,
    VenueTrouble,
)
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, TickTable, Universe, Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.binance import TIMEOUT_S
from arbitrage.exchange.leg_reports import fill_of
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_errors import SimulationError, Trouble
from arbitrage.exchange.upbit import Patience
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, RejectReason, TimeInForce, VenueOrder
from arbitrage.live_shell.account_watch import FRESH
from arbitrage.paper.prices import Prices
from arbitrage.paper.private_stream import PrivateStream
from arbitrage.paper.road import Answer, Errand, Road
from arbitrage.paper.wall import Wall
from arbitrage.ports import Emit
from arbitrage.sandbox.knobs import Knobs

_PLACE: Final = {Venue.UPBIT: "POST /v1/orders", Venue.BINANCE: "POST /api/v3/order"}
_ASK: Final = {Venue.UPBIT: "GET /v1/order", Venue.BINANCE: "GET /api/v3/order"}
_CANCEL: Final = {Venue.UPBIT: "DELETE /v1/order", Venue.BINANCE: "DELETE /api/v3/order"}
_BALANCES: Final = {Venue.UPBIT: "GET /v1/accounts", Venue.BINANCE: "GET /api/v3/account"}
_LISTS: Final = {Venue.UPBIT: "GET /v1/orders/open", Venue.BINANCE: "GET /api/v3/openOrders"}
"""What requests are called in fault rules: the same as on the wire, so that the sandbox's scripts fit."""

_PATIENCE: Final = Patience()
_PLACE_S: Final = {Venue.UPBIT: _PATIENCE.place_s, Venue.BINANCE: TIMEOUT_S}
_ASK_S: Final = {Venue.UPBIT: _PATIENCE.ask_s, Venue.BINANCE: TIMEOUT_S}

RECV_WINDOW: Final = Nanos(2 * NS_PER_S)
"""What Binance gets later than this after it was sent, it refuses (the design's section 6)."""

_SHUT: Final = {
    Venue.UPBIT: Answer(ReplyKind.BUSY, reason="market_offline", is_trouble=True),
    Venue.BINANCE: Answer(ReplyKind.UNKNOWN, reason="503 System is under maintenance.", is_trouble=True),
}
"""A maintenance in the venues' words, and what they prove (exchange/outcomes.py): Binance's status proves nothing."""

_ACCEPTED: Final = Answer(ReplyKind.ACCEPTED)


@dataclass(frozen=True, slots=True)
class KnobMatching:
    """How long a venue hangs over an order that it has taken on (Latency)."""

    knobs: Knobs

    def draw(self) -> Nanos:
        """Return it."""
        return Nanos(round(self.knobs.match_after_s * NS_PER_S))


@dataclass(frozen=True, slots=True)
class KnobShare:
    """What others leave of each level (LevelShare)."""

    knobs: Knobs

    def draw(self) -> Decimal:
        """Return it."""
        return self.knobs.fill_share


class PaperVenue:
    """The venue. `taken` counts how often each id was taken on as an order; `turned_down` has why one was not.

    Turn `knobs`, then call `turned`. Each `say` is whoever asked: one that has ended in the meantime hears nothing.
    """

    def __init__(
        self, exchange: SimulatedExchange, knobs: Knobs, prices: Prices, road: Road, stream: PrivateStream, wall: Wall
    ) -> None:
        self.venue = exchange.venue
        self.exchange = exchange
        self.knobs = knobs
        self.road = road
        self.stream = stream
        self.is_frozen = self.is_private_down = False
        self.taken: Counter[str] = Counter()
        self.turned_down: dict[str, SimulationError] = {}
        self.deposited: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._prices = prices
        self._wall = wall
        self._laid: dict[str, int] = {}
        self._open: list[VenueOrder] = []
        self._told: Counter[str] = Counter()
        self._shown_at: dict[str, Instant] = {}
        exchange.connect()
        self.turned()

    def turned(self) -> None:
        """Go by the markets as they are listed now."""
        self.exchange.observe(UniverseChanged(self._wall.true.now(), self.listed(self._prices.universe)))

    def listed(self, universe: Universe) -> Universe:
        """Return a universe with this venue's instruments as it describes them now."""
        pairs = (Pair(pair.base, self._described(pair.upbit), self._described(pair.binance)) for pair in universe.pairs)
        return replace(universe, pairs=tuple(pairs))

    def _described(self, instrument: Instrument) -> Instrument:
        if instrument.venue is not self.venue:
            return instrument
        tick, halted = (
            self.knobs.tick.get(instrument.symbol),
            self.knobs.halted.get(instrument.symbol, instrument.halted),
        )
        return replace(instrument, ticks=instrument.ticks if tick is None else TickTable.single(tick), halted=halted)

    # --- what is asked

    def place(self, order: Order, say: Emit) -> None:
        """Take an order's request on its way."""
        take, heard = partial(self._take, order, self._wall.true.now()), partial(self._reply, order, say)
        self._carry(_PLACE, take, heard, _PLACE_S, turned_away=ReplyKind.BUSY)

    def ask(self, order: Order, say: Emit) -> None:
        """Take a question on its way."""
        self._carry(_ASK, partial(self._show, order), partial(self._reply, order, say), _ASK_S)

    def cancel(self, order: Order, say: Emit) -> None:
        """Take a cancel on its way. At Upbit its answer says nothing of the order, which is asked after then."""
        after = partial(self._cancelled, order, say) if self.venue is Venue.UPBIT else partial(self._reply, order, say)
        self._carry(_CANCEL, partial(self._take_back, order), after, _ASK_S)

    def inspect(self, order: Order, say: Emit) -> None:
        """Look for an order in the lists, and at the balances; where that fails nothing is told."""

        def found() -> tuple[Event, ...]:
            is_listed = self._find(order.client_id) is not None
            return (Inspected(self._wall.now(), order.client_id, self.venue, is_listed),)

        self._look_at_account(_LISTS, say, found, with_balances=True)

    def tell_balances(self, say: Emit) -> None:
        """Tell all balances, as of the question; too late an answer is none."""
        self._look_at_account(_BALANCES, say, tuple, with_balances=True)

    def tell_open_orders(self, say: Emit) -> None:
        """Tell which orders are open."""

        def found() -> tuple[Event, ...]:
            shown = (order for order in self.exchange.open_orders() if self._is_shown(order.request.client_id))
            return (OpenOrdersSeen(self._wall.now(), self.venue, tuple(map(_open_order, shown))),)

        self._look_at_account(_LISTS, say, found, with_balances=False)

    # --- what is

    def owned(self) -> dict[str, Decimal]:
        """Return what the account owns, free and locked together."""
        return {currency: held.total for currency, held in self.exchange.balances().items()}

    def move_funds(self, currency: str, amount: Decimal) -> None:
        """Let a person deposit, or withdraw with a negative amount: what is free at the most."""
        free = self.exchange.balances().get(currency, Balance()).free
        amount = max(amount, -free)
        self.exchange.deposit(currency, amount)
        self.deposited[currency] += amount
        at = self._wall.now()
        self.stream.tell(FundsMoved(at, self.venue, currency, amount), currency)
        self._tell_moved(currency)

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

    def _take(self, order: Order, sent_at: Instant) -> Answer:
        now = self._wall.true.now()
        if self.knobs.maintenance:
            return _SHUT[self.venue]
        if self.venue is Venue.BINANCE and now - sent_at > RECV_WINDOW:
            return Answer(ReplyKind.REFUSED, reason="-1021 outside of the recvWindow", is_trouble=True)
        self._look_at_market(order.symbol)
        try:
            held = self.exchange.place(_request(order))
        except SimulationError as refused:
            self.turned_down[order.client_id] = refused
            return self._refusal(refused)
        self.taken[order.client_id] += 1
        self._shown_at[order.client_id] = Instant(now + round(self.knobs.visible_after_s * NS_PER_S))
        self._open.append(held)
        if self.knobs.match_after_s > 0:
            asyncio.get_running_loop().call_later(self.knobs.match_after_s, self._match)
        else:
            self._match()
        # Upbit answers before it matches
        return _ACCEPTED if self.venue is Venue.UPBIT else _standing(held)

    def _refusal(self, refused: SimulationError) -> Answer:
        if refused.reason is Trouble.USED_CLIENT_ID:  # there is an order under this id, and it may be ours
            return Answer(ReplyKind.UNKNOWN, reason=str(refused))
        if refused.reason is RejectReason.HALTED and self.venue is Venue.UPBIT:
            return _SHUT[self.venue]
        return Answer(ReplyKind.REFUSED, reason=str(refused))

    def _show(self, order: Order) -> Answer:
        held = self._find(order.client_id)
        return _standing(held) if held is not None else Answer(ReplyKind.MISSING)

    def _take_back(self, order: Order) -> Answer:
        held = self._find(order.client_id)
        if held is None or held.is_over:
            return Answer(ReplyKind.UNKNOWN, reason="nothing to cancel")
        self.exchange.cancel(order.client_id)
        self._match()
        return _standing(held)

    def _find(self, client_id: str) -> VenueOrder | None:
        return self.exchange.query(client_id) if self.taken[client_id] and self._is_shown(client_id) else None

    def _is_shown(self, client_id: str) -> bool:
        return self._wall.true.now() >= self._shown_at[client_id]

    def _look_at_market(self, symbol: str) -> None:
        """Show the exchange the book as it stands, once for each frame: what we took is gone until the next one."""
        market = self._prices.find(symbol)
        if market.depth is not None and self._laid.get(symbol) != market.frames:
            self._laid[symbol] = market.frames
            self.exchange.observe(market.frame(self._wall.true.now()))

    def _match(self) -> None:
        """Let time pass on the exchange, and tell of what it brought."""
        for order in self._open:
            self._look_at_market(order.request.symbol)
        self.exchange.advance(self._wall.true.now())
        for order in self._open:
            self._tell_news(order)
        self._open = [order for order in self._open if not order.is_over]

    def _tell_news(self, order: VenueOrder) -> None:
        client_id, at = order.request.client_id, self._wall.now()
        news = order.trades[self._told[client_id] :]
        self._told[client_id] += len(news)
        for trade in news:
            so_far = Fill(
                quantity=trade.order_quantity,
                funds=trade.order_funds,
                fee=trade.order_fee,
                fee_currency=trade.fee_currency,
            )
            self.stream.tell(OrderReply(at, client_id, self.venue, ReplyKind.ACCEPTED, so_far), client_id)
        if order.is_over:
            self.stream.tell(OrderReply(at, client_id, self.venue, ReplyKind.ENDED, fill_of(order)), client_id)
            self._tell_moved(order.instrument.base, order.instrument.quote)

    def _tell_moved(self, *currencies: str) -> None:
        owned = self.owned()
        moved = {currency: owned[currency] for currency in currencies}
        self.stream.tell(BalancesSeen(self._wall.now(), self.venue, moved, is_whole=False))

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
                seen.append(BalancesSeen(asked_at, self.venue, self.owned(), is_whole=True))
            seen.extend(look())
            return _ACCEPTED

        def heard(answer: Answer) -> None:
            if answer.kind is ReplyKind.ACCEPTED and self._wall.now() - asked_at <= FRESH:
                for event in seen:
                    say(event if isinstance(event, BalancesSeen) else replace(event, at=self._wall.now()))

        self._carry(endpoints, act, heard, _ASK_S)


class PaperGateway:
    """The way to both venues (Gateway): it sends what it is given. Nothing that it sends leaves this process."""

    def __init__(self, venues: Mapping[Venue, PaperVenue], say: Emit) -> None:
        self._venues = venues
        self._say = say

    def submit(self, order: Order) -> None:
        """Send an order to its venue (Gateway)."""
        self._venues[order.venue].place(order, self._say)

    def ask(self, order: Order) -> None:
        """Ask what became of an order (Gateway)."""
        self._venues[order.venue].ask(order, self._say)

    def cancel(self, order: Order) -> None:
        """Ask that an order be taken back (Gateway)."""
        self._venues[order.venue].cancel(order, self._say)

    def inspect(self, order: Order) -> None:
        """Look for an order in its venue's lists, and at the balances there (Gateway)."""
        self._venues[order.venue].inspect(order, self._say)


def _request(order: Order) -> OrderRequest:
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        kind=OrderKind.LIMIT,
        client_id=order.client_id,
        price=order.limit_price,
        quantity=order.quantity,
        time_in_force=TimeInForce.IOC,
    )


def _standing(order: VenueOrder) -> Answer:
    return Answer(ReplyKind.ENDED, fill_of(order)) if order.is_over else _ACCEPTED


def _open_order(order: VenueOrder) -> OpenOrder:
    asked = order.request
    return OpenOrder(
        client_id=asked.client_id,
        symbol=asked.symbol,
        side=asked.side,
        quantity=asked.quantity or Decimal(0),
        limit_price=asked.price or Decimal(0),
    )
