"""What the venues answer when something is wrong on their side, each in its own words. Bodies and headers only."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.faults import Fault, Kind
from arbitrage.sandbox.upbit_private_errors import Refused

_PAGE_502: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)

# binance-spot-api-docs errors.md
_BINANCE_5XX: Final[Mapping[int, tuple[int, str]]] = {
    502: (-1001, "Internal error; unable to process your request. Please try again."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    504: (-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
}
_BINANCE_UNKNOWN: Final = (-1000, "An unknown error occurred while processing the request.")
_BINANCE_SHUT: Final = (1, "System is under maintenance.")


def fault_reply(venue: Venue, fault: Fault) -> web.Response:
    """Make the reply that stands in for the venue's own. Raises KeyError for a kind that has none."""
    return _REPLIES[fault.kind](venue, fault)


def unreadable(venue: Venue, *, too_large: bool) -> web.Response:
    """Answer a request whose body cannot be read to its end."""
    if venue is Venue.UPBIT:
        refused = Refused("payload_too_large" if too_large else "invalid_parameter")
        return _json(413 if too_large else refused.status, refused.body)
    if too_large:
        return _json(413, _binance(-1101, "Too many parameters sent for this endpoint."))
    return _json(400, _binance(-1100, "Illegal characters found in a parameter."))


def code_of(reply: web.StreamResponse) -> str:
    """Return the venue's own word or number for an error, or nothing."""
    if reply.status < 400 or not isinstance(reply, web.Response) or not isinstance(reply.body, bytes):
        return ""
    try:
        body = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):
        return ""
    error = body.get("error", body) if isinstance(body, dict) else body
    return str(error.get("name", error.get("code", ""))) if isinstance(error, dict) else ""


def _error_5xx(venue: Venue, fault: Fault) -> web.Response:
    status = fault.status or 500
    if venue is Venue.BINANCE:
        return _json(status, _binance(*_BINANCE_5XX.get(status, _BINANCE_UNKNOWN)))
    name = "service_unavailable" if status == 503 else "server_error"
    return _json(status, _upbit(name, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."))


def _html_502(_: Venue, __: Fault) -> web.Response:
    return web.Response(status=502, text=_PAGE_502, content_type="text/html")


def _empty_200(_: Venue, __: Fault) -> web.Response:
    return web.Response(status=200, body=b"", content_type="application/json")


def _too_many(venue: Venue, fault: Fault) -> web.Response:
    if venue is Venue.UPBIT:
        return web.Response(status=429, text="Too many API requests.")
    return _json(429, _binance(-1003, "Too many requests."), _retry_after(fault))


def _banned(venue: Venue, fault: Fault) -> web.Response:
    if venue is Venue.UPBIT:
        text = f"This IP has been blocked for {max(1, round(fault.seconds))} seconds."
        return web.Response(status=418, text=text)
    return _json(418, _binance(-1003, "Way too many requests; IP banned."), _retry_after(fault))


def _maintenance(venue: Venue, _: Fault) -> web.Response:
    if venue is Venue.UPBIT:
        offline = Refused("market_offline")
        return _json(offline.status, offline.body)
    return _json(503, _binance(*_BINANCE_SHUT))


_REPLIES: Final[Mapping[Kind, Callable[[Venue, Fault], web.Response]]] = {
    Kind.ERROR_5XX: _error_5xx,
    Kind.HTML_502: _html_502,
    Kind.EMPTY_200: _empty_200,
    Kind.TOO_MANY: _too_many,
    Kind.BANNED: _banned,
    Kind.MAINTENANCE: _maintenance,
}


def _json(status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    reply = web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
    reply.headers["Content-Type"] = "application/json;charset=UTF-8"
    return reply


def _upbit(name: str, message: str) -> dict[str, Any]:
    return {"error": {"name": name, "message": message}}


def _binance(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "msg": message}


def _retry_after(fault: Fault) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(fault.seconds)))}
