"""Binance's USDT spot markets as instruments: status and filters. It opens no socket and needs no key."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Raw, Struct

from arbitrage.domain.instruments import Instrument, TickTable, Venue
from arbitrage.domain.money import USDT, decimal_from_wire
from arbitrage.market_data.frames import NOT_DECODED
from arbitrage.market_data.rows import rows_by_name
from arbitrage.wire.http import JsonHttp, VenueFailed

UNKNOWN_SYMBOL: Final = -1121
"""One unknown symbol fails the whole request (Binance: errors, -1121 BAD_SYMBOL)."""

NO_MAXIMUM: Final = "1000000000000000"


class _Filter(Struct, rename="camel"):
    """Any filter; each kind fills its own members (Binance: filters)."""

    filter_type: str
    tick_size: str = ""
    step_size: str = ""
    min_qty: str = ""
    max_qty: str = ""
    min_notional: str = ""
    max_notional: str = NO_MAXIMUM


class _Symbol(Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[_Filter]
    is_spot_trading_allowed: bool = True


class _ExchangeInfo(Struct):
    symbols: list[Raw]


class _VenueError(Struct):
    code: int = 0


async def binance_instruments(bases: Sequence[str], http: JsonHttp, taker_fee: Decimal) -> dict[str, Instrument | str]:
    """Ask Binance about the USDT markets of some assets: an instrument each, or the reason why there is none.

    Raises VenueFailed if Binance does not answer.
    """
    names = {base: f"{base}{USDT}" for base in bases}
    symbols = rows_by_name(await _ask(list(names.values()), http), _Symbol, lambda row: row.symbol)
    return {base: _instrument(base, symbols.get(name), taker_fee) for base, name in names.items()}


async def _ask(names: list[str], http: JsonHttp) -> list[Raw]:
    """Ask for all at once; if Binance does not know one of them, it does not say which: then ask one by one."""
    if not names:
        return []
    try:
        asked = {"symbols": msgspec.json.encode(names).decode()}
        return (await http.get("/api/v3/exchangeInfo", _ExchangeInfo, asked)).symbols
    except VenueFailed as failure:
        if not _is_unknown_symbol(failure):
            raise
    if len(names) == 1:
        return []
    return [row for name in names for row in await _ask([name], http)]


def _is_unknown_symbol(failure: VenueFailed) -> bool:
    try:
        return msgspec.json.decode(failure.body, type=_VenueError).code == UNKNOWN_SYMBOL
    except NOT_DECODED:
        return False


def _instrument(base: str, symbol: _Symbol | None, taker_fee: Decimal) -> Instrument | str:
    if symbol is None or (symbol.base_asset, symbol.quote_asset) != (base, USDT):
        return "not listed on binance, or not described in a usable way"
    filters = {each.filter_type: each for each in symbol.filters}
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    if "PRICE_FILTER" not in filters or "LOT_SIZE" not in filters or notional is None:
        return "a filter is missing on binance"
    lots = filters["LOT_SIZE"]
    try:
        lot = _above_zero("stepSize", lots.step_size)
        return Instrument(
            venue=Venue.BINANCE,
            symbol=symbol.symbol,
            base=base,
            quote=USDT,
            ticks=TickTable.single(_above_zero("tickSize", filters["PRICE_FILTER"].tick_size)),
            lot=lot,
            min_quantity=max(lot, _above_zero("minQty", lots.min_qty)),
            max_quantity=_above_zero("maxQty", lots.max_qty),
            min_notional=_above_zero("minNotional", notional.min_notional),
            max_notional=_above_zero("maxNotional", notional.max_notional),
            taker_fee=taker_fee,
            halted=_halted(symbol),
        )
    except ValueError as failure:
        return f"a filter on binance makes no sense: {failure}"


def _above_zero(name: str, text: str) -> Decimal:
    value = decimal_from_wire(text)
    if not value > 0:
        raise ValueError(f"{name} is {text}")
    return value


def _halted(symbol: _Symbol) -> str:
    if symbol.status != "TRADING":
        return f"status {symbol.status[:20]}"
    return "" if symbol.is_spot_trading_allowed else "spot trading is not allowed"
