"""The matching core: what each kind of order does on each book, what it costs, what stays locked."""

from dataclasses import replace
from decimal import Decimal

import pytest

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Side, TickTable
from arbitrage.exchange.venue_orders import Ended, OrderRequest, Rested, Traded, VenueOrder, VenueState
from tests.unit.exchange.bench import (
    BUY,
    FOK,
    FROM_RECEIVED,
    FUNDS,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    ON_TOP,
    POST_ONLY,
    SELL,
    Bench,
    Ladder,
    fills,
    held,
    wish,
)

ASKS: Ladder = [("99", "0.4"), ("100", "0.4"), ("101", "5")]
BIDS: Ladder = [("100", "0.4"), ("99", "0.4"), ("98", "5")]

FINE = {"lot": Decimal("0.00000001"), "min_quantity": Decimal("0.00000001")}

ACCEPTED, OPEN, FILLED, CANCELED, EXPIRED, PREVENTED = VenueState


@pytest.mark.parametrize(
    ("request_", "state", "traded"),
    [
        (wish(BUY, LIMIT, GTC), OPEN, [("99", "0.4"), ("100", "0.4")]),
        (wish(BUY, LIMIT, IOC), EXPIRED, [("99", "0.4"), ("100", "0.4")]),
        (wish(BUY, LIMIT, FOK), EXPIRED, []),
        (wish(BUY, LIMIT, GTC, price="98"), OPEN, []),
        (wish(BUY, LIMIT, IOC, price="98"), EXPIRED, []),
        (wish(BUY, LIMIT, POST_ONLY, price="98"), OPEN, []),
        (wish(BUY, LIMIT, GTC, price="101"), FILLED, [("99", "0.4"), ("100", "0.4"), ("101", "0.2")]),
        (wish(BUY, LIMIT, IOC, price="101"), FILLED, [("99", "0.4"), ("100", "0.4"), ("101", "0.2")]),
        (wish(BUY, LIMIT, FOK, price="101"), FILLED, [("99", "0.4"), ("100", "0.4"), ("101", "0.2")]),
        (wish(BUY, MARKET), FILLED, [("99", "0.4"), ("100", "0.4"), ("101", "0.2")]),
        (wish(BUY, MARKET, quantity="6"), EXPIRED, [("99", "0.4"), ("100", "0.4"), ("101", "5")]),
        (wish(BUY, MARKET, FOK, quantity="6"), EXPIRED, []),
        (wish(BUY, FUNDS, funds="79.6"), FILLED, [("99", "0.4"), ("100", "0.4")]),
        (wish(BUY, FUNDS, FOK, funds="600"), EXPIRED, []),
        (wish(BUY, FUNDS, funds="600"), EXPIRED, [("99", "0.4"), ("100", "0.4"), ("101", "5")]),
        (wish(SELL, LIMIT, GTC, price="99"), OPEN, [("100", "0.4"), ("99", "0.4")]),
        (wish(SELL, LIMIT, IOC, price="99"), EXPIRED, [("100", "0.4"), ("99", "0.4")]),
        (wish(SELL, LIMIT, FOK, price="99"), EXPIRED, []),
        (wish(SELL, LIMIT, FOK, price="98"), FILLED, [("100", "0.4"), ("99", "0.4"), ("98", "0.2")]),
        (wish(SELL, LIMIT, POST_ONLY, price="101"), OPEN, []),
        (wish(SELL, MARKET), FILLED, [("100", "0.4"), ("99", "0.4"), ("98", "0.2")]),
        (wish(SELL, MARKET, quantity="6"), EXPIRED, [("100", "0.4"), ("99", "0.4"), ("98", "5")]),
    ],
)
@pytest.mark.parametrize("rule", [ON_TOP, FROM_RECEIVED])
def test_what_an_order_does_on_a_book(rule, request_: OrderRequest, state: VenueState, traded) -> None:
    bench = Bench(rule)
    if request_.side is BUY:
        bench.book([("97", "9")], ASKS)
    else:
        bench.book(BIDS, [("102", "9")])
    order, changes = bench.place(request_)
    spent = sum(Decimal(price) * Decimal(quantity) for price, quantity in traded)

    assert (order.state, fills(changes)) == (state, traded)
    assert (order.executed_funds, order.fee) == (spent, _fee(order, rule))
    assert isinstance(changes[-1], Rested if state is OPEN else Ended)
    assert bench.core.account.discrepancy() == {}
    assert order.is_over is (order.locked == 0)


def _fee(order, rule) -> Decimal:
    in_base = rule is FROM_RECEIVED and order.request.side is BUY
    return (order.executed_quantity if in_base else order.executed_funds) * Decimal("0.001")


@pytest.mark.parametrize(
    ("rule", "request_", "usd", "btc"),
    [
        (ON_TOP, wish(BUY), held("899.9", "100.1"), held("10", "0")),
        (FROM_RECEIVED, wish(BUY), held("900", "100"), held("10", "0")),
        (ON_TOP, wish(SELL), held("1000", "0"), held("9", "1")),
        (FROM_RECEIVED, wish(SELL), held("1000", "0"), held("9", "1")),
        (ON_TOP, wish(BUY, FUNDS), held("899.9", "100.1"), held("10", "0")),
        (FROM_RECEIVED, wish(BUY, FUNDS), held("900", "100"), held("10", "0")),
        (ON_TOP, wish(SELL, MARKET), held("1000", "0"), held("9", "1")),
        # 0.4 at 99, 0.4 at 100, 0.2 at 101, and 0.0998 of fee where it goes on top
        (ON_TOP, wish(BUY, MARKET), held("900.1002", "99.8998"), held("10", "0")),
        (FROM_RECEIVED, wish(BUY, MARKET), held("900.2", "99.8"), held("10", "0")),
    ],
)
def test_what_an_accepted_order_locks(rule, request_, usd, btc) -> None:
    bench = Bench(rule)
    bench.book([("97", "9")], ASKS)
    order = bench.accept(request_)

    assert (bench.usd, bench.btc) == (usd, btc)
    assert order.locked == usd.locked + btc.locked
    assert order.state is ACCEPTED


@pytest.mark.parametrize(
    ("rule", "request_", "usd", "btc"),
    [
        # (99 + 100) x 0.4 = 79.6 bought; 0.2 x 100 still wanted
        (ON_TOP, wish(BUY), held("900.3004", "20.02"), held("10.8", "0")),
        (FROM_RECEIVED, wish(BUY), held("900.4", "20"), held("10.7992", "0")),
        (ON_TOP, wish(SELL, price="99"), held("1079.5204", "0"), held("9", "0.2")),
        (FROM_RECEIVED, wish(SELL, price="99"), held("1079.5204", "0"), held("9", "0.2")),
    ],
)
def test_a_resting_rest_holds_what_it_still_needs(rule, request_, usd, btc) -> None:
    bench = Bench(rule)
    bench.book(*((), ASKS) if request_.side is BUY else (BIDS, ()))
    order, _ = bench.place(request_)

    assert order.state is OPEN
    assert (bench.usd, bench.btc) == (usd, btc)


@pytest.mark.parametrize(("rule", "state"), [(ON_TOP, EXPIRED), (FROM_RECEIVED, FILLED)])
@pytest.mark.parametrize(
    ("funds", "asks"),
    [
        ("107", [("100", "5")]),
        ("107", [("100", "1"), ("110", "5")]),
        ("110.5", [("100", "1"), ("110", "5")]),
        ("107", [("100", "1")]),
    ],
)
def test_funds_that_buy_no_further_lot_expire_on_upbit_and_are_filled_on_binance(rule, state, funds, asks) -> None:
    bench = Bench(rule)
    bench.book(asks=asks)
    order, changes = bench.place(wish(BUY, FUNDS, funds=funds))

    assert (fills(changes), order.state) == ([("100", "1")], state)
    assert bench.usd.locked == 0


@pytest.mark.parametrize("rule", [ON_TOP, FROM_RECEIVED])
@pytest.mark.parametrize(("share", "asks"), [("1", [("100", "1")]), ("0.5", [("100", "2")])])
def test_funds_that_could_buy_more_than_there_is_expire(rule, share, asks) -> None:
    bench = Bench(rule)
    bench.book(asks=asks)
    order, changes = bench.place(wish(BUY, FUNDS, funds="120"), share)

    assert (fills(changes), order.state) == ([("100", "1")], EXPIRED)


@pytest.mark.parametrize("rule", [ON_TOP, FROM_RECEIVED])
def test_all_or_nothing_by_funds_may_leave_what_buys_no_lot(rule) -> None:
    bench = Bench(rule)
    bench.book(asks=[("100", "1"), ("110", "0.3")])
    order, changes = bench.place(wish(BUY, FUNDS, FOK, funds="115"))

    assert fills(changes) == [("100", "1"), ("110", "0.1")]
    assert order.state is (EXPIRED if rule is ON_TOP else FILLED)


def test_funds_that_are_spent_to_the_unit_are_filled_on_both() -> None:
    for rule in (ON_TOP, FROM_RECEIVED):
        bench = Bench(rule)
        bench.book(asks=[("100", "1")])
        order, _ = bench.place(wish(BUY, FUNDS))

        assert order.state is FILLED


def test_funds_too_small_for_a_lot_expire_with_nothing() -> None:
    bench = Bench(FROM_RECEIVED)
    bench.book(asks=[("200", "5")])
    order, changes = bench.place(wish(BUY, FUNDS, funds="10"))

    assert (order.state, fills(changes), bench.usd) == (EXPIRED, [], held("1000", "0"))


def test_a_book_that_is_gone_when_a_market_order_comes_to_it_gives_nothing() -> None:
    bench = Bench()
    bench.book(BIDS, ASKS)
    orders = [bench.accept(wish(BUY, MARKET)), bench.accept(wish(SELL, MARKET)), bench.accept(wish(BUY, FUNDS))]
    bench.book()
    changes = [bench.match(order) for order in orders]

    assert [order.state for order in orders] == [EXPIRED] * 3
    assert changes == [[Ended(order)] for order in orders]
    assert (bench.usd, bench.btc) == (held("1000", "0"), held("10", "0"))


@pytest.mark.parametrize(
    ("rule", "asks", "traded"),
    [
        # 100.1 are locked, 100 where the fee is taken out of the coins
        (ON_TOP, [("300", "5")], [("300", "0.3")]),
        (FROM_RECEIVED, [("300", "5")], [("300", "0.3")]),
        (ON_TOP, [("50", "0.1"), ("190", "5")], [("50", "0.1"), ("190", "0.5")]),
        (ON_TOP, [("50", "5")], [("50", "1")]),
        # to the unit what is locked, fee included
        (ON_TOP, [("200", "0.5")], [("200", "0.5")]),
    ],
)
def test_a_market_buy_never_pays_more_than_it_locked(rule, asks, traded) -> None:
    bench = Bench(rule)
    bench.book(asks=[("100", "1")])
    order = bench.accept(wish(BUY, MARKET))
    bench.book(asks=asks)
    changes = bench.match(order)

    assert fills(changes) == traded
    assert bench.usd.locked == 0
    assert bench.core.account.discrepancy() == {}


def test_rounding_the_fee_up_never_takes_more_than_is_locked() -> None:
    bench = Bench(ON_TOP, ticks=TickTable.single(Decimal("0.0001")), min_notional=Decimal(0), **FINE)
    bench.book(asks=[("1", "0.000015")])
    order = bench.accept(wish(BUY, MARKET, quantity="0.000015"))
    locked = order.locked
    bench.book(asks=[("1.5003", "1")])
    changes = bench.match(order)

    # 0.00001 would cost 0.000015003 and 0.00000001500 of fee: within the lock, were it not rounded up
    assert locked == Decimal("0.00001502")
    assert fills(changes) == [("1.5003", "0.00000999")]


def test_what_rounding_has_taken_before_is_there_for_the_next_fill() -> None:
    bench = Bench(ON_TOP, ticks=TickTable.single(Decimal("0.1")), min_notional=Decimal(0), **FINE)
    asks = [("1.0", "0.0000105"), ("2.9", "0.00001")]
    bench.book(asks=asks)
    order, changes = bench.place(wish(BUY, MARKET, quantity="0.001"))

    # 0.0000000105 and 0.000000029 of fee: 2 units for the first fill leave 2 for both, and that is what was locked
    assert fills(changes) == [("1", "0.0000105"), ("2.9", "0.00001")]
    assert order.fee == Decimal("0.00000004")


def test_a_market_buy_gets_what_its_lock_pays_after_a_first_fill() -> None:
    bench = Bench(ON_TOP, **FINE)
    bench.book(asks=[("100", "2")])
    order = bench.accept(wish(BUY, MARKET, quantity="2"))
    bench.book(asks=[("50", "1"), ("190", "9")])
    changes = bench.match(order)

    # what 200.2 less 50.05 buys at 190 and its fee
    assert fills(changes) == [("50", "1"), ("190", "0.78947368")]


def test_a_tiny_sale_never_costs_more_than_it_brings() -> None:
    bench = Bench(FROM_RECEIVED, usd="0", btc="100", ticks=TickTable.single(Decimal("0.1")), **FINE)
    bench.book(bids=[("0.5", "0.00000001"), ("0.5", "100")])
    order, changes = bench.place(wish(SELL, LIMIT, IOC, quantity="100", price="0.5"))
    first, second = (change.trade for change in changes if isinstance(change, Traded))

    assert (first.funds, first.fee) == (Decimal("5E-9"), Decimal("5E-9"))
    assert first.fee + second.fee == order.fee == Decimal("0.05")
    assert order.state is FILLED


@pytest.mark.parametrize("share", ["0.5", "0.24", "0"])
def test_a_share_of_each_level_is_taken_in_whole_lots(share) -> None:
    bench = Bench()
    bench.book(asks=ASKS)
    order, changes = bench.place(wish(BUY, LIMIT, IOC), share)
    expected = {"0.5": [("99", "0.2"), ("100", "0.2")], "0.24": [], "0": []}[share]

    assert (fills(changes), order.state) == (expected, EXPIRED)


def test_all_or_nothing_counts_whole_lots_of_each_share() -> None:
    bench = Bench()
    bench.book(asks=[("99", "0.5"), ("100", "0.5"), ("100", "1")])
    short, _ = bench.place(wish(BUY, LIMIT, FOK), "0.5")  # 0.2 + 0.2 + 0.5, though halves of 2 are 1
    enough, _ = bench.place(wish(BUY, LIMIT, FOK, quantity="0.9"), "0.5")

    assert (short.state, short.executed_quantity) == (EXPIRED, 0)
    assert enough.state is FILLED


@pytest.mark.parametrize("share", ["1.01", "-0.1", "NaN", "Infinity"])
def test_a_share_is_from_nothing_to_all(share) -> None:
    bench = Bench()
    bench.book(asks=ASKS)
    order = bench.accept(wish())
    with pytest.raises(ValueError, match="share"):
        bench.match(order, share)

    assert order.state is ACCEPTED


def test_what_was_taken_is_gone_until_the_next_book() -> None:
    bench = Bench()
    bench.book(asks=ASKS)
    first = fills(bench.place(wish(BUY, LIMIT, IOC, quantity="0.6"))[1])
    second = fills(bench.place(wish(BUY, LIMIT, IOC, quantity="0.6"))[1])
    left_over = bench.core.best("BTC-USD", SELL)
    bench.book(asks=ASKS)
    third = fills(bench.place(wish(BUY, LIMIT, IOC, quantity="0.6"))[1])

    assert first == third == [("99", "0.4"), ("100", "0.2")]
    assert second == [("100", "0.2")]
    assert left_over == 101


def test_a_resting_order_trades_at_its_own_price_when_the_market_comes_to_it() -> None:
    bench = Bench(FROM_RECEIVED)
    order = bench.rest(wish(BUY, price="100"))
    changes = bench.book([("90", "1")], [("95", "0.3"), ("100", "0.3"), ("101", "9")])

    assert fills(changes) == [("100", "0.3"), ("100", "0.3")]
    assert all(change.trade.is_maker for change in changes if isinstance(change, Traded))
    assert (order.state, bench.usd) == (OPEN, held("900", "40"))
    assert bench.core.best("BTC-USD", SELL) == 101


def test_the_better_price_comes_first_then_the_older_order() -> None:
    bench = Bench()
    worst, old, young = (bench.rest(wish(BUY, price=price)) for price in ("98", "99", "99"))
    bench.book(asks=[("97", "1.5")])

    assert [order.executed_quantity for order in (worst, old, young)] == [0, 1, Decimal("0.5")]

    cheap, dear = bench.rest(wish(SELL, price="120")), bench.rest(wish(SELL, price="130"))
    bench.book(bids=[("140", "1")])

    assert (cheap.state, dear.state) == (FILLED, OPEN)


def test_a_new_book_moves_no_order_that_is_not_matched_yet() -> None:
    bench = Bench()
    bench.book(asks=[("110", "5")])
    order = bench.accept(wish(BUY, price="100"))
    changes = bench.book(asks=[("90", "5")])

    assert (changes, order.state) == ([], ACCEPTED)
    assert fills(bench.match(order)) == [("90", "1")]


def test_an_order_that_must_not_take_ends_if_the_book_has_moved_onto_it() -> None:
    bench = Bench()
    bench.book(asks=[("110", "5")])
    order = bench.accept(wish(BUY, LIMIT, POST_ONLY))
    bench.book(asks=[("99", "5")])
    changes = bench.match(order)

    assert (order.state, fills(changes), bench.usd) == (EXPIRED, [], held("1000", "0"))


def test_an_order_keeps_the_terms_it_was_taken_on_with() -> None:
    bench = Bench(ON_TOP)
    order = bench.rest(wish(BUY))
    instrument = bench.core.instruments["BTC-USD"]
    bench.core.instruments["BTC-USD"] = replace(
        instrument, lot=Decimal(3), ticks=TickTable.single(Decimal(7)), taker_fee=Decimal("0.5"), halted="BREAK"
    )
    bench.book(asks=[("100", "0.5")])
    del bench.core.instruments["BTC-USD"]
    bench.book(asks=[("100", "0.5")])

    assert (order.state, order.fee) == (FILLED, Decimal("0.1"))


def test_each_fill_says_what_its_order_came_to_with_it() -> None:
    bench = Bench(ON_TOP)
    bench.book(asks=ASKS)
    _, changes = bench.place(wish(BUY))
    first, second = (change.trade for change in changes if isinstance(change, Traded))

    assert (first.order_quantity, first.order_funds, first.order_fee) == tuple(map(Decimal, ("0.4", "39.6", "0.0396")))
    assert (second.order_quantity, second.order_funds, second.order_fee) == tuple(
        map(Decimal, ("0.8", "79.6", "0.0796"))
    )
    assert (first.order_locked, second.order_locked) == (Decimal("60.06"), Decimal("20.02"))


def test_a_cancelled_order_gives_back_what_it_held_and_nothing_follows() -> None:
    bench = Bench()
    waiting, resting = bench.accept(wish(BUY)), bench.rest(wish(SELL, price="120"))
    ends = [bench.core.cancel(order, bench.now()) for order in (waiting, resting)]
    again = [bench.core.cancel(order, bench.now()) for order in (waiting, resting)]
    late = bench.match(waiting)
    crossed = bench.book([("130", "9")], [("90", "9")])

    assert ends == [[Ended(waiting)], [Ended(resting)]]
    assert (again, late, crossed) == ([[], []], [], [])
    assert (waiting.state, resting.state) == (CANCELED, CANCELED)
    assert (bench.usd, bench.btc) == (held("1000", "0"), held("10", "0"))


def test_an_order_is_matched_once() -> None:
    bench = Bench()
    order = bench.rest(wish(BUY))
    bench.book()

    assert bench.match(order) == []


def test_orders_are_found_by_how_they_stand() -> None:
    bench = Bench()
    waiting = bench.accept(wish(BUY, client_id="mine"))
    resting = bench.rest(wish(SELL, price="120"))
    over, _ = bench.place(wish(BUY, LIMIT, IOC, client_id="mine"))

    assert bench.core.live_orders() == [waiting, resting]
    assert bench.core.open_orders("BTC-USD") == [resting]
    assert bench.core.open_orders("ETH-USD") == []
    assert list(bench.core.orders.values()) == [waiting, resting, over]
    assert bench.core.by_client("mine") is over
    assert bench.core.by_client("another") is None


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("0", "1")], []),
        ([], [("100", "0")]),
        ([], [("100", "-1")]),
        ([("NaN", "1")], []),
        ([], [("Infinity", "1")]),
        ([("99", "1"), ("100", "1")], []),
        ([], [("100", "1"), ("99", "1")]),
    ],
)
def test_levels_that_are_none_change_no_book(bids, asks) -> None:
    bench = Bench()
    bench.book([("98", "1")], [("102", "1")])
    with pytest.raises(ValueError, match="level"):
        bench.book(bids, asks)

    assert [bench.core.best("BTC-USD", side) for side in Side] == [98, 102]


def test_a_share_of_a_level_is_all_that_a_resting_order_gets_too() -> None:
    core = Bench().core
    order = core.accept(wish(BUY, LIMIT, GTC), Instant(0))
    assert isinstance(order, VenueOrder)
    core.match(order, Instant(0))
    core.set_book("BTC-USD", [], [(Decimal(100), Decimal(1))], Instant(1), Decimal("0.5"))

    assert (order.state, order.executed_quantity) == (OPEN, Decimal("0.5"))
