"""Binance's websocket API: requests and replies, and the user stream on the same connection. Decides no order."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from arbitrage.ports import Clock
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_gate import READING, Credentials
from arbitrage.sandbox.binance_keepalive import Keepalive
from arbitrage.sandbox.binance_limits import too_much_weight, weight_row
from arbitrage.sandbox.binance_params import Params
from arbitrage.sandbox.binance_private import Answer, BinancePrivate
from arbitrage.sandbox.binance_user_events import plain_event
from arbitrage.sandbox.binance_user_stream import UserStream
from arbitrage.sandbox.binance_ws_requests import WsRefused, WsRequest, parse_ws_request
from arbitrage.sandbox.connection import Connection, accept
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import limiter

_REST_ONLY: Final = ("account.apiRestrictions",)

SendEvent = Callable[[Connection, bytes | str], None]

Guard = Callable[[WsRequest, Connection, Callable[[], Awaitable[Answer]]], Awaitable[Answer | None]]
"""Lets a request be answered, or sees to it that it is not: None is no reply."""


class BinanceWsApi:
    """All connections to the websocket API. Faults may replace two things.

    `send_event` is how private events go out; `guard` stands between a request and its answer.
    """

    def __init__(
        self, floor: Floor, keys: Keys, clock: Clock, manners: Manners, private: BinancePrivate | None = None
    ) -> None:
        self.private = private or BinancePrivate(floor, keys, clock, manners)
        self.connections: set[Connection] = set()
        self.guard: Guard = _straight
        self.send_event: SendEvent = lambda connection, frame: connection.send(frame)
        self.stream = UserStream(floor, self.private.desk, self._send_event)
        # web-socket-api: 300 connections in 5 minutes and address
        self._connects = limiter(300, 300, first_block_s=120, on=manners.limits)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve `/ws-api/v3`."""
        private = self.private
        verdict = self._connects.ask(request.remote or "", private.clock.now())
        if not verdict.passes:
            return web.Response(status=verdict.status, headers={"Retry-After": str(verdict.retry_after_s)})
        private.weights.ask(request.remote or "", private.clock.now(), 2)
        socket, connection = await accept(request)
        session = _Session(self, connection, request)
        self.connections.add(connection)
        try:
            await connection.converse(session.listen())
        finally:
            self.connections.discard(connection)
            session.end()
        return socket

    def _send_event(self, connection: Connection, frame: bytes | str) -> None:
        # looked up at each event, because faults may replace it at any time
        self.send_event(connection, frame)

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Move money in from outside, or out with a negative amount, and tell. Raises ValueError below what is free."""
        self.stream.deposit(asset, amount)

    def terminate(self) -> None:
        """End every subscription from the venue's side, with its event; the connections stay."""
        self.stream.terminate()


class _Session:
    """One client's requests, answered in the order in which they came."""

    def __init__(self, venue: BinanceWsApi, connection: Connection, request: web.Request) -> None:
        self._guard = venue.guard
        self._private = venue.private
        self._stream = venue.stream
        self._connection = connection
        self._address = request.remote or ""
        self._with_limits = request.query.get("returnRateLimits") != "false"
        private = venue.private
        self._keepalive = Keepalive(connection, private.clock, private.manners, self._announce_end)

    async def listen(self) -> None:
        """Take messages until the client goes."""
        async for message in self._connection.messages():
            await self._take(message)

    def end(self) -> None:
        """Forget everything about the client."""
        self._keepalive.end()
        self._stream.leave(self._connection)

    async def _take(self, message: WSMessage) -> None:
        if message.type is WSMsgType.PONG:
            self._keepalive.pong(bytes(message.data))
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            try:
                request = parse_ws_request(message.data)
            except WsRefused as e:
                self._reply(e.request_id, self._private.refused(e.error, self._weigh(1).weight_used), {})
            else:
                answer = await self._guard(request, self._connection, partial(self._answer, request))
                if answer is not None:
                    self._reply(request.request_id, answer, request.params)

    async def _answer(self, request: WsRequest) -> Answer:
        params = {name: value for name, value in request.params.items() if name != "returnRateLimits"}
        credentials = Credentials(
            api_key=params.pop("apiKey", None),
            payload=request.payload,
            signature=params.get("signature"),
            address=self._address,
        )
        if request.method in self._private.operations and request.method not in _REST_ONLY:
            return await self._private.serve(request.method, params, credentials)
        answer = self._weigh(2 if request.method.startswith("userDataStream.") else 1)
        if answer.status != 200:
            return answer
        try:
            return Answer(200, self._perform(request.method, Params(params), credentials), answer.weight_used)
        except BinanceError as e:
            return self._private.refused(e, answer.weight_used)

    def _perform(self, method: str, params: Params, credentials: Credentials) -> dict[str, Any]:
        match method:
            case "ping":
                result: dict[str, Any] = {}
            case "time":
                result = {"serverTime": self._private.now_ms()}
            case "userDataStream.subscribe.signature":
                self._private.gate.admit(credentials, params, READING)
                params.finish()
                return {"subscriptionId": self._stream.join(self._connection)}
            case "userDataStream.unsubscribe":
                number = params.long("subscriptionId")
                params.finish()
                self._stream.unsubscribe(self._connection, number)
                return {}
            case _:
                raise BinanceError(-1020, "This operation is not supported.")
        params.finish()
        return result

    def _weigh(self, weight: int) -> Answer:
        private = self._private
        verdict = private.weights.ask(self._address, private.clock.now(), weight)
        if verdict.passes:
            return Answer(200, None, verdict.used)
        return private.refused(too_much_weight(verdict, private.now_ms()), verdict.used)

    def _reply(self, request_id: int | str | None, answer: Answer, params: Mapping[str, str]) -> None:
        frame: dict[str, Any] = {"id": request_id, "status": answer.status}
        if answer.status == 200:
            frame["result"] = answer.body
        else:
            frame["error"] = {**answer.body, **self._when_to_come_back(answer)}
        if params.get("returnRateLimits", "true" if self._with_limits else "false") == "true":
            frame["rateLimits"] = [*answer.order_counts, weight_row(answer.weight_used)]
        self._connection.send(msgspec.json.encode(frame).decode())

    def _when_to_come_back(self, answer: Answer) -> dict[str, Any]:
        if not answer.retry_after_s:
            return {}
        now_ms = self._private.now_ms()
        return {"data": {"serverTime": now_ms, "retryAfter": now_ms + answer.retry_after_s * 1_000}}

    def _announce_end(self, now_ms: int) -> None:
        self._connection.send(msgspec.json.encode({"event": plain_event("serverShutdown", now_ms)}).decode())


async def _straight(_: WsRequest, __: Connection, answer: Callable[[], Awaitable[Answer]]) -> Answer:
    return await answer()
