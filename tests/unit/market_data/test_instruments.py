from decimal import Decimal

import pytest

from arbitrage.domain.instruments import Venue
from arbitrage.market_data.instruments import Fees, MetadataSources, load_universe, measure_binance_skew
from arbitrage.market_data.instruments_upbit import KRW_TICKS, krw_ticks
from arbitrage.wire.http import JsonHttp, VenueFailed
from tests.clocks import ManualClock
from tests.unit.market_data import venue_rest
from tests.unit.market_data.venue_rest import PRICES, TICKS, symbol, with_filter
from tests.venue_fakes import FakeRest

FEES = Fees(upbit=Decimal("0.0005"), binance=Decimal("0.001"))


@pytest.fixture
async def rest():
    async with FakeRest() as server:
        venue_rest.upbit(server)
        venue_rest.binance(server, symbol("BTC"), symbol("ETH"))
        yield server


async def load(rest, *wanted):
    async with JsonHttp("upbit", rest.url) as upbit, JsonHttp("binance", rest.url) as binance:
        return await load_universe(wanted, MetadataSources(upbit, binance), FEES)


async def test_a_pair_is_described_by_both_venues(rest):
    universe = await load(rest, "BTC")

    (pair,) = universe.pairs
    assert (pair.base, pair.upbit.symbol, pair.binance.symbol) == ("BTC", "KRW-BTC", "BTCUSDT")
    assert (pair.upbit.venue, pair.upbit.lot, pair.upbit.min_notional) == (Venue.UPBIT, Decimal("1e-8"), 5000)
    assert (pair.upbit.ticks.at(Decimal(137001000)), pair.upbit.taker_fee) == (1000, Decimal("0.0005"))
    assert (pair.binance.ticks.at(Decimal(90000)), pair.binance.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert (pair.binance.min_notional, pair.binance.max_quantity) == (5, 9000)
    assert universe.fx.symbol == "KRW-USDT"
    assert universe.left_out == ()


async def test_what_a_venue_lacks_is_left_out_with_the_reason_and_the_rest_stays(rest):
    universe = await load(rest, "BNB", "BTC", "XRP", "BTC")

    assert [pair.base for pair in universe.pairs] == ["BTC"]
    assert universe.left_out == (
        ("BNB", "not listed on upbit"),
        ("XRP", "not listed on binance, or not described in a usable way"),
    )


async def test_no_pair_at_all_is_still_a_universe(rest):
    universe = await load(rest, "XRP")

    assert universe.pairs == ()
    assert universe.fx.symbol == "KRW-USDT"


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (
            with_filter("BTC", "PRICE_FILTER", tickSize="0.00000000"),
            "a filter on binance makes no sense: tickSize is 0",
        ),
        (with_filter("BTC", "LOT_SIZE", stepSize="NaN"), "a filter on binance makes no sense: not a plain decimal"),
        (with_filter("BTC", "LOT_SIZE", maxQty="-1"), "a filter on binance makes no sense: maxQty is -1"),
        (with_filter("BTC", "NOTIONAL", filterType="OTHER"), "a filter is missing on binance"),
        (symbol("BTC", filters="none"), "not listed on binance, or not described"),
        (symbol("BTC", quoteAsset="USDC"), "not listed on binance, or not described"),
        (symbol("BTC", status=5), "not listed on binance, or not described"),
    ],
)
async def test_a_symbol_that_makes_no_sense_costs_that_pair_only(rest, described, reason):
    venue_rest.binance(rest, described, symbol("ETH"))

    universe = await load(rest, "BTC", "ETH")

    assert [pair.base for pair in universe.pairs] == ["ETH"]
    assert universe.left_out[0][1].startswith(reason)


@pytest.mark.parametrize(
    ("changes", "halted"),
    [
        ({}, ""),
        ({"status": "BREAK"}, "status BREAK"),
        ({"status": "CANCEL_ONLY"}, "status CANCEL_ONLY"),
        ({"isSpotTradingAllowed": False}, "spot trading is not allowed"),
    ],
)
async def test_a_market_that_does_not_trade_is_halted(rest, changes, halted):
    venue_rest.binance(rest, symbol("BTC", **changes))

    universe = await load(rest, "BTC")

    assert universe.pairs[0].binance.halted == halted


async def test_the_older_filter_for_the_least_notional_counts_too(rest):
    venue_rest.binance(rest, with_filter("BTC", "NOTIONAL", filterType="MIN_NOTIONAL", minNotional="10"))

    universe = await load(rest, "BTC")

    assert universe.pairs[0].binance.min_notional == 10


async def test_upbits_warnings_are_kept(rest):
    caution = {"PRICE_FLUCTUATIONS": False, "GLOBAL_PRICE_DIFFERENCES": True}
    venue_rest.upbit(rest, events={"KRW-BTC": {"warning": True, "caution": caution}})

    universe = await load(rest, "BTC")

    assert universe.pairs[0].upbit.warnings == ("warning", "global_price_differences")


@pytest.mark.parametrize(
    ("ticks", "prices"),
    [
        ({**TICKS, "KRW-BTC": "0"}, PRICES),
        ({**TICKS, "KRW-BTC": "1e3"}, PRICES),
        ({**TICKS, "KRW-BTC": None}, PRICES),
        (TICKS, {**PRICES, "KRW-BTC": 0.0}),
        (TICKS, {**PRICES, "KRW-BTC": -5.0}),
        (TICKS, {**PRICES, "KRW-BTC": "NaN"}),
        (TICKS, {"KRW-USDT": 1400.0}),
    ],
)
async def test_an_upbit_market_without_usable_tick_or_price_is_left_out(rest, ticks, prices):
    venue_rest.upbit(rest, ticks=ticks, prices=prices)

    universe = await load(rest, "BTC")

    assert universe.left_out[0][1].startswith("no usable tick or price on upbit")


@pytest.mark.parametrize("ticks", [{"KRW-BTC": "1000"}, {**TICKS, "KRW-USDT": "x"}])
async def test_without_an_fx_nothing_can_be_decided(rest, ticks):
    venue_rest.upbit(rest, ticks=ticks)

    with pytest.raises(VenueFailed, match="upbit: no KRW-USDT to convert with: ") as caught:
        await load(rest, "BTC")

    assert caught.value.venue == "upbit"


@pytest.mark.parametrize(
    ("price", "given", "tick_there", "why"),
    [
        ("1400", "0.5", "0.5", "the venue knows better than the table"),
        ("1400", "5", "5", "coarser is always valid"),
        ("1000500", "500", "1000", "the price has just left the band below"),
        ("999500", "1000", "1000", "the price has just come from the band above"),
        ("0.000001", "0.00000001", "0.00000001", "the lowest band has none below"),
    ],
)
def test_the_venues_tick_goes_over_the_table(price, given, tick_there, why):
    ticks = krw_ticks(Decimal(price), Decimal(given))

    assert ticks.at(Decimal(price)) == Decimal(tick_there)
    assert ticks.at(Decimal(50)) == KRW_TICKS.at(Decimal(50)) == Decimal("0.1")


async def test_the_clocks_difference_is_taken_at_the_middle_of_the_request(rest):
    clock = ManualClock()
    venue_rest.binance(rest, server_time_ms=clock.now() // 1_000_000 - 250)

    async with JsonHttp("binance", rest.url) as http:
        sample = await measure_binance_skew(http, clock)

    assert (sample.venue, sample.skew, sample.at) == (Venue.BINANCE, 250_000_000, clock.now())


@pytest.mark.parametrize("body", [b"{}", b'{"serverTime":-1}', b'{"serverTime":1e300}', b"[]"])
async def test_a_time_that_is_none_is_a_failure(rest, body):
    rest.answers["/api/v3/time"] = (200, body)

    async with JsonHttp("binance", rest.url) as http:
        with pytest.raises(VenueFailed, match="binance: GET /api/v3/time"):
            await measure_binance_skew(http, ManualClock())
