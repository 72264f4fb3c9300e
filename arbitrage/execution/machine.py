"""The two-leg machine: what to do next about a plan in flight. Pure: a flight and the market in, one step out.

Resolve first: nothing is hedged while an order's fate is unknown, because an unknown order counts as unfilled for the
hedge and may still fill. Then hedge what is open, from the current books. Then settle.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order
from arbitrage.execution.flight import Flight
from arbitrage.execution.hedging import TRIES, Touches, WayOut, is_dust, way_out
from arbitrage.execution.order_track import OrderState

RETRY_AFTER: Final = Nanos(NS_PER_S)
"""How soon a way out is looked for again where no venue offers one, or two in a row were refused."""

CALLED_RETRY_AFTER: Final = Nanos(5 * NS_PER_S)
"""How often the widest collar is tried once a person was called."""

SHUNNED_FOR: Final = Nanos(5 * NS_PER_S)
"""How long a venue that refused a hedge is left alone while the other one offers a way out."""

_NEVER: Final = Instant(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a step depends on besides the flight.

    `touches` are of the books that can be believed on venues that are there; `widest_collar` is a fraction; `dust` is
    base that earlier plans left over; `is_halted`: the position is not known, so that nothing may be hedged.
    """

    at: Instant
    touches: Touches
    widest_collar: Decimal
    dust: Decimal
    is_halted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do now: questions, cancels, a closer look, a hedge; or that it is over. `wake_at` 0: nothing to wait for.

    `stuck` says in one line why a person is needed.
    """

    asks: tuple[Order, ...] = ()
    cancels: tuple[Order, ...] = ()
    inspects: tuple[Order, ...] = ()
    hedge: WayOut | None = None
    is_over: bool = False
    wake_at: Instant = _NEVER
    stuck: str = ""


def next_step(flight: Flight, around: Surroundings) -> Step:
    """Return what to do about a flight now. Marks what is asked and cancelled, so that it is asked once."""
    if flight.unresolved:
        return _resolve(flight, around.at)
    exposure = flight.exposure() + around.dust
    if is_dust(exposure, flight.pair, flight.plan, around.touches):
        return Step(is_over=True)
    if around.is_halted:
        return Step(wake_at=_after(around.at, RETRY_AFTER), stuck="the position is not known: nothing is hedged")
    wait_until = max(flight.wait_until, _refused_until(flight))
    if around.at < wait_until:
        return Step(wake_at=wait_until, stuck=_called(flight, exposure))
    return _hedge(flight, exposure, around)


def _resolve(flight: Flight, at: Instant) -> Step:
    unresolved = flight.unresolved
    cancels = tuple(track.order for track in unresolved if track.wants_cancel(at))
    inspects = tuple(track.order for track in unresolved if track.seems_absent(at) and track.next_ask_at <= at)
    asks = tuple(track.order for track in unresolved if track.asks(at))
    wake_at = Instant(min(track.next_ask_at for track in unresolved))
    return Step(asks=asks, cancels=cancels, inspects=inspects, wake_at=wake_at)


def _hedge(flight: Flight, exposure: Decimal, around: Surroundings) -> Step:
    stuck = _called(flight, exposure)
    # an order that never came to the book says nothing of the price: only those that did widen the collar
    missed = sum(track.state is OrderState.ENDED for track in flight.hedges)
    collar = around.widest_collar * min(missed + 1, TRIES) / TRIES
    way = _way_not_shunned(flight, exposure, around, collar)
    if way is None:
        may_proceed = bool(stuck) or not flight.has_proceeded
        way = way_out(exposure, flight.pair, flight.plan, around.touches, collar, may_proceed=may_proceed)
    if way is None:
        wake_at = _after(around.at, RETRY_AFTER)
        return Step(wake_at=wake_at, stuck=stuck or f"no venue takes {plain(exposure)} {flight.plan.base} now")
    if stuck:
        flight.wait_until = _after(around.at, CALLED_RETRY_AFTER)
    return Step(hedge=way, stuck=stuck)


def _way_not_shunned(flight: Flight, exposure: Decimal, around: Surroundings, collar: Decimal) -> WayOut | None:
    """Return the way on the other venue where one has just refused: a price that nobody takes is no price."""
    shunned = flight.shunned(around.at, SHUNNED_FOR)
    if not shunned:
        return None
    others = {venue: touch for venue, touch in around.touches.items() if venue not in shunned}
    return way_out(exposure, flight.pair, flight.plan, others, collar, may_proceed=True)


def _called(flight: Flight, exposure: Decimal) -> str:
    tried = len(flight.hedges)
    return f"{plain(exposure)} {flight.plan.base} still open after {tried} orders" if tried >= TRIES else ""


def _refused_until(flight: Flight) -> Instant:
    """A refused order is followed by another at once, and then not before a pause: it may be a limit on how many."""
    last = flight.hedges[-2:]
    if len(last) < 2 or any(track.state is not OrderState.REFUSED for track in last):
        return _NEVER
    return _after(last[-1].unsure_since, RETRY_AFTER)


def _after(at: Instant, wait: Nanos) -> Instant:
    return Instant(at + wait)
