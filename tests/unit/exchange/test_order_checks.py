"""What is refused before any money is looked at, and that a refusal changes nothing."""

from decimal import Decimal

import pytest

from arbitrage.exchange.venue_orders import OrderRequest, RejectReason
from tests.unit.exchange.bench import BUY, FOK, FROM_RECEIVED, FUNDS, GTC, LIMIT, MARKET, POST_ONLY, SELL, Bench, wish

BAD, UNKNOWN, HALTED, TICK, LOT, MINIMUM, MAXIMUM, FUNDS_SHORT, NO_LIQUIDITY, WOULD_TAKE = RejectReason


@pytest.mark.parametrize(
    ("request_", "reason", "allowed"),
    [
        (wish(symbol="ETH-USD"), UNKNOWN, ""),
        (wish(price=None), BAD, ""),
        (wish(quantity=None), BAD, ""),
        (wish(funds="100"), BAD, ""),
        (wish(BUY, MARKET, price="100"), BAD, ""),
        (wish(BUY, FUNDS, quantity="1"), BAD, ""),
        (wish(SELL, FUNDS), BAD, ""),
        (wish(BUY, MARKET, POST_ONLY), BAD, ""),
        (wish(price="0"), BAD, ""),
        (wish(price="-1"), BAD, ""),
        (wish(quantity="NaN"), BAD, ""),
        (wish(quantity="sNaN"), BAD, ""),
        (wish(quantity="Infinity"), BAD, ""),
        (wish(BUY, FUNDS, funds="-Infinity"), BAD, ""),
        (wish(quantity="1e999999"), BAD, ""),
        (wish(price="1e-999999"), BAD, ""),
        (wish(price="100." + "0" * 5_000 + "1"), BAD, ""),
        (wish(quantity="1" * 30), BAD, ""),
        (wish(quantity="1e18"), LOT, "1000"),
        (wish(price="100.5"), TICK, "1"),
        (wish(quantity="0.15"), LOT, "0.1"),
        (wish(quantity="1000.1"), LOT, "1000"),
        (wish(price="50", quantity="0.1"), MINIMUM, "10"),
        (wish(BUY, MARKET, quantity="0.1"), MINIMUM, "10"),
        (wish(SELL, MARKET, quantity="0.1"), MINIMUM, "10"),
        (wish(BUY, FUNDS, funds="9.99"), MINIMUM, "10"),
        (wish(price="100001", quantity="10"), MAXIMUM, "1000000"),
        (wish(BUY, FUNDS, funds="1000000.1"), MAXIMUM, "1000000"),
        (wish(BUY, LIMIT, POST_ONLY, price="99"), WOULD_TAKE, ""),
        (wish(SELL, LIMIT, POST_ONLY, price="98"), WOULD_TAKE, ""),
        (wish(quantity="10"), FUNDS_SHORT, "1001"),
        (wish(BUY, MARKET, quantity="100"), FUNDS_SHORT, "9909.9"),
        (wish(BUY, FUNDS, funds="1000"), FUNDS_SHORT, "1001"),
        (wish(SELL, quantity="10.1"), FUNDS_SHORT, "10.1"),
    ],
)
def test_what_is_refused_and_why(request_: OrderRequest, reason: RejectReason, allowed: str) -> None:
    bench = Bench()
    bench.book([("98", "500")], [("99", "500")])
    before = bench.core.account.balances()
    rejection = bench.reject(request_)

    assert rejection.reason is reason
    assert allowed in ("", rejection.allowed)
    assert len(rejection.seen) < 100
    assert (bench.core.account.balances(), bench.core.orders) == (before, {})


@pytest.mark.parametrize(
    "request_",
    [
        wish(price="100", quantity="0.1"),
        wish(BUY, MARKET, quantity="0.2"),
        wish(BUY, FUNDS, funds="10"),
        wish(BUY, LIMIT, POST_ONLY, price="98"),
        wish(SELL, LIMIT, POST_ONLY, price="99"),
        wish(BUY, MARKET, FOK),
        wish(BUY, LIMIT, GTC, price="100.000", quantity="1.00"),
    ],
)
def test_what_is_on_the_edge_is_taken(request_: OrderRequest) -> None:
    bench = Bench()
    bench.book([("98", "500")], [("99", "500")])

    assert bench.accept(request_).request is request_


@pytest.mark.parametrize("request_", [wish(BUY, MARKET), wish(SELL, MARKET), wish(BUY, FUNDS)])
def test_a_market_order_needs_a_market(request_: OrderRequest) -> None:
    assert Bench().reject(request_).reason is NO_LIQUIDITY


def test_a_halted_market_takes_no_orders_and_says_its_word() -> None:
    rejection = Bench(halted="BREAK").reject(wish())

    assert (rejection.reason, rejection.seen) == (HALTED, "BREAK")


def test_the_last_unit_can_be_locked_and_not_one_more() -> None:
    assert Bench(usd="100.1").accept(wish())
    assert Bench(usd="100.09999999").reject(wish()).reason is FUNDS_SHORT
    assert Bench(FROM_RECEIVED, usd="100").accept(wish())


def test_the_least_quantity_is_a_matter_of_the_lot_rule() -> None:
    bench = Bench(min_quantity=Decimal("0.5"))

    assert bench.reject(wish(quantity="0.4")).reason is LOT
    assert bench.accept(wish(quantity="0.5"))


def test_a_check_does_not_ask_for_money() -> None:
    bench = Bench(usd="0", btc="0")

    assert bench.core.check(wish()) is None
    assert bench.core.check(wish(price="100.5")) is not None


def test_what_orders_in_waiting_hold_is_not_there_for_another() -> None:
    bench = Bench()
    for _ in range(9):
        bench.accept(wish())
    rejection = bench.reject(wish())

    assert (rejection.reason, rejection.seen, rejection.allowed) == (FUNDS_SHORT, "99.1 USD", "100.1")
    assert bench.usd.locked == Decimal("900.9")
