"""What a venue's reply, or its silence, proves of an order: the one table of it. Pure; it asks and sends nothing.

Whatever is not proven is UNKNOWN. REFUSED and BUSY are words on placing alone: a question or a cancel that was turned
away says nothing of its order. Sources: Upbit's rest-api-guide (errors), Binance's errors and rest-api pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from arbitrage.domain.events import ReplyKind
from arbitrage.wire.http_reply import LineFailure
from arbitrage.wire.quiet_log import one_line


class Question(StrEnum):
    """What the venue was asked to do: take an order, tell of one, cancel one."""

    PLACE = "place"
    ASK = "ask"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is proven of the order, why (one line), and whether the venue or the way to it is in trouble.

    A reply with an order in it is ACCEPTED here: whether that order is over is in the rest of the reply.
    """

    kind: ReplyKind
    reason: str
    is_trouble: bool = False


ACCEPTED: Final = Outcome(ReplyKind.ACCEPTED, "")
ENDED: Final = Outcome(ReplyKind.ENDED, "")
"""What good replies prove, made once."""

NOT_DECODED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding hostile bytes can raise."""

_ACCEPTED, _REFUSED, _BUSY = ReplyKind.ACCEPTED, ReplyKind.REFUSED, ReplyKind.BUSY
_UNKNOWN, _MISSING, _ENDED = ReplyKind.UNKNOWN, ReplyKind.MISSING, ReplyKind.ENDED

_OVER_LIMIT: Final = frozenset({418, 429})
"""Both venues count a request before they process it, and answer one too many with these; the body may be text."""

# 408 and 409 are not here: a time-out proves nothing, and a conflict is half a success (Binance: -2021)
_TURNED_AWAY: Final = frozenset({400, 401, 403, 404, 413, 422})
"""The HTTP statuses under which an error's name can be believed: the venue read the request and did not process it."""

_UPBIT: Final[Mapping[str, ReplyKind]] = {
    "insufficient_funds": _REFUSED,
    "under_min_total": _REFUSED,
    "under_min_total_market": _REFUSED,
    "over_krw_funds": _REFUSED,
    "invalid_price": _REFUSED,
    "invalid_funds": _REFUSED,
    "invalid_volume": _REFUSED,
    "volume_too_large": _REFUSED,
    "invalid_parameter": _REFUSED,
    "validation_error": _REFUSED,
    "invalid_time_in_force": _REFUSED,
    "invalid_post_only": _REFUSED,
    "create_bid_error": _REFUSED,
    "create_ask_error": _REFUSED,
    "notfoundmarket": _REFUSED,
    "invalid_query_payload": _REFUSED,
    "jwt_verification": _REFUSED,
    "invalid_access_key": _REFUSED,
    "expired_access_key": _REFUSED,
    "no_authorization_ip": _REFUSED,
    "no_authorization_i_p": _REFUSED,
    "no_authorization_token": _REFUSED,
    "out_of_scope": _REFUSED,
    "market_offline": _BUSY,
    "too_many_requests": _BUSY,
    # both mean that the venue has seen this request before, and what became of the first copy is not said
    "duplicated_identifier": _UNKNOWN,
    "nonce_used": _UNKNOWN,
}
"""Upbit's error names in reply to an order, less `_bid` and `_ask` behind them. What is not here proves nothing."""

_BINANCE: Final[Mapping[int, ReplyKind]] = {
    -1002: _REFUSED,
    -1003: _BUSY,
    # "the request didn't reach the Matching Engine": every filter
    -1013: _REFUSED,
    -1014: _REFUSED,
    -1015: _BUSY,
    -1020: _REFUSED,
    -1021: _REFUSED,
    -1022: _REFUSED,
    -2014: _REFUSED,
    -2015: _REFUSED,
}
"""Binance's codes in reply to an order, beside -2010 and the 11xx (issues with the request itself: all refused).

-1000, -1001, -1006, -1007, -1008 and -1016 are missing on purpose: with any status, what became of the order is open.
"""

_REQUEST_ISSUES: Final = range(-1199, -1099)
_NEW_ORDER_REJECTED: Final = -2010
_NO_SUCH_ORDER: Final = -2013
_ARCHIVED: Final = -2026

# "Duplicate order sent." is not among them: another order is open under that id, and it may be ours
_REJECTIONS: Final = (
    "account has insufficient balance",
    "market is closed",
    "order would immediately match and take",
    "price * qty is zero or less",
    "this action is disabled on this account",
    "this account may not place or cancel orders",
    "this symbol is not permitted for this account",
    "this symbol is restricted for this account",
    "rest api trading is not enabled",
    "unsupported order combination",
    "order book liquidity is less than",
)
"""The texts of -2010 that refuse an order such as ours, in lower case (Binance: errors, "Messages for -1010, …")."""

_TROUBLING: Final = frozenset({"market_offline", "too_many_requests"})
_TROUBLING_CODES: Final = frozenset({-1003, -1021})
_NAME: Final = re.compile(r"[a-z0-9_]{1,31}", re.ASCII)
_LOOKS_SECRET: Final = re.compile(r"[A-Za-z0-9+/=_.-]{32,}", re.ASCII)


class _UpbitError(Struct):
    name: str | int = ""
    message: str = ""


class _UpbitBody(Struct):
    uuid: str = ""
    error: _UpbitError | None = None


class _BinanceBody(Struct):
    order_id: int = msgspec.field(default=0, name="orderId")
    code: int = 0
    msg: str = ""


_upbit_body: Final = msgspec.json.Decoder(_UpbitBody)
_binance_body: Final = msgspec.json.Decoder(_BinanceBody)


def upbit_outcome(question: Question, status: int, body: bytes) -> Outcome:
    """Say what Upbit's reply proves. A cancel's success is a request taken on: the order goes on until it is asked."""
    try:
        said = _upbit_body.decode(body)
    except NOT_DECODED:
        said = _UpbitBody()
    if said.error is None and said.uuid and 200 <= status < 300:
        return ACCEPTED
    name = _upbit_name(said.error)
    kind = _upbit_kind(question, status, name, said.error)
    is_trouble = name in _TROUBLING or _is_trouble(kind, status, is_readable=bool(name))
    return Outcome(kind, f"{status} {name or 'without a reason'}", is_trouble)


def binance_outcome(question: Question, status: int, body: bytes) -> Outcome:
    """Say what Binance's reply proves. ENDED is a question's alone: an archived order, which never had a fill."""
    try:
        said = _binance_body.decode(body)
    except NOT_DECODED:
        said = _BinanceBody()
    if said.code == 0 and said.order_id > 0 and 200 <= status < 300:
        return ACCEPTED
    kind = _binance_kind(question, status, said)
    why = f"{said.code} {_text(said.msg)}".rstrip() if said.code else "without a reason"
    is_trouble = said.code in _TROUBLING_CODES or _is_trouble(kind, status, is_readable=said.code != 0)
    return Outcome(kind, f"{status} {why}", is_trouble)


def failure_outcome(failure: LineFailure) -> Outcome:
    """Say what a request that was written and not answered proves: nothing."""
    return Outcome(_UNKNOWN, f"no answer: {failure.kind.value}, {failure.reason}", is_trouble=True)


def unsent(reason: str) -> Outcome:
    """Say what it means that nothing was written (no idle connection, no room under a limit): not processed."""
    return Outcome(_BUSY, reason)


def _upbit_kind(question: Question, status: int, name: str, error: _UpbitError | None) -> ReplyKind:
    if question is Question.PLACE:
        if status in _OVER_LIMIT:
            return _BUSY
        # the name for a repeated identifier is not documented: whatever speaks of one is taken for it
        repeated = error is not None and "identifier" in f"{name} {error.message}".lower()
        return _UPBIT.get(_without_side(name), _UNKNOWN) if status in _TURNED_AWAY and not repeated else _UNKNOWN
    if question is Question.ASK and status == 404 and name == "order_not_found":
        return _MISSING
    return _UNKNOWN


def _binance_kind(question: Question, status: int, said: _BinanceBody) -> ReplyKind:
    if question is Question.PLACE:
        return _placing_at_binance(status, said)
    if question is Question.ASK and status in _TURNED_AWAY:
        return {_NO_SUCH_ORDER: _MISSING, _ARCHIVED: _ENDED}.get(said.code, _UNKNOWN)
    return _UNKNOWN


def _placing_at_binance(status: int, said: _BinanceBody) -> ReplyKind:
    if status in _OVER_LIMIT:
        return _BUSY
    if status not in _TURNED_AWAY:
        return _UNKNOWN
    if said.code == _NEW_ORDER_REJECTED:
        return _REFUSED if said.msg.lower().startswith(_REJECTIONS) else _UNKNOWN
    return _REFUSED if said.code in _REQUEST_ISSUES else _BINANCE.get(said.code, _UNKNOWN)


def _is_trouble(kind: ReplyKind, status: int, *, is_readable: bool) -> bool:
    """Tell what no mistake in a request explains: too many requests, the venue's own failures, the unreadable."""
    return status in _OVER_LIMIT or (kind is _UNKNOWN and not (is_readable and status in _TURNED_AWAY))


def _upbit_name(error: _UpbitError | None) -> str:
    name = str(error.name) if error is not None else ""
    return name if _NAME.fullmatch(name) else ""


def _without_side(name: str) -> str:
    return name.removesuffix("_bid").removesuffix("_ask")


def _text(message: str) -> str:
    """Write a venue's text on one line; what could be a key or a signature that it repeats is cut out."""
    return one_line(_LOOKS_SECRET.sub("(cut)", message[:400]))
