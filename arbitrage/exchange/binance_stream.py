"""Binance's user data stream over its websocket API: frames in, events out. It places no order and asks for none.

A subscription is signed anew on each connection; there is no snapshot and no replay (Binance: web-socket-api,
user-data-stream). Numbers are decimal texts.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from arbitrage.domain.events import BalancesSeen, FundsMoved, OrderReply, ReplyKind
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import USDT, decimal_from_wire
from arbitrage.exchange.binance_signing import signature
from arbitrage.exchange.fills_seen import FillsSeen, Trade, Word
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.newest_balances import NewestBalances
from arbitrage.exchange.order_news import NOT_READ, named, reply_of
from arbitrage.exchange.private_stream import Broken, Heard, PrivateStream, Sign
from arbitrage.ports import Clock, Emit
from arbitrage.wire.quiet_log import one_line
from arbitrage.wire.sockets import SocketLimits

LONGEST_LIFE: Final = Nanos(23 * 3_600 * NS_PER_S)
"""Binance closes a connection after 24 h (web-socket-api, general information)."""

RECV_WINDOW_MS: Final = 5_000
"""A subscription that arrives late does no harm: the venue's own default."""

_REQUEST: Final = "subscribe"

_OVER: Final = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})

_TROUBLES: Final = {
    -1003: "too many requests",
    -1021: "the time stamp is off: our clock, or the way there",
    -1022: "the signature is not valid: check the secret key",
    -2014: "the API key is not a key",
    -2015: "the API key, our address or its permissions are not accepted",
}
"""What refused subscriptions mean, in our own words: the venue's message may repeat what was sent."""

_Text = Annotated[str, Meta(max_length=256)]
_Number = Annotated[str, Meta(max_length=40)]
_Asset = Annotated[str, Meta(min_length=1, max_length=30)]


class _Report(Struct, tag_field="e", tag="executionReport"):
    symbol: _Text = field(name="s")
    client_id: _Text = field(name="c")
    order_id: int = field(name="i")
    execution: _Text = field(name="x")
    status: _Text = field(name="X")
    quantity: _Number = field(name="z")
    funds: _Number = field(name="Z")
    last_quantity: _Number = field(name="l")
    commission: _Number | None = field(name="n", default=None)
    commission_asset: _Text | None = field(name="N", default=None)
    trade_id: int = field(name="t", default=-1)
    original_client_id: _Text = field(name="C", default="")
    reject_reason: _Text = field(name="r", default="")
    expiry_reason: _Text = field(name="eR", default="")


class _Held(Struct):
    asset: _Asset = field(name="a")
    free: _Number = field(name="f")
    locked: _Number = field(name="l")


class _Position(Struct, tag_field="e", tag="outboundAccountPosition"):
    balances: list[_Held] = field(name="B")
    updated_ms: Annotated[int, Meta(ge=0, le=1 << 53)] = field(name="u")


class _Moved(Struct, tag_field="e", tag="balanceUpdate"):
    asset: _Asset = field(name="a")
    change: _Number = field(name="d")


class _Kind(Struct):
    e: str = ""


class _Error(Struct):
    code: int = 0


class _Frame(Struct):
    """An answer to a request has an `id`; an event is wrapped."""

    id: str | int | None = None
    status: int = 0
    error: _Error | None = None
    event: Raw = Raw(b"")


_FRAME: Final = Decoder(_Frame)
_EVENT: Final = Decoder(_Report | _Position | _Moved)
_KIND: Final = Decoder(_Kind)
_KNOWN: Final = frozenset({"executionReport", "outboundAccountPosition", "balanceUpdate"})
_LAST_WORDS: Final = {
    "eventStreamTerminated": "the venue ended the subscription",
    "serverShutdown": "the venue announced a shutdown",
}


class BinanceDialect:
    """What Binance says of one account, and how it is asked to.

    `skew` returns how far our clock is ahead of the venue's, as it was measured last.
    """

    venue: Final = Venue.BINANCE
    longest_life: Final[Nanos | None] = LONGEST_LIFE

    def __init__(self, keys: ApiKeys, skew: Callable[[], Nanos]) -> None:
        self._api_key = keys.access
        self._secret = keys.secret.encode()
        self._skew = skew
        self._seen = FillsSeen()
        self._balances = NewestBalances()

    def greeting(self, at: Instant) -> Sequence[str]:
        """Return the signed subscription; its signature covers the parameters sorted by name."""
        self._balances.forget()
        params: dict[str, str | int] = {
            "apiKey": self._api_key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": (at - self._skew()) // NS_PER_MS,
        }
        payload = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
        params["signature"] = signature(self._secret, payload)
        request = {"id": _REQUEST, "method": "userDataStream.subscribe.signature", "params": params}
        return [msgspec.json.encode(request).decode()]

    def hear(self, payload: bytes, at: Instant) -> Heard:
        """Read a frame (Dialect)."""
        try:
            frame = _FRAME.decode(payload)
            if bytes(frame.event):
                return self._event(frame.event, at)
        except NOT_READ:
            return Broken("a frame that cannot be read")
        return _answer(frame)

    def _event(self, raw: Raw, at: Instant) -> Heard:
        kind = _KIND.decode(raw).e
        if kind in _LAST_WORDS:
            return Broken(_LAST_WORDS[kind])
        if kind not in _KNOWN:
            return Sign.STRANGE
        match _EVENT.decode(raw):
            case _Position() as position:
                return self._position(position, at)
            case _Moved() as moved:
                return FundsMoved(at, Venue.BINANCE, moved.asset, decimal_from_wire(moved.change))
            case report:
                return self._report(report, at)

    def _report(self, report: _Report, at: Instant) -> Heard:
        quantity = _amount(report.quantity)
        # a cancel's report has the cancel's own id, and the order's as the original one
        name = named(report.original_client_id or report.client_id, str(report.order_id))
        if report.status == "REJECTED" and not quantity:
            return OrderReply(at, name, self.venue, ReplyKind.REFUSED, None, one_line(report.reject_reason))
        word = Word(
            quantity=quantity,
            funds=_amount(report.funds),
            quote=USDT if report.symbol.endswith(USDT) else "",
            trade=_trade(report) if report.execution == "TRADE" else None,
            is_over=report.status in _OVER,
        )
        standing = self._seen.take(f"{report.symbol} {report.order_id}", word, at)
        if standing is None:
            return Sign.NOTHING
        return reply_of(standing, at, name, self.venue, one_line(report.expiry_reason))

    def _position(self, position: _Position, at: Instant) -> Heard:
        totals = {held.asset: _amount(held.free) + _amount(held.locked) for held in position.balances}
        news = self._balances.take(position.updated_ms, totals)
        return BalancesSeen(at, self.venue, news, is_whole=False) if news else Sign.NOTHING


def binance_stream(
    url: str,
    keys: ApiKeys,
    emit: Emit,
    clock: Clock,
    skew: Callable[[], Nanos],
    limits: SocketLimits | None = None,
) -> PrivateStream:
    """Return the user data stream of the websocket API at `url` (…/ws-api/v3). For `skew` see `BinanceDialect`."""
    return PrivateStream(url, BinanceDialect(keys, skew), emit, clock, limits)


def _answer(frame: _Frame) -> Heard:
    if frame.error is not None:
        code = frame.error.code
        return Broken(f"subscription refused: {code} {_TROUBLES.get(code, '')}".rstrip())
    return Sign.CONFIRMED if frame.id == _REQUEST and frame.status == 200 else Sign.STRANGE


def _trade(report: _Report) -> Trade:
    return Trade(
        trade_id=str(report.trade_id),
        quantity=_amount(report.last_quantity),
        fee=_amount(report.commission or "0"),
        fee_currency=report.commission_asset or "",
    )


def _amount(text: str) -> Decimal:
    """Return a number of a frame. Raises ValueError below zero."""
    value = decimal_from_wire(text)
    if value < 0:
        raise ValueError("an amount below zero")
    return value
