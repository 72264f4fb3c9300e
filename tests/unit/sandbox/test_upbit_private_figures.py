"""What Upbit shows of an order is what the account holds for it: before, after each fill, and at the end."""

from decimal import Decimal
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.domain.instruments import Instrument, Side, TickTable, Venue
from arbitrage.exchange.matching import FeeRule, MatchingCore
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, TimeInForce, VenueOrder
from arbitrage.sandbox.upbit_private_figures import as_accepted, as_it_stands, as_of_trade
from tests.clocks import NOON

COIN = Instrument(
    venue=Venue.UPBIT,
    symbol="KRW-XRP",
    base="XRP",
    quote="KRW",
    ticks=TickTable.single(Decimal(1)),
    lot=Decimal("0.00000001"),
    min_quantity=Decimal("0.00000001"),
    max_quantity=Decimal(1_000_000),
    min_notional=Decimal(5_000),
    max_notional=Decimal(1_000_000_000),
    taker_fee=Decimal("0.0005"),
)

quantities = st.integers(1, 10**10).map(lambda units: Decimal(units) / 10**8)
# 5,000 won are the least that an order may be for
enough = st.integers(2 * 10**8, 10**10).map(lambda units: Decimal(units) / 10**8)
books = st.lists(st.tuples(st.integers(1, 20), quantities), min_size=1, max_size=5)


def a_core(levels: list[tuple[int, Decimal]]) -> MatchingCore:
    """A rich account before a book whose asks begin at 3,000 won, and whose bids end at 2,999."""
    core = MatchingCore([COIN], FeeRule.ON_TOP)
    core.account.deposit("KRW", Decimal(10**9))
    core.account.deposit("XRP", Decimal(10**6))
    steps = list(accumulate(step for step, _ in levels))
    asks = [(Decimal(2_999 + step), quantity) for step, (_, quantity) in zip(steps, levels, strict=True)]
    bids = [(Decimal(3_000 - step), quantity) for step, (_, quantity) in zip(steps, levels, strict=True)]
    core.set_book("KRW-XRP", bids, asks, NOON)
    return core


def accepted(core: MatchingCore, **fields: object) -> VenueOrder:
    order = core.accept(OrderRequest(symbol="KRW-XRP", **fields), NOON)  # type: ignore[arg-type]
    assert isinstance(order, VenueOrder)
    return order


@settings(deadline=None)
@given(levels=books, quantity=enough, side=st.sampled_from(Side), ioc=st.booleans())
def test_a_limit_orders_figures_are_what_the_account_holds(levels, quantity, side, ioc):
    core = a_core(levels)
    price = Decimal(3_010 if side is Side.BUY else 2_990)
    time_in_force = TimeInForce.IOC if ioc else TimeInForce.GTC
    order = accepted(core, side=side, kind=OrderKind.LIMIT, price=price, quantity=quantity, time_in_force=time_in_force)
    before, held = as_accepted(order), order.locked
    core.match(order, NOON)
    after = as_it_stands(order)

    assert before.locked == held
    assert before.state == "wait"
    assert as_accepted(order) == before
    assert [as_of_trade(order, trade).locked for trade in order.trades] == [
        trade.order_locked for trade in order.trades
    ]
    assert (after.executed_volume, after.executed_funds, after.paid_fee) == (
        order.executed_quantity,
        order.executed_funds,
        order.fee,
    )
    assert ioc or after.locked == order.locked
    assert after.state == ("done" if after.remaining_volume == 0 else "cancel" if ioc else "wait")


@settings(deadline=None)
@given(levels=books, funds=st.integers(5_000, 10**7))
def test_a_market_buys_figures_are_what_the_account_holds(levels, funds):
    core = a_core(levels)
    order = accepted(core, side=Side.BUY, kind=OrderKind.MARKET_FUNDS, funds=Decimal(funds))
    before, held = as_accepted(order), order.locked
    core.match(order, NOON)
    after = as_it_stands(order)

    assert (before.locked, before.price, before.volume) == (held, Decimal(funds), None)
    assert before.reserved_fee == before.remaining_fee == held - funds
    assert [as_of_trade(order, trade).locked for trade in order.trades] == [
        trade.order_locked for trade in order.trades
    ]
    assert after.locked == funds - order.executed_funds + after.remaining_fee
    assert after.state == ("done" if order.executed_funds == funds else "cancel")


def test_a_sale_sets_no_fee_aside():
    core = a_core([(1, Decimal(10))])
    order = accepted(core, side=Side.SELL, kind=OrderKind.LIMIT, price=Decimal(2_990), quantity=Decimal(3))
    core.match(order, NOON)
    before, after = as_accepted(order), as_it_stands(order)

    assert (before.reserved_fee, before.remaining_fee, before.locked) == (0, 0, 3)
    assert (after.remaining_fee, after.paid_fee) == (0, Decimal("4.4985"))
    assert after.average_price == 2_999
