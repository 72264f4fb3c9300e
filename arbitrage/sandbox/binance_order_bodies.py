"""Orders and trades as Binance writes them, in replies and in events alike. Shapes only; nothing is decided or sent."""

import hashlib
from decimal import Decimal
from typing import Any, Final

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.exchange.venue_orders import (
    OrderKind,
    OrderRequest,
    SelfTrade,
    TimeInForce,
    VenueOrder,
    VenueState,
    VenueTrade,
)
from arbitrage.sandbox.binance_order_form import LIMIT, LIMIT_MAKER, MARKET, SELF_TRADES

NO_LIST: Final = -1
"""The list that an order belongs to: none."""

_ZERO: Final = Decimal(0)

_STATUSES: Final = {
    VenueState.ACCEPTED: "NEW",
    VenueState.OPEN: "NEW",
    VenueState.FILLED: "FILLED",
    VenueState.CANCELED: "CANCELED",
    VenueState.EXPIRED: "EXPIRED",
    VenueState.PREVENTED: "EXPIRED_IN_MATCH",
}
_REASONS: Final = {
    TimeInForce.IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    TimeInForce.FOK: "UNFILLED_FOK_ORDER_EXPIRED",
}
_SELF_TRADE_NAMES: Final = {SelfTrade.ALLOW: "NONE", **{rule: name for name, rule in SELF_TRADES.items()}}


def text(amount: Decimal | None) -> str:
    """Write an amount with eight decimals; nothing is zero."""
    return f"{amount or _ZERO:.8f}"


def generated_id(*of: object) -> str:
    """Make the id that the venue gives where the client gave none: 22 letters and digits, the same for the same."""
    return hashlib.blake2b(repr(of).encode(), digest_size=11).hexdigest()


def order_type(request: OrderRequest) -> str:
    """Return the venue's name for the kind of order."""
    if request.kind is not OrderKind.LIMIT:
        return MARKET
    return LIMIT_MAKER if request.time_in_force is TimeInForce.POST_ONLY else LIMIT


def time_in_force(request: OrderRequest) -> str:
    """Return the venue's name for how long an order stays; GTC where nothing was to be said."""
    timed = request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    return request.time_in_force.name if timed else "GTC"


def self_trade_mode(request: OrderRequest) -> str:
    """Return the venue's name for the rule on self-trades."""
    return _SELF_TRADE_NAMES[request.self_trade]


def wanted_quantity(order: VenueOrder) -> Decimal:
    """Return the quantity of an order; for one by funds it is what was executed."""
    return order.request.quantity if order.request.quantity is not None else order.executed_quantity


def status(order: VenueOrder) -> str:
    """Return the venue's name for how an order stands."""
    if order.state is VenueState.OPEN and order.executed_quantity > 0:
        return "PARTIALLY_FILLED"
    return _STATUSES[order.state]


def expiry_reason(order: VenueOrder) -> str | None:
    """Return why an order has expired, or None if it has not."""
    if status(order) != "EXPIRED":
        return None
    return _REASONS.get(order.request.time_in_force, "INSUFFICIENT_LIQUIDITY")


def acknowledged(order: VenueOrder) -> dict[str, Any]:
    """Write the reply of type ACK."""
    return {
        "symbol": order.request.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.request.client_id,
        "transactTime": (order.trades[-1].at if order.trades else order.created_at) // NS_PER_MS,
    }


def placed(order: VenueOrder) -> dict[str, Any]:
    """Write the reply of type RESULT."""
    return {
        **acknowledged(order),
        **_terms(order),
        "workingTime": order.created_at // NS_PER_MS,
        "selfTradePreventionMode": self_trade_mode(order.request),
        **_expiry(order),
    }


def filled(order: VenueOrder) -> dict[str, Any]:
    """Write the reply of type FULL: with the fills, and the commission in the asset that was received."""
    fills = [
        {
            "price": text(trade.price),
            "qty": text(trade.quantity),
            "commission": text(trade.fee),
            "commissionAsset": trade.fee_currency,
            "tradeId": trade.trade_id,
        }
        for trade in order.trades
    ]
    return {**placed(order), "fills": fills}


def canceled(order: VenueOrder, cancel_id: str) -> dict[str, Any]:
    """Write the reply to a cancel: `clientOrderId` is the cancel's own."""
    return {
        "symbol": order.request.symbol,
        "origClientOrderId": order.request.client_id,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_at // NS_PER_MS,
        **_terms(order),
        "selfTradePreventionMode": self_trade_mode(order.request),
    }


def shown(order: VenueOrder) -> dict[str, Any]:
    """Write an order as a query shows it."""
    return {
        "symbol": order.request.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.request.client_id,
        **_terms(order),
        "stopPrice": text(None),
        "icebergQty": text(None),
        "time": order.created_at // NS_PER_MS,
        "updateTime": order.updated_at // NS_PER_MS,
        "isWorking": True,
        "workingTime": order.created_at // NS_PER_MS,
        "selfTradePreventionMode": self_trade_mode(order.request),
        **_expiry(order),
    }


def trade_body(trade: VenueTrade) -> dict[str, Any]:
    """Write a trade as myTrades shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": NO_LIST,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.funds),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_currency,
        "time": trade.at // NS_PER_MS,
        "isBuyer": trade.side.name == "BUY",
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def _expiry(order: VenueOrder) -> dict[str, str]:
    reason = expiry_reason(order)
    return {"expiryReason": reason} if reason else {}


def _terms(order: VenueOrder) -> dict[str, Any]:
    request = order.request
    prevented = {"preventedQuantity": text(order.prevented_quantity)} if order.prevented_quantity > 0 else {}
    return {
        "price": text(request.price),
        "origQty": text(wanted_quantity(order)),
        "executedQty": text(order.executed_quantity),
        "origQuoteOrderQty": text(request.funds),
        "cummulativeQuoteQty": text(order.executed_funds),
        "status": status(order),
        "timeInForce": time_in_force(request),
        "type": order_type(request),
        "side": request.side.name,
        **prevented,
    }
