"""How Binance's HTTP replies are written, public and private ones alike. Text only."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web


def json_reply(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    """Write a reply as the venue does."""
    reply = web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
    reply.headers["Content-Type"] = "application/json;charset=UTF-8"
    return reply
