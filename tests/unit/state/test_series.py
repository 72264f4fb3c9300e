"""The series: one row a second, in which what is not known is not zero."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.views import EngineView, FlightLine, FxLine
from arbitrage.state.keys import Command, StateKeys
from arbitrage.state.series import ROW, SERIES_ROWS, Series, SeriesRow, row_of
from tests.clocks import NOON
from tests.plan_builders import a_view

TICK_LATE = 5_000_000


def seen_at(seconds: float) -> EngineView:
    return a_view(Instant(NOON + int(seconds * NS_PER_S) + TICK_LATE))


def a_flight(exposure: str) -> FlightLine:
    return FlightLine(
        plan_id="p-1", base="BTC", direction="sell_upbit", since=NOON, exposure=Decimal(exposure), waits_for="upbit"
    )


def told_at(rows: list[Command]) -> list[int]:
    return [msgspec.json.decode(row[-1], type=SeriesRow).at for row in rows]


def test_a_second_has_one_row_however_often_it_is_shown() -> None:
    series = Series(StateKeys("arbitrage:shadow:test"))
    rows = [row for second in (0, 0.4, 0.99, 1, 1.2, 5) for row in series.rows(seen_at(second))]

    assert told_at(rows) == [NOON + second * NS_PER_S + TICK_LATE for second in (0, 1, 5)]


def test_the_stream_is_capped_at_an_hour() -> None:
    [row] = Series(StateKeys("arbitrage:shadow:test")).rows(a_view())

    assert row[:-1] == ("XADD", "arbitrage:shadow:test:series", "MAXLEN", "~", SERIES_ROWS, "*", ROW)
    assert 3_600 <= SERIES_ROWS <= 3_800


def test_a_row_holds_what_is_drawn() -> None:
    row = row_of(a_view())

    assert row.edges == (("BTC", "sell_upbit", 4.2), ("BTC", "buy_upbit", None))
    assert row.fx == (1_399.0, 1_400.0)
    assert row.premium == {"BTC": pytest.approx((120_005_000 / (85_000 * 1_399.5) - 1) * 100, abs=1e-4)}
    assert row.reference is None
    assert row.result_krw == 2_123.4567
    assert row.exposure == {"BTC": "0.00000001"}
    assert row.msgs == {"upbit": 48.0, "binance": 48.0}


def test_what_is_in_flight_is_added_to_what_was_left_over() -> None:
    row = row_of(replace(a_view(), flights=(a_flight("0.01"), a_flight("-0.002"))))

    assert row.exposure == {"BTC": "0.00800001"}


def test_neutral_is_no_exposure() -> None:
    row = row_of(replace(a_view(), positions={"BTC": Decimal("0.5"), "ETH": Decimal(0)}, flights=(a_flight("-0.5"),)))

    assert row.exposure == {}


def test_there_is_no_premium_without_an_fx() -> None:
    row = row_of(replace(a_view(), fx=FxLine(bid=None, ask=None, age_ms=None)))

    assert row.fx is None
    assert row.premium is None


@pytest.mark.parametrize("health", ["stale", "crossed", "empty"])
def test_there_is_no_premium_on_a_book_that_is_not_good(health: str) -> None:
    view = a_view()
    upbit = view.venues["upbit"]
    doubtful = replace(upbit, books=(replace(upbit.books[0], health=health),))
    row = row_of(replace(view, venues={**view.venues, "upbit": doubtful}))

    assert row.premium is None
