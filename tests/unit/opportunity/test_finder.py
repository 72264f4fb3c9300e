"""From books to the draft of a plan: what bounds it, and what it is refused for."""

from decimal import Decimal

import pytest

from arbitrage.books.book import Book
from arbitrage.domain.instruments import Pair, Venue
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.verdicts import Refusal, RefusalCode
from arbitrage.opportunity.edge import Fx
from arbitrage.opportunity.finder import Free, PairFinder, PlanRules
from tests import builders as make

D = Decimal
RULES = PlanRules(min_edge=0.001, max_room=0.001, max_notional_krw=1e9, max_depth_share=1.0)
PLENTY = Free(D(1_000), D(10**12), 1e12)
RATE = Fx(1_400.0, 1_401.0)


def books(upbit_bids: list[tuple[float, float]], binance_asks: list[tuple[float, float]]) -> tuple[Book, Book]:
    upbit, binance = Book(), Book()
    upbit.replace(make.snapshot(Venue.UPBIT, "KRW-BTC", upbit_bids, [(upbit_bids[0][0] + 1_000, 1.0)]))
    binance.replace(make.snapshot(Venue.BINANCE, "BTCUSDT", [(binance_asks[0][0] - 1, 1.0)], binance_asks))
    return upbit, binance


def draft(of: tuple[Book, Book], pair: Pair | None = None, free: Free = PLENTY) -> TwoLegPlan | Refusal:
    finder = PairFinder(pair or make.pair(), RULES)
    return finder.draft(Direction.SELL_UPBIT, of, RATE, free, make.NOON)


WINNING = books([(120_000_000.0, 2.0)], [(85_000.0, 2.0)])


def test_an_old_order_off_todays_grid_is_left_out() -> None:
    """The level at 119,443,500 stands between ticks of 1,000: no limit that keeps the edge can reach it."""
    pays_little = books([(119_444_000.0, 0.5), (119_443_500.0, 0.5)], [(85_000.0, 2.0)])
    plan = draft(pays_little)

    assert isinstance(plan, TwoLegPlan)
    assert (plan.upbit.levels, plan.upbit.limit_price) == (((119_444_000.0, 0.5),), D(119_444_000))


@pytest.mark.parametrize(
    ("case", "changes", "quantity"),
    [
        ("the most that Upbit takes", {"upbit": {"max_quantity": D("0.5")}}, "0.4999995"),
        ("the most that Binance takes", {"binance": {"max_quantity": D("0.5")}}, "0.4995"),
        ("Upbit's largest total", {"upbit": {"max_notional": D(12_000_000)}}, "0.09999990"),
    ],
)
def test_a_plan_is_made_smaller_rather_than_refused(
    case: str, changes: dict[str, dict[str, Decimal]], quantity: str
) -> None:
    pair = Pair("BTC", make.upbit(**changes.get("upbit", {})), make.binance(**changes.get("binance", {})))
    plan = draft(WINNING, pair)

    assert isinstance(plan, TwoLegPlan)
    assert plan.upbit.quantity == D(quantity)


@pytest.mark.parametrize(
    ("case", "free", "seen"),
    [
        ("no coins to sell", Free(D("0.00001"), D(10**12), 1e12), "upbit has BTC for 1,200 KRW"),
        ("no USDT to spend", Free(D(1_000), D(4), 1e12), "binance has USDT for 5,593 KRW"),
    ],
)
def test_a_dry_side_is_named(case: str, free: Free, seen: str) -> None:
    refused = draft(WINNING, free=free)

    assert isinstance(refused, Refusal)
    assert (refused.code, refused.seen, refused.limit) == (RefusalCode.INVENTORY_DRY, seen, "7,005 KRW")


def test_a_plan_is_worth_what_its_upbit_leg_would_bring_or_cost_at_the_most() -> None:
    sells, finder = draft(WINNING), PairFinder(make.pair(), RULES)
    buying = (Book(), Book())
    buying[0].replace(make.snapshot(Venue.UPBIT, "KRW-BTC", [(117_999_000.0, 1.0)], [(118_000_000.0, 1.0)]))
    buying[1].replace(make.snapshot(Venue.BINANCE, "BTCUSDT", [(85_000.0, 1.0)], [(85_001.0, 1.0)]))
    buys = finder.draft(Direction.BUY_UPBIT, buying, RATE, PLENTY, make.NOON)

    assert isinstance(sells, TwoLegPlan)
    assert isinstance(buys, TwoLegPlan)
    assert sells.notional_krw == sells.upbit.quantity * 120_000_000 // D("0.01") * D("0.01")
    assert buys.upbit.limit_price > 118_000_000
    assert buys.notional_krw == buys.upbit.quantity * buys.upbit.limit_price


def test_the_smallest_lot_that_cannot_be_had_is_told() -> None:
    refused = draft(books([(120_000_000.0, 0.000005)], [(85_000.0, 2.0)]))

    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.BELOW_MINIMUM
