"""TradingFloor: one simulated venue inside its walls: what it does with a request that is there. It knows no network.

The matching is SimulatedExchange's. What is said of an order is what Live's clients make of the venues' words: Upbit
answers before it matches, Binance after.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Final

from arbitrage.domain.events import BalancesSeen, FundsMoved, OpenOrder, OrderReply, ReplyKind, UniverseChanged
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, TickTable, Universe, Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.leg_reports import fill_of, open_order_of
from arbitrage.exchange.order_requests import request_of
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_errors import SimulationError, Trouble
from arbitrage.exchange.venue_orders import RejectReason, VenueOrder
from arbitrage.live_shell.wallets import WORKING
from arbitrage.paper.prices import Prices
from arbitrage.paper.private_stream import PrivateStream
from arbitrage.paper.road import Answer
from arbitrage.paper.wall import Wall
from arbitrage.sandbox.knobs import Knobs

RECV_WINDOW: Final = Nanos(2 * NS_PER_S)
"""What Binance gets later than this after it was sent, it refuses (the design's section 6)."""

_SHUT: Final = {
    Venue.UPBIT: Answer(ReplyKind.BUSY, reason="market_offline", is_trouble=True),
    Venue.BINANCE: Answer(ReplyKind.UNKNOWN, reason="503 System is under maintenance.", is_trouble=True),
}
"""A maintenance in the venues' words, and what they prove (exchange/outcomes.py): Binance's status proves nothing."""

_ACCEPTED: Final = Answer(ReplyKind.ACCEPTED)


class TradingFloor:
    """The venue. Turn `knobs`, then call `turned`. `deposited` is what people have moved in, by currency."""

    def __init__(
        self, exchange: SimulatedExchange, knobs: Knobs, prices: Prices, stream: PrivateStream, wall: Wall
    ) -> None:
        self.venue = exchange.venue
        self.exchange = exchange
        self.knobs = knobs
        self.stream = stream
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
        """Go by the markets as they are listed now, and show books on their ticks."""
        listed = self.listed(self._prices.universe)
        self.exchange.observe(UniverseChanged(self._wall.true.now(), listed))
        for pair in listed.pairs:
            instrument = pair.on(self.venue)
            self._prices.find(instrument.symbol).use(instrument)

    def listed(self, universe: Universe) -> Universe:
        """Return a universe with this venue's instruments as it describes them now."""
        pairs = (Pair(pair.base, self._described(pair.upbit), self._described(pair.binance)) for pair in universe.pairs)
        return replace(universe, pairs=tuple(pairs))

    def _described(self, instrument: Instrument) -> Instrument:
        if instrument.venue is not self.venue:
            return instrument
        symbol, tick = instrument.symbol, self.knobs.tick.get(instrument.symbol)
        ticks = instrument.ticks if tick is None else TickTable.single(tick)
        return replace(instrument, ticks=ticks, halted=self.knobs.halted.get(symbol, instrument.halted))

    # --- what a request does

    def take(self, order: Order, sent_at: Instant) -> Answer:
        """Take an order on, and match it; or say why not."""
        now = self._wall.true.now()
        if self.knobs.maintenance:
            return _SHUT[self.venue]
        if self.venue is Venue.BINANCE and now - sent_at > RECV_WINDOW:
            return Answer(ReplyKind.REFUSED, reason="-1021 outside of the recvWindow", is_trouble=True)
        self._look_at_market(order.symbol)
        try:
            held = self.exchange.place(request_of(order))
        except SimulationError as refused:
            return self._refusal(refused)
        self._shown_at[order.client_id] = Instant(now + round(self.knobs.visible_after_s * NS_PER_S))
        self._open.append(held)
        if self.knobs.match_after_s > 0:
            asyncio.get_running_loop().call_later(self.knobs.match_after_s, self._match)
        else:
            self._match()
        # Upbit answers before it matches
        return _ACCEPTED if self.venue is Venue.UPBIT else _standing(held)

    def show(self, order: Order) -> Answer:
        """Say how an order stands."""
        held = self.find(order)
        return _standing(held) if held is not None else Answer(ReplyKind.MISSING)

    def take_back(self, order: Order) -> Answer:
        """Cancel an order."""
        held = self.find(order)
        if held is None or held.is_over:
            return Answer(ReplyKind.UNKNOWN, reason="nothing to cancel")
        self.exchange.cancel(order.client_id)
        self._match()
        return _standing(held)

    def find(self, order: Order) -> VenueOrder | None:
        """Return an order of ours, if it was taken on and can be seen by now."""
        return self.exchange.query(order.client_id) if self._is_shown(order.client_id) else None

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Return the orders that stand open, as the venue lists them now."""
        standing = self.exchange.open_orders()
        return tuple(open_order_of(order) for order in standing if self._is_shown(order.request.client_id))

    # --- what is

    def wallets(self) -> dict[str, frozenset[str]]:
        """Return the state of each coin's wallet, in the venue's words."""
        bases, states = (pair.base for pair in self._prices.universe.pairs), self.knobs.wallets
        return {base: frozenset({states.get(base, WORKING)}) for base in bases}

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

    def _refusal(self, refused: SimulationError) -> Answer:
        if refused.reason is Trouble.USED_CLIENT_ID:  # there is an order under this id, and it may be ours
            return Answer(ReplyKind.UNKNOWN, reason=str(refused))
        if refused.reason is RejectReason.HALTED and self.venue is Venue.UPBIT:
            return _SHUT[self.venue]
        return Answer(ReplyKind.REFUSED, reason=str(refused))

    def _is_shown(self, client_id: str) -> bool:
        shown_at = self._shown_at.get(client_id)
        return shown_at is not None and self._wall.true.now() >= shown_at

    def _look_at_market(self, symbol: str) -> None:
        """Show the exchange the book as it stands, once for each frame: what we took is gone until the next one."""
        market = self._prices.find(symbol)
        if market.depth is not None and self._laid.get(symbol) != market.frames:
            self._laid[symbol] = market.frames
            self.exchange.observe(market.book(self._wall.true.now()))

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
        moved = {currency: owned.get(currency, Decimal(0)) for currency in currencies}
        self.stream.tell(BalancesSeen(self._wall.now(), self.venue, moved, is_whole=False))


def _standing(order: VenueOrder) -> Answer:
    return Answer(ReplyKind.ENDED, fill_of(order)) if order.is_over else _ACCEPTED
