"""What a client asks of Binance's websocket API: one message in, a typed request or the venue's error out. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_params import MOST_PARAMETERS

RequestId = int | str | None

_ID_LIMIT: Final = 2**63
_LONGEST_ID: Final = 256

# floats keep the digits that they were sent with, because those are what the client has signed
_DECODER: Final = msgspec.json.Decoder(float_hook=str)


class WsRefused(Exception):
    """A message that is no request; `request_id` is its id where it could be read."""

    def __init__(self, error: BinanceError, request_id: RequestId = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class WsRequest:
    """A method call. Parameters are texts, as over HTTP; those that are null count as not sent."""

    request_id: RequestId
    method: str
    params: dict[str, str]

    @property
    def payload(self) -> bytes:
        """Return what is signed: all parameters but the signature, sorted by name (web-socket-api, SIGNED)."""
        signed = sorted((name, value) for name, value in self.params.items() if name != "signature")
        return "&".join(f"{name}={value}" for name, value in signed).encode()


def parse_ws_request(data: str | bytes) -> WsRequest:
    """Read a client's message. Raises WsRefused."""
    try:
        message = _DECODER.decode(data)
    except (ValueError, RecursionError) as e:
        raise WsRefused(_not_json("Invalid JSON Request")) from e
    if not isinstance(message, dict):
        raise WsRefused(_not_json("Invalid JSON Request"))
    request_id = _id(message.get("id"))
    method, params = message.get("method"), message.get("params") or {}
    if not isinstance(method, str):
        raise WsRefused(_not_json("Invalid 'method' in JSON request; expected a string."), request_id)
    if not isinstance(params, dict):
        raise WsRefused(_not_json("Invalid 'params' in JSON request; expected an object."), request_id)
    if len(params) > MOST_PARAMETERS:
        raise WsRefused(BinanceError(-1101, "Too many parameters sent for this endpoint."), request_id)
    texts = {name: _text(value) for name, value in params.items() if value is not None}
    return WsRequest(request_id, method.removeprefix("v3/"), texts)


def _id(value: Any) -> RequestId:
    fits = value is None or (isinstance(value, str) and len(value) <= _LONGEST_ID)
    if fits or (isinstance(value, int) and not isinstance(value, bool) and -_ID_LIMIT <= value < _ID_LIMIT):
        return value  # type: ignore[no-any-return]
    raise WsRefused(_not_json("Invalid 'id' in JSON request; expected an integer, a string or null."))


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            # no parameter of ours is a list or an object; whoever reads it finds characters that do not fit
            return msgspec.json.encode(value).decode()


def _not_json(message: str) -> BinanceError:
    return BinanceError(-1135, message)
