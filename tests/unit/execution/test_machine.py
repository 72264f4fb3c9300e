"""The two-leg machine: resolve first, then hedge, then settle."""

from decimal import Decimal

import pytest

from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import LegEnd, Order, Purpose
from arbitrage.execution.flight import Flight
from arbitrage.execution.hedging import TRIES, WayOut
from arbitrage.execution.machine import Step, Surroundings, next_step
from arbitrage.execution.numbering import client_id_of, opening_orders
from arbitrage.execution.order_track import OrderState
from tests import builders as make
from tests.flight_builders import a_plan, ended, said

D = Decimal
U, B = Venue.UPBIT, Venue.BINANCE
TOUCHES = {U: (D(119_000_000), D(119_001_000)), B: (D(85_000), D("85000.01"))}
UPBIT_FELL = {U: (D(118_000_000), D(118_001_000)), B: TOUCHES[B]}


class Flown:
    """A flight of 0.01 BTC, sold on Upbit and bought on Binance, and what is said of its orders."""

    def __init__(self, upbit: str | None = None, binance: str | None = None) -> None:
        self.plan = a_plan()
        self.flight = Flight(self.plan, make.pair())
        self.orders = opening_orders(self.plan)
        self.flight.add(self.orders, make.NOON)
        for order, part in zip(self.orders, (upbit, binance), strict=True):
            if part is not None:
                self.learn(order, ReplyKind.ENDED, part)

    def learn(self, order: Order, kind: ReplyKind, part: str | None = None, ms: float = 0) -> None:
        self.flight.tracks[order.client_id].learn(said(order, kind, part, ms=ms))

    def step(self, ms: float = 0, **changes: object) -> Step:
        given: dict[str, object] = {"touches": TOUCHES, "widest_collar": D("0.03"), "dust": D(0), "is_halted": False}
        return next_step(self.flight, Surroundings(at=make.after_ms(ms), **{**given, **changes}))  # type: ignore[arg-type]  # any field

    def send(self, way: WayOut, ms: float = 0) -> Order:
        """Send the order that a step asked for."""
        order = Order(
            client_id=client_id_of(self.plan.plan_id, way.venue, self.flight.next_attempt(way.venue)),
            plan_id=self.plan.plan_id,
            venue=way.venue,
            symbol=self.plan.on(way.venue).symbol,
            side=way.side,
            quantity=way.quantity,
            limit_price=way.limit_price,
            purpose=Purpose.REDUCE,
            decided_at=make.after_ms(ms),
            net_edge_bps=0.0,
        )
        self.flight.add((order,), make.after_ms(ms))
        return order

    def try_once(self, part: str, ms: float = 0, **changes: object) -> WayOut:
        """Send what the step asks for, and let it come to a part."""
        way = self.step(ms, **changes).hedge
        assert way is not None
        self.flight.tracks[self.send(way, ms).client_id].learn(ended(self.last, part, ms))
        return way

    @property
    def last(self) -> Order:
        return list(self.flight.tracks.values())[-1].order


def test_nothing_is_hedged_while_a_fate_is_open() -> None:
    flown = Flown(upbit="1")
    step = flown.step(400)

    assert step == Step(wake_at=make.after_ms(500))
    assert flown.flight.exposure() == D("-0.01")


def test_an_order_that_says_nothing_is_asked_after() -> None:
    flown = Flown(upbit="1")
    asked = flown.step(500)

    assert (asked.asks, asked.wake_at) == ((flown.orders[1],), make.after_ms(700))
    assert flown.step(500).asks == ()  # once


def test_an_order_that_hangs_open_is_cancelled() -> None:
    flown = Flown(upbit="1")
    flown.learn(flown.orders[1], ReplyKind.ACCEPTED, ms=10)

    assert flown.step(1_999).cancels == ()
    assert flown.step(2_000).cancels == (flown.orders[1],)


def test_an_order_that_is_missed_often_and_long_enough_is_looked_for() -> None:
    flown = Flown(upbit="1")
    for ms in range(0, 15_000, 2_500):
        flown.learn(flown.orders[1], ReplyKind.MISSING, ms=ms)
    early, late = flown.step(11_999), flown.step(15_000)

    assert early.inspects == ()
    assert (late.inspects, late.hedge) == ((flown.orders[1],), None)


@pytest.mark.parametrize(
    ("upbit", "binance", "ends"),
    [("1", "1", (LegEnd.FILLED, LegEnd.FILLED)), ("0", "0", (LegEnd.EMPTY, LegEnd.EMPTY))],
)
def test_what_is_even_is_over(upbit: str, binance: str, ends: tuple[LegEnd, LegEnd]) -> None:
    flown = Flown(upbit, binance)

    assert flown.step() == Step(is_over=True)
    assert (flown.flight.leg_end(U), flown.flight.leg_end(B)) == ends


def test_two_refused_orders_leave_nothing_to_do() -> None:
    flown = Flown()
    for order in flown.orders:
        flown.learn(order, ReplyKind.REFUSED)

    assert flown.step().is_over


def test_dust_of_earlier_plans_is_taken_along() -> None:
    way = Flown("1", "1").step(dust=D("0.0005")).hedge

    assert way is not None
    assert way.quantity == D("0.00049999")  # what Binance took for its fee was 1e-8 more than Upbit sold


def test_partial_fills_are_hedged_by_their_difference() -> None:
    way = Flown("1", "0.4").step().hedge

    assert way is not None
    assert abs(way.quantity * (D("0.999") if way.venue is B else 1) - D("0.006")) < D("0.00002")


def test_a_plan_proceeds_once_and_then_only_reverses() -> None:
    """Upbit is dear: whatever was sold there is best bought on Binance, until it was tried once."""
    flown, dear = Flown("1", "0"), {U: (D(125_000_000), D(125_001_000)), B: TOUCHES[B]}
    tried = [flown.try_once("0", n, touches=dear).venue for n in range(4)]

    assert tried == [B, U, U, U]
    assert flown.flight.has_proceeded


def test_the_collar_widens_with_each_try_and_the_last_one_is_the_widest() -> None:
    flown = Flown("1", "0")
    offs = []
    for n in range(TRIES):
        way = flown.try_once("0", n, touches=UPBIT_FELL)
        offs.append(way.limit_price / UPBIT_FELL[U][1] - 1)

    assert [round(off, 3) for off in offs] == [D("0.006"), D("0.012"), D("0.018"), D("0.024"), D("0.030")]


def test_after_five_tries_a_person_is_called_and_the_widest_is_tried_every_five_seconds() -> None:
    flown = Flown("1", "0")
    for n in range(TRIES):
        flown.try_once("0", n, touches=UPBIT_FELL)
    called = flown.step(100, touches=UPBIT_FELL)
    assert called.hedge is not None
    flown.flight.tracks[flown.send(called.hedge, 100).client_id].learn(ended(flown.last, "0", 110))
    waits = flown.step(200, touches=UPBIT_FELL)
    again = flown.step(5_100, touches=UPBIT_FELL)

    assert called.stuck == "-0.01 BTC still open after 5 orders"
    assert (waits.hedge, waits.wake_at, bool(waits.stuck)) == (None, make.after_ms(5_100), True)
    assert again.hedge is not None


def test_a_refused_way_out_is_followed_at_once_by_one_other_and_then_once_a_second() -> None:
    flown, sent = Flown("1", "0"), []
    for ms in range(0, 2_501, 100):
        way = flown.step(ms, touches=UPBIT_FELL).hedge
        if way is not None:
            sent.append(ms)
            flown.learn(flown.send(way, ms), ReplyKind.BUSY, ms=ms)

    assert sent == [0, 100, 1_100, 2_100]


def test_orders_that_never_came_to_the_book_do_not_widen_the_collar() -> None:
    flown, limits = Flown("1", "0"), []
    for n in range(3):
        way = flown.step(n * 6_000, touches=UPBIT_FELL).hedge
        assert way is not None
        limits.append(way.limit_price)
        flown.learn(flown.send(way, n * 6_000), ReplyKind.REFUSED, ms=n * 6_000)

    assert len(set(limits)) == 1


def test_a_venue_that_refuses_a_way_out_is_left_alone_while_the_other_offers_one() -> None:
    flown, venues = Flown("1", "0"), []
    for ms in (0, 100, 6_000):
        way = flown.step(ms, touches=UPBIT_FELL).hedge
        assert way is not None
        venues.append(way.venue)
        flown.learn(flown.send(way, ms), ReplyKind.REFUSED, ms=ms)

    assert venues[0] is not venues[1]
    assert venues[2] is venues[0]


def test_a_way_out_that_fills_in_parts_ends_the_plan() -> None:
    flown = Flown("1", "0")
    for n in range(3):
        flown.try_once("0.5", n, touches=UPBIT_FELL)

    assert flown.flight.exposure() == D("-0.00125")
    flown.try_once("1", 4, touches=UPBIT_FELL)
    assert flown.step(5, touches=UPBIT_FELL).is_over


def test_while_no_venue_is_there_it_holds_and_says_so() -> None:
    step = Flown("1", "0").step(touches={})

    assert (step.hedge, step.is_over) == (None, False)
    assert step.stuck == "no venue takes -0.01 BTC now"
    assert step.wake_at == make.after_ms(1_000)


def test_while_the_position_is_not_known_nothing_is_hedged() -> None:
    step = Flown("1", "0").step(is_halted=True)

    assert (step.hedge, step.stuck) == (None, "the position is not known: nothing is hedged")
    assert step.wake_at == Instant(make.NOON + 10**9)


def test_what_is_even_ends_also_while_the_position_is_not_known() -> None:
    assert Flown("1", "1").step(is_halted=True).is_over


def test_a_flight_that_was_recovered_asks_for_everything_at_once() -> None:
    plan = a_plan()
    flight, orders = Flight(plan, make.pair()), opening_orders(plan)
    flight.add(orders, make.NOON, OrderState.UNKNOWN)
    around = Surroundings(at=make.NOON, touches=TOUCHES, widest_collar=D("0.03"), dust=D(0), is_halted=False)

    assert next_step(flight, around).asks == orders
