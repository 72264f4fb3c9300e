"""The way out of a leg that stands alone: which venue, which side, how much, at which limit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from arbitrage.domain.book_views import Reference
from arbitrage.domain.instruments import Pair, Side, Venue
from arbitrage.domain.plans import Direction
from arbitrage.domain.verdicts import Refusal
from arbitrage.execution.hedging import WayOut, is_dust, way_out
from liveguard.collar import Collar
from tests import builders as make
from tests.flight_builders import a_plan

D = Decimal
U, B = Venue.UPBIT, Venue.BINANCE
SELLS, BUYS = a_plan(Direction.SELL_UPBIT), a_plan(Direction.BUY_UPBIT)
PAR = {U: (D(119_000_000), D(119_001_000)), B: (D(85_000), D("85000.01"))}
"""Upbit at 119,000,000 is what 85,000 USDT at 1,400 come to."""

COLLAR = D("0.006")
EXPOSURE = D("0.01")


def touches(upbit: int = 119_000_000, binance: int = 85_000) -> dict[Venue, tuple[Decimal, Decimal]]:
    return {U: (D(upbit), D(upbit + 1_000)), B: (D(binance), D(binance) + D("0.01"))}


def way(exposure: str, plan: object = SELLS, may_proceed: bool = True, **changes: object) -> WayOut | None:
    given = {"pair": make.pair(), "touches": PAR, "collar": COLLAR, **changes}
    return way_out(D(exposure), plan=plan, may_proceed=may_proceed, **given)  # type: ignore[arg-type]  # any argument


@pytest.mark.parametrize(
    ("case", "plan", "exposure", "upbit", "venue", "side"),
    [
        ("sold on Upbit, Binance still cheap: buy there", SELLS, "-0.01", 120_000_000, B, Side.BUY),
        ("sold on Upbit, which fell: buy it back", SELLS, "-0.01", 118_000_000, U, Side.BUY),
        ("bought on Binance, Upbit still dear: sell there", SELLS, "0.01", 120_000_000, U, Side.SELL),
        ("bought on Binance, Upbit fell: sell it again", SELLS, "0.01", 118_000_000, B, Side.SELL),
        ("bought on Upbit, Binance still dear: sell there", BUYS, "0.01", 118_000_000, B, Side.SELL),
        ("sold on Binance, Upbit now dear: buy it back", BUYS, "-0.01", 120_000_000, B, Side.BUY),
    ],
)
def test_the_cheaper_way_is_taken(case: str, plan: object, exposure: str, upbit: int, venue: Venue, side: Side) -> None:
    found = way(exposure, plan, touches=touches(upbit))

    assert found
    assert (found.venue, found.side) == (venue, side)


@pytest.mark.parametrize(
    ("plan", "exposure", "undone_on"), [(SELLS, "-0.01", U), (SELLS, "0.01", B), (BUYS, "0.01", U), (BUYS, "-0.01", B)]
)
def test_after_one_proceed_only_the_venue_that_filled_is_left(plan: object, exposure: str, undone_on: Venue) -> None:
    for upbit in (110_000_000, 119_000_000, 130_000_000):
        found = way(exposure, plan, may_proceed=False, touches=touches(upbit))

        assert found
        assert found.venue is undone_on


def test_what_binance_takes_as_its_fee_is_bought_as_well() -> None:
    found = way("-0.01", touches=touches(120_000_000))
    assert found

    assert found.quantity == D("0.01001")  # 0.01 / 0.999 is 0.010010010…, on a lot of 0.00001
    assert abs(found.quantity * D("0.999") - EXPOSURE) < D("0.00001")


@pytest.mark.parametrize(
    ("plan", "exposure", "upbit", "price"),
    [
        (SELLS, "0.01", 120_000_000, "119282000"),  # 0.5994 % below the mid of 120,000,500 is 119,281,217
        (SELLS, "-0.01", 118_000_000, "118707000"),  # 0.5994 % above the mid of 118,000,500 is 118,707,795
        (SELLS, "-0.01", 120_000_000, "85509.49"),  # 0.5994 % above the mid of 85,000.005 is 85,509.495
        (SELLS, "0.01", 118_000_000, "84490.52"),
    ],
)
def test_the_limit_is_the_mid_and_nearly_all_of_the_collar_on_a_tick_inside_it(
    plan: object, exposure: str, upbit: int, price: str
) -> None:
    found = way(exposure, plan, touches=touches(upbit))

    assert found
    assert found.limit_price == D(price)


@given(
    bid=st.integers(100_000, 200_000),
    spread=st.integers(1, 4_000),
    collar=st.sampled_from(("0.5", "1", "2", "3", "7")),
    sign=st.sampled_from((1, -1)),
)
def test_the_last_gate_lets_every_limit_pass_at_the_widest_collar(
    bid: int, spread: int, collar: str, sign: int
) -> None:
    """A limit off the touch instead of the mid would be outside by half a spread, and no last try would ever leave."""
    book = (D(bid * 1_000), D((bid + spread) * 1_000))
    found = way("0.01" if sign > 0 else "-0.01", touches={U: book}, collar=D(collar) / 100)
    mid = float(sum(book)) / 2
    assume(found is not None and spread / (2 * bid + spread) < float(collar) / 100 * 0.99)
    refusals: list[Refusal] = []

    Collar(make.limits(unwind_collar_pct=D(collar))).judge_reduce(
        float(found.limit_price), "KRW-BTC", Reference(mid, None, None, None), refusals
    )

    assert refusals == []


def test_what_is_too_little_for_the_venue_that_filled_may_go_on_the_other_at_any_time() -> None:
    """0.00006 BTC are 5.1 USDT, below the 5.5 that Binance's minimum and a tenth come to, and 7,140 KRW."""
    found = way("0.00006", may_proceed=False)

    assert found
    assert (found.venue, found.quantity) == (U, D("0.00006"))
    assert way("0.00007", may_proceed=False).venue is B  # type: ignore[union-attr]  # it is there


def test_a_venue_that_is_not_there_offers_no_way() -> None:
    only_upbit = {U: PAR[U]}

    assert way("0.01", touches={}) is None
    assert way("0.01", touches=only_upbit).venue is U  # type: ignore[union-attr]  # it is there
    assert way("0.01", may_proceed=False, touches=only_upbit) is None


def test_a_halted_market_offers_no_way() -> None:
    stopped = Pair("BTC", make.upbit(halted="suspended"), make.binance())
    found = way("0.01", pair=stopped, touches=touches(125_000_000))

    assert found
    assert found.venue is B


def test_no_order_is_larger_than_a_venue_takes() -> None:
    small = Pair("BTC", make.upbit(max_quantity=D("0.004")), make.binance())
    found = way("0.01", pair=small, touches=touches(125_000_000))

    assert found
    assert found.quantity == D("0.004")


# --- dust


@pytest.mark.parametrize(
    ("exposure", "dust"),
    [
        ("0", True),
        ("0.0000462", True),  # 1.1 x 5,000 KRW at 119,000,000 is 0.00004622
        ("-0.0000462", True),
        ("0.0000463", False),
        ("-0.0000463", False),
    ],
)
def test_what_no_venue_takes_is_dust(exposure: str, dust: bool) -> None:
    assert is_dust(D(exposure), make.pair(), SELLS, PAR) is dust


def test_without_any_book_dust_is_told_by_the_plans_own_prices() -> None:
    assert is_dust(D("0.0000458"), make.pair(), SELLS, {})  # 5,500 KRW at 120,000,000 are 0.00004583
    assert not is_dust(D("0.0000459"), make.pair(), SELLS, {})


# --- laws

exposures = st.integers(-5_000_000, 5_000_000).map(lambda n: n * D("0.00000001"))
markets = st.builds(touches, st.integers(100_000, 140_000).map(lambda n: n * 1_000), st.integers(70_000, 100_000))
collars = st.sampled_from([D("0.006"), D("0.012"), D("0.03")])


@given(exposures, markets, collars, st.sampled_from([SELLS, BUYS]), st.booleans())
def test_a_way_out_lowers_the_exposure_and_never_turns_it_by_more_than_dust(
    exposure: Decimal, seen: dict[Venue, tuple[Decimal, Decimal]], collar: Decimal, plan: object, may_proceed: bool
) -> None:
    assume(exposure)
    found = way(str(exposure), plan, may_proceed, touches=seen, collar=collar)
    assume(found is not None)
    assert found is not None
    instrument = make.pair().on(found.venue)
    kept = 1 - instrument.taker_fee if (found.venue, found.side) == (B, Side.BUY) else 1
    left = exposure + found.side.sign * found.quantity * kept

    assert abs(left) < abs(exposure)
    assert left * exposure >= 0 or abs(left) < D("0.00000001")
    assert found.quantity % instrument.lot == 0
    assert found.limit_price % instrument.ticks.at(found.limit_price) == 0
    assert found.quantity * found.limit_price >= instrument.min_notional
    bid, ask = seen[found.venue]
    off = (found.limit_price - ask) / ask if found.side is Side.BUY else (bid - found.limit_price) / bid
    assert 0 <= off <= collar


@given(exposures, markets, st.sampled_from([SELLS, BUYS]))
def test_what_is_not_dust_always_has_a_way_out_while_both_books_are_there(
    exposure: Decimal, seen: dict[Venue, tuple[Decimal, Decimal]], plan: object
) -> None:
    assume(not is_dust(exposure, make.pair(), plan, seen))  # type: ignore[arg-type]  # a plan

    assert way(str(exposure), plan, touches=seen)
    assert way(str(exposure), plan, may_proceed=False, touches=seen)


def test_a_coarse_lot_makes_more_of_it_dust_and_nothing_hang() -> None:
    """Lots of 1 of a coin worth 101 won: 54.46 coins are worth 5,500 won, and the 54 that can be sold are not."""
    upbit = make.upbit("DOGE", lot=D(1), min_quantity=D(1))
    coarse = Pair("DOGE", upbit, make.binance("DOGE", lot=D(10), min_quantity=D(10)))
    seen = {U: (D(101), D(102)), B: (D("0.0714"), D("0.0715"))}
    plan = replace(SELLS, base="DOGE")

    exposures_seen = [D(tenths) / 10 for tenths in range(1, 2_000)]
    stuck = [
        each
        for each in exposures_seen
        if not is_dust(each, coarse, plan, seen)
        and way_out(each, coarse, plan, seen, COLLAR, may_proceed=False) is None
    ]

    assert stuck == []
