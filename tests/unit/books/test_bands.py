"""The last minute of a price, and what a price is held against."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.books.bands import SECONDS_KEPT, PriceBand
from arbitrage.books.book import Book
from arbitrage.books.market import Market
from arbitrage.domain.book_views import Reference
from arbitrage.domain.events import VenueDown, VenueUp
from arbitrage.domain.instants import from_ms
from arbitrage.domain.instruments import Venue
from tests import builders as make


def book(bid: float, ask: float) -> Book:
    made = Book()
    made.replace(make.upbit_book(bid, ask))
    return made


def market(*frames: object) -> Market:
    made = Market()
    made.adopt(make.universe("BTC"))
    for venue in Venue:
        made.note(VenueUp(make.NOON, venue))
    for frame in frames:
        made.replace(frame)  # type: ignore[arg-type]  # books only
    return made


FRAMES = (make.fx(1_400.0, 1_402.0), make.upbit_book(1.19e8, 1.21e8), make.binance_book(84_000.0, 86_000.0))


def test_a_band_begins_with_nothing() -> None:
    assert (PriceBand().low, PriceBand().high) == (None, None)


def test_a_band_is_the_lowest_and_the_highest_mid() -> None:
    band = PriceBand()
    for bid, ask in ((99.0, 101.0), (94.0, 96.0), (104.0, 106.0)):
        band.sample(book(bid, ask))

    assert (band.low, band.high) == (95.0, 105.0)


def test_a_price_is_forgotten_after_a_minute() -> None:
    band = PriceBand()
    band.sample(book(49.0, 51.0))
    for _ in range(SECONDS_KEPT - 1):
        band.sample(book(99.0, 101.0))
    kept = band.low
    band.sample(book(99.0, 101.0))

    assert (SECONDS_KEPT, kept, band.low) == (60, 50.0, 100.0)


@pytest.mark.parametrize("bad", [Book(), book(101.0, 99.0)])
def test_a_book_that_cannot_be_believed_adds_nothing_and_the_minute_goes_on(bad: Book) -> None:
    band = PriceBand()
    band.sample(book(99.0, 101.0))
    for _ in range(SECONDS_KEPT - 1):
        band.sample(bad)
    kept = band.low
    band.sample(bad)

    assert (kept, band.low, band.high) == (100.0, None, None)


@given(st.lists(st.none() | st.integers(1, 20), max_size=200))
def test_a_band_is_always_that_of_the_last_minute(mids: list[int | None]) -> None:
    band = PriceBand()
    for second, mid in enumerate(mids, 1):
        band.sample(Book() if mid is None else book(mid - 0.5, mid + 0.5))
        known = [float(each) for each in mids[max(0, second - SECONDS_KEPT) : second] if each is not None]

        assert (band.low, band.high) == ((min(known), max(known)) if known else (None, None))


def test_a_price_is_held_against_its_book_the_other_venue_and_the_last_minute() -> None:
    seen = market(*FRAMES)
    first = seen.reference(Venue.UPBIT, "KRW-BTC")
    seen.sample()
    seen.replace(make.upbit_book(1.20e8, 1.22e8, at=make.after_ms(1)))

    assert first == Reference(1.2e8, 85_000.0 * 1_401, 1.2e8, 1.2e8)
    assert seen.reference(Venue.UPBIT, "KRW-BTC") == Reference(1.21e8, 85_000.0 * 1_401, 1.2e8, 1.2e8)
    of_binance = seen.reference(Venue.BINANCE, "BTCUSDT")
    assert of_binance is not None
    assert of_binance.elsewhere is not None
    assert isclose(of_binance.elsewhere, 1.21e8 / 1_401)


@pytest.mark.parametrize(
    ("frames", "known"),
    [
        ((), (None, None)),
        (FRAMES[1:], (1.2e8, None)),  # no fx
        (FRAMES[:2], (1.2e8, None)),  # nothing from elsewhere
        ((FRAMES[0], FRAMES[2]), (None, 85_000.0 * 1_401)),
        ((*FRAMES, make.upbit_book(1.21e8, 1.19e8)), (None, 85_000.0 * 1_401)),  # crossed
        ((*FRAMES, make.fx(1_402.0, 1_400.0)), (1.2e8, None)),
    ],
)
def test_what_is_not_known_is_none(frames: tuple[object, ...], known: tuple[float | None, float | None]) -> None:
    reference = market(*frames).reference(Venue.UPBIT, "KRW-BTC")
    assert reference is not None

    assert (reference.mid, reference.elsewhere) == known


def test_an_instrument_that_nobody_watches_has_no_reference() -> None:
    seen = market(*FRAMES)

    assert seen.reference(Venue.UPBIT, "KRW-ETH") is None
    assert seen.reference(Venue.UPBIT, "KRW-USDT") is None


def test_a_lost_venue_takes_its_price_and_leaves_its_last_minute() -> None:
    seen = market(*FRAMES)
    seen.sample()
    seen.note(VenueDown(make.NOON, Venue.BINANCE, "gone"))

    assert seen.reference(Venue.BINANCE, "BTCUSDT") == Reference(None, 1.2e8 / 1_401, 85_000.0, 85_000.0)
    assert seen.reference(Venue.UPBIT, "KRW-BTC") == Reference(1.2e8, None, 1.2e8, 1.2e8)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (5_000, ""),
        (5_001, "upbit has sent nothing for 5 s"),
    ],
)
def test_a_silence_is_told_of_the_venue_that_is_silent(ms: int, said: str) -> None:
    seen = market(*FRAMES)
    seen.replace(make.binance_book(84_000.0, 86_000.0, at=make.after_ms(ms)))

    assert seen.silent(make.after_ms(ms), from_ms(5_000), from_ms(30_000)) == said


def test_a_silent_fx_is_told_while_its_venue_talks() -> None:
    seen = market(*FRAMES)
    late = make.after_ms(30_001)
    for frame in (make.binance_book(84_000.0, 86_000.0, at=late), make.upbit_book(1.19e8, 1.21e8, at=late)):
        seen.replace(frame)

    assert seen.silent(late, from_ms(5_000), from_ms(30_000)) == "the fx is 30 s old"


def test_what_never_came_is_no_silence() -> None:
    assert Market().silent(make.NOON, from_ms(1), from_ms(1)) == ""


def test_a_venue_that_came_and_says_nothing_is_silent() -> None:
    assert market().silent(make.after_ms(5_001), from_ms(5_000), from_ms(30_000)) == "upbit has sent nothing for 5 s"
