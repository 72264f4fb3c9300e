"""Laws of the edge and of the size, over generated books."""

from decimal import Decimal, getcontext

from hypothesis import assume, given
from hypothesis import strategies as st

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Level
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import won
from arbitrage.domain.plans import Direction, LegEnd, OrderFill, Outcome, TwoLegPlan
from arbitrage.exchange.shadow import fill_against
from arbitrage.execution.numbering import opening_orders
from arbitrage.ledger.closing import Flown, close_plan
from arbitrage.opportunity.edge import Fees, Fx, buy_upbit_edge, sell_upbit_edge
from arbitrage.opportunity.finder import Free, PairFinder, PlanRules
from tests import builders as make

getcontext().prec = 50

FEES = Fees(0.0005, 0.001)
steps = st.integers(1, 40)
lots = st.integers(1, 400_000)


@st.composite
def ladder(draw: st.DrawFn, best: Decimal, tick: Decimal, lot: Decimal, towards: int) -> list[Level]:
    """Levels on tick and lot, best first."""
    price, levels = best, []
    for step, size in draw(st.lists(st.tuples(steps, lots), min_size=1, max_size=15)):
        levels.append((float(price), float(size * lot)))
        price += towards * step * tick
    return levels


@st.composite
def markets(draw: st.DrawFn, least_bps: int = -300, most_bps: int = 300) -> tuple[Book, Book, Fx]:
    """Books of both venues around one price, Upbit's above Binance's by so many bps, and an fx."""
    fx_bid = draw(st.integers(1_200, 1_600))
    rate = Fx(float(fx_bid), float(fx_bid + draw(st.integers(1, 3))))
    usdt = Decimal(draw(st.integers(2_000_000, 12_000_000))) / 100
    apart = Decimal(draw(st.integers(least_bps, most_bps))) / 10_000
    krw = ((usdt * fx_bid * (1 + apart)) // 1_000) * 1_000
    upbit, binance = Book(), Book()
    coin, won = Decimal("0.00000001"), Decimal(1_000)
    cent, lot = Decimal("0.01"), Decimal("0.00001")
    upbit.replace(
        make.snapshot(
            Venue.UPBIT,
            "KRW-BTC",
            draw(ladder(krw, won, coin * 1_000, -1)),
            draw(ladder(krw + won * draw(steps), won, coin * 1_000, 1)),
        )
    )
    binance.replace(
        make.snapshot(
            Venue.BINANCE,
            "BTCUSDT",
            draw(ladder(usdt, cent, lot, -1)),
            draw(ladder(usdt + cent * draw(steps), cent, lot, 1)),
        )
    )
    return upbit, binance, rate


def edge_of(direction: Direction, quantity: float, market: tuple[Book, Book, Fx]) -> float | None:
    upbit, binance, rate = market
    if direction is Direction.SELL_UPBIT:
        return sell_upbit_edge(quantity, upbit.bids(), binance.asks(), FEES, rate)
    return buy_upbit_edge(quantity, upbit.asks(), binance.bids(), FEES, rate)


def exact_vwap(levels: list[Level], quantity: Decimal) -> Decimal:
    left, funds = quantity, Decimal(0)
    for price, size in levels:
        taken = min(left, Decimal(repr(size)))
        left -= taken
        funds += taken * Decimal(repr(price))
    return funds / (quantity - left)


def naive_edge(direction: Direction, quantity: Decimal, market: tuple[Book, Book, Fx]) -> Decimal:
    """The design's two formulas, written out as they stand there."""
    upbit, binance, rate = market
    f_u, f_b, one = Decimal("0.0005"), Decimal("0.001"), Decimal(1)
    k_b, k_a = Decimal(rate.bid), Decimal(rate.ask)
    if direction is Direction.SELL_UPBIT:
        bid, ask = exact_vwap(list(upbit.bids()), quantity), exact_vwap(list(binance.asks()), quantity / (one - f_b))
        return bid * (one - f_u) / (ask / (one - f_b) * k_a * (one + f_u)) - one
    bid, ask = exact_vwap(list(binance.bids()), quantity), exact_vwap(list(upbit.asks()), quantity)
    return bid * (one - f_b) * k_b * (one - f_u) / (ask * (one + f_u)) - one


def held(direction: Direction, market: tuple[Book, Book, Fx]) -> float:
    """The base that both sides can trade in a direction."""
    upbit, binance, _ = market
    if direction is Direction.SELL_UPBIT:
        return min(sum(size for _, size in upbit.bids()), sum(size for _, size in binance.asks()) * 0.999)
    return min(sum(size for _, size in upbit.asks()), sum(size for _, size in binance.bids()))


parts = st.floats(0.001, 0.5)


@given(markets(), st.sampled_from(Direction), parts, parts)
def test_a_bigger_size_never_has_a_better_edge(
    market: tuple[Book, Book, Fx], direction: Direction, small: float, extra: float
) -> None:
    most = held(direction, market) * (1 - 1e-9)
    better, worse = edge_of(direction, most * small, market), edge_of(direction, most * (small + extra), market)

    assert better is not None
    assert worse is not None
    assert worse <= better + 1e-12


@given(markets(), st.sampled_from(Direction), st.floats(0.001, 1.0))
def test_the_edge_is_what_an_exact_walk_of_the_formula_gives(
    market: tuple[Book, Book, Fx], direction: Direction, part: float
) -> None:
    quantity = Decimal(f"{held(direction, market) * part * (1 - 1e-9):.8f}")
    assume(quantity > 0)
    fast = edge_of(direction, float(quantity), market)

    assert fast is not None
    assert abs(Decimal(fast) - naive_edge(direction, quantity, market)) < Decimal("1e-9")


def drafted(market: tuple[Book, Book, Fx], direction: Direction, free: Free, most_krw: float) -> TwoLegPlan | None:
    finder = PairFinder(
        make.pair(), PlanRules(min_edge=0.001, max_room=0.001, max_notional_krw=most_krw, max_depth_share=1.0)
    )
    upbit, binance, rate = market
    if not finder.touch_edge(direction, upbit, binance, rate) >= 0.001:
        return None
    draft = finder.draft(direction, (upbit, binance), rate, free, make.NOON)
    return draft if isinstance(draft, TwoLegPlan) else None


winning = st.one_of(
    st.tuples(markets(60, 300), st.just(Direction.SELL_UPBIT)),
    st.tuples(markets(-300, -60), st.just(Direction.BUY_UPBIT)),
)
"""A market, and the direction in which it pays: at least at the touch."""

PLENTY = Free(Decimal(1_000), Decimal(10**12), 1e12)
frees = st.builds(
    Free,
    st.integers(2_000, 3_000_000).map(lambda n: n * Decimal("0.000001")),
    st.integers(100_000, 300_000_000).map(Decimal),
    st.just(1e12),
)


@given(winning, frees, st.floats(20_000, 5e8))
def test_no_plan_breaks_a_lot_a_tick_a_minimum_a_cap_or_the_purse(
    win: tuple[tuple[Book, Book, Fx], Direction], free: Free, most_krw: float
) -> None:
    market, direction = win
    plan = drafted(market, direction, free, most_krw)
    assume(plan is not None)
    assert plan is not None
    pair = make.pair()
    spent = {leg.venue: leg.quantity * leg.limit_price for leg in plan.legs}
    buyer = plan.upbit if plan.upbit.side is Side.BUY else plan.binance
    fee_on_top = pair.upbit.taker_fee if buyer.venue is Venue.UPBIT else 0

    for leg in plan.legs:
        instrument = pair.on(leg.venue)
        assert leg.quantity % instrument.lot == 0
        assert leg.limit_price % instrument.ticks.at(leg.limit_price) == 0
        assert spent[leg.venue] >= instrument.min_notional
    assert plan.notional_krw <= Decimal(most_krw) + Decimal("0.01")
    assert spent[buyer.venue] * (1 + fee_on_top) <= free.quote
    assert next(leg.quantity for leg in plan.legs if leg.side is Side.SELL) <= free.base


@given(winning)
def test_a_plan_filled_where_it_looked_brings_what_it_expected(
    win: tuple[tuple[Book, Book, Fx], Direction],
) -> None:
    """Finder, fill and ledger agree, to the won that 1e-8 of base and the rounding of a fee are worth."""
    market, direction = win
    plan = drafted(market, direction, PLENTY, 1e12)
    assume(plan is not None)
    assert plan is not None
    pair = make.pair()
    fills = {
        order: fill_against(plan.on(order.venue).levels, order, pair.on(order.venue)) for order in opening_orders(plan)
    }
    flown = Flown(
        ends=dict.fromkeys(Venue, LegEnd.FILLED),
        opening={order.venue: fill for order, fill in fills.items()},
        fills=tuple(
            OrderFill(client_id=order.client_id, venue=order.venue, side=order.side, fill=fill)
            for order, fill in fills.items()
        ),
        hedges=(),
        neutral_after=None,
    )
    touches = {venue: (book.bid, book.ask) for venue, book in zip(Venue, market[:2], strict=True)}
    end = close_plan(plan, pair, flown, touches, make.NOON)
    dust_krw = abs(end.residual_base) * plan.upbit.limit_price

    assert end.outcome is Outcome.BOTH
    assert dust_krw < 5
    assert abs(won(end.result) - plan.expected_krw) < dust_krw + Decimal("0.1")


@given(winning)
def test_the_base_is_equal_after_fees(win: tuple[tuple[Book, Book, Fx], Direction]) -> None:
    market, direction = win
    plan = drafted(market, direction, PLENTY, 1e12)
    assume(plan is not None)
    assert plan is not None
    received = plan.binance.quantity
    if plan.binance.side is Side.BUY:
        received *= 1 - make.binance().taker_fee

    assert 0 <= received - plan.upbit.quantity < Decimal("1e-8")


@given(winning)
def test_both_limits_together_still_keep_the_minimum_edge(win: tuple[tuple[Book, Book, Fx], Direction]) -> None:
    market, direction = win
    plan = drafted(market, direction, PLENTY, 1e12)
    assume(plan is not None)
    assert plan is not None
    limits, rate = {leg.side: float(leg.limit_price) for leg in plan.legs}, market[2]
    usdt_in_krw = rate.ask if direction is Direction.SELL_UPBIT else 1 / rate.bid
    worst = FEES.kept * limits[Side.SELL] / (limits[Side.BUY] * usdt_in_krw) - 1
    deepest = {leg.venue: Decimal(repr(leg.levels[-1][0])) for leg in plan.legs}

    assert worst >= 0.001 - 1e-9
    for leg in plan.legs:
        beyond = (leg.limit_price - deepest[leg.venue]) * leg.side.sign
        assert 0 <= beyond <= deepest[leg.venue] * Decimal("0.001")
        assert beyond <= deepest[leg.venue] * Decimal(plan.net_edge_bps / 10_000 - 0.001 + 1e-12) / 2


@given(winning, frees)
def test_the_last_unit_still_clears_the_minimum(win: tuple[tuple[Book, Book, Fx], Direction], free: Free) -> None:
    market, direction = win
    plan = drafted(market, direction, free, 1e12)
    assume(plan is not None)
    assert plan is not None
    deepest, rate = {leg.side: leg.levels[-1][0] for leg in plan.legs}, market[2]
    usdt_in_krw = rate.ask if direction is Direction.SELL_UPBIT else 1 / rate.bid
    marginal = FEES.kept * deepest[Side.SELL] / (deepest[Side.BUY] * usdt_in_krw) - 1

    assert marginal >= 0.001 - 1e-9


@given(winning, frees)
def test_the_size_is_the_largest_that_clears(win: tuple[tuple[Book, Book, Fx], Direction], free: Free) -> None:
    """One more lot would be unaffordable, or its last unit would not clear, or the books do not hold it."""
    market, direction = win
    plan = drafted(market, direction, free, 1e12)
    assume(plan is not None)
    assert plan is not None
    upbit, binance, rate = market
    lot = Decimal("0.00002")
    more = plan.base_quantity + lot
    sells = direction is Direction.SELL_UPBIT
    krw, usdt = (upbit.bids(), binance.asks()) if sells else (upbit.asks(), binance.bids())
    needed = more / Decimal("0.999") if sells else more

    def at_depth(levels: object, quantity: Decimal) -> Decimal | None:
        for price, size in levels:  # type: ignore[attr-defined]  # a ladder
            quantity -= Decimal(repr(size))
            if quantity <= 0:
                return Decimal(repr(price))
        return None

    upbit_price, binance_price = at_depth(krw, more), at_depth(usdt, needed)
    if upbit_price is None or binance_price is None:
        return
    into, out_of = (upbit_price, binance_price) if sells else (binance_price, upbit_price)
    kept = FEES.kept
    marginal = (
        kept * float(into) / (float(out_of) * rate.ask) - 1
        if sells
        else kept * float(into) * rate.bid / float(out_of) - 1
    )
    cost = (needed if sells else more) * out_of * Decimal("1.001") * (1 if sells else Decimal("1.0005"))

    assert marginal < 0.001 + 1e-9 or more > free.base or cost > free.quote * Decimal("0.9999")
