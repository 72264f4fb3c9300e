"""What is owned, what is spoken for, and what is free."""

from decimal import Decimal

import pytest

from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.ledger.inventory import Inventory
from arbitrage.ledger.virtual import VirtualCapital
from tests import builders as make
from tests.flight_builders import an_order

D = Decimal
OWNED = {
    Venue.UPBIT: {"BTC": D(1), "KRW": D(1_000_000)},
    Venue.BINANCE: {"BTC": D(2), "USDT": D(1_000)},
}
ON = {Venue.UPBIT: make.upbit(), Venue.BINANCE: make.binance()}


def order(venue: Venue, side: Side, client_id: str = "arb-1-u-1") -> Order:
    return an_order(client_id, venue=venue, side=side, quantity=D("0.5"), limit_price=D(1_000))


@pytest.mark.parametrize(
    ("venue", "side", "currency", "left"),
    [
        (Venue.UPBIT, Side.SELL, "BTC", "0.5"),
        (Venue.BINANCE, Side.SELL, "BTC", "1.5"),
        (Venue.UPBIT, Side.BUY, "KRW", "999499.75"),  # 500 KRW and the fee of 0.05 % on top
        (Venue.BINANCE, Side.BUY, "USDT", "500"),  # the fee comes out of the coin
    ],
)
def test_an_order_in_flight_speaks_for_the_most_it_can_use(venue: Venue, side: Side, currency: str, left: str) -> None:
    inventory = Inventory(OWNED)
    inventory.reserve(order(venue, side), ON[venue])
    untouched = [(at, name) for at, amounts in OWNED.items() for name in amounts if (at, name) != (venue, currency)]

    assert inventory.free(venue, currency) == D(left)
    assert all(inventory.free(at, name) == OWNED[at][name] for at, name in untouched)


@pytest.mark.parametrize(
    ("venue", "side", "fee", "fee_currency", "expected"),
    [
        (Venue.UPBIT, Side.SELL, "0.2", "KRW", {"BTC": "0.6", "KRW": "1000399.8"}),
        (Venue.UPBIT, Side.BUY, "0.2", "KRW", {"BTC": "1.4", "KRW": "999599.8"}),
        (Venue.BINANCE, Side.SELL, "0.4", "USDT", {"BTC": "1.6", "USDT": "1399.6"}),
        (Venue.BINANCE, Side.BUY, "0.0004", "BTC", {"BTC": "2.3996", "USDT": "600"}),
    ],
)
def test_a_fill_moves_both_currencies_and_lets_go_of_the_rest(
    venue: Venue, side: Side, fee: str, fee_currency: str, expected: dict[str, str]
) -> None:
    inventory = Inventory(OWNED)
    inventory.reserve(order(venue, side), ON[venue])
    fill = Fill(quantity=D("0.4"), funds=D(400), fee=D(fee), fee_currency=fee_currency)
    inventory.settle(order(venue, side), ON[venue], fill)

    assert {name: inventory.free(venue, name) for name in expected} == {k: D(v) for k, v in expected.items()}


def test_two_orders_of_one_plan_on_a_venue_speak_for_themselves() -> None:
    inventory, first, second = Inventory(OWNED), order(Venue.UPBIT, Side.SELL), order(Venue.UPBIT, Side.SELL, "2nd")
    for each in (first, second):
        inventory.reserve(each, ON[Venue.UPBIT])

    assert inventory.free(Venue.UPBIT, "BTC") == 0
    assert (inventory.release(first), inventory.release(first)) == (True, False)
    assert inventory.free(Venue.UPBIT, "BTC") == D("0.5")


def test_what_nothing_was_spoken_for_is_never_booked() -> None:
    inventory, sold = Inventory(OWNED), order(Venue.UPBIT, Side.SELL)
    inventory.settle(sold, ON[Venue.UPBIT], Fill(quantity=D(1), funds=D(1), fee=D(0), fee_currency="KRW"))

    assert inventory.shown()["upbit"] == OWNED[Venue.UPBIT]


def test_funds_that_people_move_are_added_to_what_is_owned() -> None:
    inventory = Inventory(OWNED)
    inventory.move(Venue.UPBIT, "BTC", D("-0.25"))
    inventory.move(Venue.BINANCE, "ETH", D(3))

    assert inventory.owned(Venue.UPBIT, "BTC") == D("0.75")
    assert (inventory.owned(Venue.BINANCE, "ETH"), inventory.owned(Venue.UPBIT, "ETH")) == (D(3), D(0))


def test_what_was_never_given_is_unknown_and_cannot_be_spent() -> None:
    inventory = Inventory()

    assert not inventory.knows(Venue.UPBIT, "KRW")
    assert inventory.free(Venue.UPBIT, "KRW") == 0


def test_virtual_capital_is_half_cash_and_half_coins_on_each_side() -> None:
    inventory, capital = Inventory(), VirtualCapital(D(10_000_000), pairs=2)
    prices = {Venue.UPBIT: D(100_000_000), Venue.BINANCE: D(80_000)}
    capital.fund(inventory, make.pair(), prices, krw_per_usdt=D(1_250))

    assert inventory.shown() == {
        "upbit": {"KRW": D(5_000_000), "BTC": D("0.025")},
        "binance": {"USDT": D(4_000), "BTC": D("0.025")},
    }


def test_virtual_capital_never_tops_up_what_is_known() -> None:
    inventory = Inventory({Venue.UPBIT: {"BTC": D(0), "KRW": D(1)}})
    VirtualCapital(D(10_000_000), pairs=1).fund(
        inventory, make.pair(), {Venue.UPBIT: D(1), Venue.BINANCE: D(1)}, krw_per_usdt=D(1)
    )

    assert inventory.shown()["upbit"] == {"BTC": D(0), "KRW": D(1)}
