"""A book knows when it may be believed."""

import math

import pytest

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Health
from arbitrage.domain.instants import Nanos
from arbitrage.domain.instruments import Venue
from tests import builders as make

SECOND = Nanos(1_000_000_000)


def book_with(*events: object) -> Book:
    book = Book()
    for event in events:
        if isinstance(event, make.BookSnapshot):
            book.replace(event)
        else:
            book.lay_over(event)  # type: ignore[arg-type]  # the only other kind here
    return book


def binance(bids: list[tuple[float, float]], asks: list[tuple[float, float]], sequence: int = 10) -> make.BookSnapshot:
    return make.snapshot(Venue.BINANCE, "BTCUSDT", bids, asks, sequence=sequence)


GOOD = binance([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 2.0)])


@pytest.mark.parametrize(
    ("case", "events", "health", "bid"),
    [
        ("nothing yet", [], Health.EMPTY, 0.0),
        ("a whole book", [GOOD], Health.GOOD, 99.0),
        ("one side empty", [binance([], [(101.0, 1.0)])], Health.EMPTY, 0.0),
        ("crossed", [binance([(102.0, 1.0)], [(101.0, 1.0)])], Health.CROSSED, 102.0),
        ("locked", [binance([(101.0, 1.0)], [(101.0, 1.0)])], Health.CROSSED, 101.0),
        ("zero price", [binance([(0.0, 1.0)], [(101.0, 1.0)])], Health.EMPTY, 0.0),
        ("negative size", [binance([(99.0, -1.0)], [(101.0, 1.0)])], Health.EMPTY, 0.0),
        ("NaN price", [binance([(math.nan, 1.0)], [(101.0, 1.0)])], Health.EMPTY, 0.0),
        ("infinite price", [binance([(99.0, 1.0)], [(math.inf, 1.0)])], Health.EMPTY, 0.0),
        ("absurd price", [binance([(99.0, 1.0)], [(1e13, 1.0)])], Health.EMPTY, 0.0),
        ("a bad book after a good one", [GOOD, binance([(99.0, math.nan)], [(101.0, 1.0)], 11)], Health.EMPTY, 0.0),
        ("a newer touch", [GOOD, make.touch(100.0, 101.0, 11)], Health.GOOD, 100.0),
        ("an old touch", [GOOD, make.touch(100.0, 101.0, 10)], Health.GOOD, 99.0),
        ("a touch before any book", [make.touch(100.0, 101.0, 11)], Health.EMPTY, 0.0),
        ("a touch that crosses", [GOOD, make.touch(103.0, 101.0, 11)], Health.CROSSED, 103.0),
        ("a bad touch", [GOOD, make.touch(math.nan, 101.0, 11)], Health.EMPTY, 0.0),
        (
            "an older book under a newer touch",
            [GOOD, make.touch(100.0, 101.0, 15), binance([(97.0, 1.0)], [(101.0, 1.0)], 12)],
            Health.GOOD,
            100.0,
        ),
        (
            "a bad older book under a newer touch",
            [GOOD, make.touch(100.0, 101.0, 15), binance([(97.0, 1.0)], [(101.0, math.nan)], 12)],
            Health.EMPTY,
            0.0,
        ),
        (
            "a book under a newer touch that crosses",
            [GOOD, make.touch(103.0, 101.0, 15), binance([(97.0, 1.0)], [(101.0, 1.0)], 12)],
            Health.GOOD,
            97.0,
        ),
        ("an older book than the last", [GOOD, binance([(97.0, 1.0)], [(101.0, 1.0)], 9)], Health.GOOD, 99.0),
        ("a newer book heals", [binance([], []), GOOD], Health.GOOD, 99.0),
    ],
)
def test_a_book_knows_its_health(case: str, events: list[object], health: Health, bid: float) -> None:
    book = book_with(*events)

    assert (book.condition, book.bid) == (health, bid)


@pytest.mark.parametrize(
    "bids",
    [
        [(99.0, 1.0), (99.5, 1.0)],
        [(99.0, 1.0), (99.0, 1.0)],
        [(99.0, 1.0), (-98.0, 1.0)],
        [(99.0, 1.0), (98.0, 0.0)],
        [(99.0, 1.0), (98.0, math.nan)],
        [(99.0, 1.0), (math.nan, 1.0)],
    ],
)
def test_a_bad_level_behind_the_touch_empties_the_book_when_it_is_walked(bids: list[tuple[float, float]]) -> None:
    book = book_with(binance(bids, [(101.0, 1.0)]))

    assert book.bids() == ()
    assert book.condition is Health.EMPTY


def test_a_newer_touch_replaces_the_levels_that_it_overtook() -> None:
    book = book_with(GOOD, make.touch(98.5, 101.5, 11, size=7.0))

    assert list(book.bids()) == [(98.5, 7.0), (98.0, 2.0)]
    assert list(book.asks()) == [(101.5, 7.0), (102.0, 2.0)]


def test_a_newer_touch_at_an_old_price_replaces_that_level() -> None:
    book = book_with(GOOD, make.touch(99.0, 101.0, 11, size=7.0))

    assert list(book.bids()) == [(99.0, 7.0), (98.0, 2.0)]
    assert list(book.asks()) == [(101.0, 7.0), (102.0, 2.0)]


def test_a_touch_that_came_ahead_of_its_book_lies_on_the_books_levels_until_a_book_overtakes_it() -> None:
    late = binance([(97.0, 1.0), (96.0, 2.0)], [(101.0, 1.0)], 12)
    book = book_with(GOOD, make.touch(98.5, 101.0, 15, size=7.0), late)
    under = list(book.bids())
    book.replace(binance([(97.0, 1.0), (96.0, 2.0)], [(101.0, 1.0)], 15))

    assert under == [(98.5, 7.0), (97.0, 1.0), (96.0, 2.0)]
    assert list(book.bids()) == [(97.0, 1.0), (96.0, 2.0)]


def test_the_same_state_sent_again_is_fresh_news() -> None:
    again = make.snapshot(Venue.BINANCE, "BTCUSDT", [(99.0, 1.0)], [(101.0, 1.0)], make.after_ms(5_000), sequence=10)
    book = book_with(GOOD, again)

    assert book.health(make.after_ms(5_000), SECOND) is Health.GOOD


def test_a_book_goes_stale_by_its_own_age() -> None:
    book = book_with(GOOD)

    assert book.health(make.after_ms(1_000), SECOND) is Health.GOOD
    assert book.health(make.after_ms(1_001), SECOND) is Health.STALE


def test_a_lone_touch_does_not_make_the_levels_younger() -> None:
    book = book_with(GOOD, make.touch(100.0, 101.0, 11, at=make.after_ms(5_000)))

    assert book.health(make.after_ms(5_000), SECOND) is Health.STALE


def test_an_older_book_does_not_even_look_fresh() -> None:
    late = make.snapshot(Venue.BINANCE, "BTCUSDT", [(99.0, 1.0)], [(101.0, 1.0)], make.after_ms(900), sequence=9)
    book = book_with(GOOD, late)

    assert book.health(make.after_ms(1_001), SECOND) is Health.STALE


def test_a_wild_number_does_not_hold_newer_books_back_for_ever() -> None:
    wild = make.snapshot(Venue.BINANCE, "BTCUSDT", [(50.0, 1.0)], [(51.0, 1.0)], sequence=2**62)
    normal = make.snapshot(Venue.BINANCE, "BTCUSDT", [(99.0, 1.0)], [(101.0, 1.0)], make.after_ms(1_001), sequence=11)
    book = book_with(GOOD, wild, normal)

    assert (book.bid, book.sequence) == (99.0, 11)


def test_a_touch_with_a_wild_number_does_not_stay_on_top_for_ever() -> None:
    frames = [
        make.snapshot(Venue.BINANCE, "BTCUSDT", [(60.0, 1.0)], [(61.0, 1.0)], make.after_ms(ms), sequence=10 + ms)
        for ms in (500, 1_001)
    ]
    book = book_with(GOOD, make.touch(100.0, 101.0, 2**62), frames[0])
    on_top = book.bid
    book.replace(frames[1])

    assert (on_top, book.bid) == (100.0, 60.0)


def test_what_was_not_believed_is_counted() -> None:
    crossed = binance([(102.0, 1.0)], [(101.0, 1.0)])
    book = book_with(crossed, binance([], []), GOOD, make.touch(math.nan, 101.0, 11))

    assert book.rejected == 3
