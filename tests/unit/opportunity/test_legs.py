"""The exact side of a plan: ticks at the edges of bands, minima and maxima."""

from decimal import Decimal

import pytest

from arbitrage.domain.instruments import Side, TickBand, TickTable
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.opportunity.legs import broken_minimum, limit_price
from tests import builders as make

D = Decimal


@pytest.mark.parametrize(
    ("price", "floor", "ceil"),
    [
        ("999999", "999500", "1000000"),
        ("1000000", "1000000", "1000000"),
        ("1000001", "1000000", "1001000"),
        ("99.95", "99.9", "100"),
        ("100.01", "100", "101"),
        ("9999.5", "9995", "10000"),
        ("0.0014", "0.001", "0.002"),
    ],
)
def test_a_price_is_rounded_on_the_tick_of_the_band_that_it_lands_in(price: str, floor: str, ceil: str) -> None:
    assert (make.KRW_TICKS.floor(D(price)), make.KRW_TICKS.ceil(D(price))) == (D(floor), D(ceil))


def test_a_ceiling_that_lands_in_a_coarser_band_is_on_that_bands_tick() -> None:
    table = TickTable((TickBand(D(10), D(4)), TickBand(D(0), D(3))))

    assert table.ceil(D("9.5")) == D(12)


@pytest.mark.parametrize("bands", [(), ((5, 1),), ((0, 1), (5, 1)), ((5, 1), (0, 0))])
def test_a_table_that_leaves_a_price_without_a_tick_is_refused(bands: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"bands|ticks"):
        TickTable(tuple(TickBand(D(start), D(tick)) for start, tick in bands))


@pytest.mark.parametrize(
    ("side", "deepest", "room", "limit"),
    [
        (Side.BUY, "120000000", "0", "120000000"),
        (Side.BUY, "120000000", "0.00001", "120001000"),
        (Side.BUY, "120000000", "0.000008", "120000000"),
        (Side.SELL, "120000000", "0.00001", "119999000"),
        (Side.BUY, "999500", "0.001", "1000000"),
        (Side.SELL, "1000000", "0.0006", "999500"),
        (Side.BUY, "120000500", "0.000001", None),
        (Side.SELL, "120000500", "0.000001", None),
        (Side.BUY, "120000500", "0.00001", "120001000"),
    ],
)
def test_a_limit_goes_beyond_its_level_by_whole_ticks_or_not_at_all(
    side: Side, deepest: str, room: str, limit: str | None
) -> None:
    assert limit_price(side, D(deepest), D(room), make.upbit()) == (None if limit is None else D(limit))


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("0.00001", "500000", None),
        ("0.00001", "499999", RefusalCode.BELOW_MINIMUM),
        ("0", "1", RefusalCode.BELOW_MINIMUM),
        ("0.000009", "1000000", RefusalCode.BELOW_MINIMUM),
        ("9000", "1000", None),
        ("9000.00001", "1000", RefusalCode.PLAN_TOO_LARGE),
        ("8999", "1000.12", RefusalCode.PLAN_TOO_LARGE),
    ],
)
def test_an_order_is_within_the_venues_bounds(quantity: str, price: str, code: RefusalCode | None) -> None:
    refusal = broken_minimum(make.binance(max_notional=D(9_000_000)), D(quantity), D(price))

    assert (refusal.code if refusal else None) is code
