"""Plans in flight as the engine sees them: legs that stand alone, fates that are not known, venues that go away."""

from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.domain.events import (
    BalancesSeen,
    Command,
    Event,
    Inspected,
    OperatorCommand,
    OrderReply,
    PlanRecovered,
    RecoveryEnded,
    ReplyKind,
    Tick,
    UniverseChanged,
    VenueDown,
    VenueUp,
    Wake,
)
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import (
    AdoptPlan,
    AskOrder,
    CancelOrder,
    InspectOrder,
    Intent,
    Publish,
    ReportPlanEnd,
    SubmitHedge,
    SubmitPlan,
)
from arbitrage.domain.plans import Order, Outcome, PlanEnd
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.domain.views import EngineView
from arbitrage.execution.numbering import opening_orders
from tests import builders as make
from tests.flight_builders import a_plan, ended, said

R = ReplyKind
U, B = Venue.UPBIT, Venue.BINANCE
D = Decimal
OWNED = {U: {"BTC": D(5), "ETH": D(5), "KRW": D(10**9)}, B: {"BTC": D(5), "ETH": D(5), "USDT": D(10**6)}}


class Flying:
    """An engine with one plan in flight: sold on Upbit, bought on Binance. Venues have told what is owned."""

    def __init__(self, *bases: str) -> None:
        self.story = make.Story(*bases, past=make.remembered(inventory=OWNED), max_position_size=D(10_000_000))
        self.tell(*(BalancesSeen(make.NOON, venue, OWNED[venue], is_whole=True) for venue in Venue))
        for base in bases or ("BTC",):
            self.story.tell_books(0, base=base)
        self.tell(Tick(make.NOON))  # at which the capital is seen that a loss is held against
        (submit,) = (each for each in self.story.tell_books(80) if isinstance(each, SubmitPlan))
        self.plan = submit.plan
        self.upbit, self.binance = submit.orders

    def tell(self, *events: Event) -> tuple[Intent, ...]:
        return self.story.tell(*events)

    def run(self, until_ms: int, from_ms: int = 0) -> list[Intent]:
        """Let seconds pass, with books that move with them."""
        brought: list[Intent] = []
        for ms in range(from_ms, until_ms + 1, 1_000):
            self.story.tell_books(0, at=make.after_ms(ms))
            brought.extend(self.tell(Tick(make.after_ms(ms))))
        return brought

    def view(self, ms: float) -> EngineView:
        (shown,) = (each.view for each in self.tell(Tick(make.after_ms(ms))) if isinstance(each, Publish))
        return shown

    def trips(self) -> set[str]:
        return {str(trip) for trip in self.story.engine.safety.keeper.breaker.active}

    def latches(self) -> list[str]:
        return [latch.name for latch in self.story.engine.safety.keeper.latches]

    def plans(self) -> list[str]:
        return [each.plan.plan_id for each in self.story.intents if isinstance(each, SubmitPlan)]

    def hedges(self) -> list[Order]:
        return hedges(self.story.intents)

    def end(self) -> PlanEnd:
        return [each.end for each in self.story.intents if isinstance(each, ReportPlanEnd)][-1]


def hedges(intents: object) -> list[Order]:
    return [each.order for each in intents if isinstance(each, SubmitHedge)]  # type: ignore[attr-defined]  # intents


def command(what: Command, ms: float, why: str = "looked at it") -> OperatorCommand:
    at = make.after_ms(ms)
    return OperatorCommand(at=at, command=what, who="mina", why=why, given_at=at)


# --- one leg alone


def test_a_leg_whose_partner_was_refused_is_evened_out_before_the_plan_ends() -> None:
    flying = Flying()
    (hedge,) = hedges(flying.tell(ended(flying.upbit, ms=30), said(flying.binance, R.REFUSED, ms=40)))
    shown = flying.view(45)
    flying.tell(ended(hedge, ms=90))
    after = flying.view(95)

    assert [line.plan_id for line in shown.flights] == [flying.plan.plan_id]
    assert shown.flights[0].exposure == -flying.upbit.quantity
    assert (after.flights, flying.end().outcome) == ((), Outcome.ONE_LEG)
    assert flying.end().neutral_after == 60_000_000
    assert abs(after.positions["BTC"]) < D("0.00005")


def test_a_pair_trades_again_after_it_was_evened_out_with_books_of_after() -> None:
    flying = Flying()
    (hedge,) = hedges(flying.tell(ended(flying.upbit), said(flying.binance, R.REFUSED)))
    flying.story.tell_books(80, at=make.after_ms(1_100))
    meanwhile = flying.plans()
    flying.tell(ended(hedge, ms=1_200))
    flying.story.tell_books(80, at=make.after_ms(1_300))

    assert (len(meanwhile), len(flying.plans())) == (1, 2)


def test_a_part_that_filled_is_evened_out_to_the_lot() -> None:
    flying = Flying()
    (hedge,) = hedges(flying.tell(ended(flying.upbit), ended(flying.binance, "0.3")))
    flying.tell(ended(hedge))

    assert hedge.side in {Side.BUY}
    assert flying.end().outcome is Outcome.UNEVEN
    assert abs(flying.end().residual_base) < D("0.00005")


def test_a_leg_that_stands_alone_for_more_than_three_seconds_trips() -> None:
    flying = Flying()
    flying.tell(ended(flying.upbit, ms=0), said(flying.binance, R.ACCEPTED, ms=10))
    flying.run(3_000)
    before = flying.trips()
    flying.run(4_000, 4_000)

    assert "naked_leg" not in before
    assert "naked_leg" in flying.trips()


# --- a reply and an event in any order


@pytest.mark.parametrize("first", ["event", "reply"])
def test_an_order_comes_to_the_same_whether_its_event_or_its_reply_is_first(first: str) -> None:
    flying = Flying()
    event, reply = ended(flying.binance, ms=20), said(flying.binance, R.ACCEPTED, "0.5", ms=20)
    flying.tell(ended(flying.upbit), *((event, reply) if first == "event" else (reply, event)))
    flying.tell(event, reply)

    assert (flying.end().outcome, flying.hedges()) == (Outcome.BOTH, [])
    assert flying.end().binance_fill == event.fill


# --- what is not known


def test_an_order_whose_fate_is_not_known_holds_new_plans_until_it_is_found() -> None:
    flying = Flying("BTC", "ETH")
    flying.tell(ended(flying.upbit), said(flying.binance, R.UNKNOWN, ms=100))
    flying.story.tell_books(0, base="ETH", at=make.after_ms(900))
    shown = flying.view(1_000)
    flying.story.tell_books(80, base="ETH", at=make.after_ms(1_100))
    refused = {line.code for line in flying.view(1_200).refusals}
    flying.tell(ended(flying.binance, ms=1_300))
    flying.view(2_000)
    flying.story.tell_books(80, base="ETH", at=make.after_ms(2_100))

    assert shown.why_not == f"what became of {flying.binance.client_id} is not known"
    assert RefusalCode.STATE_UNAVAILABLE in refused
    assert (len(flying.plans()), flying.hedges()) == (2, [])


def missed(flying: Flying, ms: int) -> OrderReply:
    return said(flying.binance, R.MISSING, ms=ms)


def lost(flying: Flying, until_ms: int) -> list[Intent]:
    """Binance never knows the order, whenever it is asked."""
    flying.tell(ended(flying.upbit), said(flying.binance, R.UNKNOWN))
    brought: list[Intent] = []
    for ms in range(1_000, until_ms + 1, 1_000):
        told = flying.run(ms, ms)
        if any(isinstance(each, AskOrder) for each in told):
            told.extend(flying.tell(missed(flying, ms)))
        brought.extend(told)
    return brought


def test_an_order_that_is_never_found_is_absent_only_with_lists_and_balances_agreeing() -> None:
    flying = Flying()
    brought = lost(flying, 20_000)
    at, name = make.after_ms(20_500), flying.binance.client_id
    spent = {**OWNED[B], "USDT": OWNED[B]["USDT"] - 5_000}
    against = [
        flying.tell(Inspected(at, name, B, is_listed=True)),
        flying.tell(BalancesSeen(at, B, spent, is_whole=True), Inspected(at, name, B, is_listed=False)),
    ]
    agreeing = flying.tell(BalancesSeen(at, B, OWNED[B], is_whole=True), Inspected(at, name, B, is_listed=False))

    assert InspectOrder(flying.binance) in brought
    assert flying.trips() >= {"unknown_order", "naked_leg"}
    assert [hedges(each) for each in against] == [[], []]
    assert len(hedges(agreeing)) == 1


def test_an_order_that_is_not_known_for_a_minute_halts_and_a_flatten_lets_the_hedge_go() -> None:
    flying = Flying()
    lost(flying, 61_000)
    halted = flying.view(61_500)
    flying.tell(said(flying.binance, R.REFUSED, ms=62_000))
    flying.run(64_000, 63_000)
    held = flying.hedges(), flying.view(64_500).flights[0].waits_for
    flying.tell(command(Command.FLATTEN, 65_000, "the page shows nothing"))
    (hedge,) = hedges(flying.tell(Wake(make.after_ms(65_100))))
    flying.tell(ended(hedge, ms=65_200))

    assert (halted.trading_state, flying.latches()[0]) == ("HALTED", "unexplained_exposure")
    assert held == ([], "the position is not known: nothing is hedged")
    assert flying.end().outcome is Outcome.ONE_LEG
    assert flying.view(66_000).accepting is False


def test_a_person_who_resumes_lets_the_hedge_go_as_well() -> None:
    flying = Flying()
    lost(flying, 61_000)
    flying.tell(said(flying.binance, R.REFUSED, ms=62_000), command(Command.RESUME, 63_000))

    assert len(hedges(flying.run(64_000, 64_000))) == 1


def test_a_flatten_is_over_when_a_person_resumes() -> None:
    flying = Flying()
    flying.tell(command(Command.FLATTEN, 10), command(Command.RESUME, 20))
    flying.story.engine.safety.keeper.latch(LatchKind.UNEXPLAINED_EXPOSURE, make.after_ms(30), "lost one")

    assert hedges(flying.tell(ended(flying.upbit, ms=40), said(flying.binance, R.REFUSED, ms=40))) == []


def test_an_order_that_hangs_open_for_two_seconds_is_cancelled() -> None:
    flying = Flying()
    flying.tell(ended(flying.upbit), said(flying.binance, R.ACCEPTED, ms=10))

    assert CancelOrder(flying.binance) not in flying.run(1_000, 1_000)
    assert CancelOrder(flying.binance) in flying.run(2_000, 2_000)


@pytest.mark.parametrize("words", [[], [R.ACCEPTED]])
def test_an_order_of_which_nothing_more_is_heard_is_as_good_as_not_known(words: list[ReplyKind]) -> None:
    """Sent and never a word, or taken on and never an end, to any question and any cancel."""
    flying = Flying()
    flying.tell(*(said(order, kind) for kind in words for order in (flying.upbit, flying.binance)))
    flying.run(5_000, 1_000)
    tripped = flying.trips()
    flying.run(62_000, 6_000)

    assert "unknown_order" in tripped
    assert flying.latches() == ["unexplained_exposure"]


# --- venues that go away


def test_while_both_venues_are_down_it_holds_and_calls_and_hedges_when_they_are_back() -> None:
    flying = Flying()
    flying.tell(*(VenueDown(make.after_ms(10), venue, "no frame for 10 s") for venue in Venue))
    held = flying.tell(ended(flying.upbit, ms=20), said(flying.binance, R.REFUSED, ms=30))
    flying.tell(Tick(make.after_ms(1_000)))
    called = flying.trips()
    flying.tell(*(VenueUp(make.after_ms(5_000), venue) for venue in Venue))
    flying.story.tell_books(0, at=make.after_ms(5_100))
    (hedge,) = hedges(flying.tell(Tick(make.after_ms(6_000))))
    flying.tell(ended(hedge, ms=6_100))

    assert hedges(held) == []
    assert "no_way_out" in called
    assert flying.end().outcome is Outcome.ONE_LEG


def test_the_venue_that_is_there_is_taken_while_the_other_is_down() -> None:
    flying = Flying()
    flying.tell(VenueDown(make.after_ms(10), B, "reset"))
    (hedge,) = hedges(flying.tell(ended(flying.upbit, ms=20), said(flying.binance, R.UNKNOWN, ms=20), refused(flying)))

    assert (hedge.venue, hedge.side) == (U, Side.BUY)


def refused(flying: Flying) -> OrderReply:
    return said(flying.binance, R.REFUSED, ms=50)


# --- what was left behind


@pytest.mark.parametrize("known_first", [True, False])
def test_a_plan_of_an_earlier_run_waits_for_its_instruments_and_is_then_asked_for(known_first: bool) -> None:
    engine = make.Engine(
        make.EngineConfig(limits=make.limits(), trading_day_tz="Asia/Seoul", virtual_capital_krw=None),
        make.remembered(fence=8),
    )
    plan = a_plan()
    orders = opening_orders(plan)
    recovered: Event = PlanRecovered(make.NOON, plan, orders)
    universe: Event = UniverseChanged(make.NOON, make.universe())
    events = [universe, recovered] if known_first else [recovered, universe]
    brought = [intent for event in (*events, RecoveryEnded(make.NOON)) for intent in engine.handle(event)]

    assert [each.order for each in brought if isinstance(each, AskOrder)] == list(orders)


def test_nothing_new_is_started_before_what_was_left_behind_is_settled() -> None:
    story = make.Story("BTC", "ETH")
    plan = a_plan()
    upbit, binance = opening_orders(plan)
    story.tell(PlanRecovered(make.NOON, plan, (upbit, binance)), RecoveryEnded(make.NOON))
    story.tell_books(0, base="BTC")
    story.tell(Tick(make.after_ms(100)))
    story.tell_books(80, base="ETH", at=make.after_ms(200))
    before = [each for each in story.intents if isinstance(each, SubmitPlan)]
    (hedge,) = hedges(story.tell(ended(upbit, ms=300), said(binance, R.REFUSED, ms=300)))
    story.tell(ended(hedge, ms=400), Tick(make.after_ms(500)))
    story.tell_books(80, base="ETH", at=make.after_ms(1_300))

    assert before == []
    assert len([each for each in story.intents if isinstance(each, SubmitPlan)]) == 1


def test_a_plan_whose_pair_is_not_traded_any_more_keeps_new_plans_back() -> None:
    story = make.Story("ETH")
    story.tell(PlanRecovered(make.NOON, a_plan(), opening_orders(a_plan())), RecoveryEnded(make.NOON))
    story.tell(Tick(make.after_ms(100)))
    story.tell_books(80, base="ETH", at=make.after_ms(200))

    assert [each for each in story.intents if isinstance(each, SubmitPlan)] == []


# --- late


def test_what_turns_up_after_its_plan_is_a_plan_of_its_own_with_its_own_worst_case() -> None:
    flying = Flying()
    lost(flying, 20_000)
    at = make.after_ms(20_500)
    (hedge,) = hedges(
        flying.tell(
            BalancesSeen(at, B, OWNED[B], is_whole=True), Inspected(at, flying.binance.client_id, B, is_listed=False)
        )
    )
    flying.tell(ended(hedge, ms=20_600))
    losses = flying.story.engine.safety.keeper.losses
    before = losses.in_flight
    late = flying.tell(ended(flying.binance, ms=40_000))
    (adopted,) = (each for each in late if isinstance(each, AdoptPlan))
    held = losses.in_flight
    (again,) = hedges(late)
    flying.tell(ended(again, ms=40_100))

    assert (before, held, losses.in_flight) == (0, adopted.worst_case, 0)
    assert flying.end().plan.plan_id == adopted.plan.plan_id != flying.plan.plan_id
    assert sum(flying.view(41_000).positions.values()) < D("0.00005")


def test_time_alone_never_sends_a_second_order_for_a_leg() -> None:
    flying = Flying()
    brought = flying.run(600_000, 1_000)
    for ms in (600_100, 600_900):
        brought.extend(flying.tell(Wake(Instant(make.after_ms(ms)))))

    assert hedges(brought) == []
    assert {each.order for each in brought if isinstance(each, AskOrder)} == {flying.upbit, flying.binance}


def test_what_was_left_over_above_its_cap_stops_new_plans() -> None:
    """0.001 BTC are worth 119,000 KRW, and the cautious cap is 30,000 KRW."""
    story = make.Story(past=make.remembered(positions={"BTC": D("0.001")}))
    story.tell_books(0)
    story.tell(Tick(make.NOON))
    story.tell_books(80, at=make.after_ms(100))

    assert [each for each in story.intents if isinstance(each, SubmitPlan)] == []


def test_what_a_venue_refuses_twice_is_not_tried_a_third_time() -> None:
    flying = Flying()
    for ms in (100, 300):
        refused = [replace(said(each, R.REFUSED, ms=ms), reason="a tick") for each in (flying.upbit, flying.binance)]
        flying.tell(*refused)
        for told in flying.story.tell_books(80, at=make.after_ms(ms + 100)):
            if isinstance(told, SubmitPlan):
                flying.upbit, flying.binance = told.orders

    assert len(flying.plans()) == 2
    assert flying.latches() == ["refused_orders:BTC"]
