"""What a client asks of Upbit's websockets: one message in, a typed request or the venue's error out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import msgspec

from arbitrage.sandbox.upbit_numbers import Format

DEPTHS: Final = (1, 5, 15, 30)
"""The `.N` suffixes that the venue knows; any other means 30."""

ALL_CODES: Final = ""
"""The code of a channel that is about every market."""


class Codes(Enum):
    """Whether a data type is asked for by market codes."""

    NEEDED = auto()
    OPTIONAL = auto()
    FORBIDDEN = auto()


DataTypes = Mapping[str, Codes]

PUBLIC_TYPES: Final[DataTypes] = dict.fromkeys(("ticker", "trade", "orderbook"), Codes.NEEDED)
"""What the sandbox streams to everybody. Candles exist on the venue and not here."""

PRIVATE_TYPES: Final[DataTypes] = {"myOrder": Codes.OPTIONAL, "myAsset": Codes.FORBIDDEN}
"""What it streams to the owner of the account. Announcements exist on the venue and not here."""


class Rejected(Exception):
    """The message breaks a rule; the venue answers with `name` and closes."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class Channel:
    """One stream of one market, as one set of bytes: `depth` counts for books only."""

    type: str
    code: str
    depth: int
    form: Format


@dataclass(frozen=True, slots=True)
class Wanted:
    """One data type of a request, with its codes as the client wrote them; none means every market."""

    type: str
    codes: tuple[str, ...]
    snapshot: bool
    realtime: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A whole message. `lists` asks what is subscribed instead of replacing it."""

    ticket: str
    form: Format
    wanted: tuple[Wanted, ...]
    lists: bool


def parse_request(text: str | bytes, types: DataTypes = PUBLIC_TYPES) -> Request:
    """Read a client's message to a socket that streams `types`. Raises Rejected."""
    try:
        items = msgspec.json.decode(text)
    except (ValueError, RecursionError) as e:
        raise Rejected("WRONG_FORMAT", "요청 형식이 올바르지 않습니다.") from e
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Rejected("WRONG_FORMAT", "요청 형식이 올바르지 않습니다.")
    ticket = _one(items, "ticket")
    if not isinstance(ticket, str) or not ticket:
        raise Rejected("NO_TICKET", "티켓이 존재하지 않습니다.")
    lists = _one(items, "method") == "LIST_SUBSCRIPTIONS"
    wanted = tuple(_wanted(item, types) for item in items if not item.keys() & {"ticket", "format", "method"})
    if not wanted and not lists:
        raise Rejected("NO_TYPE", "타입이 존재하지 않습니다.")
    return Request(ticket, _format(_one(items, "format")), wanted, lists)


def channels(wanted: Wanted, form: Format, listed: frozenset[str]) -> list[Channel]:
    """Return the channels that exist among the wanted; unknown codes are passed over, as the venue does."""
    if not wanted.codes:
        return [Channel(wanted.type, ALL_CODES, 0, form)]
    found = []
    for text in wanted.codes:
        code, _, suffix = text.partition(".")
        if code in listed:
            found.append(Channel(wanted.type, code, _depth(wanted.type, suffix), form))
    return found


def _wanted(item: dict[str, Any], types: DataTypes) -> Wanted:
    kind = item.get("type")
    if kind is None:
        raise Rejected("NO_TYPE", "타입이 존재하지 않습니다.")
    if not isinstance(kind, str) or kind not in types:
        raise Rejected("INVALID_PARAM", "지원하지 않는 타입입니다.")
    codes = _codes(item, types[kind])
    # both spellings are accepted: the camel case one is what older clients send
    only_snapshot = item.get("is_only_snapshot", item.get("isOnlySnapshot")) is True
    only_realtime = item.get("is_only_realtime", item.get("isOnlyRealtime")) is True
    return Wanted(kind, codes, snapshot=not only_realtime, realtime=not only_snapshot)


def _codes(item: dict[str, Any], rule: Codes) -> tuple[str, ...]:
    codes = item.get("codes")
    if rule is Codes.NEEDED and (not isinstance(codes, list) or not codes):
        raise Rejected("NO_CODES", "코드가 존재하지 않습니다.")
    # docs.upbit.com websocket-myasset: codes where there are none is a wrong format
    if "codes" in item and (rule is Codes.FORBIDDEN or not isinstance(codes, list)):
        raise Rejected("WRONG_FORMAT", "요청 형식이 올바르지 않습니다.")
    if not all(isinstance(code, str) for code in codes or ()):
        raise Rejected("WRONG_FORMAT", "요청 형식이 올바르지 않습니다.")
    return tuple(codes or ())


def _one(items: list[dict[str, Any]], key: str) -> object:
    return next((item[key] for item in items if key in item), None)


def _format(asked: object) -> Format:
    if asked is None:
        return Format.DEFAULT
    try:
        return Format(str(asked))
    except ValueError as e:
        raise Rejected("WRONG_FORMAT", "지원하지 않는 포맷입니다.") from e


def _depth(kind: str, suffix: str) -> int:
    if kind != "orderbook":
        return 0
    return next((depth for depth in DEPTHS if suffix == str(depth)), DEPTHS[-1])
