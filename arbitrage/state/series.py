"""The series: one row a second of what is drawn as a line, capped at an hour. Pure; it does not talk to Redis."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from arbitrage.domain.book_views import Health
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.money import KRW, USDT, plain, won
from arbitrage.domain.views import BookLine, EngineView, FxLine
from arbitrage.state.keys import Command, StateKeys

SERIES_ROWS: Final = 3_700
"""An hour of seconds, and somewhat more: Redis cuts a stream by whole blocks of rows."""

ROW: Final = "row"
"""The field of a row in the stream that holds a `SeriesRow` as JSON."""

Edge = tuple[str, str, float | None]
"""A base, a direction, and the edge at the touch in bps; None where a book or the fx was not good."""


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """One second. What is not known is None or left out; it is never zero instead.

    at          instant, ns since 1970
    edges       every pair in both directions
    fx          KRW per USDT, executable bid and ask
    premium     by base, in percent: Upbit's mid over Binance's mid at the middle of the fx. Over a bank's rate it is
                (1 + premium / 100) × middle of the fx / reference − 1
    reference   a bank's KRW per USD
    result_krw  sum of the results of the plans that ended today
    exposure    by base, a plain decimal: what plans have left over or leave open, where that is not 0
    msgs        messages a second, by venue
    """

    at: int
    edges: tuple[Edge, ...]
    fx: tuple[float, float] | None
    premium: dict[str, float] | None
    reference: float | None
    result_krw: float
    exposure: dict[str, str]
    msgs: dict[str, float]


class Series:
    """Turns views into rows of one namespace's series: the first view of each second, later ones add nothing."""

    def __init__(self, keys: StateKeys) -> None:
        self._key = keys.series
        self._told = Instant(0)

    def rows(self, view: EngineView) -> list[Command]:
        """Return what adds a view to the series; nothing for a second that has its row."""
        second = Instant(view.at // NS_PER_S)
        if second == self._told:
            return []
        self._told = second
        return [("XADD", self._key, "MAXLEN", "~", SERIES_ROWS, "*", ROW, msgspec.json.encode(row_of(view)))]


def row_of(view: EngineView) -> SeriesRow:
    """Return a view's row."""
    fx = view.fx
    return SeriesRow(
        at=view.at,
        edges=tuple((edge.base, edge.direction, _rounded(edge.bps)) for edge in view.edges),
        fx=None if fx.bid is None or fx.ask is None else (fx.bid, fx.ask),
        premium=premiums_of(view) or None,
        reference=fx.reference,
        result_krw=float(won(view.score_today.result_units)),
        exposure={base: plain(amount) for base, amount in exposure_of(view).items() if amount},
        msgs={name: round(venue.messages_per_s, 1) for name, venue in view.venues.items()},
    )


def exposure_of(view: EngineView) -> dict[str, Decimal]:
    """Return the net base over both venues that plans have caused: what they left over and what they leave open."""
    total = dict(view.positions)
    for flight in view.flights:
        total[flight.base] = total.get(flight.base, Decimal(0)) + flight.exposure
    return total


def mids_of(view: EngineView) -> dict[str, float | None]:
    """Return the mid of each good book, by symbol."""
    books = (book for venue in view.venues.values() for book in venue.books)
    return {book.symbol: mid_of(book) for book in books if book.health == Health.GOOD}


def mid_of(shown: BookLine | FxLine) -> float | None:
    """Return the middle between bid and ask, where both are there."""
    return None if shown.bid is None or shown.ask is None else (shown.bid + shown.ask) / 2


def premiums_of(view: EngineView) -> dict[str, float]:
    """Return by base, in percent, how much dearer it is on Upbit: mid against mid, at the middle of the fx."""
    return dict(_premiums(view))


def _premiums(view: EngineView) -> Iterator[tuple[str, float]]:
    mids, rate = mids_of(view), mid_of(view.fx)
    for base in dict.fromkeys(edge.base for edge in view.edges):
        upbit, binance = mids.get(f"{KRW}-{base}"), mids.get(f"{base}{USDT}")
        if upbit and binance and rate:
            yield base, round((upbit / (binance * rate) - 1) * 100, 4)


def _rounded(bps: float | None) -> float | None:
    return None if bps is None else round(bps, 3)
