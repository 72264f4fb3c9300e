"""Metrics of the market and of what we own: edges, premiums, books, fx, venues, exposure, inventory. Only shown."""

from collections.abc import Callable, Iterable
from typing import Final

from arbitrage.domain.book_views import Health
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import KRW, USDT
from arbitrage.domain.views import EngineView, VenueLine
from arbitrage.state.series import exposure_of, mid_of, mids_of, premiums_of
from arbitrage.telemetry.metrics_family import UNKNOWN, Kind, OfView, Sample, known, only

_MS: Final = 1e-3
_BPS: Final = 1e-4
_PERCENT: Final = 1e-2


def _edges(view: EngineView) -> Iterable[Sample]:
    return [((edge.base, edge.direction), known(edge.bps, _BPS)) for edge in view.edges]


def _premiums(view: EngineView) -> Iterable[Sample]:
    """Yield how much dearer a base is on Upbit, at the fx that can be executed and at a bank's rate."""
    found, rate = premiums_of(view), known(mid_of(view.fx))
    bank = known(view.fx.reference or None)
    for base in _bases(view):
        premium = known(found.get(base), _PERCENT)
        yield (base, "fx"), premium
        yield (base, "reference"), (1 + premium) * rate / bank - 1


def _exposure(view: EngineView) -> Iterable[Sample]:
    held = exposure_of(view)
    return [((base,), float(held.get(base, 0))) for base in _bases(view)]


def _exposure_krw(view: EngineView) -> Iterable[Sample]:
    held, mids = exposure_of(view), mids_of(view)
    for base in _bases(view):
        amount = float(held.get(base, 0))
        yield (base,), amount * known(mids.get(f"{KRW}-{base}")) if amount else 0.0


def _inventory(view: EngineView) -> Iterable[Sample]:
    cash = {Venue.UPBIT.value: KRW, Venue.BINANCE.value: USDT}
    for venue, quote in cash.items():
        held = view.inventory.get(venue, {})
        for currency in (quote, *_bases(view)):  # an account may hold any coin; only those that are traded are shown
            yield (venue, currency), float(held.get(currency, 0)) if held else UNKNOWN


def _runway(view: EngineView) -> Iterable[Sample]:
    for edge in view.edges:
        yield (edge.base, edge.direction), known(view.runway.get(edge.base, {}).get(edge.direction))


def _fx(view: EngineView) -> Iterable[Sample]:
    return [(("bid",), known(view.fx.bid)), (("ask",), known(view.fx.ask))]


def _private_streams(view: EngineView) -> Iterable[Sample]:
    why = view.private_streams
    return [((venue.value,), float(not why[venue]) if venue in why else UNKNOWN) for venue in Venue]


def _books(view: EngineView) -> Iterable[tuple[tuple[str, str], str, float]]:
    for name, venue in view.venues.items():
        for book in venue.books:
            yield (name, book.symbol), book.health, known(book.age_ms, _MS)


def _bases(view: EngineView) -> Iterable[str]:
    return dict.fromkeys(edge.base for edge in view.edges)


def _of_venues(figure: Callable[[VenueLine], float]) -> Callable[[EngineView], Iterable[Sample]]:
    """Return how to read one figure of each venue."""
    return lambda view: [((name,), figure(venue)) for name, venue in view.venues.items()]


MARKET: Final = (
    OfView(
        name="edge_ratio",
        kind=Kind.GAUGE,
        help="Edge at the touch, of the notional, after every fee and the fx. Unknown without two good books.",
        labels=("base", "direction"),
        read=_edges,
    ),
    OfView(
        name="premium_ratio",
        kind=Kind.GAUGE,
        help="How much dearer a base is on Upbit, mid against mid: at the fx that is traded on, and at a bank's rate.",
        labels=("base", "rate"),
        read=_premiums,
    ),
    OfView(
        name="exposure_coins",
        kind=Kind.GAUGE,
        help="Net base over both venues that plans have left over or leave open; 0 is neutral.",
        labels=("base",),
        read=_exposure,
    ),
    OfView(
        name="exposure_krw",
        kind=Kind.GAUGE,
        help="The same at the mid of Upbit's book.",
        labels=("base",),
        read=_exposure_krw,
    ),
    OfView(
        name="inventory_amount",
        kind=Kind.GAUGE,
        help="What we own of a traded currency on a venue, in that currency.",
        labels=("venue", "currency"),
        read=_inventory,
    ),
    OfView(
        name="portfolio_krw",
        kind=Kind.GAUGE,
        help="What all that we own is worth at the bids.",
        read=lambda view: only(None if view.portfolio_krw is None else float(view.portfolio_krw)),
    ),
    OfView(
        name="runway_plans",
        kind=Kind.GAUGE,
        help="How many more plans of the largest size both sides can pay for.",
        labels=("base", "direction"),
        read=_runway,
    ),
    OfView(
        name="fx_krw",
        kind=Kind.GAUGE,
        help="KRW per USDT that can be executed.",
        labels=("side",),
        read=_fx,
    ),
    OfView(
        name="fx_age_seconds",
        kind=Kind.GAUGE,
        help="Time since the last frame of the KRW-USDT book.",
        read=lambda view: only(known(view.fx.age_ms, _MS)),
    ),
    OfView(
        name="reference_rate_krw",
        kind=Kind.GAUGE,
        help="A bank's KRW per USD. Shown, never traded on.",
        read=lambda view: only(view.fx.reference),
    ),
    OfView(
        name="venue_up",
        kind=Kind.GAUGE,
        help="1 while the market data socket of a venue is connected.",
        labels=("venue",),
        read=_of_venues(lambda venue: float(venue.connected)),
    ),
    OfView(
        name="private_stream_up",
        kind=Kind.GAUGE,
        help="1 while the stream that tells of our orders is up; unknown outside of Live.",
        labels=("venue",),
        read=_private_streams,
    ),
    OfView(
        name="clock_skew_seconds",
        kind=Kind.GAUGE,
        help="Our clock less the venue's. For Upbit it contains the shortest way of a frame.",
        labels=("venue",),
        read=_of_venues(lambda venue: known(venue.clock_skew_ms, _MS)),
    ),
    OfView(
        name="frames",
        kind=Kind.COUNTER,
        help="Frames of market data that came from a venue.",
        labels=("venue",),
        read=_of_venues(lambda venue: float(venue.messages)),
    ),
    OfView(
        name="frames_rejected",
        kind=Kind.COUNTER,
        help="Frames of a venue that could not be believed.",
        labels=("venue",),
        read=_of_venues(lambda venue: float(venue.rejected)),
    ),
    OfView(
        name="book_age_seconds",
        kind=Kind.GAUGE,
        help="Time since the last frame of a book.",
        labels=("venue", "symbol"),
        read=lambda view: [(labels, age_s) for labels, _, age_s in _books(view)],
    ),
    OfView(
        name="book_good",
        kind=Kind.GAUGE,
        help="1 while a book may decide something.",
        labels=("venue", "symbol"),
        read=lambda view: [(labels, float(health == Health.GOOD)) for labels, health, _ in _books(view)],
    ),
)
"""Every metric of the market, in the order in which they are shown."""
