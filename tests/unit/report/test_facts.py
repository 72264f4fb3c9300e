"""What a day came to: sums, fees, times, stops; and the laws that hold for every day."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_MS, Nanos
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Fill, OrderFill, Outcome
from arbitrage.report.facts import day_facts, hours_of
from arbitrage.report.reading import RefusedReason, RefusedRow
from arbitrage.report.tally import time_to_neutral
from tests.day_builders import a_trip, at, ended, krw, rows_of


def refused(clock: str, **times: int) -> RefusedRow:
    reasons = [(RefusedReason(code), count) for code, count in times.items()]
    return RefusedRow(at=at(clock), base="BTC", direction="sell_upbit", reasons=reasons)


def test_a_day_is_the_sum_of_its_plans():
    facts = day_facts(rows_of(ended("09:00", 1_500), ended("14:10", -4_000, outcome=Outcome.ONE_LEG), ended("14:50")))

    assert facts.total.plans == 3
    assert facts.total.outcomes == {"both": 2, "one_leg": 1}
    assert facts.total.result_krw == krw("-1000")
    assert facts.total.expected_krw == krw("5112.0213")
    assert (facts.best.result_krw, facts.worst.outcome) == (krw("1500"), "one_leg")
    assert {hour: tally.result_krw for hour, tally in facts.by_hour.items()} == {
        "09:00": krw("1500"),
        "14:00": krw("-2500"),
    }


def test_a_plan_that_nobody_could_follow_is_counted_and_worth_nothing():
    facts = day_facts(rows_of(ended("09:00", 1_500), ended("10:00", -90_000, outcome=Outcome.UNSCORED)))

    assert (facts.total.plans, facts.total.result_krw) == (2, krw("1500"))
    assert facts.worst.result_krw == krw("1500")


def test_fees_are_told_by_venue_and_in_won():
    usdt = Fill(quantity=Decimal(1), funds=Decimal(1_000), fee=Decimal(1), fee_currency="USDT")
    hedge = OrderFill(client_id="h", venue=Venue.BINANCE, side=Side.SELL, fill=usdt)
    facts = day_facts(rows_of(ended("09:00", hedges=(hedge,))))

    # Upbit takes 0.05 % of 1,200,005 won; Binance 0.00001 BTC of 0.01002 that cost 851.70 USDT, and one USDT
    assert {(fee.venue, fee.currency): fee.krw for fee in facts.fees} == {
        ("upbit", "KRW"): krw("600.0025"),
        ("binance", "BTC"): Decimal("0.00001") * Decimal("851.70") / Decimal("0.01002") * 1_400,
        ("binance", "USDT"): krw("1400"),
    }
    assert facts.fees_krw == sum(fee.krw for fee in facts.fees)


def test_refusals_add_up_and_the_most_frequent_comes_first():
    rows = rows_of(refused=(refused("09:00", fx_too_old=3, edge_too_small=2), refused("10:00", edge_too_small=7)))

    assert list(day_facts(rows).refusals.items()) == [("edge_too_small", 9), ("fx_too_old", 3)]


def test_a_stop_that_came_again_is_one_line_with_its_last_reason():
    trips = (a_trip("09:00", why="upbit"), a_trip("11:30", why="binance"), a_trip("12:00", "clock"))
    facts = day_facts(rows_of(guard=trips))

    assert [(stop.name, stop.times, stop.first_at[11:16], stop.why) for stop in facts.stops] == [
        ("venue_errors", 2, "09:00", "binance"),
        ("clock", 1, "12:00", "binance: 20 troubles within a minute"),
    ]


def test_an_empty_day_has_facts_too():
    facts = day_facts(rows_of())

    assert (facts.total.plans, facts.best, facts.time_to_neutral, facts.fees) == (0, None, None, ())


def test_a_day_has_all_its_hours_in_order():
    assert list(hours_of(rows_of()))[::8] == ["00:00", "08:00", "16:00"]
    assert len(list(hours_of(rows_of()))) == 24


@pytest.mark.parametrize(
    ("times_ms", "median", "p99", "most"),
    [([7.0], 7.0, 7.0, 7.0), ([1, 2], 1, 2, 2), (range(1, 101), 50, 99, 100), (range(1, 1_001), 500, 990, 1_000)],
)
def test_a_percentile_is_a_time_that_was_taken(times_ms, median, p99, most):
    spread = time_to_neutral([ended("09:00", neutral_ms=ms) for ms in times_ms])

    assert (spread.median_ms, spread.p99_ms, spread.max_ms) == (median, p99, most)


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(-10_000, 10_000), st.sampled_from(["BTC", "ETH"]))))
def test_hours_and_pairs_each_add_up_to_the_day(plans):
    facts = day_facts(rows_of(*(ended(f"{hour:02}:30", krw, base=base) for hour, krw, base in sorted(plans))))

    for parts in (facts.by_hour, facts.by_pair):
        assert sum(tally.plans for tally in parts.values()) == facts.total.plans == len(plans)
        assert sum(tally.result_krw for tally in parts.values()) == facts.total.result_krw
    assert facts.total.result_krw == sum(krw for _, krw, _ in plans)


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_times_are_ordered_whatever_they_are(nanos):
    ends = [replace(ended("09:00"), neutral_after=Nanos(each)) for each in nanos]
    spread = time_to_neutral(ends)

    assert spread is not None
    assert min(nanos) / NS_PER_MS <= spread.median_ms <= spread.p99_ms <= spread.max_ms == max(nanos) / NS_PER_MS
