"""How Upbit writes an account's orders and assets on its websocket. Text only: no sockets, no clock.

Unlike replies, frames write numbers as numbers, in the forms of `upbit_numbers`, and write null for what is not there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.instruments import Side
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.venue_orders import VenueOrder, VenueTrade
from arbitrage.sandbox.grid import UNIT, plain
from arbitrage.sandbox.upbit_numbers import Format, java_double
from arbitrage.sandbox.upbit_private_figures import Figures
from arbitrage.sandbox.upbit_private_orders import trade_uuid
from arbitrage.sandbox.upbit_private_requests import kind_word, self_trade_word, time_word

_Fields = Sequence[tuple[str, str, str]]
"""(key, short key, value as JSON), after docs.upbit.com websocket-myorder and websocket-myasset."""

_NULL: Final = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNews:
    """Something that happened to an order: its figures then, and the fill if it was one."""

    order: VenueOrder
    uuid: str
    state: str
    figures: Figures
    at: Instant
    trade: VenueTrade | None = None


def order_frame(news: OrderNews, form: Format) -> bytes:
    """Write what happened to an order. After a fill, `price` and `volume` are the fill's."""
    return _frame((*_order_fields(news, form), *_sum_fields(news.figures, form), *_last_fields(news)), form)


def assets_frame(uuid: str, assets: Iterable[tuple[str, Balance]], at: Instant, form: Format) -> bytes:
    """Write the balances that have changed: what is free and what orders hold."""
    listed = ",".join(
        _object(
            (("currency", "cu", _quoted(c)), ("balance", "b", _double(b.free)), ("locked", "l", _double(b.locked))),
            form,
        )
        for c, b in assets
    )
    fields = (
        ("type", "ty", '"myAsset"'),
        ("asset_uuid", "astuid", _quoted(uuid)),
        ("assets", "ast", f"[{listed}]"),
        ("asset_timestamp", "asttms", _ms(at)),
        ("timestamp", "tms", _ms(at)),
        ("stream_type", "st", '"REALTIME"'),
    )
    return _frame(fields, form)


def _order_fields(news: OrderNews, form: Format) -> _Fields:
    request, figures, trade = news.order.request, news.figures, news.trade
    price = figures.price if trade is None else trade.price
    volume = figures.volume if trade is None else trade.quantity
    return (
        ("type", "ty", '"myOrder"'),
        ("code", "cd", _quoted(request.symbol)),
        ("uuid", "uid", _quoted(news.uuid)),
        ("ask_bid", "ab", '"BID"' if request.side is Side.BUY else '"ASK"'),
        ("order_type", "ot", _quoted(kind_word(request))),
        ("state", "s", _quoted(news.state)),
        ("trade_uuid", "tuid", _NULL if trade is None else _quoted(trade_uuid(trade))),
        ("price", "p", _price(price, form)),
        ("avg_price", "ap", _price(figures.average_price, form)),
        ("volume", "v", _double(volume)),
    )


def _sum_fields(figures: Figures, form: Format) -> _Fields:
    return (
        ("remaining_volume", "rv", _double(figures.remaining_volume)),
        ("executed_volume", "ev", _double(figures.executed_volume)),
        ("trades_count", "tc", str(len(figures.trades))),
        ("reserved_fee", "rsf", _double(figures.reserved_fee)),
        ("remaining_fee", "rmf", _double(figures.remaining_fee)),
        ("paid_fee", "pf", _double(figures.paid_fee)),
        ("locked", "l", _double(figures.locked)),
        ("executed_funds", "ef", _double(figures.executed_funds)),
    )


def _last_fields(news: OrderNews) -> _Fields:
    request, trade = news.order.request, news.trade
    return (
        ("time_in_force", "tif", _quoted(time_word(request))),
        ("trade_fee", "tf", _NULL if trade is None else _double(trade.fee)),
        ("is_maker", "im", _NULL if trade is None else str(trade.is_maker).lower()),
        ("identifier", "id", _quoted(request.client_id or None)),
        ("smp_type", "smpt", _quoted(self_trade_word(request))),
        ("prevented_volume", "pv", _double(news.figures.prevented_volume)),
        ("prevented_locked", "pl", _double(news.figures.prevented_locked)),
        ("trade_timestamp", "ttms", _NULL if trade is None else _ms(trade.at)),
        ("order_timestamp", "otms", _ms(news.order.created_at)),
        ("timestamp", "tms", _ms(news.at)),
        ("stream_type", "st", '"REALTIME"'),
    )


def _frame(fields: _Fields, form: Format) -> bytes:
    text = _object(fields, form)
    return f"[{text}]".encode() if form.listed else text.encode()


def _object(fields: _Fields, form: Format) -> str:
    key = 1 if form.short else 0
    return "{" + ",".join(f'"{field[key]}":{field[2]}' for field in fields) + "}"


def _price(value: Decimal | None, form: Format) -> str:
    return _NULL if value is None else plain(_units(value)) if form.short else _double(value)


def _double(value: Decimal | None) -> str:
    return _NULL if value is None else java_double(_units(value))


def _units(value: Decimal) -> int:
    return int((value * UNIT).to_integral_value(rounding=ROUND_DOWN))


def _quoted(text: str | None) -> str:
    return msgspec.json.encode(text).decode()


def _ms(at: Instant) -> str:
    return str(at // NS_PER_MS)
