"""The flight deck: follows orders to neutral, counts every fill once, and adopts what turns up late."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import Inspected, PlanRecovered, ReplyKind, UniverseChanged
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import AdoptPlan, AskOrder, CancelOrder, InspectOrder, Intent, WakeAt
from arbitrage.domain.plans import Direction, LegEnd, Order, Outcome, Purpose
from arbitrage.execution.numbering import opening_orders
from arbitrage.flight_deck import WATCHED_NS
from tests import builders as make
from tests.deck_builders import Deck, hedges
from tests.flight_builders import a_plan, ended, said

D = Decimal
U, B = Venue.UPBIT, Venue.BINANCE
R = ReplyKind


def kinds(intents: list[Intent]) -> list[type]:
    return [type(intent) for intent in intents]


# --- a plan's way


def test_two_filled_legs_end_the_plan_and_move_what_is_owned() -> None:
    story = Deck()
    spoken_for = story.spoken_for()
    story.hear(ended(story.upbit), ended(story.binance))
    end = story.end()

    assert (end.outcome, end.hedges) == (Outcome.BOTH, ())
    assert (spoken_for, story.spoken_for()) == (True, False)
    assert story.moved() == {
        (U, "BTC"): D("-0.01"),
        (U, "KRW"): D(1_200_000) - 600,
        (B, "BTC"): D("0.01001") * D("0.999"),
        (B, "USDT"): D("-850.85"),
    }


@pytest.mark.parametrize("order", ["upbit first", "binance first"])
def test_a_leg_that_was_refused_is_hedged_whichever_comes_first(order: str) -> None:
    story = Deck()
    told = [ended(story.upbit), said(story.binance, R.REFUSED)]
    (hedge,) = hedges(story.hear(*(told if order == "upbit first" else reversed(told))))

    assert (hedge.purpose, hedge.side, hedge.plan_id) == (Purpose.REDUCE, Side.BUY, story.plan.plan_id)
    assert hedge.client_id == f"arb-abc123-7-1-{'u' if hedge.venue is U else 'b'}-2"
    story.hear(ended(hedge, ms=120))
    end = story.end()
    assert (end.outcome, end.upbit_end, end.binance_end) == (Outcome.ONE_LEG, LegEnd.FILLED, LegEnd.EMPTY)
    assert [each.client_id for each in end.hedges] == [hedge.client_id]
    assert not story.spoken_for()


def test_the_time_to_neutral_runs_from_the_first_fill() -> None:
    story = Deck()
    story.hear(ended(story.upbit, ms=40))
    (hedge,) = hedges(story.hear(said(story.binance, R.REFUSED, ms=60)))
    story.hear(ended(hedge, ms=190))

    assert story.end().neutral_after == 150_000_000


def test_a_plan_of_which_nothing_filled_was_never_exposed() -> None:
    story = Deck()
    story.hear(ended(story.upbit, "0"), said(story.binance, R.BUSY))
    end = story.end()

    assert (end.outcome, end.neutral_after, end.result) == (Outcome.MISSED, None, 0)
    assert story.moved() == {}


def test_an_exposure_is_seen_from_the_moment_that_it_is_proven() -> None:
    story = Deck()
    story.hear(said(story.upbit, R.ACCEPTED, "0.5", ms=30))
    since = [flight.exposed_since for flight in story.deck.exposed()]
    story.hear(ended(story.upbit, ms=40), ended(story.binance, ms=50))

    assert since == [make.after_ms(30)]
    assert story.deck.exposed() == ()


def test_an_order_that_is_unknown_and_then_found_is_not_sent_again() -> None:
    story = Deck()
    story.hear(ended(story.upbit), said(story.binance, R.UNKNOWN, ms=100))
    unknown = [track.order for track in story.deck.unknown()]
    asked = story.deck.advance(make.after_ms(300))
    story.hear(said(story.binance, R.MISSING, ms=350), ended(story.binance, ms=900))

    assert unknown == [story.binance]
    assert kinds(list(asked)) == [AskOrder, WakeAt]
    assert (hedges(story.intents), story.end().outcome) == ([], Outcome.BOTH)


def lost(story: Deck, until_ms: int = 15_000) -> list[Intent]:
    """Let Binance's order be missed for as long as it takes; return what was asked for at the end."""
    story.hear(ended(story.upbit), said(story.binance, R.UNKNOWN))
    for ms in range(0, until_ms + 1, 1_000):
        brought = list(story.deck.advance(make.after_ms(ms)))
        if any(isinstance(intent, InspectOrder) for intent in brought):
            return brought
        if any(isinstance(intent, AskOrder) for intent in brought):
            story.hear(said(story.binance, R.MISSING, ms=ms))
    return []


def test_an_order_that_is_missed_for_long_is_looked_for_and_then_hedged() -> None:
    story = Deck()
    brought = lost(story)
    at = make.after_ms(16_000)
    (hedge,) = hedges(list(story.deck.inspected(Inspected(at, story.binance.client_id, B, False), True)))

    assert InspectOrder in kinds(brought)
    assert hedges(story.intents) == []
    assert hedge.purpose is Purpose.REDUCE


@pytest.mark.parametrize(("is_listed", "agree"), [(True, True), (False, False), (True, False)])
def test_lists_or_balances_against_it_keep_it_unknown(is_listed: bool, agree: bool) -> None:
    story = Deck()
    lost(story)
    brought = story.deck.inspected(Inspected(make.after_ms(16_000), story.binance.client_id, B, is_listed), agree)

    assert hedges(list(brought)) == []
    assert [track.order for track in story.deck.unknown()] == [story.binance]


def test_an_inspection_that_comes_too_early_proves_nothing() -> None:
    story = Deck()
    story.hear(ended(story.upbit), said(story.binance, R.UNKNOWN), said(story.binance, R.MISSING, ms=10))
    story.deck.inspected(Inspected(make.after_ms(20), story.binance.client_id, B, False), True)

    assert [track.order for track in story.deck.unknown()] == [story.binance]


def test_an_order_that_hangs_open_is_cancelled_and_what_it_filled_counts() -> None:
    story = Deck()
    story.hear(ended(story.upbit), said(story.binance, R.ACCEPTED, "0.25"))
    cancels = [i for i in story.deck.advance(make.after_ms(2_000)) if isinstance(i, CancelOrder)]
    (hedge,) = hedges(story.hear(ended(story.binance, "0.5", ms=2_100)))

    assert cancels == [CancelOrder(story.binance)]
    assert abs(hedge.quantity - D("0.005")) < D("0.00002")


def test_one_plan_per_pair() -> None:
    story = Deck()
    with pytest.raises(ValueError, match="BTC already has a plan in flight"):
        story.deck.open(a_plan(plan_id="other"), make.pair(), (), make.NOON)


def test_a_plan_that_never_left_is_as_if_it_had_not_been() -> None:
    story = Deck()
    story.deck.withdraw(story.plan.plan_id)

    assert (len(story.deck), story.spoken_for(), story.deck.knows(story.upbit.client_id)) == (0, False, False)


def test_while_a_latch_halts_nothing_is_hedged_until_someone_flattens() -> None:
    story = Deck()
    story.safety.keeper.latch(LatchKind.UNEXPLAINED_EXPOSURE, make.NOON, "lost one")
    held = story.hear(ended(story.upbit), said(story.binance, R.REFUSED))
    stuck = story.deck.stuck()
    story.deck.is_flattening = True

    assert hedges(held) == []
    assert stuck == "abc123-7-1: the position is not known: nothing is hedged"
    assert len(hedges(list(story.deck.advance(make.after_ms(1_000))))) == 1
    assert story.deck.stuck() == ""


def test_a_check_before_the_first_order_that_fails_does_not_hold_a_way_out() -> None:
    story = Deck()
    story.safety.halted = "the key may withdraw"

    assert len(hedges(story.hear(ended(story.upbit), said(story.binance, R.REFUSED)))) == 1


# --- what was left behind


def test_a_plan_of_an_earlier_run_is_asked_for_and_settled_by_the_same_machine() -> None:
    story = Deck(opened=False)
    asked = list(story.deck.recover(left(story, story.upbit, story.binance), make.pair(), make.NOON))
    (hedge,) = hedges(story.hear(ended(story.upbit, ms=50), said(story.binance, R.REFUSED, ms=60)))
    story.hear(ended(hedge, ms=90))

    assert kinds(asked) == [AskOrder, AskOrder, WakeAt]
    assert story.end().outcome is Outcome.ONE_LEG


def test_a_hedge_of_an_earlier_run_is_a_try_and_its_number_is_not_given_again() -> None:
    first = Deck()
    (hedge,) = hedges(first.hear(ended(first.upbit), said(first.binance, R.REFUSED)))
    story = Deck(opened=False)
    list(story.deck.recover(left(story, story.upbit, story.binance, hedge), make.pair(), make.NOON))
    told = story.hear(ended(story.upbit), said(story.binance, R.REFUSED), ended(hedge, "0.5"))
    (again,) = hedges(told)

    assert again.client_id not in {story.upbit.client_id, story.binance.client_id, hedge.client_id}
    assert abs(again.quantity - D("0.005")) < D("0.00002")


# --- what comes late


def lost_for_good() -> Deck:
    """A plan whose Binance order was declared absent, and that was evened out without it."""
    story = Deck()
    lost(story)
    seen = Inspected(make.after_ms(16_000), story.binance.client_id, B, False)
    story.settle_hedges(list(story.deck.inspected(seen, True)), ms=16_100)
    story.end()
    return story


def test_an_order_that_turns_up_after_all_is_adopted_and_hedged() -> None:
    story = lost_for_good()
    before = story.moved()
    adopted, *rest = story.hear(ended(story.binance, ms=60_000))
    assert isinstance(adopted, AdoptPlan)
    held = story.safety.keeper.losses.in_flight
    (hedge,) = hedges(rest)
    story.settle_hedges(rest, ms=60_100)
    end = story.end()

    assert (adopted.plan.plan_id, adopted.orders) == ("abc123-8-1", (story.binance,))
    assert adopted.worst_case == held > 0
    assert hedge.plan_id == "abc123-8-1"
    assert hedge.side is Side.SELL
    assert abs(end.residual_base) < D("0.00001")
    assert story.moved() != before
    assert not story.spoken_for()


def test_an_order_is_adopted_once_however_often_its_end_is_told() -> None:
    story = lost_for_good()
    first = story.hear(ended(story.binance, ms=60_000))
    again = story.hear(*(ended(story.binance, ms=60_000 + n) for n in range(1, 4)))
    story.settle_hedges(first, ms=61_000)
    story.end()
    after = story.hear(ended(story.binance, ms=62_000))

    assert [intent for intent in (*again, *after) if isinstance(intent, AdoptPlan)] == []


def test_only_what_an_order_grew_by_after_its_plan_is_hedged() -> None:
    """Half of it was told before the plan ended, and the rest after: the rest is a plan of its own."""
    story = Deck()
    story.hear(ended(story.upbit, "0.5"), ended(story.binance, "0.5"))
    story.end()
    half = story.moved()
    brought = story.hear(said(story.binance, R.ENDED, "1", ms=5_000))
    (hedge,) = hedges(brought)
    story.settle_hedges(brought, ms=5_100)
    story.end()
    bought = story.moved()[B, "BTC"] + (hedge.quantity if hedge.venue is B else 0)

    assert abs(hedge.quantity - D("0.005")) < D("0.00002")
    assert half[B, "BTC"] == D("0.01001") * D("0.5") * D("0.999")
    assert bought == D("0.01001") * D("0.999")


def test_an_order_that_grows_twice_after_its_plan_is_adopted_twice_and_never_counted_double() -> None:
    story = Deck()
    story.hear(ended(story.upbit, "1"), ended(story.binance, "0"))
    story.settle_hedges(story.intents)
    story.end()
    for n, part in enumerate(("0.4", "1"), 1):
        brought = story.hear(said(story.binance, R.ENDED, part, ms=n * 5_000))
        story.settle_hedges(brought, ms=n * 5_000 + 100)
        story.end()
    net = sum(change for (_, currency), change in story.moved().items() if currency == "BTC")

    assert [i.plan.plan_id for i in story.intents if isinstance(i, AdoptPlan)] == ["abc123-8-1", "abc123-8-2"]
    assert net == story.deck.dust["BTC"]
    assert abs(net) < D("0.00005")


def test_an_order_that_is_suddenly_open_is_adopted_and_cancelled() -> None:
    story = lost_for_good()
    brought = story.hear(said(story.binance, R.ACCEPTED, ms=60_000))
    later = list(story.deck.advance(make.after_ms(62_000)))

    assert kinds(brought) == [AdoptPlan, AskOrder, WakeAt]
    assert CancelOrder(story.binance) in later
    story.hear(ended(story.binance, "0", ms=62_100))
    assert story.end().outcome is Outcome.MISSED


def test_an_order_of_a_day_ago_is_forgotten() -> None:
    story = lost_for_good()
    ended_at = story.deck.latest_end
    story.deck.forget_old(Instant(ended_at + WATCHED_NS))
    still = story.deck.knows(story.binance.client_id)
    story.deck.forget_old(Instant(ended_at + WATCHED_NS + 1))

    assert (still, story.deck.knows(story.binance.client_id)) == (True, False)
    assert story.hear(ended(story.binance, ms=10**8)) == []


def test_an_order_that_was_adopted_is_listened_to_as_long_as_its_plan_is_in_flight() -> None:
    story = lost_for_good()
    story.hear(said(story.binance, R.ACCEPTED, ms=60_000))
    story.deck.forget_old(Instant(make.NOON + 2 * WATCHED_NS))
    story.hear(ended(story.binance, "0", ms=2 * WATCHED_NS / 1_000_000))

    assert story.end().outcome is Outcome.MISSED


def test_a_way_out_that_turns_up_after_its_plan_is_adopted_and_evened_out_too() -> None:
    """It was lost, and looked for, and declared absent, and another one was sent in its place: both have filled."""
    story = Deck()
    (gone,) = hedges(story.hear(ended(story.upbit), said(story.binance, R.REFUSED)))
    story.hear(said(gone, R.UNKNOWN), *(said(gone, R.MISSING, ms=ms) for ms in range(0, 16_000, 2_500)))
    seen = Inspected(make.after_ms(16_000), gone.client_id, gone.venue, False)
    story.settle_hedges(list(story.deck.inspected(seen, True)), ms=16_100)
    first = story.end()
    story.settle_hedges(story.hear(ended(gone, ms=30_000)), ms=30_100)
    second = story.end()
    net = sum(change for (_, currency), change in story.moved().items() if currency == "BTC")

    assert (first.outcome, second.plan.plan_id) == (Outcome.ONE_LEG, "abc123-8-1")
    assert len(second.hedges) == 2
    assert net == story.deck.dust["BTC"] == first.residual_base + second.residual_base
    assert abs(net) < D("0.00005")


# --- laws

tellings = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from([R.ACCEPTED, R.ENDED, R.UNKNOWN, R.MISSING, R.REFUSED, R.BUSY]),
        st.sampled_from(["0", "0.25", "0.5", "1"]),
        st.integers(0, 3_000),
    ),
    max_size=14,
)


@given(tellings, st.lists(st.sampled_from(["0", "0.5", "1"]), max_size=8), st.sampled_from(Direction))
def test_whatever_is_told_the_books_of_the_deck_add_up(
    told: list[tuple[bool, ReplyKind, str, int]], parts: list[str], direction: Direction
) -> None:
    """What all orders are known to have moved is what is owned more or less, plus what flights still hold."""
    story, at, later = Deck(opened=False), 0, iter(parts)
    story.plan = a_plan(direction)
    story.upbit, story.binance = opening_orders(story.plan)
    story.deck.open(story.plan, make.pair(), (story.upbit, story.binance), make.NOON)
    fills: dict[str, Decimal] = {}
    sent: list[Order] = []

    def tell(order: Order, kind: ReplyKind, part: str | None) -> None:
        reply = said(order, kind, part, ms=at)
        if reply.fill is not None:
            net = order.side.sign * reply.fill.quantity - (reply.fill.fee if reply.fill.fee_currency == "BTC" else 0)
            fills[order.client_id] = max(fills.get(order.client_id, D(0)), net, key=abs)
        sent.extend(hedges(story.hear(reply)))

    for is_upbit, kind, part, wait in told:
        at += wait
        order = story.upbit if is_upbit else story.binance
        tell(order, kind, part if kind in {R.ACCEPTED, R.ENDED} else None)
        while sent:
            tell(sent.pop(0), R.ENDED, next(later, "1"))
    deck = story.deck
    net = sum(fills.values())
    booked = sum(change for (_, currency), change in story.moved().items() if currency == "BTC")
    in_flight = sum(flight.exposure() for flight in deck.flights.values())

    assert net == booked + in_flight
    assert booked == deck.dust.get("BTC", 0)
    assert booked == sum(end.residual_base for end in deck.ended)
    unsettled = sum(deck.unsettled(venue).get("BTC", D(0)) for venue in Venue)
    assert unsettled == in_flight


def test_of_two_plans_of_a_pair_the_first_takes_the_dust_along_and_the_second_does_not() -> None:
    story = lost_for_good()
    story.deck.dust["BTC"] = D("0.001")
    plan = a_plan(plan_id="abc123-8-0")
    story.deck.open(plan, make.pair(), opening_orders(plan), make.after_ms(59_000))
    (of_adopted,) = hedges(story.hear(ended(story.binance, ms=60_000)))
    (of_first,) = hedges(story.hear(*(ended(order, ms=60_000) for order in opening_orders(plan))))

    assert abs(of_adopted.quantity - D("0.01")) < D("0.00002")
    assert abs(of_first.quantity - D("0.001")) < D("0.00002")


def test_the_universe_may_change_in_mid_flight() -> None:
    story = Deck()
    story.market.adopt(UniverseChanged(make.NOON, make.universe("ETH")).universe)
    story.hear(ended(story.upbit), ended(story.binance))

    assert story.end().outcome is Outcome.BOTH


def left(story: Deck, *orders: Order) -> PlanRecovered:
    return PlanRecovered(make.NOON, story.plan, orders)
