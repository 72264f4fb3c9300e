"""The engine's stories: what it is told, and what it asks for."""

import math
from decimal import Decimal

import pytest

from arbitrage.domain.events import (
    BookRejected,
    InventoryGiven,
    LegReport,
    ReplyKind,
    StateDown,
    StateUp,
    Tick,
    UniverseChanged,
    VenueDown,
)
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, Universe, Venue
from arbitrage.domain.intents import Intent, Publish, ReportPlanEnd, ReportRefusal, SubmitHedge, SubmitPlan, WakeAt
from arbitrage.domain.plans import Direction, Fill, LegEnd, Outcome, PlanEnd, TwoLegPlan
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.domain.views import EngineView
from arbitrage.execution.numbering import opening_orders
from tests import builders as make
from tests.flight_builders import a_fill, said

BIG_PREMIUM, NO_PREMIUM = 80, 0


def plans(intents: list[Intent] | tuple[Intent, ...]) -> list[TwoLegPlan]:
    return [intent.approved.what for intent in intents if isinstance(intent, SubmitPlan)]


def codes(intents: tuple[Intent, ...]) -> set[RefusalCode]:
    return {refusal.code for i in intents if isinstance(i, ReportRefusal) for refusal, _ in i.reasons}


def view(story: make.Story, at: Instant = make.NOON) -> EngineView:
    (published,) = (intent for intent in story.tell(Tick(at)) if isinstance(intent, Publish))
    assert isinstance(published, Publish)
    return published.view


def filled(plan: TwoLegPlan, venue: Venue, at: Instant, part: str = "1") -> LegReport:
    order = next(each for each in opening_orders(plan) if each.venue is venue)
    end = LegEnd.FILLED if part == "1" else LegEnd.EMPTY if part == "0" else LegEnd.PARTIAL
    return LegReport(at, order.client_id, plan.plan_id, venue, end, a_fill(order, part))


def end_of(story: make.Story, plan: TwoLegPlan, upbit: str, binance: str, at: Instant = make.NOON) -> PlanEnd:
    """End both legs; what is sent to even them out fills at its limit."""
    intents = story.tell(filled(plan, Venue.UPBIT, at, upbit), filled(plan, Venue.BINANCE, at, binance))
    while hedges := [intent.order for intent in intents if isinstance(intent, SubmitHedge)]:
        intents = story.tell(*(said(order, ReplyKind.ENDED, "1", at=at) for order in hedges))
    (told,) = (intent for intent in intents if isinstance(intent, ReportPlanEnd))
    return told.end


def test_a_premium_beyond_every_fee_becomes_a_plan_of_two_legs() -> None:
    (plan,) = plans(make.Story().tell_books(BIG_PREMIUM))

    assert plan.direction is Direction.SELL_UPBIT
    assert (plan.upbit.side, plan.binance.side) == (Side.SELL, Side.BUY)
    assert plan.plan_id == "abc123-7-1"
    assert 50 < plan.net_edge_bps < 60


def test_a_discount_beyond_every_fee_is_traded_the_other_way() -> None:
    (plan,) = plans(make.Story().tell_books(-BIG_PREMIUM))

    assert plan.direction is Direction.BUY_UPBIT
    assert (plan.upbit.side, plan.binance.side) == (Side.BUY, Side.SELL)


def test_a_premium_that_the_fees_eat_is_nothing() -> None:
    story = make.Story()
    story.tell_books(29)  # 20 bps of fees, and the minimum edge of 10

    assert story.intents == []


def test_the_orders_carry_ids_that_either_venue_takes() -> None:
    (submit,) = make.Story().tell_books(BIG_PREMIUM)
    assert isinstance(submit, SubmitPlan)

    assert [order.client_id for order in submit.orders] == ["arb-abc123-7-1-u-1", "arb-abc123-7-1-b-1"]
    assert all(len(order.client_id) <= 36 for order in submit.orders)


def test_nothing_is_decided_before_the_state_can_be_written() -> None:
    story = make.Story()
    story.tell(StateDown(make.NOON, "Redis does not answer"))

    assert codes(story.tell_books(BIG_PREMIUM)) == {RefusalCode.STATE_UNAVAILABLE}


def test_trading_resumes_when_the_state_is_back() -> None:
    story = make.Story()
    story.tell(StateDown(make.NOON, "Redis does not answer"), StateUp(make.NOON))

    assert len(plans(story.tell_books(BIG_PREMIUM))) == 1


@pytest.mark.parametrize("venue", list(Venue))
def test_a_lost_venue_takes_its_books_with_it(venue: Venue) -> None:
    story = make.Story()
    story.tell_books(NO_PREMIUM)
    story.tell(VenueDown(make.NOON, venue, "no frame for 10 s"))
    other = Venue.BINANCE if venue is Venue.UPBIT else Venue.UPBIT
    book = make.upbit_book(2e8, 2e8 + 1_000) if other is Venue.UPBIT else make.binance_book(10.0, 10.01)

    assert story.tell(book) == ()


def test_a_bad_frame_stops_belief_in_its_book_only() -> None:
    story = make.Story("BTC", "ETH")
    story.tell_books(NO_PREMIUM)
    story.tell_books(NO_PREMIUM, base="ETH")
    story.tell(BookRejected(make.NOON, Venue.UPBIT, "KRW-BTC", "malformed"))
    health = {line.symbol: line.health for line in view(story).venues["upbit"].books}

    assert health == {"KRW-USDT": "good", "KRW-BTC": "empty", "KRW-ETH": "good"}


@pytest.mark.parametrize(
    ("case", "upbit_ms", "binance_ms", "fx_ms", "expected"),
    [
        ("old upbit", 0, 5_001, 5_001, {RefusalCode.BOOK_TOO_OLD, RefusalCode.BOOKS_TOO_FAR_APART}),
        ("old fx", 30_001, 30_001, 0, {RefusalCode.FX_TOO_OLD}),
        ("apart", 0, 3_001, 3_001, {RefusalCode.BOOKS_TOO_FAR_APART}),
    ],
)
def test_old_data_is_refused(case: str, upbit_ms: int, binance_ms: int, fx_ms: int, expected: set[RefusalCode]) -> None:
    plenty = {"BTC": Decimal(10), "KRW": Decimal(10**9), "USDT": Decimal(10**9)}
    story = make.Story(past=make.remembered(inventory=dict.fromkeys(Venue, plenty)))
    story.tell(
        make.fx(at=make.after_ms(fx_ms)),
        make.upbit_book(1.2e8, 1.2e8 + 1_000, at=make.after_ms(upbit_ms)),
    )

    assert codes(story.tell(make.binance_book(85_000.0, 85_000.01, at=make.after_ms(binance_ms)))) == expected


def test_hummingbot_27_a_500_000_percent_profit_is_refused() -> None:
    story = make.Story()
    story.tell_books(NO_PREMIUM)

    assert codes(story.tell(make.binance_book(17.0, 17.01))) == {RefusalCode.EDGE_IMPLAUSIBLE}


def test_a_glitch_is_neither_the_best_of_the_day_nor_a_price_for_virtual_coins() -> None:
    story = make.Story()
    story.tell(make.fx(), make.upbit_book(1.2e8, 1.2e8 + 1_000), make.binance_book(17.0, 17.01))
    shown = view(story)

    assert shown.inventory == {"upbit": {}, "binance": {}}
    assert [line.best_today_bps for line in shown.edges] == [None, None]


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(120_000_000.0, 1.0), (119_999_000.0, 0.0)], [(120_001_000.0, 1.0)]),
        ([(120_000_000.0, 1.0)], [(120_001_000.0, 1.0), (math.nan, 1.0)]),
    ],
)
def test_a_book_that_turns_out_bad_when_walked_is_no_opportunity(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]]
) -> None:
    story = make.Story()
    story.tell_books(NO_PREMIUM)
    brought = story.tell(make.snapshot(Venue.UPBIT, "KRW-BTC", bids, asks, make.after_ms(10)))
    shown = view(story, make.after_ms(20)).venues["upbit"]

    assert brought == ()
    assert (shown.rejected, shown.books[1].health) == (1, "empty")


def test_frames_of_a_venue_that_is_down_are_not_believed() -> None:
    story = make.Story()
    story.tell(VenueDown(make.NOON, Venue.UPBIT, "reset"))

    assert story.tell_books(BIG_PREMIUM) == ()


def test_a_reset_in_mid_plan_refills_both_sides() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    full = view(story).inventory
    story.tell(InventoryGiven(make.NOON, {}))
    end_of(story, plan, "1", "1")
    story.tell_books(BIG_PREMIUM, at=make.after_ms(1_000))

    assert view(story, make.after_ms(1_000)).inventory == full


def test_positions_outlive_a_restart() -> None:
    story = make.Story(past=make.remembered(positions={"BTC": Decimal("-0.25")}))

    assert view(story).positions == {"BTC": Decimal("-0.25")}


def test_a_late_report_does_not_turn_the_day_back() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    story.tell(Tick(make.after_ms(12 * 3_600_000)))
    end_of(story, plan, "1", "1", at=make.after_ms(11 * 3_600_000))
    score = view(story, make.after_ms(12 * 3_600_000)).score_today

    assert (score.day, score.plans) == ("2026-11-27", 1)


def test_one_plan_in_flight_per_pair() -> None:
    story = make.Story()
    story.tell_books(BIG_PREMIUM)

    assert codes(story.tell_books(BIG_PREMIUM, at=make.after_ms(1_500))) == {RefusalCode.PLAN_IN_FLIGHT}


def test_a_pair_arms_again_only_with_two_books_younger_than_its_last_end() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1", at=make.after_ms(50))
    later, bid = make.after_ms(100), story.engine.market.book(Venue.UPBIT, "KRW-BTC").bid
    one_book = story.tell(make.upbit_book(bid, bid + 1_000, at=later))
    both_books = story.tell(make.binance_book(84_999.99, 85_000.0, at=later))

    assert codes(one_book) == {RefusalCode.NOT_REARMED}
    assert [plan.plan_id for plan in plans(both_books)] == ["abc123-7-2"]


def test_the_frames_that_ended_a_plan_do_not_arm_its_pair() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1", at=make.after_ms(1_500))

    assert RefusalCode.NOT_REARMED in codes(story.tell_books(BIG_PREMIUM, at=make.after_ms(1_500)))
    assert len(plans(story.intents)) == 1


def test_a_refused_opportunity_is_told_once_a_second_and_counted_each_time() -> None:
    story = make.Story()
    story.tell(StateDown(make.NOON, "away"))
    told = [story.tell_books(BIG_PREMIUM, at=make.after_ms(ms)) for ms in (0, 10, 999, 1_000)]

    assert [bool(intents) for intents in told] == [True, False, False, True]
    assert {line.code: line.count for line in view(story).refusals}["state_unavailable"] == 10


def test_two_legs_filled_settle_as_both_with_the_result_in_won() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end = end_of(story, plan, "1", "1")

    assert end.outcome is Outcome.BOTH
    assert abs(end.residual_base) < Decimal("1e-8")
    # both at their limits: at the least the minimum edge of 10 bps is left
    assert end.result / 10_000 > float(plan.notional_krw) * 0.001


@pytest.mark.parametrize(
    ("upbit", "binance", "outcome"),
    [
        ("1", "0", Outcome.ONE_LEG),
        ("0", "1", Outcome.ONE_LEG),
        ("0", "0", Outcome.MISSED),
        ("0.5", "1", Outcome.UNEVEN),
    ],
)
def test_a_plan_is_named_by_what_its_legs_came_to_and_left_neutral(upbit: str, binance: str, outcome: Outcome) -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end = end_of(story, plan, upbit, binance)

    assert end.outcome is outcome
    assert bool(end.hedges) is (outcome is not Outcome.MISSED)
    assert bool(end.result) is (outcome is not Outcome.MISSED)
    assert abs(end.residual_base) < Decimal("0.00005")  # 5,000 KRW at 1.2e8 and a tenth: dust


def test_dust_that_plans_leave_over_adds_up_to_the_position_and_is_hedged_once_it_can_be() -> None:
    """A plan that lacks 0.00003 BTC ends with it; the next one lacks as much, and both are bought together."""
    story, ends = make.Story(), []
    for second in (1, 2):
        (plan,) = plans(story.tell_books(BIG_PREMIUM, at=make.after_ms(second * 1_000)))
        missed = str(1 - Decimal("0.00003") / plan.binance.quantity)
        ends.append(end_of(story, plan, "1", missed, at=make.after_ms(second * 1_000 + 50)))
    first, second_end = ends

    assert (first.hedges, second_end.outcome) == ((), Outcome.BOTH)
    assert Decimal("-0.00004") < first.residual_base < Decimal("-0.00002")
    assert [hedge.fill.quantity > Decimal("0.00005") for hedge in second_end.hedges] == [True]
    left = first.residual_base + second_end.residual_base
    assert view(story, make.after_ms(3_000)).positions == {"BTC": left}
    assert abs(left) < Decimal("0.00001")


def test_a_leg_that_could_not_be_followed_is_unscored_and_worth_nothing() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    owned = view(story).inventory
    nothing = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency="KRW")
    unseen = LegReport(make.NOON, opening_orders(plan)[0].client_id, plan.plan_id, Venue.UPBIT, LegEnd.UNSEEN, nothing)
    *_, ended = story.tell(filled(plan, Venue.BINANCE, make.NOON), unseen)
    score = view(story).score_today

    assert isinstance(ended, ReportPlanEnd)
    assert (ended.end.outcome, ended.end.result) == (Outcome.UNSCORED, 0)
    assert (score.plans, score.result_units) == (1, 0)
    assert view(story).inventory == owned
    assert not any(view(story).positions.values())


def test_the_same_report_twice_changes_nothing() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    once = story.tell(filled(plan, Venue.UPBIT, make.NOON))
    twice = story.tell(filled(plan, Venue.UPBIT, make.NOON))

    # until the other leg is heard of, the only thing to do is to ask after it
    assert (once, twice, view(story).plans_open) == ((WakeAt(make.after_ms(500)),), (), 1)


def test_hummingbot_2228_inventory_runs_dry_as_a_real_one_would() -> None:
    story = make.Story(capital_krw=1_000_000)
    for n in range(20):
        for plan in plans(story.tell_books(BIG_PREMIUM, at=make.after_ms(n * 1_000))):
            end_of(story, plan, "1", "1", at=make.after_ms(n * 1_000 + 50))

    assert 1 <= len(plans(story.intents)) < 20
    assert codes(tuple(story.intents)) >= {RefusalCode.INVENTORY_DRY}


def test_a_dry_inventory_can_be_refilled() -> None:
    story = make.Story(capital_krw=1_000_000)
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1")
    dry = story.tell_books(BIG_PREMIUM, at=make.after_ms(1_000))
    story.tell(InventoryGiven(make.NOON, {}))
    refilled = story.tell_books(BIG_PREMIUM, at=make.after_ms(2_000))

    assert RefusalCode.INVENTORY_DRY in codes(dry)
    assert (len(plans(dry)), len(plans(refilled))) == (0, 1)


def test_what_a_plan_in_flight_has_spoken_for_is_not_spent_twice() -> None:
    """USDT is shared by all pairs, and short: the second plan gets what the first left over."""
    plenty = Decimal(1_000)
    past = make.remembered(
        inventory={
            Venue.UPBIT: {"BTC": plenty, "ETH": plenty, "KRW": plenty},
            Venue.BINANCE: {"BTC": plenty, "ETH": plenty, "USDT": Decimal(100_000)},
        }
    )
    story = make.Story("BTC", "ETH", past=past, max_position_size=Decimal(100_000_000))
    story.tell_books(BIG_PREMIUM)
    story.tell_books(BIG_PREMIUM, base="ETH")
    spent = sum(plan.binance.quantity * plan.binance.limit_price for plan in plans(story.intents))

    assert len(plans(story.intents)) == 2
    assert spent <= Decimal(view(story).inventory["binance"]["USDT"])


def test_the_inventory_of_an_earlier_run_is_kept() -> None:
    past = make.remembered(
        inventory={Venue.UPBIT: {"BTC": Decimal("0.5"), "KRW": Decimal(1)}, Venue.BINANCE: {"USDT": Decimal(7)}}
    )
    story = make.Story(past=past)
    story.tell_books(NO_PREMIUM)
    owned = view(story).inventory

    assert (owned["upbit"]["BTC"], owned["upbit"]["KRW"], owned["binance"]["USDT"]) == (
        Decimal("0.5"),
        Decimal(1),
        Decimal(7),
    )


def test_trades_of_this_run_count_towards_the_hour() -> None:
    story = make.Story(max_trades_per_hour=1)
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1")

    assert RefusalCode.TOO_MANY_TRADES_HOUR in codes(story.tell_books(BIG_PREMIUM, at=make.after_ms(1_000)))


@pytest.mark.parametrize("capital", [1_000_000_000, 1])
def test_a_refusal_tells_the_edge_that_was_refused(capital: int) -> None:
    story = make.Story(capital_krw=capital)
    story.tell(StateDown(make.NOON, "away"))
    (told,) = story.tell_books(BIG_PREMIUM)
    assert isinstance(told, ReportRefusal)

    assert told.net_edge_bps == pytest.approx(60, abs=1)


def test_trades_of_an_earlier_run_count_towards_the_hour() -> None:
    past = make.remembered(trade_instants=(make.after_ms(-60_000), make.after_ms(-30_000)))
    story = make.Story(past=past, max_trades_per_hour=2)

    assert codes(story.tell_books(BIG_PREMIUM)) == {RefusalCode.TOO_MANY_TRADES_HOUR}


def test_a_halted_instrument_is_not_traded() -> None:
    story = make.Story()
    pair = make.Pair("BTC", make.upbit(), make.binance(halted="status is BREAK"))
    story.tell(UniverseChanged(make.NOON, Universe((pair,), make.upbit("USDT"))))

    assert codes(story.tell_books(BIG_PREMIUM)) == {RefusalCode.INSTRUMENT_HALTED}


def test_a_plan_in_flight_survives_the_loss_of_its_pair() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    story.tell(UniverseChanged(make.NOON, Universe((), make.upbit("USDT"), (("BTC", "delisted"),))))

    assert end_of(story, plan, "1", "1").outcome is Outcome.BOTH


def test_the_view_shows_edges_fx_and_the_best_of_the_day() -> None:
    story = make.Story()
    story.tell_books(25)
    story.tell_books(5, at=make.after_ms(100))
    shown = view(story, make.after_ms(200))
    edges = {line.direction: line for line in shown.edges}

    assert shown.fx.bid == 1_400.0
    assert edges["sell_upbit"].bps == pytest.approx(5 - 20, abs=0.5)
    assert edges["sell_upbit"].best_today_bps == pytest.approx(25 - 20, abs=0.5)


def test_the_best_of_the_day_is_never_taken_from_old_data() -> None:
    story = make.Story()
    story.tell_books(0)
    story.tell(make.upbit_book(1.2e8, 1.2e8 + 1_000, at=make.after_ms(5_001)))
    old_book = {line.direction: line.best_today_bps for line in view(story, make.after_ms(5_001)).edges}
    story.tell(
        make.binance_book(84_999.99, 85_000.0, at=make.after_ms(30_001)),
        make.upbit_book(1.2e8, 1.2e8 + 1_000, at=make.after_ms(30_001)),
    )
    old_fx = {line.direction: line.best_today_bps for line in view(story, make.after_ms(30_001)).edges}

    assert old_book["sell_upbit"] == pytest.approx(-20, abs=0.5)
    assert old_fx["sell_upbit"] == pytest.approx(-20, abs=0.5)


def test_the_best_of_the_day_goes_on_after_a_restart() -> None:
    past = make.remembered(
        best_edges={("BTC", Direction.SELL_UPBIT): 12.5},
        score=view(make.Story()).score_today,
    )
    story = make.Story(past=past)
    story.tell_books(0)
    best = {line.direction: line.best_today_bps for line in view(story).edges}

    assert best["sell_upbit"] == pytest.approx(12.5)
    assert best["buy_upbit"] == pytest.approx(-27.2, abs=1)


def test_no_edge_is_shown_from_books_that_cannot_be_believed() -> None:
    story = make.Story()
    story.tell_books(25)

    assert [line.bps for line in view(story, make.after_ms(6_000)).edges] == [None, None]


def test_a_new_trading_day_in_seoul_starts_a_new_score() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1")
    today = view(story, make.after_ms(1_000)).score_today
    tomorrow = view(story, make.after_ms(12 * 3_600_000)).score_today

    assert (today.day, today.plans) == ("2026-11-26", 1)
    assert (tomorrow.day, tomorrow.plans, tomorrow.result_units) == ("2026-11-27", 0, 0)


def test_a_score_of_the_same_day_goes_on_after_a_restart() -> None:
    story = make.Story()
    (plan,) = plans(story.tell_books(BIG_PREMIUM))
    end_of(story, plan, "1", "1")
    before = view(story).score_today
    restarted = make.Story(past=make.remembered(score=before))

    assert view(restarted).score_today == before


def test_garbage_that_names_no_book_empties_all_of_the_venue() -> None:
    story = make.Story("BTC", "ETH")
    story.tell_books(NO_PREMIUM)
    story.tell(BookRejected(make.NOON, Venue.UPBIT, "", "malformed"))
    venues = view(story).venues

    assert {line.health for line in venues["upbit"].books} == {"empty"}
    assert venues["binance"].books[0].health == "good"


def test_a_new_kind_of_frame_empties_nothing() -> None:
    story = make.Story()
    story.tell_books(NO_PREMIUM)
    story.tell(BookRejected(make.NOON, Venue.UPBIT, "", "unknown_type"))

    assert {line.health for line in view(story).venues["upbit"].books} == {"good"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "no pair has two good books and an fx"),
        ([UniverseChanged(make.NOON, Universe((), make.upbit("USDT")))], "no wanted pair is traded on both venues"),
        ([StateDown(make.NOON, "Redis is away")], "Redis is away"),
    ],
)
def test_a_daemon_that_cannot_trade_says_why(told: list[object], why: str) -> None:
    story = make.Story()
    story.tell(*told)
    shown = view(story)

    assert (shown.accepting, shown.why_not) == (False, why)


def test_a_daemon_with_good_books_accepts() -> None:
    story = make.Story()
    story.tell_books(NO_PREMIUM)

    assert view(story).accepting


def test_what_a_venue_says_of_its_markets_is_shown() -> None:
    story = make.Story()
    pair = make.Pair("BTC", make.upbit(warnings=("PRICE_FLUCTUATIONS",)), make.binance(halted="status is BREAK"))
    story.tell(UniverseChanged(make.NOON, Universe((pair,), make.upbit("USDT"))))

    assert view(story).notices == (
        ("KRW-BTC", "the venue warns: PRICE_FLUCTUATIONS"),
        ("BTCUSDT", "not traded: status is BREAK"),
    )


def test_two_ticks_close_together_do_not_make_a_rate() -> None:
    story = make.Story()
    story.tell(Tick(make.NOON))
    for n in range(50):
        story.tell_books(NO_PREMIUM, at=make.after_ms(n * 20))
    shown = [view(story, make.after_ms(ms)).venues["upbit"].messages_per_s for ms in (1_000, 1_001)]

    assert shown == [100.0, 100.0]
