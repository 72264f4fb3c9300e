"""Whatever venues say of orders and accounts, and whenever, no order leaves twice and nothing breaks."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.domain.events import (
    BalancesSeen,
    Command,
    Event,
    FundsMoved,
    Inspected,
    OpenOrder,
    OpenOrdersSeen,
    OperatorCommand,
    OrderReply,
    PlanRecovered,
    RecoveryEnded,
    ReplyKind,
    Tick,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import SubmitHedge, SubmitPlan
from arbitrage.domain.plans import Order, Purpose
from arbitrage.execution.numbering import opening_orders
from tests import builders as make
from tests.flight_builders import a_fill, a_plan, ended, said

OWNED = {
    Venue.UPBIT: {"BTC": Decimal(5), "KRW": Decimal(10**9)},
    Venue.BINANCE: {"BTC": Decimal(5), "USDT": Decimal(10**6)},
}
LEFT_BEHIND = a_plan(plan_id="abc123-6-1")
KINDS = ["market"] * 4 + ["reply"] * 12 + ["tick"] * 6 + ["books"] * 2
KINDS += ["balances", "funds", "listed", "inspected", "down", "up", "flatten", "resume", "recovered"]


@dataclass(frozen=True)
class Wish:
    """What happens, so many ms after what was before it, to one of the orders so far."""

    kind: str
    wait_ms: int
    which: int
    word: ReplyKind
    part: str
    amount: Decimal


wishes = st.lists(
    st.builds(
        Wish,
        kind=st.sampled_from(KINDS),
        wait_ms=st.sampled_from([0, 1, 200, 900, 3_000, 16_000, 61_000]),
        which=st.integers(0, 9),
        word=st.sampled_from(ReplyKind),
        part=st.sampled_from(["0", "0.3", "0.999", "1", "1"]),
        amount=st.sampled_from([Decimal(0), Decimal("-1"), Decimal("1e-8"), Decimal(5), Decimal("1e30")]),
    ),
    max_size=30,
)


class Told:
    """An engine that is told wishes, and every order that it has sent."""

    def __init__(self) -> None:
        self.story = make.Story(past=make.remembered(inventory=OWNED), max_position_size=Decimal(10_000_000))
        self.sent: list[Order] = []

    def tell(self, event: Event) -> None:
        for intent in self.story.tell(event):
            if isinstance(intent, SubmitPlan):
                self.sent.extend(intent.orders)
            elif isinstance(intent, SubmitHedge):
                flight = self.story.engine._deck._of[intent.order.client_id]
                under_way = [each for each in flight.unresolved if each.order is not intent.order]
                assert not under_way, "a way out was sent while something else was not known"
                self.sent.append(intent.order)

    def order(self, which: int) -> Order:
        """One of the orders, or one that nobody knows."""
        stray = opening_orders(a_plan(plan_id="nobodys"))[which % 2]
        return (*self.sent, stray)[which % (len(self.sent) + 1)]


def events_of(wish: Wish, told: Told, at: Instant) -> list[Event]:
    """The events of a wish, at their instant."""
    order = told.order(wish.which)
    match wish.kind:
        case "market":
            return premium(80, at)
        case "books":
            return premium(0, at)
        case "up":
            return [VenueUp(at, venue) for venue in Venue]
        case "flatten" | "resume":
            given = Command(wish.kind)
            return [OperatorCommand(at=at, command=given, who="mina", why="looked at it", given_at=at)]
        case "recovered":
            return left_behind(told, at)
    return [OF_AN_ORDER[wish.kind](wish, order, at)]


def reply(wish: Wish, order: Order, at: Instant) -> OrderReply:
    fill = a_fill(order, wish.part) if wish.word in {ReplyKind.ACCEPTED, ReplyKind.ENDED} else None
    return OrderReply(at, order.client_id, order.venue, wish.word, fill)


OF_AN_ORDER: dict[str, Callable[[Wish, Order, Instant], Event]] = {
    "reply": reply,
    "tick": lambda wish, order, at: Tick(at),
    "balances": lambda wish, order, at: BalancesSeen(at, order.venue, {"BTC": wish.amount}, wish.which % 2 == 0),
    "funds": lambda wish, order, at: FundsMoved(at, order.venue, "BTC", wish.amount),
    "listed": lambda wish, order, at: OpenOrdersSeen(at, order.venue, (listed(order),)),
    "inspected": lambda wish, order, at: Inspected(at, order.client_id, order.venue, wish.which % 3 == 0),
    "down": lambda wish, order, at: VenueDown(at, order.venue, "reset"),
}


def left_behind(told: Told, at: Instant) -> list[Event]:
    """A plan of an earlier run is found in the log; once."""
    orders = opening_orders(LEFT_BEHIND)
    if orders[0] in told.sent:
        return []
    told.sent.extend(orders)
    return [PlanRecovered(at, LEFT_BEHIND, orders), RecoveryEnded(at)]


def listed(order: Order) -> OpenOrder:
    return OpenOrder(
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
    )


def premium(bps: int, at: Instant) -> list[Event]:
    bid = round(85_000.0 * 1_401 * (1 + bps / 10_000) / 1_000) * 1_000.0
    return [make.fx(at=at), make.binance_book(84_999.99, 85_000.0, at=at), make.upbit_book(bid, bid + 1_000, at=at)]


@settings(max_examples=300, deadline=None)
@given(wishes, st.booleans())
def test_no_order_leaves_twice_and_no_two_ways_out_are_under_way_at_once(wished: list[Wish], is_alone: bool) -> None:
    told, at = Told(), make.NOON
    for event in premium(80, at):
        told.tell(event)
    if is_alone:  # as it starts: one leg has filled, and the other never will
        told.tell(ended(told.sent[0]))
        told.tell(said(told.sent[1], ReplyKind.REFUSED))
    for wish in wished:
        at = Instant(at + wish.wait_ms * 1_000_000)
        for event in events_of(wish, told, at):
            told.tell(event)
    ids = [order.client_id for order in told.sent]
    opens = [(order.plan_id, order.venue) for order in told.sent if order.purpose is Purpose.OPEN]

    assert len(ids) == len(set(ids))
    assert len(opens) == len(set(opens))
    assert all(len(name) <= 36 for name in ids)
    assert all(order.quantity > 0 and order.limit_price > 0 for order in told.sent)
