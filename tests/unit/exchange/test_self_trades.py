"""Orders that meet their own account's: each rule, on each side, by quantity and by funds."""

from decimal import Decimal

import pytest

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import SelfTrade, Traded, VenueState
from tests.unit.exchange.bench import (
    BUY,
    FOK,
    FROM_RECEIVED,
    FUNDS,
    IOC,
    LIMIT,
    MARKET,
    ON_TOP,
    POST_ONLY,
    SELL,
    Bench,
    ended,
    fills,
    held,
    market,
    wish,
)

ACCEPTED, OPEN, FILLED, CANCELED, EXPIRED, PREVENTED = VenueState
ALLOW, CANCEL_MAKER, CANCEL_TAKER, REDUCE = SelfTrade


@pytest.mark.parametrize(
    ("rule", "maker_state", "maker_left", "taker_state", "taker_left"),
    [
        (ALLOW, FILLED, "0", OPEN, "1"),
        (CANCEL_MAKER, PREVENTED, "0", OPEN, "2"),
        (CANCEL_TAKER, OPEN, "1", PREVENTED, "0"),
        (REDUCE, PREVENTED, "0", OPEN, "1"),
    ],
)
@pytest.mark.parametrize("side", Side)
def test_the_takers_rule_decides(rule, maker_state, maker_left, taker_state, taker_left, side: Side) -> None:
    bench = Bench()
    maker = bench.rest(wish(SELL if side is BUY else BUY))
    taker, _ = bench.place(wish(side, quantity="2", self_trade=rule))

    assert (maker.state, maker.left, taker.state, taker.left) == (
        maker_state,
        Decimal(maker_left),
        taker_state,
        Decimal(taker_left),
    )
    assert bench.core.account.discrepancy() == {}
    assert maker.locked + taker.locked == bench.usd.locked + bench.btc.locked


@pytest.mark.parametrize(("rule", "usd", "btc"), [(ON_TOP, "999.8", "10"), (FROM_RECEIVED, "999.9", "9.999")])
def test_trading_with_oneself_costs_both_fees_and_nothing_else(rule, usd, btc) -> None:
    bench = Bench(rule)
    maker = bench.rest(wish(SELL))
    taker, changes = bench.place(wish(BUY, price="105", self_trade=ALLOW))

    assert fills(changes) == [("100", "1"), ("100", "1")]
    assert [change.trade.is_maker for change in changes if isinstance(change, Traded)] == [True, False]
    assert ended(changes) == [maker, taker]
    assert (bench.usd, bench.btc) == (held(usd, "0"), held(btc, "0"))


def test_ones_own_order_is_met_where_it_stands_in_the_book() -> None:
    bench = Bench()
    bench.rest(wish(SELL, price="100", quantity="0.5"))
    bench.book([("90", "9")], [("99", "0.2"), ("100", "0.2"), ("101", "0.2")])
    _, changes = bench.place(wish(BUY, LIMIT, IOC, price="101", self_trade=ALLOW))

    assert fills(changes) == [("99", "0.2"), ("100", "0.5"), ("100", "0.5"), ("100", "0.2"), ("101", "0.1")]


def test_an_order_out_of_reach_is_left_alone() -> None:
    bench = Bench()
    maker = bench.rest(wish(SELL, price="102"))
    bench.book(asks=[("99", "0.2")])
    taker, _ = bench.place(wish(BUY, price="101", self_trade=CANCEL_TAKER))

    assert (maker.state, taker.state, taker.executed_quantity) == (OPEN, OPEN, Decimal("0.2"))


def test_an_order_that_has_all_before_it_comes_to_its_own_prevents_nothing() -> None:
    bench = Bench()
    maker = bench.rest(wish(SELL, price="100"))
    bench.book(asks=[("99", "1")])
    taker, _ = bench.place(wish(BUY, price="100", self_trade=CANCEL_MAKER))

    assert (maker.state, taker.state) == (OPEN, FILLED)


@pytest.mark.parametrize(
    ("rule", "maker_state", "state", "traded", "prevented"),
    [
        (ALLOW, FILLED, FILLED, "200", "0"),
        (CANCEL_MAKER, PREVENTED, FILLED, "200", "0"),
        (CANCEL_TAKER, OPEN, PREVENTED, "90", "110"),
        (REDUCE, PREVENTED, FILLED, "100", "100"),
    ],
)
def test_a_market_buy_by_funds_meets_its_own(rule, maker_state, state, traded, prevented) -> None:
    bench = Bench(FROM_RECEIVED)
    maker = bench.rest(wish(SELL))
    bench.book([("80", "9")], [("90", "1"), ("100", "5")])
    taker, _ = bench.place(wish(BUY, FUNDS, funds="200", self_trade=rule))

    assert (maker.state, taker.state) == (maker_state, state)
    assert taker.prevented_funds == Decimal(prevented)
    assert taker.executed_funds == Decimal(traded)
    assert taker.prevented_quantity >= 0
    assert bench.usd.locked == 0
    assert bench.core.account.discrepancy() == {}


def test_funds_that_buy_no_lot_cancel_no_order_of_ones_own() -> None:
    bench = Bench()
    maker = bench.rest(wish(SELL, price="110"))
    bench.book(asks=[("100", "5")])
    bench.place(wish(BUY, FUNDS, funds="107", self_trade=CANCEL_MAKER))

    assert maker.state is OPEN


@pytest.mark.parametrize(
    ("rule", "asks", "state", "maker_state"),
    [
        # one's own 1.0 at 100 count only where they may trade
        (ALLOW, [], FILLED, FILLED),
        (CANCEL_MAKER, [], EXPIRED, OPEN),
        (CANCEL_MAKER, [("100", "1")], FILLED, PREVENTED),
        (CANCEL_TAKER, [("100", "1")], EXPIRED, OPEN),
        (CANCEL_TAKER, [("99", "1")], FILLED, OPEN),
        (REDUCE, [("100", "1")], EXPIRED, OPEN),
    ],
)
def test_all_or_nothing_touches_its_own_only_if_it_gets_all(rule, asks, state, maker_state) -> None:
    bench = Bench()
    maker = bench.rest(wish(SELL))
    bench.book([("90", "1")], asks)
    taker, changes = bench.place(wish(BUY, LIMIT, FOK, self_trade=rule))

    assert (taker.state, maker.state) == (state, maker_state)
    assert (taker.executed_quantity > 0) is (state is FILLED)
    assert state is FILLED or ended(changes) == [taker]


def test_a_reduced_buy_holds_what_is_left_of_it() -> None:
    bench = Bench(ON_TOP)
    bench.rest(wish(SELL, quantity="0.3"))
    taker, _ = bench.place(wish(BUY, self_trade=REDUCE))

    assert (taker.prevented_quantity, taker.left) == (Decimal("0.3"), Decimal("0.7"))
    assert bench.usd == held("929.93", "70.07")


def test_a_market_sale_meets_its_own_bid() -> None:
    bench = Bench()
    maker = bench.rest(wish(BUY, price="95"))
    bench.book(bids=[("90", "9")])
    taker, changes = bench.place(wish(SELL, MARKET, self_trade=CANCEL_MAKER))

    assert (maker.state, taker.state) == (PREVENTED, FILLED)
    assert fills(changes) == [("90", "1")]


def test_an_order_that_must_not_take_does_not_take_its_own_either() -> None:
    bench = Bench()
    bench.rest(wish(SELL, price="100"))

    assert bench.reject(wish(BUY, LIMIT, POST_ONLY, price="100")).reason.value == "would_take"


def test_all_or_nothing_by_funds_has_all_before_an_order_of_its_own_that_it_could_not_buy_from() -> None:
    bench = Bench(FROM_RECEIVED)
    maker = bench.rest(wish(SELL, price="110"))
    bench.book(asks=[("100", "1")])
    taker, _ = bench.place(wish(BUY, FUNDS, FOK, funds="110.5", self_trade=CANCEL_TAKER))

    assert (taker.executed_funds, maker.state) == (100, OPEN)


@pytest.mark.parametrize(("rule", "left"), [(ALLOW, "0.6"), (REDUCE, "0.6")])
def test_where_the_lot_has_changed_two_meet_in_lots_of_both(rule, left) -> None:
    bench = Bench(lot=Decimal("0.3"))
    maker = bench.rest(wish(SELL, quantity="0.9"))
    bench.core.instruments["BTC-USD"] = market()
    bench.place(wish(BUY, LIMIT, IOC, quantity="0.5", self_trade=rule))

    assert maker.left == Decimal(left)
