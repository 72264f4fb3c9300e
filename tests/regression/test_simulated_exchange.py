"""SimulatedExchange: stories of one venue's trading, and of two that make a market pair."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from arbitrage.domain.errors import ArbitrageError
from arbitrage.domain.events import (
    BalancesSeen,
    BookSnapshot,
    Event,
    Inspected,
    LegReport,
    OrderReply,
    Tick,
    TouchUpdate,
    UniverseChanged,
    VenueDown,
)
from arbitrage.domain.instants import Instant, from_ms
from arbitrage.domain.instruments import Side, Universe, Venue
from arbitrage.domain.intents import ReportPlanEnd, SubmitPlan
from arbitrage.domain.plans import LegEnd, Order, Outcome, Purpose
from arbitrage.exchange.simulated import SimulatedExchange
from arbitrage.exchange.simulation_errors import SimulationError, Trouble
from arbitrage.exchange.simulation_models import (
    Behaviour,
    BpsSlippage,
    FixedLatency,
    FixedShare,
    JitteredLatency,
    RandomShare,
)
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, RejectReason, TimeInForce, VenueState
from arbitrage.runner import Runner
from tests import builders as make
from tests.conformance.virtual_benches import SimulatedPair

BUY, SELL = Side.BUY, Side.SELL
ACCEPTED, OPEN, FILLED, CANCELED, EXPIRED, PREVENTED = VenueState
IOC = TimeInForce.IOC
SLOW = Behaviour(latency=FixedLatency(50))


def binance(behaviour: Behaviour | None = None) -> SimulatedExchange:
    """Binance with 1,000 USDT and 10 BTC, connected, at noon, with BTC from 99 to 100."""
    venue = SimulatedExchange(Venue.BINANCE, [make.binance()], behaviour)
    venue.connect()
    venue.deposit("USDT", Decimal(1_000))
    venue.deposit("BTC", Decimal(10))
    venue.observe(book((99.0, 5.0), (100.0, 5.0)))
    return venue


def book(bid: tuple[float, float], *asks: tuple[float, float], ms: float = 0, sequence: int = 0) -> BookSnapshot:
    return make.snapshot(Venue.BINANCE, "BTCUSDT", [bid], asks, make.after_ms(ms), sequence)


def limit(side: Side = BUY, price: str = "100", quantity: str = "1", **changes: object) -> OrderRequest:
    made = OrderRequest(
        symbol="BTCUSDT", side=side, kind=OrderKind.LIMIT, price=Decimal(price), quantity=Decimal(quantity)
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def market(side: Side = BUY, quantity: str = "1") -> OrderRequest:
    return OrderRequest(symbol="BTCUSDT", side=side, kind=OrderKind.MARKET, quantity=Decimal(quantity))


def order(ms: float = 0, **changes: object) -> Order:
    made = Order(
        client_id="arb-abc123-7-1-b-1",
        plan_id="abc123-7-1",
        venue=Venue.BINANCE,
        symbol="BTCUSDT",
        side=BUY,
        quantity=Decimal(1),
        limit_price=Decimal(100),
        purpose=Purpose.OPEN,
        decided_at=make.after_ms(ms),
        net_edge_bps=31.4,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def let_pass(venue: SimulatedExchange, ms: float) -> list[LegReport]:
    """Let the clock come to so many ms after noon."""
    return [report for report in venue.observe(Tick(make.after_ms(ms))) if isinstance(report, LegReport)]


def snapshot_of(venue: SimulatedExchange) -> object:
    """All that can be seen of a venue."""
    orders = [(each.order_id, each.state, each.executed_quantity, each.locked) for each in venue.open_orders()]
    return venue.balances(), orders


# --- connection


@pytest.mark.parametrize(
    "ask",
    [
        lambda venue: venue.balances(),
        lambda venue: venue.place(limit()),
        lambda venue: venue.cancel(1),
        lambda venue: venue.query(1),
        lambda venue: venue.open_orders(),
    ],
)
def test_nothing_is_answered_without_a_connection(ask: Callable[[SimulatedExchange], object]) -> None:
    venue = binance()
    venue.place(limit(price="90"))
    venue.disconnect()
    with pytest.raises(SimulationError) as caught:
        ask(venue)

    assert caught.value.reason is Trouble.NOT_CONNECTED
    assert str(caught.value) == "simulated binance: not connected"


def test_a_venue_is_not_connected_until_someone_connects() -> None:
    assert not SimulatedExchange(Venue.UPBIT).connected


def test_what_was_under_way_goes_on_without_a_connection_and_is_told_after_it() -> None:
    venue = binance(SLOW)
    venue.submit(order())
    venue.disconnect()
    silent = let_pass(venue, 60)
    venue.connect()
    (report,) = let_pass(venue, 70)

    assert silent == []
    assert (report.end, report.at) == (LegEnd.FILLED, make.after_ms(70))


def test_an_order_that_cannot_leave_is_reported_as_empty_at_once() -> None:
    venue = binance()
    venue.disconnect()
    venue.submit(order())
    (report,) = let_pass(venue, 1)

    assert (report.end, report.fill.quantity, report.fill.fee_currency) == (LegEnd.EMPTY, 0, "USDT")
    assert venue.refusals[order().client_id].reason is Trouble.NOT_CONNECTED


# --- an order's way


def test_an_order_meets_the_book_when_it_is_due_and_not_before() -> None:
    venue = binance(SLOW)
    placed = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 49.9)
    before = placed.state
    let_pass(venue, 50)

    assert (before, placed.state) == (ACCEPTED, FILLED)
    assert placed.trades[0].at == make.after_ms(50)


def test_money_is_locked_from_the_moment_an_order_is_placed() -> None:
    venue = binance(SLOW)
    venue.place(limit(price="90"))

    assert (venue.balances()["USDT"].free, venue.balances()["USDT"].locked) == (910, 90)


@pytest.mark.parametrize(("moves_at_ms", "funds"), [(51, 100), (49, 98)])
def test_what_is_due_before_a_new_book_meets_the_old_one(moves_at_ms: float, funds: int) -> None:
    venue = binance(SLOW)
    placed = venue.place(limit(time_in_force=IOC))
    venue.observe(book((97.0, 5.0), (98.0, 5.0), ms=moves_at_ms))
    let_pass(venue, 60)

    assert placed.executed_funds == funds


def test_a_book_that_comes_just_when_an_order_is_due_is_the_one_it_meets() -> None:
    venue = binance(SLOW)
    venue.submit(order())
    (report,) = venue.observe(book((97.0, 5.0), (98.0, 5.0), ms=50))

    assert isinstance(report, LegReport)
    assert report.fill.funds == 98


@pytest.mark.parametrize(("now_ms", "decided_ms", "due_ms"), [(0, 30, 80), (30, 30, 80), (30, 0, 80)])
def test_a_submitted_order_leaves_when_it_is_decided_and_never_in_the_past(now_ms, decided_ms, due_ms) -> None:
    venue = binance(SLOW)
    let_pass(venue, now_ms)
    venue.submit(order(ms=decided_ms))

    assert let_pass(venue, due_ms - 1) == []
    assert len(let_pass(venue, due_ms)) == 1


def test_an_order_is_never_matched_while_it_is_placed() -> None:
    venue = binance()
    placed = venue.place(limit(time_in_force=IOC))

    assert placed.state is ACCEPTED
    assert venue.advance(make.NOON) == []
    assert venue.query(placed.order_id).state is FILLED


def test_requests_do_not_overtake_each_other() -> None:
    venue = binance(Behaviour(latency=JitteredLatency(1, 80, Random(3))))
    placed = [venue.place(limit(quantity="0.1", time_in_force=IOC)) for _ in range(20)]
    let_pass(venue, 200)
    arrived = [each.trades[0].at for each in placed]

    assert arrived == sorted(arrived)
    assert len(set(arrived)) > 1


@pytest.mark.parametrize("event", [Tick(make.after_ms(50)), VenueDown(make.after_ms(50), Venue.UPBIT, "reset")])
def test_any_event_lets_time_pass(event: Event) -> None:
    venue = binance(SLOW)
    venue.submit(order())

    assert len(venue.observe(event)) == 1


def test_an_event_that_comes_late_does_not_turn_time_back() -> None:
    venue = binance(SLOW)
    let_pass(venue, 100)
    venue.observe(Tick(make.after_ms(10)))
    placed = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 149)
    before = placed.state
    let_pass(venue, 150)

    assert (before, placed.state) == (ACCEPTED, FILLED)


# --- what becomes of orders


@pytest.mark.parametrize(
    ("asks", "end", "quantity", "funds"),
    [
        ([(99.5, 1.0)], LegEnd.FILLED, "1", "99.5"),
        ([(99.5, 0.4), (100.0, 0.4), (100.01, 9.0)], LegEnd.PARTIAL, "0.8", "79.8"),
        ([(100.01, 9.0)], LegEnd.EMPTY, "0", "0"),
        ([(99.5, 0.400009), (100.0, 9.0)], LegEnd.FILLED, "1", "99.8"),
    ],
)
def test_a_submitted_order_is_reported_once_with_what_it_came_to(asks, end, quantity, funds) -> None:
    venue = binance(SLOW)
    venue.submit(order())
    venue.observe(book((90.0, 1.0), *asks, ms=10))
    (report,) = let_pass(venue, 60)

    assert (report.client_id, report.plan_id, report.venue) == ("arb-abc123-7-1-b-1", "abc123-7-1", Venue.BINANCE)
    assert (report.end, report.fill.quantity, report.fill.funds) == (end, Decimal(quantity), Decimal(funds))
    assert report.fill.fee == Decimal(quantity) / 1_000
    assert let_pass(venue, 100) == []


def test_submitting_reports_nothing_by_itself() -> None:
    venue = binance()
    venue.submit(order())
    placed = venue.query("arb-abc123-7-1-b-1")

    assert (placed.state, placed.created_at) == (ACCEPTED, make.NOON)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"limit_price": Decimal("100.001")}, RejectReason.BAD_TICK),
        ({"quantity": Decimal("0.000001")}, RejectReason.BAD_LOT),
        ({"quantity": Decimal("0.01")}, RejectReason.BELOW_MINIMUM),
        ({"quantity": Decimal(11)}, RejectReason.NO_FUNDS),
        ({"symbol": "DOGEUSDT"}, RejectReason.UNKNOWN_INSTRUMENT),
        ({"client_id": "no spaces, please"}, Trouble.BAD_CLIENT_ID),
    ],
)
def test_a_submitted_order_that_is_refused_is_empty_and_says_why(changes, reason) -> None:
    venue = binance()
    refused = order(**changes)
    venue.submit(refused)
    (report,) = let_pass(venue, 1)

    assert report.end is LegEnd.EMPTY
    assert venue.refusals[refused.client_id].reason is reason
    assert venue.balances()["USDT"].locked == 0


def test_an_order_for_another_venue_is_a_wiring_mistake() -> None:
    with pytest.raises(SimulationError, match="other venue: an order for upbit"):
        binance().submit(order(venue=Venue.UPBIT))


def test_binance_takes_a_buyers_fee_in_coins_and_a_sellers_in_usdt() -> None:
    venue = binance()
    venue.submit(order())
    venue.submit(order(side=SELL, limit_price=Decimal(99), client_id="s"))
    bought, sold = (report.fill for report in let_pass(venue, 1))

    assert (bought.fee, bought.fee_currency) == (Decimal("0.001"), "BTC")
    assert (sold.fee, sold.fee_currency) == (Decimal("0.099"), "USDT")


def test_upbit_takes_its_fee_in_krw_on_top() -> None:
    venue = SimulatedExchange(Venue.UPBIT, [make.upbit()])
    venue.connect()
    venue.deposit("KRW", Decimal(2_001_000))
    venue.observe(make.upbit_book(1_999_000, 2_000_000))
    venue.submit(order(venue=Venue.UPBIT, symbol="KRW-BTC", limit_price=Decimal(2_000_000)))
    (report,) = let_pass(venue, 1)

    assert (report.fill.fee, report.fill.fee_currency) == (Decimal(1_000), "KRW")
    assert venue.balances()["KRW"].total == 0
    assert venue.balances()["BTC"].free == 1


def test_a_resting_order_trades_when_the_market_comes_to_it() -> None:
    venue = binance()
    resting = venue.place(limit(price="95"))
    let_pass(venue, 1)
    before = resting.state
    venue.observe(book((90.0, 1.0), (94.0, 0.4), ms=2))

    assert (before, resting.state) == (OPEN, OPEN)
    assert (resting.executed_quantity, resting.executed_funds) == (Decimal("0.4"), Decimal(38))


def test_a_market_order_walks_the_book() -> None:
    venue = binance()
    venue.set_book("BTCUSDT", [(Decimal(98), Decimal(1)), (Decimal(97), Decimal(9))], [])
    sold = venue.place(market(SELL, "2"))
    let_pass(venue, 1)

    assert (sold.state, sold.executed_funds) == (FILLED, 195)


def test_what_an_order_took_is_gone_until_the_next_frame() -> None:
    venue = binance()
    first = venue.place(limit(quantity="4", time_in_force=IOC))
    second = venue.place(limit(quantity="4", time_in_force=IOC))
    let_pass(venue, 1)
    venue.observe(book((99.0, 5.0), (100.0, 5.0), ms=2))
    third = venue.place(limit(quantity="4", time_in_force=IOC))
    let_pass(venue, 3)

    assert [each.executed_quantity for each in (first, second, third)] == [4, 1, 4]


# --- cancel and query


def test_an_order_is_found_by_either_id() -> None:
    venue = binance()
    placed = venue.place(limit(price="90", client_id="mine"))

    assert venue.query(placed.order_id) is venue.query("mine") is placed


@pytest.mark.parametrize("unknown", [7, 0, -1, "nobody", ""])
def test_an_unknown_order_is_not_found_and_not_cancelled(unknown: int | str) -> None:
    venue = binance()
    for ask in (venue.query, venue.cancel):
        with pytest.raises(SimulationError) as caught:
            ask(unknown)

        assert caught.value.reason is Trouble.UNKNOWN_ORDER


@pytest.mark.parametrize("by_client", [True, False])
def test_a_cancel_arrives_one_latency_later_and_gives_the_money_back(by_client: bool) -> None:
    venue = binance(SLOW)
    placed = venue.place(limit(price="90", client_id="mine"))
    let_pass(venue, 50)
    venue.cancel("mine" if by_client else placed.order_id)
    let_pass(venue, 99)
    before = placed.state
    let_pass(venue, 100)

    assert (before, placed.state) == (OPEN, CANCELED)
    assert venue.balances()["USDT"].free == 1_000
    assert venue.open_orders() == []


def test_an_order_may_trade_before_its_cancel_arrives() -> None:
    venue = binance(SLOW)
    placed = venue.place(limit(price="90"))
    let_pass(venue, 50)
    venue.cancel(placed.order_id)
    venue.observe(book((80.0, 1.0), (85.0, 9.0), ms=70))
    let_pass(venue, 100)

    assert placed.state is FILLED


def test_an_order_that_is_over_is_not_cancelled() -> None:
    venue = binance()
    placed = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 1)
    with pytest.raises(SimulationError, match="1 is filled") as caught:
        venue.cancel(placed.order_id)

    assert caught.value.reason is Trouble.ORDER_IS_OVER


def test_open_orders_are_those_that_can_still_trade() -> None:
    venue = binance(SLOW)
    resting = venue.place(limit(price="90"))
    venue.place(limit(time_in_force=IOC))
    let_pass(venue, 50)
    under_way = venue.place(limit(price="91"))

    assert venue.open_orders() == venue.open_orders("BTCUSDT") == [resting, under_way]
    assert venue.open_orders("ETHUSDT") == []


def test_upbit_burns_a_client_id_and_binance_only_while_its_order_is_open() -> None:
    upbit = SimulatedExchange(Venue.UPBIT, [make.upbit()])
    upbit.connect()
    upbit.deposit("KRW", Decimal(10**9))
    upbit.observe(make.upbit_book(1_999_000, 2_000_000))
    mine = limit(price="2000000", time_in_force=IOC, client_id="mine")
    for venue, request in ((upbit, replace(mine, symbol="KRW-BTC")), (binance(), replace(mine, price=Decimal(100)))):
        venue.place(request)
        with pytest.raises(SimulationError) as while_open:
            venue.place(request)
        let_pass(venue, 1)

        assert while_open.value.reason is Trouble.USED_CLIENT_ID
        if venue is upbit:
            with pytest.raises(SimulationError, match="used client id: mine"):
                venue.place(request)
        else:
            assert venue.place(request).state is ACCEPTED


# --- bad input


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (limit(price="100.001"), RejectReason.BAD_TICK),
        (limit(price="-1"), RejectReason.BAD_REQUEST),
        (limit(price="NaN"), RejectReason.BAD_REQUEST),
        (limit(quantity="1e999999"), RejectReason.BAD_REQUEST),
        (limit(quantity="0.000001"), RejectReason.BAD_LOT),
        (limit(quantity="0.01"), RejectReason.BELOW_MINIMUM),
        (limit(price="5000", quantity="9000"), RejectReason.ABOVE_MAXIMUM),
        (limit(quantity="11"), RejectReason.NO_FUNDS),
        (limit(SELL, quantity="11"), RejectReason.NO_FUNDS),
        (limit(symbol="DOGEUSDT"), RejectReason.UNKNOWN_INSTRUMENT),
        (limit(funds=Decimal(1)), RejectReason.BAD_REQUEST),
        (limit(time_in_force=TimeInForce.POST_ONLY), RejectReason.WOULD_TAKE),
        (limit(client_id="x" * 37), Trouble.BAD_CLIENT_ID),
        (limit(client_id="mine\n"), Trouble.BAD_CLIENT_ID),
    ],
)
def test_a_bad_order_raises_its_reason_and_changes_nothing(request_: OrderRequest, reason: object) -> None:
    venue = binance()
    before = snapshot_of(venue)
    with pytest.raises(SimulationError) as caught:
        venue.place(request_)

    assert caught.value.reason is reason
    assert isinstance(caught.value, ArbitrageError)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    assert snapshot_of(venue) == before


def test_an_error_says_what_was_seen_and_what_is_allowed() -> None:
    with pytest.raises(SimulationError, match=r"^simulated binance: bad tick: 100\.001 \(allowed: 0\.01\)$"):
        binance().place(limit(price="100.001"))


@pytest.mark.parametrize("amount", ["-1000.01", "NaN", "Infinity"])
def test_money_that_is_not_there_cannot_be_moved(amount: str) -> None:
    venue = binance()
    before = snapshot_of(venue)
    with pytest.raises(SimulationError) as caught:
        venue.deposit("USDT", Decimal(amount))

    assert caught.value.reason is Trouble.BAD_AMOUNT
    assert snapshot_of(venue) == before


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("100", "1")], [("100", "1")]),
        ([("101", "1")], [("100", "1")]),
        ([("NaN", "1")], []),
        ([], [("100", "0")]),
        ([], [("100", "-1")]),
        ([], [("1e300", "1")]),
        ([], [("9" * 5_000, "1")]),
        ([("98", "1"), ("99", "1")], []),
    ],
)
def test_a_book_that_is_none_raises_and_leaves_the_old_one(bids, asks) -> None:
    venue = binance()
    exact = [[(Decimal(price), Decimal(quantity)) for price, quantity in side] for side in (bids, asks)]
    with pytest.raises(SimulationError) as caught:
        venue.set_book("BTCUSDT", *exact)
    sold = venue.place(market(SELL))
    let_pass(venue, 1)

    assert caught.value.reason is Trouble.BAD_BOOK
    assert len(str(caught.value)) < 200
    assert sold.executed_funds == 99


def test_a_market_that_does_not_exist_has_no_price() -> None:
    for lay in (
        lambda venue: venue.set_price("DOGEUSDT", Decimal(1)),
        lambda venue: venue.set_book("DOGEUSDT", [], []),
    ):
        with pytest.raises(SimulationError) as caught:
            lay(binance())

        assert caught.value.reason is RejectReason.UNKNOWN_INSTRUMENT


def test_time_does_not_run_backwards() -> None:
    venue = binance()
    venue.advance(make.after_ms(10))
    with pytest.raises(SimulationError) as caught:
        venue.advance(make.after_ms(9))

    assert caught.value.reason is Trouble.TIME_RAN_BACK


# --- the market


def test_a_price_is_where_both_sides_trade() -> None:
    venue = binance()
    venue.set_price("BTCUSDT", Decimal(200), Decimal(3))
    bought, sold = venue.place(market(BUY)), venue.place(market(SELL, "5"))
    let_pass(venue, 1)

    assert (bought.executed_funds, sold.executed_funds) == (200, 600)


def test_a_price_off_the_tick_stands_on_the_ticks_around_it() -> None:
    venue = binance()
    venue.set_price("BTCUSDT", Decimal("200.005"))
    bought, sold = venue.place(market(BUY)), venue.place(market(SELL))
    let_pass(venue, 1)

    assert (bought.executed_funds, sold.executed_funds) == (Decimal("200.01"), Decimal("200.00"))


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1e300"])
def test_a_price_that_is_none_is_not_set(price: str) -> None:
    with pytest.raises(SimulationError, match="bad book"):
        binance().set_price("BTCUSDT", Decimal(price))


def test_a_shock_fills_what_rests() -> None:
    venue = binance()
    bid = venue.place(limit(price="70", quantity="2"))
    let_pass(venue, 1)
    venue.set_price("BTCUSDT", Decimal(68))

    assert (bid.state, bid.executed_funds) == (FILLED, 140)


@pytest.mark.parametrize(
    "frame",
    [
        book((101.0, 1.0), (100.0, 1.0), ms=1),
        book((float("nan"), 1.0), (100.0, 1.0), ms=1),
        book((99.0, 1.0), (100.0, 1.0), (99.5, 1.0), ms=1),
        make.snapshot(Venue.BINANCE, "BTCUSDT", [], [], make.after_ms(1)),
    ],
)
def test_on_a_book_that_cannot_be_believed_nothing_trades_until_a_good_one(frame: BookSnapshot) -> None:
    venue = binance()
    venue.submit(order(client_id="before"))
    let_pass(venue, 0)
    venue.observe(frame)
    venue.submit(order(ms=1))
    venue.submit(order(ms=1, side=SELL, limit_price=Decimal(99), client_id="other-side"))
    nothing = let_pass(venue, 2)
    venue.observe(book((99.0, 5.0), (100.0, 5.0), ms=3))
    venue.submit(order(ms=3, client_id="again"))
    (filled,) = let_pass(venue, 4)

    assert [report.end for report in nothing] == [LegEnd.EMPTY, LegEnd.EMPTY]
    assert filled.end is LegEnd.FILLED


def test_a_touch_that_is_newer_than_the_levels_is_what_orders_meet() -> None:
    venue = binance()
    venue.observe(book((99.0, 5.0), (100.0, 5.0), ms=1, sequence=10))
    venue.observe(TouchUpdate(make.after_ms(2), Venue.BINANCE, "BTCUSDT", 11, 99.0, 1.0, 99.9, 0.3))
    bought = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 3)

    assert bought.executed_funds == Decimal("29.97") + 70


def test_a_frame_that_is_older_than_the_book_brings_nothing_back() -> None:
    venue = binance()
    venue.observe(book((99.0, 5.0), (100.0, 1.0), ms=1, sequence=10))
    venue.place(limit(time_in_force=IOC))
    let_pass(venue, 2)
    venue.observe(book((99.0, 5.0), (100.0, 1.0), ms=3, sequence=9))
    late = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 4)

    assert late.executed_quantity == 0


def test_frames_of_other_markets_and_venues_move_nothing() -> None:
    venue = binance()
    venue.observe(make.upbit_book(50.0, 51.0, at=make.after_ms(1)))
    venue.observe(make.binance_book(50.0, 51.0, base="ETH", at=make.after_ms(1)))
    bought = venue.place(limit(time_in_force=IOC))
    let_pass(venue, 2)

    assert bought.executed_funds == 100


def test_a_venue_takes_its_own_markets_out_of_a_universe_and_no_others() -> None:
    known = {Venue.UPBIT: ["KRW-BTC", "KRW-USDT"], Venue.BINANCE: ["BTCUSDT"]}
    for venue in Venue:
        exchange = SimulatedExchange(venue)
        exchange.observe(UniverseChanged(make.NOON, make.universe()))
        for symbol in (symbol for symbols in known.values() for symbol in symbols):
            if symbol in known[venue]:
                exchange.set_price(symbol, Decimal(1_000))
            else:
                with pytest.raises(SimulationError, match="unknown instrument"):
                    exchange.set_price(symbol, Decimal(1_000))


def test_a_universe_brings_the_rules_and_a_halt_stops_new_orders() -> None:
    venue = SimulatedExchange(Venue.BINANCE)
    venue.connect()
    venue.deposit("USDT", Decimal(1_000))
    venue.observe(UniverseChanged(make.NOON, make.universe()))
    venue.observe(book((99.0, 5.0), (100.0, 5.0)))
    resting = venue.place(limit(price="90"))
    halted = replace(make.pair(), binance=make.binance(halted="BREAK"))
    venue.observe(UniverseChanged(make.after_ms(1), Universe((halted,), make.upbit("USDT"))))
    with pytest.raises(SimulationError, match="halted: BREAK"):
        venue.place(limit(price="90"))
    venue.observe(book((80.0, 5.0), (85.0, 5.0), ms=2))

    assert resting.state is FILLED


# --- how it behaves


@pytest.mark.parametrize(
    ("bps", "side", "funds"),
    [("0", BUY, "100"), ("10", BUY, "100.1"), ("10", SELL, "98.90"), ("0.5", BUY, "100.01"), ("0.5", SELL, "98.99")],
)
def test_slippage_moves_the_book_against_us_by_whole_ticks(bps: str, side: Side, funds: str) -> None:
    venue = binance(Behaviour(slippage=BpsSlippage(Decimal(bps))))
    traded = venue.place(market(side))
    let_pass(venue, 1)

    assert traded.executed_funds == Decimal(funds)


def test_slippage_may_carry_the_market_past_a_limit() -> None:
    venue = binance(Behaviour(slippage=BpsSlippage(Decimal(1))))
    venue.submit(order())
    (report,) = let_pass(venue, 1)

    assert report.end is LegEnd.EMPTY


def test_a_share_of_a_level_makes_a_partial_fill() -> None:
    venue = binance(Behaviour(share=FixedShare(Decimal("0.1"))))
    venue.submit(order())
    (report,) = let_pass(venue, 1)

    assert (report.end, report.fill.quantity) == (LegEnd.PARTIAL, Decimal("0.5"))


def test_a_latency_with_jitter_stays_within_its_bounds() -> None:
    latency = JitteredLatency(20, 30, Random(1))
    drawn = [latency.draw() for _ in range(500)]

    assert from_ms(20) <= min(drawn) < from_ms(21)
    assert from_ms(49) < max(drawn) <= from_ms(50)


@pytest.mark.parametrize(
    "make_model",
    [
        lambda: FixedLatency(-1),
        lambda: FixedLatency(float("nan")),
        lambda: FixedLatency(float("inf")),
        lambda: JitteredLatency(10, -1, Random(1)),
        lambda: JitteredLatency(float("nan"), 1, Random(1)),
        lambda: BpsSlippage(Decimal(-1)),
        lambda: BpsSlippage(Decimal("NaN")),
        lambda: BpsSlippage(Decimal(10_000)),
        lambda: FixedShare(Decimal("1.1")),
        lambda: RandomShare(Decimal("NaN"), Random(1)),
    ],
)
def test_a_model_of_nothing_real_is_not_built(make_model: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="not a"):
        make_model()


def a_day_on(seed: int) -> list[object]:
    """Everything that becomes of five hundred orders on a market that wanders."""
    rng = Random(seed)
    venue = binance(
        Behaviour(
            latency=JitteredLatency(5, 60, Random(seed + 1)),
            slippage=BpsSlippage(Decimal(2)),
            share=RandomShare(Decimal("0.2"), Random(seed + 2)),
        )
    )
    seen: list[object] = []
    for step in range(500):
        price = 100 + rng.randint(-300, 300) / 100
        seen += venue.observe(book((price - 0.01, 2.0), (price, 0.3), (price + 0.02, 4.0), ms=step * 10))
        side = rng.choice((BUY, SELL))
        venue.submit(order(ms=step * 10, client_id=f"o-{step}", side=side, quantity=Decimal("0.5")))
    return [*seen, *let_pass(venue, 9_999), venue.balances()]


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert a_day_on(7) == a_day_on(7)
    assert a_day_on(7) != a_day_on(8)


def test_every_submitted_order_is_reported_exactly_once() -> None:
    reports = [each for each in a_day_on(7) if isinstance(each, LegReport)]

    assert sorted(report.client_id for report in reports) == sorted(f"o-{step}" for step in range(500))
    assert {report.end for report in reports} == {LegEnd.FILLED, LegEnd.PARTIAL, LegEnd.EMPTY}
    assert [report.at for report in reports] == sorted(report.at for report in reports)


# --- two of them


class Pair:
    """A market pair under the real runner and engine."""

    def __init__(self, **behaviours: Behaviour) -> None:
        self.story = make.Story()
        self.intents: list[object] = []
        self.venues = {venue: SimulatedExchange(venue, behaviour=behaviours.get(venue.value)) for venue in Venue}
        gateway = SimulatedPair(self.venues)
        self.runner = Runner(self.story.engine, self, gateway, (self,), (gateway,), lambda soon: soon())
        for venue in self.venues.values():
            venue.connect()
            venue.deposit("BTC", Decimal(1))
        self.venues[Venue.UPBIT].deposit("KRW", Decimal(10**9))
        self.venues[Venue.BINANCE].deposit("USDT", Decimal(10**6))
        self.tell(UniverseChanged(make.NOON, make.universe()), make.fx(), make.binance_book(84_999.99, 85_000.0, 0.1))

    def tell(self, *events: Event) -> None:
        for event in events:
            self.runner.on_event(event)
        assert self.runner.failure is None

    def note(self, intent: object) -> None:
        """Keep no log: this pair never restarts."""

    def publish(self, intent: object) -> None:
        self.intents.append(intent)

    def outcomes(self) -> Sequence[Outcome]:
        return [intent.end.outcome for intent in self.intents if isinstance(intent, ReportPlanEnd)]

    def base_held(self) -> Decimal:
        return sum((venue.balances()["BTC"].total for venue in self.venues.values()), Decimal(0))


DUST = Decimal("0.00007")
"""Below both venues' minima, with a tenth on top."""

RICH = make.upbit_book(120_000_000, 120_001_000, 0.1)


def test_a_plan_is_carried_out_on_both_venues_and_stays_neutral() -> None:
    pair = Pair()
    pair.tell(RICH, Tick(make.after_ms(1)))
    (plan,) = (intent for intent in pair.intents if isinstance(intent, SubmitPlan))

    assert pair.outcomes() == [Outcome.BOTH]
    assert abs(pair.base_held() - 2) < Decimal("0.00001")
    assert pair.venues[Venue.UPBIT].balances()["KRW"].free > 10**9
    assert plan.approved.what.base_quantity > 0


def test_a_leg_that_comes_too_late_leaves_the_other_alone_until_it_is_evened_out() -> None:
    pair = Pair(binance=Behaviour(latency=FixedLatency(100)))
    pair.tell(RICH, make.binance_book(85_999.99, 86_000.0, 0.1, at=make.after_ms(50)))
    naked = pair.base_held()
    pair.tell(Tick(make.after_ms(100)), Tick(make.after_ms(300)))

    assert naked < 2
    assert pair.outcomes() == [Outcome.ONE_LEG]
    assert abs(pair.base_held() - 2) < DUST


def test_a_venue_without_money_misses_its_leg_and_says_why() -> None:
    pair = Pair()
    pair.venues[Venue.UPBIT].deposit("BTC", Decimal(-1))
    pair.tell(RICH, Tick(make.after_ms(1)))
    pair.tell(Tick(make.after_ms(2)))
    (why, *_) = pair.venues[Venue.UPBIT].refusals.values()

    assert pair.outcomes() == [Outcome.ONE_LEG]
    assert why.reason is RejectReason.NO_FUNDS
    assert abs(pair.base_held() - 1) < DUST


def test_an_order_that_a_venue_lost_the_connection_for_is_asked_after_and_found() -> None:
    """The venue goes on trading; until it is there again, nobody knows what became of the leg."""
    pair = Pair(binance=SLOW)
    pair.tell(RICH)
    pair.venues[Venue.BINANCE].disconnect()
    pair.tell(Tick(make.after_ms(600)), Tick(make.after_ms(1_000)))
    unheard = pair.outcomes()
    pair.venues[Venue.BINANCE].connect()
    pair.tell(Tick(make.after_ms(2_000)))

    assert (unheard, pair.outcomes()) == ([], [Outcome.BOTH])
    assert abs(pair.base_held() - 2) < DUST


# --- what a gateway is asked


def test_an_order_is_told_of_as_it_stands() -> None:
    venue = binance(SLOW)
    venue.submit(order())
    heard = []
    for ms in (10, 60):
        let_pass(venue, ms)
        venue.ask(order())
        heard += [event for event in venue.observe(Tick(make.after_ms(ms))) if isinstance(event, OrderReply)]
    venue.ask(order(client_id="arb-nobody"))
    venue.disconnect()
    venue.ask(order())
    heard += venue.advance(make.after_ms(70))  # type: ignore[arg-type]  # replies only

    assert [reply.kind for reply in heard] == ["accepted", "ended", "missing", "unknown"]
    assert [reply.fill and reply.fill.quantity for reply in heard] == [0, 1, None, None]


def test_a_plans_order_is_cancelled_while_there_is_something_to_cancel() -> None:
    venue = binance()
    resting = venue.place(limit(price="90", client_id="arb-abc123-7-1-b-1"))
    for asked in (order(), order(client_id="arb-nobody"), order()):
        venue.cancel(asked)
        let_pass(venue, 1)
    venue.disconnect()
    venue.cancel(order())

    assert resting.state is CANCELED
    assert venue.advance(make.after_ms(2)) == []


@pytest.mark.parametrize(("client_id", "is_listed"), [("arb-abc123-7-1-b-1", True), ("arb-nobody", False)])
def test_lists_and_whole_balances_are_looked_through(client_id: str, is_listed: bool) -> None:
    venue = binance()
    venue.submit(order())
    let_pass(venue, 1)
    venue.inspect(order(client_id=client_id))
    balances, inspected = venue.advance(make.after_ms(2))

    assert balances == BalancesSeen(
        make.after_ms(2), Venue.BINANCE, {"BTC": Decimal("10.999"), "USDT": Decimal(900)}, is_whole=True
    )
    assert inspected == Inspected(make.after_ms(2), client_id, Venue.BINANCE, is_listed)


def test_a_start_in_the_middle_of_time_needs_nothing() -> None:
    venue = SimulatedExchange(Venue.BINANCE, [make.binance()])

    assert venue.advance(Instant(make.NOON)) == []
