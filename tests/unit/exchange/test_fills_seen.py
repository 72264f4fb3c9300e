from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.plans import Fill
from arbitrage.exchange.fills_seen import KEPT_FOR, FillsSeen, Standing, Trade, Word
from tests.clocks import NOON


def traded(trade_id, quantity, of, fee="0.1", currency="BTC"):
    """A trade of `quantity`, after which the order has come to `of`, at 100 a piece."""
    trade = Trade(trade_id=trade_id, quantity=Decimal(quantity), fee=Decimal(fee), fee_currency=currency)
    return Word(quantity=Decimal(of), funds=Decimal(of) * 100, quote="USDT", trade=trade)


def summed(of, fee="0", is_over=False):
    """An order of which the venue tells all sums itself."""
    total = Decimal(of)
    return Word(quantity=total, funds=total * 100, quote="KRW", fee=Decimal(fee), is_over=is_over)


def over(of):
    return Word(quantity=Decimal(of), funds=Decimal(of) * 100, quote="USDT", is_over=True)


def fill(quantity, fee, currency):
    return Fill(quantity=Decimal(quantity), funds=Decimal(quantity) * 100, fee=Decimal(fee), fee_currency=currency)


def last_of(seen, *words, order_id="1"):
    """Take words and return the last thing that was news."""
    news = [seen.take(order_id, word, NOON) for word in words]
    return [standing for standing in news if standing is not None][-1]


def test_the_fees_of_trades_add_up():
    standing = last_of(FillsSeen(), traded("a", 1, of=1), traded("b", 2, of=3, fee="0.2"))

    assert standing == Standing(fill(3, "0.3", "BTC"), is_over=False)


def test_a_trade_that_is_told_twice_is_no_news():
    seen = FillsSeen()
    seen.take("1", traded("a", 1, of=1), NOON)

    assert seen.take("1", traded("a", 1, of=1), NOON) is None


def test_a_fill_is_not_given_while_a_trade_is_missing_and_is_once_it_comes():
    seen = FillsSeen()

    assert seen.take("1", traded("b", 2, of=3), NOON) == Standing(None, is_over=False)
    assert seen.take("1", traded("a", 1, of=1), NOON) == Standing(fill(3, "0.2", "BTC"), is_over=False)


def test_an_end_that_overtakes_a_trade_stays_the_end():
    seen = FillsSeen()

    assert seen.take("1", over(1), NOON) == Standing(None, is_over=True)
    assert seen.take("1", traded("a", 1, of=1), NOON) == Standing(fill(1, "0.1", "BTC"), is_over=True)


def test_an_order_that_came_to_nothing_has_a_fill_of_nothing():
    assert last_of(FillsSeen(), over(0)) == Standing(fill(0, 0, "USDT"), is_over=True)


def test_fees_in_two_currencies_are_no_fill():
    words = (traded("a", 1, of=1, currency="BNB"), traded("b", 1, of=2, currency="BTC"))

    assert last_of(FillsSeen(), *words) == Standing(None, is_over=False)


def test_a_trade_without_a_fee_has_no_currency_of_its_own():
    assert last_of(FillsSeen(), traded("a", 1, of=1, fee="0", currency="")).fill == fill(1, 0, "USDT")


def test_sums_that_the_venue_tells_need_no_trades():
    assert last_of(FillsSeen(), summed(2, fee="7", is_over=True)) == Standing(fill(2, 7, "KRW"), is_over=True)


def test_sums_never_fall():
    seen = FillsSeen()
    seen.take("1", summed(2, fee="7", is_over=True), NOON)

    assert seen.take("1", summed(1, fee="3"), NOON) is None


def test_orders_are_kept_apart():
    seen = FillsSeen()
    seen.take("1", summed(2), NOON)

    assert seen.take("2", summed(1), NOON) == Standing(fill(1, 0, "KRW"), is_over=False)


def test_memory_is_bounded_and_the_most_silent_go_first():
    seen = FillsSeen(most_ids=4)
    for order_id in ("1", "2", "3"):
        seen.take(order_id, traded("a", 1, of=1), NOON)

    assert len(seen) == 4
    assert seen.take("3", traded("a", 1, of=1), NOON) is None
    assert seen.take("1", traded("a", 1, of=1), NOON) is not None


def test_an_order_with_more_trades_than_may_be_remembered_is_forgotten_and_gives_no_false_fill():
    seen = FillsSeen(most_ids=3)
    told = [seen.take("1", traded(str(n), 1, of=n), NOON) for n in range(1, 6)]
    quantities = [standing.fill and standing.fill.quantity for standing in told if standing is not None]

    assert len(seen) <= 3
    assert quantities == [1, 2, 3, None]


@pytest.mark.parametrize(("silent_s", "is_news"), [(0, False), (1, True)])
def test_orders_are_forgotten_after_a_day_of_silence(silent_s, is_news):
    seen = FillsSeen()
    seen.take("1", summed(1), NOON)
    later = Instant(NOON + KEPT_FOR + silent_s * NS_PER_S)
    seen.take("2", summed(1), later)

    assert (seen.take("1", summed(1), later) is not None) is is_news


def test_how_long_is_a_choice():
    seen = FillsSeen(kept_for=Nanos(0))
    seen.take("1", summed(1), NOON)
    seen.take("2", summed(1), Instant(NOON + 1))

    assert len(seen) == 1


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    chance=st.randoms(use_true_random=False),
    repeats=st.integers(1, 3),
)
def test_whatever_the_order_and_however_often_the_words_come_the_end_is_the_same(sizes, chance, repeats):
    totals = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    words = [traded(str(n), size, of=total) for n, (size, total) in enumerate(zip(sizes, totals, strict=True))]
    told = [*words, over(totals[-1])] * repeats
    chance.shuffle(told)
    seen = FillsSeen()
    news = [standing for word in told if (standing := seen.take("1", word, NOON)) is not None]
    quantities = [standing.fill.quantity for standing in news if standing.fill is not None]

    assert news[-1] == Standing(fill(totals[-1], Decimal("0.1") * len(sizes), "BTC"), is_over=True)
    assert quantities == sorted(quantities)
