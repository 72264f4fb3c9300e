"""What a client orders at Binance: parameters in, an order for the matching core out, or the venue's refusal. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Side
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, SelfTrade, TimeInForce
from arbitrage.sandbox.binance_errors import BinanceError, missing, neither, not_required, rejected
from arbitrage.sandbox.binance_params import Params

LIMIT, LIMIT_MAKER, MARKET = "LIMIT", "LIMIT_MAKER", "MARKET"

SELF_TRADES: Final[Mapping[str, SelfTrade]] = {
    "EXPIRE_TAKER": SelfTrade.CANCEL_TAKER,
    "EXPIRE_MAKER": SelfTrade.CANCEL_MAKER,
    "DECREMENT": SelfTrade.REDUCE,
}
"""The modes that the symbols allow. EXPIRE_BOTH is not among them, because the matching core has no such rule."""

USUAL_SELF_TRADE: Final = "EXPIRE_MAKER"

_KNOWN_SELF_TRADES: Final = {name: name for name in (*SELF_TRADES, "NONE", "EXPIRE_BOTH", "TRANSFER")}
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_TYPES: Final = (LIMIT, LIMIT_MAKER, MARKET)
_REPLIES: Final = {name: name for name in ("ACK", "RESULT", "FULL")}

# the sandbox lists these types, as the venue does, and does not trade them
_NOT_TRADED: Final = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}


@dataclass(frozen=True, slots=True)
class OrderForm:
    """An order as it was asked for, and how much the client wants to hear of it (ACK, RESULT or FULL)."""

    request: OrderRequest
    reply: str


def read_order(params: Params) -> OrderForm:
    """Read the parameters of a new order; the client id is empty where none was sent. Raises BinanceError."""
    symbol = params.symbol()
    params.text("side")
    side = params.choice("side", _SIDES, BinanceError(-1117, "Invalid side.")) or Side.BUY
    kind = _type(params)
    if params.optional("icebergQty") is not None:
        raise rejected("Iceberg orders are not supported for this symbol.")
    # a strategy's numbers are shown to nobody here
    params.long("strategyId"), params.long("strategyType")
    amounts = _amounts(params, kind)
    return OrderForm(
        OrderRequest(
            symbol=symbol,
            side=side,
            kind=_kind(kind, amounts.funds),
            client_id=params.client_id("newClientOrderId") or "",
            price=amounts.price,
            quantity=amounts.quantity,
            funds=amounts.funds,
            time_in_force=_time_in_force(params, kind),
            self_trade=SELF_TRADES[_self_trade(params)],
        ),
        params.choice("newOrderRespType", _REPLIES) or ("ACK" if kind == LIMIT_MAKER else "FULL"),
    )


@dataclass(frozen=True, slots=True)
class _Amounts:
    price: Decimal | None
    quantity: Decimal | None
    funds: Decimal | None


def _type(params: Params) -> str:
    kind = params.text("type")
    if kind in _NOT_TRADED:
        raise rejected(_NOT_TRADED[kind])
    if kind not in _TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    return kind


def _kind(kind: str, funds: Decimal | None) -> OrderKind:
    if kind != MARKET:
        return OrderKind.LIMIT
    return OrderKind.MARKET if funds is None else OrderKind.MARKET_FUNDS


def _amounts(params: Params, kind: str) -> _Amounts:
    needed = ("quantity", "price") if kind != MARKET else ()
    for name in needed:
        params.text(name)
    amounts = _Amounts(params.decimal("price"), params.decimal("quantity"), params.decimal("quoteOrderQty"))
    if kind == MARKET and amounts.price is not None:
        raise not_required("price")
    if kind != MARKET and amounts.funds is not None:
        raise not_required("quoteOrderQty")
    if amounts.quantity is None and amounts.funds is None:
        raise neither("quantity", "quoteOrderQty")
    if amounts.quantity is not None and amounts.funds is not None:
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    for number, name in ((amounts.price, "price"), (amounts.quantity, "quantity"), (amounts.funds, "quote order qty")):
        if number == 0:
            raise BinanceError(-1013, f"Invalid {name}.")
    return amounts


def _time_in_force(params: Params, kind: str) -> TimeInForce:
    given = params.choice("timeInForce", _TIMES, BinanceError(-1115, "Invalid timeInForce."))
    if kind == LIMIT:
        if given is None:
            raise missing("timeInForce")
        return given
    if given is not None:
        raise not_required("timeInForce")
    return TimeInForce.POST_ONLY if kind == LIMIT_MAKER else TimeInForce.GTC


def _self_trade(params: Params) -> str:
    mode = params.choice("selfTradePreventionMode", _KNOWN_SELF_TRADES) or USUAL_SELF_TRADE
    if mode not in SELF_TRADES:
        raise BinanceError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return mode
