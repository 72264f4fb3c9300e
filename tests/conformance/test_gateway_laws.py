"""The laws of every gateway: what the engine relies on, whatever is behind it. One suite; no law asks which it is.

A law names what it needs; a gateway that declares that it cannot is skipped with its reason.
"""

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from io import StringIO
from typing import Any

import pytest

from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.sandbox.keys import BINANCE_KEYS, UPBIT_KEYS
from tests.conformance.bench import Bench, Can, Place, Stand
from tests.conformance.paper_bench import PAPER
from tests.conformance.recorded_bench import RECORDED
from tests.conformance.sandbox_bench import SANDBOX
from tests.conformance.virtual_benches import SHADOW, SIMULATED

GATEWAYS = (SIMULATED, PAPER, SHADOW, SANDBOX, RECORDED)
FEES = {Venue.UPBIT: Decimal("0.0005"), Venue.BINANCE: Decimal("0.001")}
QUOTES = {Venue.UPBIT: "KRW", Venue.BINANCE: "USDT"}
COIN_STEP = Decimal("0.00000001")
NOT_A_NUMBER = Decimal("NaN")


Law = Callable[..., Coroutine[Any, Any, None]]


def each_gateway(*needed: Can) -> Callable[[Law], Callable[..., None]]:
    """Ask a law of every gateway that can be asked it, on its own loop; of the others say why not."""

    def marks(stand: Stand) -> list[pytest.MarkDecorator]:
        reasons = [stand.cannot[need] for need in needed if need in stand.cannot]
        return [pytest.mark.skip(reason=f"{stand.name}: {reasons[0]}")] if reasons else []

    def asked(law: Law) -> Callable[..., None]:
        @pytest.mark.parametrize("stand", [pytest.param(each, id=each.name, marks=marks(each)) for each in GATEWAYS])
        @wraps(law)
        def ask(stand: Stand, **given: object) -> None:
            stand.look()
            stand.run(law(stand=stand, **given))

        return ask

    return asked


def partly(bench: Bench, place: Place) -> Order:
    """An order for more than there is at its price."""
    price, there = bench.levels(place)[0]
    return bench.order(place, quantity=there + Decimal("0.1"), limit_price=price)


def through(bench: Bench, place: Place) -> Order:
    """An order for everything on three levels."""
    levels = bench.levels(place)[:3]
    return bench.order(place, quantity=sum((size for _, size in levels), Decimal(0)), limit_price=levels[-1][0])


def beside(bench: Bench, place: Place) -> Order:
    """An order at the best price of its own side, where it takes nothing."""
    venue, side = place
    return bench.order(place, limit_price=bench.levels((venue, _other(side)))[0][0])


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


# --- every order comes to one end, and is told of later


@each_gateway()
async def test_every_order_comes_to_one_end_which_is_not_told_during_a_call(stand: Stand) -> None:
    async with stand.open() as bench:
        orders = [bench.order(place) for place in bench.places]
        bench.submit(*orders)
        during = list(bench.heard_in_a_call)
        for order in orders:
            await bench.settle(order)
        await bench.rest()
        ends = [len(bench.ends(order)) for order in orders]

    assert (during, bench.heard_in_a_call) == ([], [])
    assert ends == [1] * len(orders)


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("of a market that is not there", {"symbol": "NOPE-NOPE"}),
        ("for nothing", {"quantity": Decimal(0)}),
        ("for less than nothing", {"quantity": Decimal(-1)}),
        ("for no number", {"quantity": NOT_A_NUMBER}),
        ("for everything", {"quantity": Decimal("1e30")}),
        ("at no price", {"limit_price": Decimal(0)}),
        ("at less than no price", {"limit_price": Decimal(-1)}),
        ("at what is no number", {"limit_price": NOT_A_NUMBER}),
        ("at any price", {"limit_price": Decimal("Infinity")}),
        ("at a price of very many digits", {"limit_price": Decimal(f"85000.{'1' * 60}")}),
    ],
)
@each_gateway(Can.JUDGE_ORDERS)
async def test_an_order_that_is_none_is_taken_without_a_word_and_comes_to_nothing(
    stand: Stand, case: str, changes: dict[str, object]
) -> None:
    async with stand.open() as bench:
        orders = [bench.order(place, **changes) for place in bench.places]
        bench.submit(*orders)
        fills = [await bench.settle(order) for order in orders]
        moved = [amount for venue in Venue for amount in bench.moved(venue).values()]

    assert [(fill.quantity, fill.funds, fill.fee) for fill in fills] == [(0, 0, 0)] * len(orders), case
    assert not any(moved)


# --- what a fill may be


@pytest.mark.parametrize("sized", [Bench.order, partly, through, beside])
@each_gateway(Can.TRADE)
async def test_a_fill_is_never_more_than_was_ordered_and_never_worse_than_the_limit(stand: Stand, sized) -> None:
    async with stand.open() as bench:
        orders = [sized(bench, place) for place in bench.places]
        bench.submit(*orders)
        fills = [await bench.settle(order) for order in orders]

    for order, fill in zip(orders, fills, strict=True):
        assert 0 <= fill.quantity <= order.quantity
        assert (fill.funds - fill.quantity * order.limit_price) * order.side.sign <= 0
        assert (fill.funds > 0) is (fill.quantity > 0)
        assert (fill.quantity == 0) is (sized is beside)


@each_gateway(Can.TRADE)
async def test_what_is_there_is_taken_level_by_level_and_no_more(stand: Stand) -> None:
    async with stand.open() as bench:
        came_to = []
        for place in bench.places:
            levels = bench.levels(place)[:3]
            order = through(bench, place)
            bench.submit(order)
            fill = await bench.settle(order)
            whole = sum((size for _, size in levels), Decimal(0)), sum((p * size for p, size in levels), Decimal(0))
            came_to.append(((fill.quantity, fill.funds), whole))

    assert all(found == wanted for found, wanted in came_to), came_to


@pytest.mark.parametrize("sized", [Bench.order, partly, through])
@each_gateway(Can.TRADE)
async def test_upbit_takes_its_fee_on_top_and_binance_takes_its_own_from_what_is_received(stand: Stand, sized) -> None:
    async with stand.open() as bench:
        orders = [sized(bench, place) for place in bench.places]
        bench.submit(*orders)
        fills = [await bench.settle(order) for order in orders]

    for order, fill in zip(orders, fills, strict=True):
        in_coins = (order.venue, order.side) == (Venue.BINANCE, Side.BUY)
        fee = FEES[order.venue] * (fill.quantity if in_coins else fill.funds)
        assert fill.fee_currency == ("BTC" if in_coins else QUOTES[order.venue])
        assert abs(fill.fee - fee) <= 3 * COIN_STEP, order  # each of three trades may be rounded


@each_gateway(Can.TRADE, Can.HOLD_ACCOUNT)
async def test_an_account_moves_by_what_was_told_and_by_nothing_else(stand: Stand) -> None:
    async with stand.open() as bench:
        told, moved = [], []
        for place in bench.places:
            bench.remember()
            order = through(bench, place)
            bench.submit(order)
            told.append(_flows(order, await bench.settle(order)))
            moved.append({name: amount for name, amount in bench.moved(order.venue).items() if amount})

    assert moved == told


# --- nothing stays open


@each_gateway(Can.TRADE, Can.MOVE_MARKET)
async def test_nothing_of_an_order_is_left_open_when_the_market_comes_to_it(stand: Stand) -> None:
    async with stand.open() as bench:
        orders = [sized(bench, place) for place in bench.places for sized in (partly, beside)]
        bench.submit(*orders)
        first = [await bench.settle(order) for order in orders]
        words = [len(bench.words(order)) for order in orders]
        left = [bench.open_orders(venue) for venue in Venue]
        for venue in Venue:
            for factor in ("0.9", "1.1"):
                bench.shift(venue, Decimal(factor))
                await bench.rest()
        later = [len(bench.words(order)) for order in orders]
        end = [(await bench.ask(order), bench.ends(order)[-1])[1] for order in orders]

    assert left == [0, 0]
    assert later == words
    assert end == first


# --- questions and cancels


@each_gateway(Can.KNOW_NO_ORDER)
async def test_an_order_that_nobody_sent_is_never_told_as_filled(stand: Stand) -> None:
    async with stand.open() as bench:
        never_sent = [bench.order(place) for place in bench.places]
        for order in never_sent:
            await bench.ask(order)
            await bench.cancel(order)
        words = [word for order in never_sent for word in bench.words(order)]

    assert all(isinstance(word, OrderReply) and word.fill is None for word in words), words
    assert {word.kind for word in words if isinstance(word, OrderReply)} <= {ReplyKind.MISSING, ReplyKind.UNKNOWN}


@each_gateway(Can.ANSWER)
async def test_a_question_after_the_end_is_answered_with_the_same_fill_each_time(stand: Stand) -> None:
    async with stand.open() as bench:
        orders = [bench.order(place) for place in bench.places]
        bench.submit(*orders)
        ends = [await bench.settle(order) for order in orders]
        answers = [[*await bench.ask(order), *await bench.ask(order)] for order in orders]

    assert [[word.fill for word in words if isinstance(word, OrderReply)] for words in answers] == [
        [end, end] for end in ends
    ]


@each_gateway(Can.TRADE, Can.CANCEL_LATE)
async def test_a_cancel_after_the_end_changes_nothing(stand: Stand) -> None:
    async with stand.open() as bench:
        orders = [sized(bench, place) for place in bench.places for sized in (Bench.order, beside)]
        bench.submit(*orders)
        ends = [await bench.settle(order) for order in orders]
        moved = [bench.moved(venue) for venue in Venue]
        for order in orders:
            await bench.cancel(order)
            await bench.ask(order)
        later = [bench.ends(order)[-1] for order in orders]
        moved_later = [bench.moved(venue) for venue in Venue]

    assert later == ends
    assert moved_later == moved


@each_gateway()
async def test_what_has_filled_never_becomes_less_however_often_it_is_asked(stand: Stand) -> None:
    async with stand.open() as bench:
        stories = []
        for place in bench.places:
            order = bench.order(place)
            bench.submit(order)
            for _ in range(2):
                await bench.ask(order)
            end = await bench.settle(order)
            await bench.ask(order)
            filled = [word.fill.quantity for word in bench.words(order) if getattr(word, "fill", None)]
            stories.append((filled, end.quantity))

    assert all(filled == sorted(filled) and filled[-1] == last for filled, last in stories), stories


# --- what a venue does not take on


@each_gateway(Can.JUDGE_ORDERS, Can.HOLD_ACCOUNT)
async def test_an_order_beyond_the_balance_is_refused_whole(stand: Stand) -> None:
    async with stand.open() as bench:
        orders = [bench.order(place, quantity=Decimal(5)) for place in bench.places]
        bench.submit(*orders)
        fills = [await bench.settle(order) for order in orders]
        moved = [amount for venue in Venue for amount in bench.moved(venue).values()]
        held = [bench.open_orders(venue) for venue in Venue]
        answers = [(await bench.ask(order))[-1] for order in orders]

    assert [fill.quantity for fill in fills] == [0] * len(orders)
    assert (any(moved), held) == (False, [0, 0])
    assert [answer.kind for answer in answers if isinstance(answer, OrderReply)] == [ReplyKind.MISSING] * len(orders)


def off_the_tick(bench: Bench, order: Order) -> Order:
    tick = bench.instrument(order.venue).ticks.at(order.limit_price)
    return replace(order, limit_price=order.limit_price + tick / 10)


def off_the_lot(bench: Bench, order: Order) -> Order:
    return replace(order, quantity=order.quantity + bench.instrument(order.venue).lot / 10)


def below_the_minimum(bench: Bench, order: Order) -> Order:
    instrument = bench.instrument(order.venue)
    lots = instrument.min_notional / order.limit_price // instrument.lot
    return replace(order, quantity=lots * instrument.lot)


@pytest.mark.parametrize("spoil", [off_the_tick, off_the_lot, below_the_minimum])
@each_gateway(Can.JUDGE_ORDERS)
async def test_an_order_off_the_venues_grid_or_below_its_minimum_comes_to_nothing(stand: Stand, spoil) -> None:
    async with stand.open() as bench:
        orders = [spoil(bench, bench.order(place)) for place in bench.places]
        bench.submit(*orders)
        fills = [await bench.settle(order) for order in orders]
        moved = [amount for venue in Venue for amount in bench.moved(venue).values()]

    assert [fill.quantity for fill in fills] == [0] * len(orders)
    assert not any(moved)


@each_gateway(Can.JUDGE_ORDERS, Can.TRADE)
async def test_a_halted_market_takes_nothing_on_and_the_other_venue_goes_on(stand: Stand) -> None:
    quantities = []
    for halted in Venue:
        async with stand.open() as bench:
            bench.halt(halted)
            orders = [bench.order(place) for place in bench.places]
            bench.submit(*orders)
            fills = [await bench.settle(order) for order in orders]
            quantities.append([fill.quantity for fill, order in zip(fills, orders, strict=True)])
            wanted = [0 if order.venue is halted else order.quantity for order in orders]

            assert quantities[-1] == wanted


@each_gateway(Can.LOSE_VENUE, Can.TRADE)
async def test_a_venue_that_is_out_of_order_takes_nothing_from_the_other(stand: Stand) -> None:
    for lost in Venue:
        async with stand.open() as bench:
            bench.lose(lost)
            orders = [bench.order(place) for place in bench.places]
            bench.submit(*orders)
            quantities = [(await bench.settle(order)).quantity for order in orders]

            assert quantities == [0 if order.venue is lost else order.quantity for order in orders]


# --- ids


@pytest.mark.parametrize("client_id", ["no spaces, please", 'a"b', "a" * 65, "주문", "a\nb"])
@each_gateway(Can.CHECK_IDS)
async def test_an_id_that_no_venue_takes_comes_to_nothing(stand: Stand, client_id: str) -> None:
    async with stand.open() as bench:
        for place in bench.places:
            order = bench.order(place, client_id=client_id)
            bench.submit(order)
            fill = await bench.settle(order)

            assert (fill.quantity, bench.moved(order.venue)) == (0, dict.fromkeys(bench.moved(order.venue), 0))


@each_gateway(Can.TRADE, Can.SEND_ONCE)
async def test_an_order_that_is_handed_over_twice_at_once_trades_once_and_has_one_end(stand: Stand) -> None:
    async with stand.open() as bench:
        sales = [bench.order(place) for place in bench.places if place[1] is Side.SELL]
        bench.submit(*sales, *sales)
        for order in sales:
            await bench.settle(order)
        await bench.rest()
        moved = [_coins(bench, order) for order in sales]
        ends = [[fill.quantity for fill in bench.ends(order)] for order in sales]

    assert moved == [order.quantity for order in sales]
    assert ends == [[order.quantity] for order in sales]


@each_gateway(Can.TRADE, Can.BURN_IDS)
async def test_an_order_that_is_handed_over_again_after_its_end_does_not_trade_again(stand: Stand) -> None:
    async with stand.open() as bench:
        sales = [bench.order(place) for place in bench.places if place[1] is Side.SELL]
        for _ in range(2):
            bench.submit(*sales)
            for order in sales:
                await bench.settle(order)
            await bench.rest()
        moved = [_coins(bench, order) for order in sales]

    assert moved == [order.quantity for order in sales]


# --- what is left for people


@each_gateway()
async def test_each_order_leaves_a_line_with_its_mode_and_no_other_modes_mark(stand: Stand, lines: StringIO) -> None:
    async with stand.open() as bench:
        orders = [bench.order(place) for place in bench.places]
        bench.submit(*orders)
        for order in orders:
            await bench.settle(order)
    text = lines.getvalue()
    marked = [line for line in map(json.loads, text.splitlines()) if line["event"].startswith("[")]
    left = [line for line in marked if line["event"].endswith("order")]

    assert {line["event"].split()[0] for line in marked} == {bench.mark} - {""}
    assert [(line["client_id"], line["venue"], line["side"]) for line in left] == [
        (order.client_id, order.venue.value, order.side.value) for order in orders if bench.mark
    ]
    assert not any(secret in text for keys in (UPBIT_KEYS, BINANCE_KEYS) for secret in (keys.access, keys.secret))


def _coins(bench: Bench, order: Order) -> Decimal:
    moved = bench.moved(order.venue)
    return abs(moved.get("BTC", Decimal(0))) + moved.get("reported", Decimal(0))


def _flows(order: Order, fill: Fill) -> dict[str, Decimal]:
    """Return what an account gains and loses by a fill, by currency."""
    flows = {"BTC": order.side.sign * fill.quantity, QUOTES[order.venue]: -order.side.sign * fill.funds}
    flows[fill.fee_currency] -= fill.fee
    return flows
