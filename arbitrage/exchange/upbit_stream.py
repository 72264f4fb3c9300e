"""Upbit's private stream, `myOrder` and `myAsset` on one socket: frames in, events out. It signs nothing.

There is no snapshot and no replay (docs.upbit.com: websocket-myorder, websocket-myasset). Numbers were doubles on their
way here: sums of more than 15 digits may be off in the last one, while an order that is asked for over REST is exact.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from arbitrage.domain.events import BalancesSeen
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import decimal_from_wire, plain
from arbitrage.exchange.fills_seen import FillsSeen, Word
from arbitrage.exchange.newest_balances import NewestBalances
from arbitrage.exchange.order_news import NOT_READ, named, reply_of
from arbitrage.exchange.private_stream import Broken, Heard, PrivateStream, Sign
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.ports import Clock, Emit
from arbitrage.wire.sockets import SocketLimits

TYPES: Final = ("myOrder", "myAsset")

_OVER: Final = frozenset({"done", "cancel"})
"""The states that end an order. `prevented` alone does not prove it: what is left may go on to trade."""

_NOISE: Final = Decimal("1E-12")
"""Upbit counts in eight decimals; what a double shows beyond twelve comes of being one."""

_LARGEST_EXPONENT: Final = 14

_Text = Annotated[str, Meta(max_length=256)]
_Milliseconds = Annotated[int, Meta(ge=0, le=1 << 53)]
_Code = Annotated[str, Meta(min_length=3, max_length=30)]


class _Order(Struct, tag_field="type", tag="myOrder"):
    code: _Code
    uuid: _Text
    state: _Text
    executed_volume: Decimal
    executed_funds: Decimal | None = None
    paid_fee: Decimal | None = None
    identifier: _Text | None = None


class _Asset(Struct):
    currency: Annotated[str, Meta(min_length=1, max_length=30)]
    balance: Decimal
    locked: Decimal


class _Assets(Struct, tag_field="type", tag="myAsset"):
    assets: list[_Asset]
    asset_timestamp: _Milliseconds


class _Error(Struct):
    name: str | int


class _Subscribed(Struct):
    type: str = ""


class _Other(Struct):
    """Anything else: only what tells the kinds apart."""

    type: str = ""
    status: str = ""
    method: str = ""
    result: list[_Subscribed] = []
    error: _Error | None = None


_READ: Final = Decoder(_Order | _Assets)
_OTHERS: Final = Decoder(_Other)


class UpbitDialect:
    """What Upbit says of one account, and how it is asked to."""

    venue: Final = Venue.UPBIT
    longest_life: Final[Nanos | None] = None  # none is documented

    def __init__(self) -> None:
        self._seen = FillsSeen()
        self._balances = NewestBalances()

    def greeting(self, at: Instant) -> Sequence[str]:
        """Return the subscription, and a request to list it: Upbit confirms nothing by itself."""
        self._balances.forget()
        form = {"format": "DEFAULT"}  # a listing in another format would change that of the stream
        subscription = [{"ticket": f"arbitrage-{at}"}, *({"type": name} for name in TYPES), form]
        listing = [{"ticket": f"arbitrage-list-{at}"}, {"method": "LIST_SUBSCRIPTIONS"}, form]
        return [msgspec.json.encode(request).decode() for request in (subscription, listing)]

    def hear(self, payload: bytes, at: Instant) -> Heard:
        """Read a frame (Dialect)."""
        try:
            frame = _READ.decode(payload)
            return self._order(frame, at) if isinstance(frame, _Order) else self._assets(frame, at)
        except NOT_READ:
            return _other(payload)

    def _order(self, frame: _Order, at: Instant) -> Heard:
        executed = _number(frame.executed_volume)
        word = Word(
            quantity=executed,
            funds=_sum(frame.executed_funds, executed),
            fee=_sum(frame.paid_fee, executed),
            quote=frame.code.partition("-")[0],
            is_over=frame.state in _OVER,
        )
        standing = self._seen.take(frame.uuid, word, at)
        if standing is None:
            return Sign.NOTHING
        return reply_of(standing, at, named(frame.identifier, frame.uuid), self.venue)

    def _assets(self, frame: _Assets, at: Instant) -> Heard:
        totals = {asset.currency: _number(asset.balance) + _number(asset.locked) for asset in frame.assets}
        news = self._balances.take(frame.asset_timestamp, totals)
        return BalancesSeen(at, self.venue, news, is_whole=False) if news else Sign.NOTHING


def upbit_stream(
    url: str, signer: UpbitSigner, emit: Emit, clock: Clock, limits: SocketLimits | None = None
) -> PrivateStream:
    """Return the private stream at `url` (…/websocket/v1/private). Each handshake has a token of its own."""

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {signer.token()}"}

    return PrivateStream(url, UpbitDialect(), emit, clock, limits, headers)


def _other(payload: bytes) -> Heard:
    try:
        frame = _OTHERS.decode(payload)
    except NOT_READ:
        return Broken("a frame that cannot be read")
    if frame.error is not None:
        return Broken(f"error frame: {_error_name(frame.error.name)}")
    if frame.method == "LIST_SUBSCRIPTIONS":
        is_complete = {entry.type for entry in frame.result}.issuperset(TYPES)
        return Sign.CONFIRMED if is_complete else Broken("not everything was subscribed")
    if frame.type in TYPES:
        return Broken(f"a frame of {frame.type} that cannot be read")
    return Sign.NOTHING if frame.status else Sign.STRANGE


def _error_name(name: str | int) -> str:
    """Return an error's name if it is one. Its message stays out: it may repeat what was sent."""
    text = str(name)
    return text if text.isascii() and text.isidentifier() and len(text) <= 40 else "unnamed"


def _sum(value: Decimal | None, executed: Decimal) -> Decimal:
    """Return a sum of an order's trades. Raises ValueError where there are trades and no sum."""
    if value is None and executed:
        raise ValueError("an order that has traded without saying what for")
    return _number(value or Decimal(0))


def _number(value: Decimal) -> Decimal:
    """Return a number of a frame without its exponent. Raises ValueError below zero and beyond reason."""
    if not value.is_finite() or value < 0 or value.adjusted() > _LARGEST_EXPONENT:
        raise ValueError("a number beyond reason")
    return decimal_from_wire(plain(value.quantize(_NOISE)))
