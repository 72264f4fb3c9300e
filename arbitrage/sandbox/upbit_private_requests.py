"""What a client asks of Upbit about a new order: parameters in, a request for the matching core or a "no" out. Pure.

Which parameters go with which kind of order is a table, after docs.upbit.com new-order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Instrument, Side
from arbitrage.domain.money import floor_to
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest, Rejection, RejectReason, SelfTrade, TimeInForce
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_params import Params

BestPrice = Callable[[str, Side], Decimal | None]
"""Tells a market's best price on a side, or None where nothing stands."""

LONGEST_IDENTIFIER: Final = 64

SIDES: Final[Mapping[str, Side]] = {"bid": Side.BUY, "ask": Side.SELL}
SIDE_WORDS: Final[Mapping[Side, str]] = {side: word for word, side in SIDES.items()}

# (kind, side) -> (price is given, volume is given); what is not here does not exist
_SHAPES: Final[Mapping[tuple[str, str], tuple[bool, bool]]] = {
    ("limit", "bid"): (True, True),
    ("limit", "ask"): (True, True),
    ("price", "bid"): (True, False),
    ("market", "ask"): (False, True),
    ("best", "bid"): (True, False),
    ("best", "ask"): (False, True),
}
_TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "limit": ("", "ioc", "fok", "post_only"),
    "price": ("",),
    "market": ("",),
    "best": ("ioc", "fok"),
}
_SELF_TRADES: Final[Mapping[str, SelfTrade]] = {
    "cancel_maker": SelfTrade.CANCEL_MAKER,
    "cancel_taker": SelfTrade.CANCEL_TAKER,
    "reduce": SelfTrade.REDUCE,
    "none": SelfTrade.ALLOW,
}
_SELF_TRADE_WORDS: Final[Mapping[SelfTrade, str]] = {rule: word for word, rule in _SELF_TRADES.items()}
_KINDS: Final[Mapping[str, OrderKind]] = {
    "best": OrderKind.LIMIT,
    "limit": OrderKind.LIMIT,
    "market": OrderKind.MARKET,
    "price": OrderKind.MARKET_FUNDS,
}
_KIND_WORDS: Final[Mapping[OrderKind, str]] = {kind: word for word, kind in _KINDS.items()}

# reason -> (the venue's name for it, whether the name tells the side)
_REFUSALS: Final[Mapping[RejectReason, tuple[str, bool]]] = {
    RejectReason.BAD_REQUEST: ("validation_error", False),
    RejectReason.UNKNOWN_INSTRUMENT: ("notfoundmarket", False),
    RejectReason.HALTED: ("market_offline", False),
    RejectReason.BAD_TICK: ("invalid_price", True),
    RejectReason.BAD_LOT: ("invalid_volume", True),
    RejectReason.BELOW_MINIMUM: ("under_min_total", True),
    RejectReason.ABOVE_MAXIMUM: ("over_krw_funds", True),
    RejectReason.NO_FUNDS: ("insufficient_funds", True),
    RejectReason.WOULD_TAKE: ("invalid_post_only", False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BestRequest(OrderRequest):
    """An order at the best price that stood when it came, to be matched at once. `asked` is the KRW of a buy."""

    asked: Decimal | None = None


def read_order(params: Params, instruments: Mapping[str, Instrument], best: BestPrice) -> OrderRequest:
    """Read a new order. Raises Refused for what the venue would not even look up in its books."""
    market, side_word, kind = params.need("market"), params.need("side"), params.need("ord_type")
    if market not in instruments:
        raise Refused("notfoundmarket", market)
    price, volume = params.amount("price"), params.amount("volume")
    _check_shape(kind, side_word, price is not None, volume is not None)
    time_word = params.get("time_in_force") or ""
    if time_word not in _TIMES[kind]:
        raise Refused("invalid_time_in_force")
    request = OrderRequest(
        symbol=market,
        side=SIDES[side_word],
        kind=_KINDS[kind],
        client_id=params.get("identifier") or "",
        price=price if kind == "limit" else None,
        quantity=volume,
        funds=price if kind == "price" else None,
        time_in_force=TimeInForce(time_word or "gtc"),
        self_trade=_self_trade(params, time_word),
    )
    return request if kind != "best" else _at_best(request, price, instruments[market].lot, best)


def read_identifier(params: Params) -> str:
    """Return the client's own id of a new order, or nothing. Raises Refused for one that cannot be one."""
    identifier = params.get("identifier") or ""
    if len(identifier) > LONGEST_IDENTIFIER or not identifier.isprintable():
        raise Refused("validation_error", "identifier does not have a valid value")
    return identifier


def refusal(rejection: Rejection, request: OrderRequest, instruments: Mapping[str, Instrument]) -> Refused:
    """Put the matching core's "no" in the venue's words."""
    word = SIDE_WORDS[request.side]
    if rejection.reason is RejectReason.NO_LIQUIDITY:
        return Refused(f"create_{word}_error")
    name, sided = _REFUSALS.get(rejection.reason, ("validation_error", False))
    seen = rejection.allowed if rejection.reason is RejectReason.ABOVE_MAXIMUM else rejection.seen
    if rejection.reason is RejectReason.NO_FUNDS:
        instrument = instruments[request.symbol]
        seen = instrument.quote if request.side is Side.BUY else instrument.base
    return Refused(name, seen, word if sided else "")


def kind_word(request: OrderRequest) -> str:
    """Return the venue's word for the kind of an order."""
    return "best" if isinstance(request, BestRequest) else _KIND_WORDS[request.kind]


def time_word(request: OrderRequest) -> str | None:
    """Return the venue's word for how long an order stays, or None where it needs none."""
    return None if request.time_in_force is TimeInForce.GTC else request.time_in_force.value


def self_trade_word(request: OrderRequest) -> str:
    """Return the venue's word for what happens where an order would meet another of the same account."""
    return _SELF_TRADE_WORDS[request.self_trade]


def _check_shape(kind: str, side: str, has_price: bool, has_volume: bool) -> None:
    for name, value, allowed in (("side", side, SIDES), ("ord_type", kind, _TIMES)):
        if value not in allowed:
            raise Refused("validation_error", f"{name} does not have a valid value")
    wanted = _SHAPES.get((kind, side))
    if wanted is None or (has_price and not wanted[0]) or (has_volume and not wanted[1]):
        raise Refused(f"create_{side}_error")
    if (has_price, has_volume) != wanted:
        raise Refused("validation_error", "volume is missing" if has_price else "price is missing")


def _self_trade(params: Params, time_word: str) -> SelfTrade:
    # docs.upbit.com changelog add-smp-type-default: since 2026-11-09 cancel_maker unless told otherwise;
    # post_only goes with none of the three
    word = params.get("smp_type") or ("none" if time_word == "post_only" else "cancel_maker")
    if word not in _SELF_TRADES:
        raise Refused("validation_error", "smp_type does not have a valid value")
    if time_word == "post_only" and word != "none":
        raise Refused("invalid_post_only")
    return _SELF_TRADES[word]


def _at_best(request: OrderRequest, asked: Decimal | None, lot: Decimal, best: BestPrice) -> BestRequest:
    word = SIDE_WORDS[request.side]
    price = best(request.symbol, Side.SELL if request.side is Side.BUY else Side.BUY)
    if price is None:
        raise Refused(f"create_{word}_error")
    quantity = request.quantity if asked is None else floor_to(asked / price, lot)
    if not quantity:
        raise Refused("under_min_total", side=word)
    return BestRequest(
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        client_id=request.client_id,
        price=price,
        quantity=quantity,
        time_in_force=request.time_in_force,
        self_trade=request.self_trade,
        asked=asked,
    )
