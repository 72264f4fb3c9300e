"""Both venues in this process, as a gateway for seeded sagas on virtual time: the sandbox's floors and faults, no wire.

An order travels for a while, is executed on its venue's floor, and is reported; or a fault befalls it, in the words of
the fault plan. What was not reported can be found by its client id, as a query would find it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from arbitrage.domain.events import LegReport
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill, LegEnd, Order
from arbitrage.exchange.venue_orders import Change, Ended, OrderKind, OrderRequest, Rejection, TimeInForce, VenueOrder
from arbitrage.ports import Clock, Emit
from arbitrage.sandbox.fault_plan import FaultPlan
from arbitrage.sandbox.faults import REQUEST_KINDS, Fault, Kind
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.purse import default_balances

ENDPOINTS: Final = {Venue.UPBIT: "POST /v1/orders", Venue.BINANCE: "POST /api/v3/order"}
"""What an order is called in fault rules: the same as on the wire, so that scripts fit both."""

_PROVEN_REFUSALS: Final = frozenset({Kind.TOO_MANY, Kind.BANNED, Kind.MAINTENANCE})

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Sent:
    """An order whose end is to be reported, and how much later than usual."""

    order: Order
    delay_s: float


REPEATED: Final = "repeated_client_id"
"""Why an order is refused whose id the venue has already; its first copy is not touched."""


class VirtualVenues:
    """A Gateway (ports) to both floors. `way_s` is how long an order, or a report of it, travels.

    `refusals` has why an order was not taken on, by client id: a venue's reason, or the fault that answered for it.
    Such an order is reported as empty; one that nobody can know about is not reported at all.
    """

    def __init__(
        self, floors: Mapping[Venue, Floor], plan: FaultPlan, clock: Clock, emit: Emit, way_s: float = 0.02
    ) -> None:
        self.refusals: dict[str, str] = {}
        self._floors = floors
        self._plan = plan
        self._clock = clock
        self._emit = emit
        self._way_s = way_s
        self._sent: dict[tuple[Venue, str], _Sent] = {}
        self._burnt: set[str] = set()
        for venue, floor in floors.items():
            floor.subscribe(partial(self._learn, venue))

    def submit(self, order: Order) -> None:
        """Send an order on its way."""
        _in(self._way_s, partial(self._arrive, order))

    def find(self, venue: Venue, client_id: str) -> VenueOrder | None:
        """Return what the venue would show of an order now, or None where it does not find it (yet)."""
        order = self._floors[venue].core.by_client(client_id)
        return order if order is not None and self._floors[venue].is_visible(order) else None

    def _arrive(self, order: Order) -> None:
        fault = self._plan.on_request(order.venue, ENDPOINTS[order.venue], REQUEST_KINDS)
        if fault is None:
            self._execute(order, 0.0)
        elif fault.executes:
            self._execute_with(order, fault)
        elif fault.kind in _PROVEN_REFUSALS:
            self._refuse(order, fault.kind.value, 0.0)

    def _execute_with(self, order: Order, fault: Fault) -> None:
        match fault.kind:
            case Kind.DELAY_BEFORE:
                _in(fault.seconds, partial(self._execute, order, 0.0))
            case Kind.DELAY_AFTER:
                self._execute(order, fault.seconds)
            case Kind.LATE_EXECUTION:
                _in(fault.seconds, partial(self._execute, order, None))
            case _:
                self._execute(order, None)

    def _execute(self, order: Order, report_delay_s: float | None) -> None:
        """Put an order on the floor; report its end so much later than usual, or never."""
        if self._is_repeat(order):
            self._refuse(order, REPEATED, report_delay_s or 0.0)
            return
        if report_delay_s is not None:
            # before it is submitted: a floor without delay matches at once
            self._sent[order.venue, order.client_id] = _Sent(order, report_delay_s)
        taken = self._floors[order.venue].submit(_request(order))
        if isinstance(taken, Rejection) and report_delay_s is not None:
            del self._sent[order.venue, order.client_id]
            self._refuse(order, taken.reason.value, report_delay_s)

    def _is_repeat(self, order: Order) -> bool:
        """Say whether the venue has this client id already: Upbit burns one for ever, Binance while it is open."""
        if order.venue is Venue.UPBIT:
            burnt = order.client_id in self._burnt
            self._burnt.add(order.client_id)
            return burnt
        held = self._floors[order.venue].core.by_client(order.client_id)
        return held is not None and not held.is_over

    def _refuse(self, order: Order, reason: str, delay_s: float) -> None:
        self.refusals[order.client_id] = reason
        quote = self._floors[order.venue].core.instruments[order.symbol].quote
        nothing = Fill(quantity=_ZERO, funds=_ZERO, fee=_ZERO, fee_currency=quote)
        self._tell(order, LegEnd.EMPTY, nothing, delay_s)

    def _learn(self, venue: Venue, change: Change) -> None:
        sent = self._sent.pop((venue, change.order.request.client_id), None) if isinstance(change, Ended) else None
        if sent is not None:
            fill = _fill(change.order, self._floors[venue].core.instruments[sent.order.symbol].quote)
            self._tell(sent.order, _end(fill, sent.order), fill, sent.delay_s)

    def _tell(self, order: Order, end: LegEnd, fill: Fill, delay_s: float) -> None:
        fault = self._plan.on_event(order.venue, order.client_id)
        if fault is not None and fault.kind is Kind.EVENT_LOST:
            return
        late_s = fault.seconds if fault is not None else 0.0
        for _ in range(2 if fault is not None and fault.kind is Kind.EVENT_DUPLICATED else 1):
            _in(self._way_s + delay_s + late_s, partial(self._report, order, end, fill))

    def _report(self, order: Order, end: LegEnd, fill: Fill) -> None:
        at, client_id, plan_id = self._clock.now(), order.client_id, order.plan_id
        self._emit(LegReport(at=at, client_id=client_id, plan_id=plan_id, venue=order.venue, end=end, fill=fill))


def virtual_floors(
    seed: int, clock: Clock, bases: tuple[str, ...] = ("BTC", "ETH", "XRP", "SOL")
) -> tuple[MarketModel, dict[Venue, Floor]]:
    """Open both floors on a seeded market, each with the sandbox's own play money."""
    model = MarketModel(coins_of(bases), seed)
    books = {venue: model.books(venue) for venue in Venue}
    floors = {venue: Floor(venue, books[venue], Knobs(), clock) for venue in Venue}
    for venue, held in default_balances(books).items():
        for currency, amount in held.items():
            floors[venue].core.account.deposit(currency, amount)
    return model, floors


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


def _fill(order: VenueOrder, quote: str) -> Fill:
    currency = order.trades[0].fee_currency if order.trades else quote
    return Fill(quantity=order.executed_quantity, funds=order.executed_funds, fee=order.fee, fee_currency=currency)


def _end(fill: Fill, order: Order) -> LegEnd:
    if fill.quantity == 0:
        return LegEnd.EMPTY
    return LegEnd.FILLED if fill.quantity == order.quantity else LegEnd.PARTIAL


def _in(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)
