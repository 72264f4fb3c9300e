"""ShadowGateway: logs the orders that would have been sent, follows them on the real books, and cannot send any.

It holds no key, no signer and no connection. An order is assumed to reach its venue after a fixed latency; the first
believable book that arrives after that moment decides what it would have been filled with. One that the venue's rules
would refuse comes to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import structlog

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Level
from arbitrage.domain.events import BookSnapshot, Event, Tick, TouchUpdate, UniverseChanged
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, after
from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.money import ceil_to, decimal_from_float, floor_to
from arbitrage.domain.plans import Fill, LegEnd, Order
from arbitrage.exchange.leg_reports import no_fill, report_of
from arbitrage.exchange.order_requests import rejection_of
from arbitrage.exchange.order_telling import OrderTelling
from arbitrage.ports import BookReader, Later

log = structlog.get_logger()

QUIET_MARKET: Final = Nanos(1 * NS_PER_S)
"""A market that sent nothing for this long after the order's arrival has not moved: its last book decides."""

PATIENCE: Final = Nanos(10 * NS_PER_S)
"""Without a believable book for this long the order cannot be followed any more, and ends as unseen."""

# Both venues keep eight decimals; neither documents how it rounds a fee. Up: no score is better than the truth.
_SMALLEST: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class _Flying:
    order: Order
    instrument: Instrument
    due: Instant


class ShadowGateway:
    """The gateway of Shadow Live. `books` shows the books as they stand; `latency` is the assumed way to a venue.

    The log hears of orders `later`, as in Live.
    """

    def __init__(self, books: BookReader, latency: Nanos, later: Later | None = None) -> None:
        self._books = books
        self._latency = latency
        self._telling = OrderTelling("[SHADOW_LIVE] order", later)
        self._instruments: dict[tuple[Venue, str], Instrument] = {}
        self._flying: list[_Flying] = []
        self._refused: list[tuple[Order, Fill]] = []

    def submit(self, *orders: Order) -> None:
        """Log the orders that would have left now, and start to follow them. A repeated id changes nothing."""
        for order in orders:
            self._follow(order)

    def _follow(self, order: Order) -> None:
        if any(flying.order.client_id == order.client_id for flying in self._flying):
            log.error("order_repeated", client_id=order.client_id, action="the first one is followed")
            return
        self._telling.note(order)
        instrument = self._instruments.get((order.venue, order.symbol))
        rejection = rejection_of(order, instrument)
        if instrument is not None and rejection is None:
            self._flying.append(_Flying(order, instrument, after(order.decided_at, self._latency)))
        else:
            log.warning("order_would_be_refused", client_id=order.client_id, why=str(rejection))
            self._refused.append((order, no_fill(instrument.quote if instrument else "")))

    def ask(self, order: Order) -> None:
        """Do nothing: the book tells by itself what became of an order, and nothing else does."""

    def cancel(self, order: Order) -> None:
        """Do nothing: an immediate-or-cancel order that is only followed never stands open."""

    def inspect(self, order: Order) -> None:
        """Do nothing: no order is ever missed here."""

    def observe(self, event: Event) -> Sequence[Event]:
        """Look at an event that the books have taken in; return the reports of the orders that it decides."""
        if self._refused:
            refused, self._refused = self._refused, []
            return [*(report_of(order, fill, event.at) for order, fill in refused), *self._decided(event)]
        return self._decided(event)

    def _decided(self, event: Event) -> Sequence[Event]:
        match event:
            case UniverseChanged():
                pairs = [i for pair in event.universe.pairs for i in (pair.upbit, pair.binance)]
                self._instruments = {(i.venue, i.symbol): i for i in pairs}
            case BookSnapshot() | TouchUpdate() if self._flying:
                return self._on_book(event.venue, event.symbol, event.at)
            case Tick() if self._flying:
                return self._on_tick(event.at)
            case _:
                pass
        return ()

    def _on_book(self, venue: Venue, symbol: str, at: Instant) -> list[Event]:
        book = self._books.find(venue, symbol)
        # a frame that the book did not take (older, or not to be believed) says nothing of what came after the order
        if book is None or book.changed_at != at:
            return []
        mine = [f for f in self._flying if f.order.venue is venue and f.order.symbol == symbol and at >= f.due]
        return self._end(mine, at)

    def _on_tick(self, at: Instant) -> list[Event]:
        quiet = [flying for flying in self._flying if at >= flying.due + QUIET_MARKET]
        reports = self._end(quiet, at)
        lost = [flying for flying in self._flying if at >= flying.due + PATIENCE]
        self._flying = [flying for flying in self._flying if flying not in lost]
        reports.extend(report_of(flying.order, no_fill(flying.instrument.quote), at, LegEnd.UNSEEN) for flying in lost)
        return reports

    def _end(self, decided: list[_Flying], at: Instant) -> list[Event]:
        reports: list[Event] = []
        for flying in decided:
            book = self._books.find(flying.order.venue, flying.order.symbol)
            if book is None or not book.walkable():
                continue
            fill = fill_against(_levels(flying.order.side, book), flying.order, flying.instrument)
            self._flying.remove(flying)
            reports.append(report_of(flying.order, fill, at))
        return reports


def fill_against(levels: Sequence[Level], order: Order, instrument: Instrument) -> Fill:
    """Return what an immediate-or-cancel limit order takes out of levels, and the taker's fee on it.

    Upbit charges its fee in quote; Binance takes it from what is received: base for a buy, quote for a sale.
    """
    left, funds = order.quantity, Decimal(0)
    for price, size in levels:
        exact = decimal_from_float(price)
        if (exact - order.limit_price) * order.side.sign > 0 or left <= 0:
            break
        taken = min(left, floor_to(decimal_from_float(size), instrument.lot))
        left -= taken
        funds += taken * exact
    quantity = order.quantity - left
    if order.venue is Venue.BINANCE and order.side is Side.BUY:
        fee = ceil_to(quantity * instrument.taker_fee, _SMALLEST)
        return Fill(quantity=quantity, funds=funds, fee=fee, fee_currency=instrument.base)
    fee = ceil_to(funds * instrument.taker_fee, _SMALLEST)
    return Fill(quantity=quantity, funds=funds, fee=fee, fee_currency=instrument.quote)


def _levels(side: Side, book: Book) -> Sequence[Level]:
    return book.asks() if side is Side.BUY else book.bids()
