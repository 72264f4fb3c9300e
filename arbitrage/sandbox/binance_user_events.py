"""What Binance's user stream tells: executionReport, outboundAccountPosition, balanceUpdate. Shapes only; no sockets.

Keys: the venue's user-data-stream page.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.venue_orders import Change, Traded, VenueOrder, VenueState, VenueTrade
from arbitrage.sandbox.binance_order_bodies import (
    NO_LIST,
    expiry_reason,
    order_type,
    self_trade_mode,
    status,
    text,
    time_in_force,
    wanted_quantity,
)

Event = dict[str, Any]

_NO_TRADE: Final = -1
_FIRST_EXECUTION: Final = 8_641_984

_ENDINGS: Final = {
    VenueState.CANCELED: "CANCELED",
    VenueState.EXPIRED: "EXPIRED",
    VenueState.PREVENTED: "TRADE_PREVENTION",
}


class UserEvents:
    """Turns changes into events. Of an order that it has not seen yet, it tells first that it is new."""

    def __init__(self, cancel_ids: Mapping[int, str]) -> None:
        self._cancel_ids = cancel_ids
        self._told: set[int] = set()
        self._execution = _FIRST_EXECUTION

    def of(self, change: Change, now_ms: int) -> list[Event]:
        """Return what a change is told as. A filled order's end is told by its last trade."""
        order = change.order
        events = [] if order.order_id in self._told else [self._new(order, now_ms)]
        self._told.add(order.order_id)
        if isinstance(change, Traded):
            events.append(self._trade(order, change.trade, now_ms))
        elif order.is_over and order.state is not VenueState.FILLED:
            events.append(self._end(order, now_ms))
        return events

    def _new(self, order: VenueOrder, now_ms: int) -> Event:
        return self._report(order, "NEW", "NEW", order.created_at // NS_PER_MS, now_ms) | {"w": True}

    def _trade(self, order: VenueOrder, trade: VenueTrade, now_ms: int) -> Event:
        # the order may have gone on since; a report tells how it stood after its own trade
        so_far = [earlier for earlier in order.trades if earlier.trade_id <= trade.trade_id]
        last = trade is order.trades[-1] and order.state is VenueState.FILLED
        report = self._report(order, "TRADE", "FILLED" if last else "PARTIALLY_FILLED", trade.at // NS_PER_MS, now_ms)
        return report | {
            "l": text(trade.quantity),
            "z": text(sum((one.quantity for one in so_far), Decimal(0))),
            "L": text(trade.price),
            "n": text(trade.fee),
            "N": trade.fee_currency,
            "t": trade.trade_id,
            "w": trade.is_maker and not last,
            "m": trade.is_maker,
            "Z": text(sum((one.funds for one in so_far), Decimal(0))),
            "Y": text(trade.funds),
        }

    def _end(self, order: VenueOrder, now_ms: int) -> Event:
        kind = _ENDINGS[order.state]
        report = self._report(order, kind, status(order), order.updated_at // NS_PER_MS, now_ms)
        report |= {"z": text(order.executed_quantity), "Z": text(order.executed_funds)}
        if order.state is VenueState.CANCELED:
            report |= {"c": self._cancel_ids.get(order.order_id, ""), "C": order.request.client_id}
        if order.state is VenueState.PREVENTED:
            report |= {"A": text(order.prevented_quantity), "B": text(order.prevented_quantity)}
        reason = expiry_reason(order)
        return report | ({"eR": reason} if reason else {})

    def _report(self, order: VenueOrder, kind: str, status: str, at_ms: int, now_ms: int) -> Event:
        request = order.request
        self._execution += 1
        return {
            "e": "executionReport",
            "E": now_ms,
            "s": request.symbol,
            "c": request.client_id,
            "S": request.side.name,
            "o": order_type(request),
            "f": time_in_force(request),
            "q": text(wanted_quantity(order)),
            "p": text(request.price),
            "P": text(None),
            "F": text(None),
            "g": NO_LIST,
            "C": "",
            "x": kind,
            "X": status,
            "r": "NONE",
            "i": order.order_id,
            "l": text(None),
            "z": text(None),
            "L": text(None),
            "n": "0",
            "N": None,
            "T": at_ms,
            "t": _NO_TRADE,
            "I": self._execution,
            "w": False,
            "m": False,
            "M": False,
            "O": order.created_at // NS_PER_MS,
            "Z": text(None),
            "Y": text(None),
            "Q": text(request.funds),
            "W": order.created_at // NS_PER_MS,
            "V": self_trade_mode(request),
        }


def position_event(balances: Mapping[str, Balance], now_ms: int) -> Event:
    """Tell the balances that an event may have changed."""
    rows = [{"a": asset, "f": text(held.free), "l": text(held.locked)} for asset, held in balances.items()]
    return {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}


def balance_event(asset: str, change: Decimal, now_ms: int) -> Event:
    """Tell of money that came from outside or went there."""
    return {"e": "balanceUpdate", "E": now_ms, "a": asset, "d": text(change), "T": now_ms}


def plain_event(name: str, now_ms: int) -> Event:
    """Tell something that has a name and a time only, such as the end of the stream or of the server."""
    return {"e": name, "E": now_ms}
