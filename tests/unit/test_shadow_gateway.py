"""Shadow's gateway follows would-be orders on the books that come after them."""

import json
from decimal import Decimal
from io import StringIO

import pytest

from arbitrage.books.market import Market
from arbitrage.domain.events import (
    BookRejected,
    BookSnapshot,
    Event,
    LegReport,
    Tick,
    UniverseChanged,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.instants import Instant, from_ms
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import LegEnd, Order, Purpose
from arbitrage.exchange.shadow import ShadowGateway
from tests import builders as make


def order(**changes: object) -> Order:
    made: dict[str, object] = {
        "client_id": "arb-abc123-7-1-b-1",
        "plan_id": "abc123-7-1",
        "venue": Venue.BINANCE,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": Decimal("0.5"),
        "limit_price": Decimal(100),
        "purpose": Purpose.OPEN,
        "decided_at": make.NOON,
        "net_edge_bps": 31.4159,
    }
    return Order(**{**made, **changes})  # type: ignore[arg-type]  # a builder takes any field


class Shadow:
    """The gateway with the books that it looks at, told events as the runner does."""

    def __init__(self, *orders: Order) -> None:
        self.market = Market()
        self.gateway = ShadowGateway(self.market, from_ms(50))
        self.tell(UniverseChanged(make.NOON, make.universe()))
        for venue in Venue:
            self.tell(VenueUp(make.NOON, venue))
        for each in orders or (order(),):
            self.gateway.submit(each)

    def tell(self, event: Event) -> list[LegReport]:
        match event:
            case UniverseChanged():
                self.market.adopt(event.universe)
            case BookSnapshot():
                self.market.replace(event)
            case VenueUp() | VenueDown() | BookRejected():
                self.market.note(event)
        return [report for report in self.gateway.observe(event) if isinstance(report, LegReport)]


def asks(*levels: tuple[float, float], at: Instant) -> BookSnapshot:
    return make.snapshot(Venue.BINANCE, "BTCUSDT", [(90.0, 1.0)], levels, at)


def test_a_would_be_order_is_logged_with_its_edge_and_its_plan(lines: StringIO) -> None:
    Shadow()
    line = json.loads(lines.getvalue())

    assert line["event"] == "[SHADOW_LIVE] order"
    assert {key: line[key] for key in ("venue", "side", "quantity", "symbol", "price", "net_edge_bps", "plan_id")} == {
        "venue": "binance",
        "side": "buy",
        "quantity": "0.5",
        "symbol": "BTCUSDT",
        "price": "100",
        "net_edge_bps": 31.42,
        "plan_id": "abc123-7-1",
    }


def test_the_first_book_after_the_latency_decides() -> None:
    shadow = Shadow()
    before = shadow.tell(asks((99.0, 1.0), at=make.after_ms(49)))
    (report,) = shadow.tell(asks((99.5, 1.0), at=make.after_ms(50)))

    assert before == []
    assert (report.end, report.fill.quantity, report.fill.funds) == (LegEnd.FILLED, Decimal("0.5"), Decimal("49.75"))


@pytest.mark.parametrize(
    ("levels", "end", "quantity"),
    [
        ([(99.0, 0.2), (100.0, 0.2), (100.01, 9.0)], LegEnd.PARTIAL, "0.4"),
        ([(100.01, 9.0)], LegEnd.EMPTY, "0"),
        ([(99.0, 0.300009), (100.0, 9.0)], LegEnd.FILLED, "0.5"),
    ],
)
def test_an_order_takes_what_lies_within_its_limit(
    levels: list[tuple[float, float]], end: LegEnd, quantity: str
) -> None:
    (report,) = Shadow().tell(asks(*levels, at=make.after_ms(60)))

    assert (report.end, report.fill.quantity) == (end, Decimal(quantity))


def test_an_order_ends_once() -> None:
    shadow = Shadow()
    first = shadow.tell(asks((99.0, 1.0), at=make.after_ms(60)))
    second = shadow.tell(asks((99.0, 1.0), at=make.after_ms(70)))

    assert (len(first), len(second)) == (1, 0)


def test_binance_takes_a_buyers_fee_in_base_and_a_sellers_in_usdt() -> None:
    seller = order(side=Side.SELL, limit_price=Decimal(80), client_id="arb-s")
    book = make.snapshot(Venue.BINANCE, "BTCUSDT", [(90.0, 1.0)], [(99.0, 1.0)], make.after_ms(60))
    bought, sold = (report.fill for report in Shadow(order(), seller).tell(book))

    assert (bought.fee, bought.fee_currency) == (Decimal("0.0005"), "BTC")
    assert (sold.fee, sold.fee_currency) == (Decimal("0.045"), "USDT")


def test_upbit_takes_its_fee_in_krw_on_top() -> None:
    buyer = order(venue=Venue.UPBIT, symbol="KRW-BTC", limit_price=Decimal(2_000_000), quantity=Decimal(1))
    (report,) = Shadow(buyer).tell(make.upbit_book(1_999_000, 2_000_000, at=make.after_ms(60)))

    assert (report.fill.funds, report.fill.fee, report.fill.fee_currency) == (
        Decimal(2_000_000),
        Decimal(1_000),
        "KRW",
    )


def test_a_quiet_market_has_not_moved() -> None:
    shadow = Shadow()
    shadow.tell(asks((99.0, 1.0), at=make.after_ms(10)))
    early = shadow.tell(Tick(make.after_ms(1_049)))
    (report,) = shadow.tell(Tick(make.after_ms(1_050)))

    assert early == []
    assert report.end is LegEnd.FILLED


def test_a_book_that_cannot_be_believed_decides_nothing() -> None:
    shadow = Shadow()
    crossed = shadow.tell(make.binance_book(101.0, 100.0, at=make.after_ms(60)))
    (report,) = shadow.tell(asks((99.0, 1.0), at=make.after_ms(70)))

    assert crossed == []
    assert report.end is LegEnd.FILLED


def test_a_book_that_turns_out_bad_when_walked_decides_nothing() -> None:
    shadow = Shadow()
    bad = shadow.tell(asks((99.0, 1.0), (100.0, 0.0), at=make.after_ms(60)))
    (report,) = shadow.tell(asks((99.0, 1.0), at=make.after_ms(70)))

    assert bad == []
    assert report.end is LegEnd.FILLED


def test_an_old_book_that_comes_late_decides_nothing() -> None:
    shadow = Shadow()
    shadow.tell(make.binance_book(90.0, 99.0, at=make.after_ms(10), sequence=100))
    late = shadow.tell(make.binance_book(90.0, 99.0, at=make.after_ms(60), sequence=50))
    (report,) = shadow.tell(make.binance_book(100.5, 101.0, at=make.after_ms(70), sequence=101))

    assert late == []
    assert report.end is LegEnd.EMPTY


def test_a_book_of_another_market_decides_nothing() -> None:
    shadow = Shadow()

    assert shadow.tell(make.upbit_book(98.0, 99.0, at=make.after_ms(60))) == []
    assert shadow.tell(make.binance_book(98.0, 99.0, base="ETH", at=make.after_ms(60))) == []


def test_nexustrading_321_no_order_stays_open_for_ever() -> None:
    shadow = Shadow()
    shadow.tell(VenueDown(make.after_ms(10), Venue.BINANCE, "reset"))
    still_hoping = shadow.tell(Tick(make.after_ms(10_000)))
    (report,) = shadow.tell(Tick(make.after_ms(10_050)))

    assert still_hoping == []
    assert (report.end, report.fill.quantity) == (LegEnd.UNSEEN, Decimal(0))
    assert shadow.tell(Tick(make.after_ms(60_000))) == []
