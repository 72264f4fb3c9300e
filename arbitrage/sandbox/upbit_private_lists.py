"""Which orders Upbit's lists show: filters, order and pages, and the seven days of the closed list. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.exchange.venue_orders import VenueOrder
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_figures import STATE_WORDS
from arbitrage.sandbox.upbit_private_params import Params
from arbitrage.sandbox.upbit_private_requests import SIDE_WORDS

# docs.upbit.com list-closed-orders: the window is at most seven days, by time of creation
_WINDOW_NS: Final = 7 * 86_400 * NS_PER_S
_LONGEST_PAIRS: Final = 20


def open_orders(params: Params, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
    """Return a page of the orders that are not over. Raises Refused."""
    states = _states(params, ("wait", "watch"), default=("wait",))
    page, limit = params.count("page", 1, 1_000_000), params.count("limit", 100, 100)
    market = params.get("market")
    wanted = [o for o in orders if not o.is_over and "wait" in states and market in (None, o.request.symbol)]
    return _sorted(params, wanted)[(page - 1) * limit : page * limit]


def closed_orders(params: Params, orders: Iterable[VenueOrder], now: Instant) -> list[VenueOrder]:
    """Return the orders that are over and were created within the window. Raises Refused."""
    states = _states(params, ("done", "cancel"), default=("done", "cancel"))
    start, end = _window(params, now)
    market, limit = params.get("market"), params.count("limit", 100, 1_000)
    wanted = [
        o
        for o in orders
        if o.is_over
        and start <= o.created_at <= end
        and STATE_WORDS.get(o.state, "cancel") in states
        and market in (None, o.request.symbol)
    ]
    return _sorted(params, wanted)[:limit]


def orders_to_cancel(params: Params, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
    """Return the open orders that a request to cancel many is about. Raises Refused."""
    side = params.choice("cancel_side", "all", "ask", "bid")
    pairs, excluded, quotes = params.split("pairs"), params.split("excluded_pairs"), params.split("quote_currencies")
    if len(pairs) > _LONGEST_PAIRS or len(excluded) > _LONGEST_PAIRS:
        raise Refused("validation_error", f"more than {_LONGEST_PAIRS} pairs")
    rules: tuple[Callable[[VenueOrder], bool], ...] = (
        lambda o: not o.is_over,
        lambda o: side in ("all", SIDE_WORDS[o.request.side]),
        lambda o: not pairs or o.request.symbol in pairs,
        lambda o: o.request.symbol not in excluded,
        lambda o: not quotes or o.request.symbol.partition("-")[0] in quotes,
    )
    wanted = [o for o in orders if all(rule(o) for rule in rules)]
    return _sorted(params, wanted)[: params.count("count", 20, 300)]


def in_order(params: Params, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
    """Return orders of one market or all, newest first unless told otherwise. Raises Refused."""
    market = params.get("market")
    return _sorted(params, [o for o in orders if market in (None, o.request.symbol)])


def _sorted(params: Params, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
    newest_first = params.choice("order_by", "desc", "asc") == "desc"
    return sorted(orders, key=lambda order: order.order_id, reverse=newest_first)


def _states(params: Params, allowed: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    one = params.get("state")
    states = tuple(params.many("states")) or ((one,) if one else default)
    if any(state not in allowed for state in states):
        raise Refused("validation_error", "state does not have a valid value")
    return states


def _window(params: Params, now: Instant) -> tuple[int, int]:
    start, end = _instant(params.get("start_time")), _instant(params.get("end_time"))
    if end is None:
        end = now if start is None else start + _WINDOW_NS
    if start is None:
        start = end - _WINDOW_NS
    if not 0 <= end - start <= _WINDOW_NS:
        raise Refused("validation_error", "the window between start_time and end_time is at most 7 days")
    return start, end


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text) * NS_PER_MS
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise Refused("validation_error", "a time does not have a valid value") from e
    if at.tzinfo is None:
        raise Refused("validation_error", "a time needs its offset")
    return int(at.timestamp()) * NS_PER_S
