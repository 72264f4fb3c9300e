"""Upbit's KRW markets as instruments: which exist, their ticks, their warnings. It opens no socket and needs no key."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Raw, Struct, field

from arbitrage.domain.instruments import Instrument, TickBand, TickTable, Venue
from arbitrage.domain.money import KRW, decimal_from_float, decimal_from_wire
from arbitrage.market_data.rows import rows_by_name
from arbitrage.wire.http import JsonHttp

KRW_TICKS: Final = TickTable(
    tuple(
        TickBand(Decimal(from_price), Decimal(tick))
        for from_price, tick in (
            ("1000000", "1000"),
            ("500000", "500"),
            ("100000", "100"),
            ("50000", "50"),
            ("10000", "10"),
            ("5000", "5"),
            ("100", "1"),
            ("10", "0.1"),
            ("1", "0.01"),
            ("0.1", "0.001"),
            ("0.01", "0.0001"),
            ("0.001", "0.00001"),
            ("0.0001", "0.000001"),
            ("0.00001", "0.0000001"),
            ("0", "0.00000001"),
        )
    )
)
"""Price units of the KRW market (Upbit: krw-market-info, policy of 2025-07-31). The venue's own tick goes over it."""

LOT: Final = Decimal("0.00000001")
"""Quantities have eight decimals (Upbit: krw-market-info)."""

MIN_NOTIONAL_KRW: Final = Decimal(5_000)
MAX_NOTIONAL_KRW: Final = Decimal(1_000_000_000)
"""Least and greatest order total (Upbit: orders/chance of the KRW market)."""

MAX_QUANTITY: Final = Decimal(10) ** 15  # Upbit bounds the total of an order, not its quantity
MAX_PRICE: Final = 1e12


class _MarketEvent(Struct):
    warning: bool = False
    caution: dict[str, bool] = field(default_factory=dict)


class _Market(Struct):
    market: str
    market_event: _MarketEvent = field(default_factory=_MarketEvent)


class _Grid(Struct):
    market: str
    tick_size: str


class _Price(Struct):
    market: str
    trade_price: float
    market_state: str = "ACTIVE"  # the websocket's ticker has it; the REST answer is only believed if it says otherwise


async def upbit_instruments(bases: Sequence[str], http: JsonHttp, taker_fee: Decimal) -> dict[str, Instrument | str]:
    """Ask Upbit about the KRW markets of some assets: an instrument each, or the reason why there is none.

    Raises VenueFailed if Upbit does not answer.
    """
    codes = {base: f"{KRW}-{base}" for base in bases}
    listed = await http.get("/v1/market/all", list[Raw], {"is_details": "true"})
    markets = rows_by_name(listed, _Market, lambda row: row.market)
    known = [code for code in codes.values() if code in markets]
    if not known:
        return dict.fromkeys(bases, "not listed on upbit")
    asked = {"markets": ",".join(known)}  # only known ones: a single unknown code fails the whole request
    grids = rows_by_name(await http.get("/v1/orderbook/instruments", list[Raw], asked), _Grid, lambda row: row.market)
    prices = rows_by_name(await http.get("/v1/ticker", list[Raw], asked), _Price, lambda row: row.market)
    return {
        base: _instrument(base, markets.get(code), grids.get(code), prices.get(code), taker_fee)
        for base, code in codes.items()
    }


def krw_ticks(price: Decimal, tick: Decimal) -> TickTable:
    """Lay the tick that Upbit gives over the table, at the present price.

    Tick and price are asked for one after the other. If the price has crossed into the next band in between, the tick
    is the lower band's: finer than the table's, and wrong. A tick that is too coarse is always a valid one.
    """
    bands = KRW_TICKS.bands
    place = next(place for place, band in enumerate(bands) if price >= band.from_price)
    below = bands[min(place + 1, len(bands) - 1)]
    if tick < bands[place].tick and tick == below.tick:
        return KRW_TICKS
    return KRW_TICKS.with_tick_at(price, tick)


def _instrument(
    base: str, market: _Market | None, grid: _Grid | None, price: _Price | None, taker_fee: Decimal
) -> Instrument | str:
    if market is None:
        return "not listed on upbit"
    if grid is None or price is None:
        return "no usable tick or price on upbit"
    try:
        ticks = _ticks(grid, price)
    except ValueError as failure:
        return f"no usable tick or price on upbit: {failure}"
    return Instrument(
        venue=Venue.UPBIT,
        symbol=market.market,
        base=base,
        quote=KRW,
        ticks=ticks,
        lot=LOT,
        min_quantity=LOT,
        max_quantity=MAX_QUANTITY,
        min_notional=MIN_NOTIONAL_KRW,
        max_notional=MAX_NOTIONAL_KRW,
        taker_fee=taker_fee,
        halted="" if price.market_state == "ACTIVE" else f"market state {price.market_state[:20]}",
        warnings=_warnings(market.market_event),
    )


def _ticks(grid: _Grid, price: _Price) -> TickTable:
    if not 0.0 < price.trade_price <= MAX_PRICE:
        raise ValueError(f"price {price.trade_price!r}")
    tick = decimal_from_wire(grid.tick_size)
    if not tick > 0:
        raise ValueError(f"tick {tick}")
    return krw_ticks(decimal_from_float(price.trade_price), tick)


def _warnings(event: _MarketEvent) -> tuple[str, ...]:
    flags = [name.lower() for name, raised in sorted(event.caution.items()) if raised]
    return ("warning", *flags) if event.warning else tuple(flags)
