"""What a client asks of Binance's stream server: one message in, a typed request or the venue's error out. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

RequestId = int | str | None

# web-socket-streams: 64-bit signed integers, alphanumeric strings of at most 36, or null
_TEXT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
_ID_LIMIT: Final = 2**63


class Refused(Exception):
    """The message breaks a rule; the venue answers with a code and goes on."""

    def __init__(self, code: int, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A method call. `streams` for (un)subscribing; `combined` is the value that SET_PROPERTY gives."""

    method: str
    request_id: RequestId
    streams: tuple[str, ...] = ()
    combined: bool | None = None


def parse_stream_request(text: str | bytes) -> StreamRequest:
    """Read a client's message. Raises Refused."""
    try:
        message = msgspec.json.decode(text)
    except (ValueError, RecursionError) as e:
        raise Refused(3, "Invalid JSON: expected value at line 1 column 1") from e
    if not isinstance(message, dict):
        raise Refused(2, "Invalid request: expected an object")
    request_id = _id(message)
    method = message.get("method")
    if method not in METHODS:
        variant = f"unknown variant `{str(method)[:40]}`, expected one of `{'`, `'.join(METHODS)}`"
        raise Refused(2, f"Invalid request: {variant}", request_id)
    params = message.get("params", [])
    if not isinstance(params, list):
        raise Refused(2, "Invalid request: params must be an array", request_id)
    if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        return StreamRequest(method, request_id, streams=_streams(params, request_id))
    if method == "LIST_SUBSCRIPTIONS":
        return StreamRequest(method, request_id)
    return StreamRequest(method, request_id, combined=_property(method, params, request_id))


def _streams(params: list[Any], request_id: RequestId) -> tuple[str, ...]:
    if not params or not all(isinstance(stream, str) for stream in params):
        raise Refused(2, "Invalid request: stream names must be strings", request_id)
    return tuple(params)


def _property(method: str, params: list[Any], request_id: RequestId) -> bool | None:
    if not params or not isinstance(params[0], str):
        raise Refused(2, "Invalid request: property name must be a string", request_id)
    if params[0] != "combined":
        raise Refused(0, "Unknown property", request_id)
    if method == "GET_PROPERTY":
        return None
    if len(params) != 2 or not isinstance(params[1], bool):
        raise Refused(1, "Invalid value type: expected Boolean", request_id)
    return params[1]


def _id(message: dict[str, Any]) -> RequestId:
    value = message.get("id")
    if value is None or (isinstance(value, str) and _TEXT_ID.fullmatch(value)):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -_ID_LIMIT <= value < _ID_LIMIT:
        return value
    raise Refused(2, "Invalid request: request ID must be an unsigned integer")
