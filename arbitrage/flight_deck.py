"""The flight deck: follows plans from their orders to neutral, and asks for what that takes. Pure; told by the engine.

It knows every order of the last day: one that seemed never to have been created, and turns up, is adopted and hedged.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from arbitrage.books.market import Market
from arbitrage.domain.events import Inspected, OrderReply, PlanRecovered, ReplyKind
from arbitrage.domain.guarding import LatchKind, TradingState
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Pair, Venue
from arbitrage.domain.intents import AdoptPlan, AskOrder, CancelOrder, InspectOrder, Intent, SubmitHedge, WakeAt
from arbitrage.domain.money import decimal_from_float
from arbitrage.domain.plans import Fill, Order, OrderFill, PlanEnd, Purpose, TwoLegPlan
from arbitrage.domain.views import FlightLine
from arbitrage.execution.flight import Flight
from arbitrage.execution.hedging import WayOut, is_dust
from arbitrage.execution.machine import Surroundings, next_step
from arbitrage.execution.numbering import PlanNumbers, client_id_of
from arbitrage.execution.order_track import OrderState, OrderTrack
from arbitrage.ledger.closing import Flown, close_plan
from arbitrage.ledger.inventory import Inventory, moves_of
from liveguard.latches import HALTING
from liveguard.losses import worst_case
from liveguard.safety import SafetyModule

WATCHED_NS: Final = Nanos(24 * 3_600 * NS_PER_S)
"""How long an order that is over is still listened for (the design's section 6)."""

REFUSED_AT_MOST: Final = 2
"""Plans of a pair in a row that a venue may refuse an opening order of: one try, and one more."""

_FEES: Final = Decimal("0.002")  # of an adopted order: the usual taker fees of both venues and of the conversion


class FlightDeck:
    """Every plan in flight, and what earlier ones left over: `dust`, in base, by asset.

    `ended` gathers the ends of plans until the engine takes them; `awaited` are the orders of recovered plans whose
    instruments are not known yet: ours, but nothing is made of a word about them, as they are all asked after later.
    """

    def __init__(self, safety: SafetyModule, market: Market, inventory: Inventory, numbers: PlanNumbers) -> None:
        self.dust: dict[str, Decimal] = {}
        self.flights: dict[str, Flight] = {}
        self.awaited: set[str] = set()
        self.ended: list[PlanEnd] = []
        self.is_flattening = False
        self.latest_end = Instant(0)
        self._safety = safety
        self._market = market
        self._inventory = inventory
        self._numbers = numbers
        self._last_end: dict[str, Instant] = {}
        self._of: dict[str, Flight] = {}
        self._over_at: dict[str, Instant] = {}
        self._stuck: dict[str, str] = {}
        self._began_in_doubt = safety.keeper.latches.state is TradingState.HALTED
        self._refused: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.flights)

    # --- what others ask

    def in_flight(self, base: str) -> TwoLegPlan | None:
        """Return the pair's plan in flight, if there is one."""
        return next((flight.plan for flight in self.flights.values() if flight.plan.base == base), None)

    def last_end(self, base: str) -> Instant:
        """Return when the pair's last plan ended; both books must be younger before it may trade again."""
        return self._last_end.get(base, Instant(0))

    def notional_krw(self) -> Decimal:
        """Return what all plans in flight are worth together."""
        return sum((flight.plan.notional_krw for flight in self.flights.values()), Decimal(0))

    def knows(self, client_id: str) -> bool:
        """Tell whether an order is, or within the last day was, one of ours."""
        return client_id in self._of or client_id in self.awaited

    def order(self, client_id: str) -> Order | None:
        """Return one of our orders of the last day."""
        flight = self._of.get(client_id)
        return flight.tracks[client_id].order if flight else None

    def unknown(self) -> tuple[OrderTrack, ...]:
        """Return the orders whose fate is not known."""
        return tuple(track for flight in self.flights.values() for track in flight.unresolved if track.is_doubtful)

    def unsettled(self, venue: Venue) -> Mapping[str, Decimal]:
        """Return what proven fills of plans in flight changed on a venue, by currency; it is booked at their ends."""
        changes: dict[str, Decimal] = {}
        for flight in self.flights.values():
            for order, fill in flight.fills():
                for currency, change in moves_of(order, flight.pair.on(venue), fill) if order.venue is venue else ():
                    changes[currency] = changes.get(currency, Decimal(0)) + change
        return changes

    def exposed(self) -> tuple[Flight, ...]:
        """Return the plans that leave more than dust open, as far as it is proven."""
        return tuple(flight for flight in self.flights.values() if flight.exposed_since)

    def lines(self) -> tuple[FlightLine, ...]:
        """Show the plans in flight."""
        return tuple(
            FlightLine(
                plan_id=flight.plan.plan_id,
                base=flight.plan.base,
                direction=flight.plan.direction.value,
                since=flight.plan.decided_at,
                exposure=flight.exposure(),
                waits_for=self._stuck.get(flight.plan.plan_id, "")
                or ", ".join(f"{track.order.client_id} {track.state}" for track in flight.unresolved),
            )
            for flight in self.flights.values()
        )

    def stuck(self) -> str:
        """Say for which plans a person is needed; "" for none."""
        return "; ".join(f"{plan_id}: {why}" for plan_id, why in self._stuck.items())

    # --- what happens

    def open(self, plan: TwoLegPlan, pair: Pair, orders: Iterable[Order], at: Instant) -> None:
        """Follow a plan that is sent now. Raises ValueError if its pair has one in flight already."""
        if self.in_flight(plan.base) is not None:
            raise ValueError(f"{plan.base} already has a plan in flight")
        flight = self._follow(Flight(plan, pair), orders, at, OrderState.SENT)
        for track in flight.tracks.values():
            self._inventory.reserve(track.order, pair.on(track.order.venue))

    def recover(self, left: PlanRecovered, pair: Pair, at: Instant) -> Iterator[Intent]:
        """Follow a plan of an earlier run, whose orders may have left or not: each is asked after now."""
        self.awaited.difference_update(order.client_id for order in left.orders)
        flight = self._follow(Flight(left.plan, pair), left.orders, at, OrderState.UNKNOWN)
        for track in flight.tracks.values():
            track.booked = left.booked.get(track.order.client_id)
            self._inventory.reserve(track.order, pair.on(track.order.venue))
        return self._advance(flight, at)

    def withdraw(self, plan_id: str) -> None:
        """Forget a plan whose orders never left."""
        flight = self.flights.pop(plan_id, None)
        if flight is None:
            return
        for track in flight.tracks.values():
            self._inventory.release(track.order)
            del self._of[track.order.client_id]

    def learn(self, reply: OrderReply) -> tuple[Intent, ...]:
        """Take a venue's word about an order."""
        flight = self._of.get(reply.client_id)
        if flight is None:
            return ()
        track = flight.tracks[reply.client_id]
        before = track.told
        if not track.learn(reply) and reply.kind is not ReplyKind.MISSING:
            return ()
        if flight.plan.plan_id not in self.flights:
            return tuple(self._late(flight, track, before, reply.at))
        return tuple(self._advance(flight, reply.at))

    def lose(self, client_id: str, at: Instant) -> tuple[Intent, ...]:
        """Take that a virtual order cannot be followed any more: its plan is worth nothing, either way."""
        flight = self._of.get(client_id)
        if flight is None or flight.plan.plan_id not in self.flights:
            return ()
        flight.is_unseen = True
        self._end(flight, at)
        return ()

    def inspected(self, seen: Inspected, balances_agree: bool) -> tuple[Intent, ...]:
        """Take what the venue's lists and balances say of an order that seems absent."""
        flight = self._of.get(seen.client_id)
        if flight is None or flight.plan.plan_id not in self.flights:
            return ()
        track = flight.tracks[seen.client_id]
        if not seen.is_listed and balances_agree and track.seems_absent(seen.at):
            track.declare_absent()
        return tuple(self._advance(flight, seen.at))

    def advance(self, at: Instant) -> tuple[Intent, ...]:
        """Let time pass: ask what is due, try again what did not work."""
        return tuple(intent for flight in tuple(self.flights.values()) for intent in self._advance(flight, at))

    def forget_old(self, at: Instant) -> None:
        """Stop listening for orders that were over a day ago."""
        for client_id, over_at in tuple(self._over_at.items()):
            if over_at >= at - WATCHED_NS:
                return  # they stand in the order of their ends
            del self._over_at[client_id], self._of[client_id]

    # --- how

    def _follow(self, flight: Flight, orders: Iterable[Order], at: Instant, state: OrderState) -> Flight:
        flight.add(orders, at, state)
        self.flights[flight.plan.plan_id] = flight
        for client_id in flight.tracks:
            self._of[client_id] = flight
        return flight

    def _advance(self, flight: Flight, at: Instant) -> Iterator[Intent]:
        self._note_exposure(flight, at)
        step = next_step(flight, self._surroundings(flight, at))
        yield from map(CancelOrder, step.cancels)
        yield from map(InspectOrder, step.inspects)
        yield from map(AskOrder, step.asks)
        self._mark_stuck(flight.plan.plan_id, step.stuck)
        if step.hedge is not None:
            yield self._hedge(flight, step.hedge, at)
        if step.is_over:
            self._end(flight, at)
        elif step.wake_at:
            yield WakeAt(step.wake_at)

    def _surroundings(self, flight: Flight, at: Instant) -> Surroundings:
        # what earlier plans left over is taken along by one plan of the pair only
        first = next(other for other in self.flights.values() if other.plan.base == flight.plan.base)
        halted = self._is_position_in_doubt() and not self.is_flattening
        return Surroundings(
            at=at,
            touches=self._touches(flight.pair),
            widest_collar=self._safety.limits.unwind_collar_pct / 100,
            dust=self.dust.get(flight.plan.base, Decimal(0)) if first is flight else Decimal(0),
            is_halted=halted,
        )

    def _is_position_in_doubt(self) -> bool:
        """Tell whether what we hold is not known. A state that is lost while we run leaves us what we know by heart."""
        kinds = {latch.kind for latch in self._safety.keeper.latches}
        if LatchKind.UNEXPLAINED_EXPOSURE in kinds:
            return True
        self._began_in_doubt = self._began_in_doubt and bool(kinds & HALTING)
        return self._began_in_doubt

    def _touches(self, pair: Pair) -> dict[Venue, tuple[Decimal, Decimal]]:
        seen = self._market.touches(pair)
        return {venue: (decimal_from_float(bid), decimal_from_float(ask)) for venue, (bid, ask) in seen.items()}

    def _note_exposure(self, flight: Flight, at: Instant) -> None:
        if not flight.first_fill_at and any(True for _ in flight.fills()):
            flight.first_fill_at = at
        neutral = is_dust(flight.exposure(), flight.pair, flight.plan, self._touches(flight.pair))
        flight.exposed_since = Instant(0) if neutral else flight.exposed_since or at

    def _mark_stuck(self, plan_id: str, why: str) -> None:
        if why:
            self._stuck[plan_id] = why
        else:
            self._stuck.pop(plan_id, None)

    def _hedge(self, flight: Flight, way: WayOut, at: Instant) -> Intent:
        plan = flight.plan
        order = Order(
            client_id=client_id_of(plan.plan_id, way.venue, flight.next_attempt(way.venue)),
            plan_id=plan.plan_id,
            venue=way.venue,
            symbol=plan.on(way.venue).symbol,
            side=way.side,
            quantity=way.quantity,
            limit_price=way.limit_price,
            purpose=Purpose.REDUCE,
            decided_at=at,
            net_edge_bps=plan.net_edge_bps,
        )
        flight.add((order,), at)
        self._of[order.client_id] = flight
        self._inventory.reserve(order, flight.pair.on(way.venue))
        return SubmitHedge(order)

    def _end(self, flight: Flight, at: Instant) -> None:
        plan, pair = flight.plan, flight.pair
        end = close_plan(plan, pair, _flown(flight, at), self._market.touches(pair), at)
        for track in flight.tracks.values():
            fill = track.fill
            if flight.is_unseen or fill is None:
                self._inventory.release(track.order)
            else:
                self._inventory.settle(track.order, pair.on(track.order.venue), fill)
            self._over_at[track.order.client_id] = at
        self.dust[plan.base] = self.dust.get(plan.base, Decimal(0)) + end.residual_base
        del self.flights[plan.plan_id]
        self._stuck.pop(plan.plan_id, None)
        self._last_end[plan.base] = self.latest_end = at
        self.ended.append(end)
        self._count_refusals(flight, at)

    def _count_refusals(self, flight: Flight, at: Instant) -> None:
        """Stop a pair whose opening orders a venue refuses again: what it says no to twice, it will refuse for ever."""
        base = flight.plan.base
        refused = [track for track in flight.tracks.values() if track.refusal and track.order.purpose is Purpose.OPEN]
        self._refused[base] = self._refused.get(base, 0) + 1 if refused else 0
        if self._refused[base] >= REFUSED_AT_MOST:
            why = f"{refused[0].order.venue} refused {refused[0].order.client_id}: {refused[0].refusal}"
            self._safety.keeper.latch(LatchKind.REFUSED_ORDERS, at, why, scope=base)
            self._refused[base] = 0

    def _late(self, flight: Flight, track: OrderTrack, before: Fill | None, at: Instant) -> Iterator[Intent]:
        """Adopt what an order came to after its plan was over: as a plan of its own, to be hedged like any other."""
        grown = track.told is not None and (before is None or track.told.quantity > before.quantity)
        if flight.is_unseen or (track.is_resolved and not grown):
            return
        plan = replace(flight.plan, plan_id=self._numbers.next_plan_id(), decided_at=at)
        self._numbers.use()
        worst = worst_case(plan.notional_krw, self._safety.limits.unwind_collar_pct, _FEES)
        keeper = self._safety.keeper
        keeper.losses.reserve(plan.plan_id, worst)
        adopted = Flight(plan, flight.pair)
        adopted.tracks[track.order.client_id] = OrderTrack(track.order, at, track.state, told=track.told, booked=before)
        self.flights[plan.plan_id] = self._of[track.order.client_id] = adopted
        self._over_at.pop(track.order.client_id, None)
        self._inventory.reserve(track.order, flight.pair.on(track.order.venue))
        booked = {} if before is None else {track.order.client_id: before}
        yield AdoptPlan(plan, (track.order,), worst, keeper.next_sequence(), keeper.losses.day, booked)
        yield from self._advance(adopted, at)


def _flown(flight: Flight, at: Instant) -> Flown:
    fills = tuple(
        OrderFill(client_id=order.client_id, venue=order.venue, side=order.side, fill=fill)
        for order, fill in flight.fills()
    )
    hedged = {track.order.client_id for track in flight.hedges}
    return Flown(
        ends={venue: flight.leg_end(venue) for venue in Venue},
        opening={venue: flight.leg_fill(venue) for venue in Venue},
        fills=fills,
        hedges=tuple(fill for fill in fills if fill.client_id in hedged),
        neutral_after=Nanos(at - flight.first_fill_at) if flight.first_fill_at else None,
    )
