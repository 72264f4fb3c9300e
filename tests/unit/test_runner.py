"""The runner: one event at a time, orders before words, and an end on purpose when the engine breaks."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from arbitrage.domain.events import Event, ReplyKind, Tick, UniverseChanged, Wake
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import Intent
from arbitrage.domain.plans import Order
from arbitrage.exchange.shadow import ShadowGateway
from arbitrage.execution.numbering import opening_orders
from arbitrage.runner import Runner
from tests import builders as make
from tests.flight_builders import a_plan, ended, said


class Desk:
    """A gateway, a sink and a loop that write down the order in which they were called."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.disk_is_full = False
        self.soon: deque[Callable[[], None]] = deque()

    def note(self, intent: Intent) -> None:
        if self.disk_is_full:
            raise OSError(28, "No space left on device")
        self.told.append(f"noted {type(intent).__name__}")

    def submit(self, *orders: Order) -> None:
        self.told.extend(f"order {order.venue}" for order in orders)

    def ask(self, order: Order) -> None:
        self.told.append(f"ask {order.venue}")

    def cancel(self, order: Order) -> None:
        self.told.append(f"cancel {order.venue}")

    def inspect(self, order: Order) -> None:
        self.told.append(f"inspect {order.venue}")

    def publish(self, intent: Intent) -> None:
        self.told.append(type(intent).__name__)

    def observe(self, event: Event) -> Sequence[Event]:
        return ()

    def later(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def let_loop_turn(self) -> None:
        while self.soon:
            self.soon.popleft()()


def runner_with(desk: Desk) -> Runner:
    story = make.Story()
    story.tell(make.fx(), make.binance_book(84_999.99, 85_000.0))
    return Runner(story.engine, desk, desk, (desk,), (desk,), desk.later)


WINNING = make.upbit_book(120_000_000, 120_001_000)


def test_both_orders_leave_before_anyone_is_told() -> None:
    desk = Desk()
    runner = runner_with(desk)
    runner.on_event(WINNING)
    within_the_callback = list(desk.told)
    desk.let_loop_turn()

    assert within_the_callback == ["noted SubmitPlan", "order upbit", "order binance"]
    assert desk.told == [*within_the_callback, "SubmitPlan"]


def test_what_follows_from_an_event_is_handled_after_it() -> None:
    desk = Desk()
    story = make.Story()
    gateway = ShadowGateway(story.engine.market, latency=0)  # type: ignore[arg-type]  # no way at all
    runner = Runner(story.engine, desk, gateway, (desk,), (gateway,), desk.later)
    for event in (UniverseChanged(make.NOON, make.universe()), make.fx(), make.binance_book(84_999.99, 85_000.0)):
        runner.on_event(event)
    runner.on_event(WINNING)
    runner.on_event(make.binance_book(84_999.99, 85_000.0, at=make.after_ms(1)))
    runner.on_event(make.upbit_book(120_000_000, 120_001_000, at=make.after_ms(1)))
    desk.let_loop_turn()

    told = [told for told in desk.told if not told.startswith("noted") and told != "ReportRefusal"]
    assert told[:2] == ["SubmitPlan", "ReportPlanEnd"]


def test_words_are_told_once_and_in_order() -> None:
    desk = Desk()
    runner = runner_with(desk)
    runner.on_event(Tick(make.NOON))
    runner.on_event(WINNING)
    desk.let_loop_turn()

    told = [told for told in desk.told if not told.startswith(("order", "noted"))]
    assert told == ["Publish", "ReportGuard", "SubmitPlan"]  # the tick began a trading day


def test_what_cannot_be_noted_is_not_sent_and_the_plan_is_taken_back() -> None:
    desk = Desk()
    runner = runner_with(desk)
    desk.disk_is_full = True
    runner.on_event(WINNING)
    desk.disk_is_full = False
    desk.let_loop_turn()
    runner.on_event(Tick(make.after_ms(61_000)))  # the cool-down of the trip
    runner.on_event(Tick(make.after_ms(62_000)))

    assert "order upbit" not in desk.told
    assert "SubmitPlan" not in desk.told
    assert runner.failure is None


def a_leg_alone(desk: Desk) -> Runner:
    """Upbit's order has filled and Binance's was refused: a way out is due, and nothing else is told of."""
    runner = runner_with(desk)
    runner.on_event(WINNING)
    plan = opening_orders(a_plan(plan_id="abc123-7-1"))
    sold = replace(plan[0], quantity=Decimal("0.5"))
    runner.on_event(ended(sold))
    desk.let_loop_turn()
    desk.told.clear()
    runner.on_event(said(plan[1], ReplyKind.REFUSED))
    return runner


def test_a_way_out_is_noted_before_it_leaves_and_told_after() -> None:
    desk = Desk()
    a_leg_alone(desk)
    left = list(desk.told)
    desk.let_loop_turn()

    assert left == ["noted SubmitHedge", "order binance"]
    assert desk.told == [*left, "SubmitHedge"]


def test_a_way_out_leaves_even_if_it_cannot_be_noted() -> None:
    desk = Desk()
    runner = runner_with(desk)
    runner.on_event(WINNING)
    orders = opening_orders(a_plan(plan_id="abc123-7-1"))
    desk.disk_is_full = True
    runner.on_event(ended(replace(orders[0], quantity=Decimal("0.5"))))
    runner.on_event(said(orders[1], ReplyKind.REFUSED))

    assert desk.told.count("order binance") == 2  # the leg, and the way out
    assert runner.failure is None


def test_questions_are_asked_and_not_told_of() -> None:
    desk = Desk()
    runner = runner_with(desk)
    wakes: list[Instant] = []
    runner.wake_by(wakes.append)
    runner.on_event(WINNING)
    order = opening_orders(a_plan(plan_id="abc123-7-1"))[1]
    runner.on_event(said(order, ReplyKind.ACCEPTED))
    desk.let_loop_turn()
    desk.told.clear()
    runner.on_event(Wake(make.after_ms(2_000)))
    desk.let_loop_turn()

    assert desk.told == ["cancel binance", "ask upbit", "ask binance"]
    assert wakes[-1] == make.after_ms(2_200)


def test_a_broken_engine_stops_trading_and_says_so() -> None:
    desk, failed = Desk(), []
    runner = runner_with(desk)
    runner.when_failed = lambda: failed.append(True)
    runner.on_event(object())  # type: ignore[arg-type]  # no event that the engine knows
    runner.on_event(WINNING)

    assert failed == [True]
    assert runner.failure is not None
    assert desk.told == []
