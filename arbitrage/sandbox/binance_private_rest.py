"""Binance's signed REST endpoints: bytes in, HTTP replies with weights and counts out. What they do is elsewhere."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from arbitrage.ports import Clock
from arbitrage.sandbox.binance_account_bodies import system_body
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_gate import Credentials, without_signature
from arbitrage.sandbox.binance_params import parse_form
from arbitrage.sandbox.binance_private import Answer, BinancePrivate
from arbitrage.sandbox.binance_replies import json_reply
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.options import Manners

_ENDPOINTS: Final = (
    ("POST", "/api/v3/order", "order.place"),
    ("POST", "/api/v3/order/test", "order.test"),
    ("GET", "/api/v3/order", "order.status"),
    ("DELETE", "/api/v3/order", "order.cancel"),
    ("GET", "/api/v3/openOrders", "openOrders.status"),
    ("DELETE", "/api/v3/openOrders", "openOrders.cancelAll"),
    ("GET", "/api/v3/allOrders", "allOrders"),
    ("GET", "/api/v3/myTrades", "myTrades"),
    ("GET", "/api/v3/account", "account.status"),
    ("GET", "/api/v3/account/commission", "account.commission"),
    ("GET", "/api/v3/rateLimit/order", "account.rateLimits.orders"),
    ("GET", "/sapi/v1/account/apiRestrictions", "account.apiRestrictions"),
)


class BinancePrivateRest:
    """The signed endpoints. `private` is what the websocket API should share; made here if it is not given."""

    def __init__(
        self, floor: Floor, keys: Keys, clock: Clock, manners: Manners, private: BinancePrivate | None = None
    ) -> None:
        self.private = private or BinancePrivate(floor, keys, clock, manners)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under a path prefix."""
        signed = [web.route(method, prefix + path, self._signed(name)) for method, path, name in _ENDPOINTS]
        return [*signed, web.get(f"{prefix}/sapi/v1/system/status", self._system_status)]

    def _signed(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                given, credentials = await _read(request)
            except BinanceError as e:
                return self._reply(self.private.refused(e, 0))
            return self._reply(await self.private.serve(name, given, credentials))

        return handle

    def _reply(self, answer: Answer) -> web.Response:
        headers = {"X-MBX-USED-WEIGHT-1M": str(answer.weight_used)}
        for row in answer.order_counts:
            headers[f"X-MBX-ORDER-COUNT-{row['intervalNum']}{row['interval'][0]}"] = str(row["count"])
        if answer.retry_after_s:
            headers["Retry-After"] = str(answer.retry_after_s)
        return json_reply(answer.status, answer.body, headers)

    async def _system_status(self, _: web.Request) -> web.Response:
        return json_reply(200, system_body(maintenance=self.private.floor.knobs.maintenance), {})


async def _read(request: web.Request) -> tuple[dict[str, str], Credentials]:
    """Read parameters and credentials. What is signed are the bytes as sent: query, then body, nothing between."""
    # aiohttp's own view of the query is decoded and encoded again, which need not give the same bytes
    query = request.raw_path.partition("?")[2].encode(errors="surrogateescape")
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as e:
        raise BinanceError(-1101, "Too many parameters sent for this endpoint.", 413) from e
    (signed_query, in_query), (signed_body, in_body) = without_signature(query), without_signature(body)
    credentials = Credentials(
        api_key=request.headers.get("X-MBX-APIKEY"),
        payload=signed_query + signed_body,
        signature=in_query or in_body,
        address=request.remote or "",
    )
    # a parameter that is in both is taken from the query (rest-api, "General Information on Endpoints")
    return {**parse_form(body), **parse_form(query)}, credentials
