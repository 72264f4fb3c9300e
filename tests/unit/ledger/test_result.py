"""What a plan came to, worked out by hand."""

from decimal import Decimal

import pytest

from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.money import won_units
from arbitrage.domain.plans import Fill, LegEnd, OrderFill, Outcome, PlanEnd, TwoLegPlan
from arbitrage.ledger.closing import Flown, close_plan
from tests import builders as make

D = Decimal


def plan(premium_bps: int) -> TwoLegPlan:
    (submit,) = make.Story().tell_books(premium_bps)
    return submit.approved.what  # type: ignore[union-attr]  # a story with a premium ends in a plan


SELLS, BUYS = plan(80), plan(-80)  # on Upbit; the fx is 1,400 / 1,401
TOUCHES = {Venue.UPBIT: (119_000_000.0, 119_100_000.0), Venue.BINANCE: (85_000.0, 85_000.01)}


def fill(quantity: str = "0", funds: str = "0", fee: str = "0", currency: str = "KRW") -> Fill:
    return Fill(quantity=D(quantity), funds=D(funds), fee=D(fee), fee_currency=currency)


def closed(
    of: TwoLegPlan, upbit: Fill, binance: Fill, touches: object = TOUCHES, hedges: tuple[OrderFill, ...] = ()
) -> PlanEnd:
    opening = {Venue.UPBIT: upbit, Venue.BINANCE: binance}
    legs = (
        OrderFill(client_id=f"{venue}-1", venue=venue, side=of.on(venue).side, fill=got)
        for venue, got in opening.items()
    )
    flown = Flown(
        ends={venue: LegEnd.FILLED if got.quantity else LegEnd.EMPTY for venue, got in opening.items()},
        opening=opening,
        fills=(*(leg for leg in legs if leg.fill.quantity), *hedges),
        hedges=hedges,
        neutral_after=None,
    )
    return close_plan(of, make.pair(), flown, touches, make.NOON)  # type: ignore[arg-type]  # a test's mapping


def test_sold_on_upbit_and_bought_back_on_binance() -> None:
    """1 BTC sold for 120,000,000 less 60,000 fee; 1.001001 BTC bought for 85,000 USDT; the fee leaves 1 BTC."""
    end = closed(SELLS, fill("1", "120000000", "60000"), fill("1.001001", "85000", "0.001001", "BTC"))
    usdt_in_won = D(85_000) * D(1_401) * D("1.0005")

    assert end.outcome is Outcome.BOTH
    assert end.residual_base == D(0)
    assert end.result == won_units(D(120_000_000) - 60_000 - usdt_in_won)


def test_bought_on_upbit_and_sold_on_binance() -> None:
    end = closed(BUYS, fill("1", "118000000", "59000"), fill("1", "86000", "86", "USDT"))
    usdt_in_won = D(86_000 - 86) * D(1_400) * D("0.9995")

    assert end.result == won_units(usdt_in_won - 118_000_000 - 59_000)


def test_a_leg_that_was_bought_back_costs_what_the_way_back_cost() -> None:
    """1 BTC sold for 120,000,000 on Upbit, and bought back there for 120,100,000: the plan still had one leg."""
    back = OrderFill(client_id="2nd", venue=Venue.UPBIT, side=Side.BUY, fill=fill("1", "120100000", "60050"))
    end = closed(SELLS, fill("1", "120000000", "60000"), fill(currency="USDT"), hedges=(back,))

    assert (end.outcome, end.residual_base, end.hedges) == (Outcome.ONE_LEG, D(0), (back,))
    assert end.result == won_units(D(-100_000) - 60_000 - 60_050)


def test_usdt_flows_of_a_leg_and_its_way_back_are_set_off_before_they_are_converted() -> None:
    """0.999 BTC came of 85,000 USDT, and went again for 84,900 less 84.9: only the 184.9 USDT lost are bought."""
    back = OrderFill(client_id="2nd", venue=Venue.BINANCE, side=Side.SELL, fill=fill("0.999", "84900", "84.9", "USDT"))
    end = closed(SELLS, fill(), fill("1", "85000", "0.001", "BTC"), hedges=(back,))

    assert end.residual_base == D(0)
    assert end.result == won_units(D("-184.9") * D(1_401) * D("1.0005"))


UPBIT_DEARER = {Venue.UPBIT: (125_000_000.0, 125_100_000.0), Venue.BINANCE: (85_000.0, 85_000.01)}
UPBIT_CHEAPER = {Venue.UPBIT: (115_000_000.0, 115_100_000.0), Venue.BINANCE: (85_000.0, 85_000.01)}


@pytest.mark.parametrize(
    ("touches", "bought_at"),
    [
        (UPBIT_DEARER, D(125_100_000) * D("1.0005")),
        (UPBIT_CHEAPER, D("85000.01") / D("0.999") * D(1_401) * D("1.0005")),
    ],
)
def test_only_the_upbit_leg_sold_is_bought_back_at_the_dearer_venue(touches: object, bought_at: Decimal) -> None:
    end = closed(SELLS, fill("1", "120000000", "60000"), fill(currency="USDT"), touches)

    assert end.outcome is Outcome.ONE_LEG
    assert end.residual_base == D(-1)
    assert end.result == won_units(D(120_000_000) - 60_000 - bought_at)


@pytest.mark.parametrize(
    ("touches", "sold_at"),
    [
        (UPBIT_DEARER, D(85_000) * D("0.999") * D(1_400) * D("0.9995")),
        (UPBIT_CHEAPER, D(115_000_000) * D("0.9995")),
    ],
)
def test_only_the_binance_leg_bought_is_sold_at_the_cheaper_venue(touches: object, sold_at: Decimal) -> None:
    end = closed(SELLS, fill(), fill("1", "85000", "0.001", "BTC"), touches)
    paid = D(85_000) * D(1_401) * D("1.0005")

    assert end.residual_base == D("0.999")
    assert end.result == won_units(D("0.999") * sold_at - paid)


def test_without_a_believable_book_the_left_over_is_valued_at_the_plans_own_limits() -> None:
    end = closed(SELLS, fill("1", "120000000", "60000"), fill(currency="USDT"), touches={})
    dearest = max(
        SELLS.upbit.limit_price * D("1.0005"),
        SELLS.binance.limit_price / D("0.999") * D(1_401) * D("1.0005"),
    )

    assert end.result == won_units(D(120_000_000) - 60_000 - dearest)


@pytest.mark.parametrize(
    ("sold_on_upbit", "outcome"),
    [("0.99995", Outcome.BOTH), ("0.9999", Outcome.UNEVEN), ("0.9998", Outcome.UNEVEN)],
)
def test_what_is_too_little_to_hedge_is_dust(sold_on_upbit: str, outcome: Outcome) -> None:
    """1.1 x 5 USDT at 85,085 USDT is 0.0000646 BTC."""
    end = closed(SELLS, fill(sold_on_upbit, "1", "0"), fill("1.001001", "1", "0.001001", "BTC"))

    assert end.outcome is outcome


def test_a_loss_is_never_rounded_away() -> None:
    assert won_units(D("-0.00001")) == -1
    assert won_units(D("0.00019")) == 1
