"""The gateway of Live: both legs leave, or neither does; the log hears of them afterwards."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from structlog.testing import capture_logs

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import ReportPlanEnd
from arbitrage.domain.plans import Order, Outcome
from arbitrage.exchange.live import LiveGateway
from arbitrage.execution.numbering import opening_orders
from arbitrage.ports import Emit, Ready
from tests import builders as make
from tests.safety_builders import CalmPrices, LiveStory, Sent, guard, open_plan, plan, premium, way_out


def sent(story: LiveStory) -> list[int]:
    return [len(sender.orders) for sender in story.senders.values()]


@pytest.mark.parametrize("full", list(Venue))
def test_a_venue_without_room_does_not_cost_a_leg(full: Venue) -> None:
    story = LiveStory()
    story.senders[full].room = 0
    story.tell(*premium(80))
    ends = [told.end for told in story.intents if isinstance(told, ReportPlanEnd)]

    assert sent(story) == [0, 0]
    assert [end.outcome for end in ends] == [Outcome.MISSED]


def test_what_the_first_leg_used_up_does_not_hold_the_second_back() -> None:
    story = LiveStory()
    story.senders[Venue.UPBIT].room = 1
    story.tell(*premium(80))

    assert sent(story) == [1, 1]


class Scribe(Sent):
    """A sender that notes in a common diary what it does, and may fail to sign or to write."""

    def __init__(self, diary: list[str], emit: Emit) -> None:
        super().__init__()
        self.can_sign = self.can_write = True
        self._diary = diary
        self._emit = emit

    def prepare(self, order: Order) -> Ready | None:
        if not self.can_sign:
            return self._busy(order)
        self._diary.append(f"{order.venue} signed")
        return partial(self.send, order)

    def send(self, order: Order) -> bool:
        if not self.can_write:
            self._busy(order)
            return False
        self._diary.append(f"{order.venue} written")
        return super().send(order)

    def _busy(self, order: Order) -> None:
        self._emit(OrderReply(order.decided_at, order.client_id, order.venue, ReplyKind.BUSY, None, "not sent"))


class Written:
    """The gateway of Live with two scribes, and what it does step by step. The log waits for `soon`."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.soon: deque[Callable[[], None]] = deque()
        self.prices = CalmPrices()
        self.safety = guard(make.limits(), prices=self.prices)
        self.senders = {venue: Scribe(self.diary, self._hear) for venue in Venue}
        self.gateway = LiveGateway(self.safety, self.senders, self, self._hear, self.soon.append)

    def now(self) -> Instant:
        return make.NOON

    def _hear(self, event: object) -> None:
        self.diary.append(f"told {type(event).__name__}")


def test_both_orders_are_signed_before_the_first_is_written() -> None:
    desk = Written()
    desk.gateway.submit(*open_plan(desk.safety))

    assert desk.diary == ["upbit signed", "binance signed", "upbit written", "binance written"]


@pytest.mark.parametrize("failing", list(Venue))
def test_an_order_that_cannot_be_signed_costs_no_leg(failing: Venue) -> None:
    desk = Written()
    desk.senders[failing].can_sign = False
    desk.gateway.submit(*open_plan(desk.safety))

    assert not [step for step in desk.diary if step.endswith("written")]
    assert sorted(step for step in desk.diary if step.startswith("told")) == ["told OrderBlocked", "told OrderReply"]


def test_when_the_first_cannot_be_written_after_all_the_second_stays() -> None:
    desk = Written()
    desk.senders[Venue.UPBIT].can_write = False
    desk.gateway.submit(*open_plan(desk.safety))

    assert desk.diary[2:] == ["told OrderReply", "told OrderBlocked"]


def test_what_the_last_gate_stops_costs_no_leg() -> None:
    desk = Written()
    orders = open_plan(desk.safety)
    desk.prices.known[Venue.BINANCE] = None
    desk.gateway.submit(*orders)

    assert desk.diary == ["upbit signed", "binance signed", "told OrderBlocked", "told OrderBlocked"]


def test_the_log_hears_of_orders_once_they_are_all_written_and_what_became_of_each() -> None:
    desk = Written()
    desk.senders[Venue.BINANCE].can_write = False
    with capture_logs() as lines:
        desk.gateway.submit(*open_plan(desk.safety))
        before = [line for line in lines if line["event"] == "[LIVE] order"]
        while desk.soon:
            desk.soon.popleft()()

    assert before == []
    assert [(line["venue"], line["sent"]) for line in lines if line["event"] == "[LIVE] order"] == [
        ("upbit", True),
        ("binance", False),
    ]


def test_an_order_that_was_never_signed_is_logged_as_not_sent() -> None:
    desk = Written()
    desk.senders[Venue.BINANCE].can_sign = False
    with capture_logs() as lines:
        desk.gateway.submit(way_out())
        desk.soon.popleft()()

    assert [(line["event"], line["sent"]) for line in lines] == [("[LIVE] order", False)]


def test_an_order_leaves_once() -> None:
    desk = Written()
    orders = open_plan(desk.safety)
    desk.gateway.submit(*orders)
    desk.gateway.submit(*orders)

    assert [step for step in desk.diary if step.endswith("written")] == ["upbit written", "binance written"]


def test_rehearsed_orders_reach_no_sender_and_count_for_nothing() -> None:
    desk = Written()
    judged = plan()
    left = [bucket.left(make.NOON) for bucket in desk.safety.buckets.values()]
    desk.gateway.rehearse(*opening_orders(judged))

    assert desk.diary == []
    assert not desk.soon
    assert [bucket.left(make.NOON) for bucket in desk.safety.buckets.values()] == left


def test_what_was_rehearsed_may_still_leave() -> None:
    desk = Written()
    orders = open_plan(desk.safety)
    desk.gateway.rehearse(*opening_orders(replace(plan(), plan_id="rehearsed")))
    desk.gateway.submit(*orders)

    assert len([step for step in desk.diary if step.endswith("written")]) == len(Venue)
