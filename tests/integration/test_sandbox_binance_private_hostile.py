"""Whatever reaches Binance's private side, signed or not, it answers in its own shape and keeps its books right."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.sandbox.binance_gate import Credentials
from arbitrage.sandbox.binance_ws_requests import WsRefused, parse_ws_request
from arbitrage.sandbox.keys import BINANCE_KEYS
from arbitrage.sandbox.options import Manners
from tests.binance_venue import BinanceVenue, a_binance, signature

ENDPOINTS = [
    *(f"{method} /api/v3/order" for method in ("GET", "POST", "DELETE")),
    "POST /api/v3/order/test",
    "GET /api/v3/openOrders",
    "DELETE /api/v3/openOrders",
    "GET /api/v3/allOrders",
    "GET /api/v3/myTrades",
    "GET /api/v3/account",
    "GET /api/v3/account/commission",
    "GET /api/v3/rateLimit/order",
    "GET /sapi/v1/account/apiRestrictions",
]

NAMES = [
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "quoteOrderQty",
    "newClientOrderId",
    "newOrderRespType",
    "orderId",
    "selfTradePreventionMode",
    "icebergQty",
    "strategyId",
    "origClientOrderId",
    "cancelRestrictions",
    "limit",
    "fromId",
    "startTime",
    "endTime",
    "omitZeroBalances",
    "computeCommissionRates",
    "recvWindow",
    "timestamp",
    "signature",
    "colour",
]

WORDS = [
    "BTCUSDT",
    "ETHUSDT",
    "XRPUSDT",
    "btcusdt",
    "BUY",
    "SELL",
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "GTC",
    "IOC",
    "FOK",
    "ACK",
    "RESULT",
    "FULL",
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "DECREMENT",
    "ONLY_NEW",
    "ONLY_PARTIALLY_FILLED",
    "true",
    "false",
    "mine",
]

numbers = st.one_of(
    st.integers(-5, 10**21).map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(str),
    st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,20})?", fullmatch=True),
    st.sampled_from(["0.00001", "0.001", "84000", "85000.01", "90000", "0", "0.00000001", "99999999999999999999"]),
)
words = st.sampled_from(WORDS)
values = st.one_of(numbers, words, st.text(max_size=50))


def some(**fields: list[str]) -> st.SearchStrategy[dict[str, str]]:
    """Draw a request that has some of the fields."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(choices) for name, choices in fields.items()})


def every(**fields: list[str]) -> st.SearchStrategy[dict[str, str]]:
    """Draw a request that has all of the fields."""
    return st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in fields.items()})


def both(first: st.SearchStrategy[dict[str, str]], second: st.SearchStrategy[dict[str, str]]) -> Any:
    return st.builds(lambda one, other: one | other, first, second)


SYMBOLS = ["BTCUSDT", "BTCUSDT", "ETHUSDT"]
QUANTITIES = ["0.001", "0.5", "1", "0.00001"]
PRICES = ["50000", "84000", "85000.01", "90000"]

placing = both(
    st.one_of(
        every(type=["LIMIT"], timeInForce=["GTC", "IOC", "FOK"], quantity=QUANTITIES, price=PRICES),
        every(type=["LIMIT_MAKER"], quantity=QUANTITIES, price=PRICES),
        every(type=["MARKET"], quantity=QUANTITIES),
        every(type=["MARKET"], quoteOrderQty=["5", "100", "50000"]),
    ),
    both(
        every(symbol=SYMBOLS, side=["BUY", "SELL"]),
        some(
            newClientOrderId=["mine", "yours"],
            newOrderRespType=["ACK", "RESULT", "FULL"],
            selfTradePreventionMode=["EXPIRE_TAKER", "EXPIRE_MAKER", "DECREMENT"],
        ),
    ),
)
finding = both(
    every(symbol=SYMBOLS),
    every(orderId=["1", "2", "3", "40"]) | every(origClientOrderId=["mine", "yours"]),
)
listing = both(every(symbol=SYMBOLS), some(limit=["1", "1000"], startTime=["0", "1795316400000"]))

REQUESTS = {
    "order.place": placing,
    "order.test": placing,
    "order.cancel": finding,
    "order.status": finding,
    "openOrders.cancelAll": every(symbol=SYMBOLS),
    "openOrders.status": some(symbol=SYMBOLS),
    "allOrders": listing,
    "myTrades": listing,
    "account.commission": every(symbol=SYMBOLS),
    "account.status": every(),
    "account.rateLimits.orders": every(),
    "account.apiRestrictions": every(),
}
# as often as not an order is placed, so that there is something to cancel and to list
OPERATIONS = [*REQUESTS, *["order.place"] * 11]

Request = tuple[str, dict[str, str]]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    name = draw(st.sampled_from(OPERATIONS))
    odd = st.dictionaries(st.sampled_from(NAMES), values, max_size=2)
    return name, draw(REQUESTS[name]) | (draw(odd) if draw(st.booleans()) else {})


class Running:
    """A venue on a loop in a thread of its own, so that a plain function can talk to it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._stack = contextlib.AsyncExitStack()
        self._thread.start()
        self.venue: BinanceVenue = self.do(self._stack.enter_async_context(a_binance(manners=Manners(limits=False))))
        host, _, port = self.venue.address.partition(":")
        self.http = socket.create_connection((host, int(port)), timeout=5)
        self.troubles: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.troubles.append(str(context)))

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def end(self) -> None:
        self.http.close()
        self.do(self._stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def request(self, endpoint: str, query: bytes, body: bytes, key: bytes) -> tuple[int, Any]:
        """Send bytes as they are and return the status and the body, which must be JSON."""
        method, _, path = endpoint.partition(" ")
        head = (
            f"{method} /binance{path}?".encode() + query,
            b" HTTP/1.1\r\nHost: binance\r\nX-MBX-APIKEY: " + key,
            b"\r\nContent-Length: %d\r\n\r\n" % len(body),
        )
        self.http.sendall(b"".join([*head, body]))
        # http.client would not send such bytes, but it reads what comes back
        reply = HTTPResponse(self.http, method=method)
        reply.begin()
        return reply.status, json.loads(reply.read())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    started = Running()
    yield started
    started.end()


def is_refusal(body: Any) -> bool:
    return body.keys() == {"code", "msg"} and isinstance(body["code"], int) and isinstance(body["msg"], str)


@settings(max_examples=400, deadline=None)
@given(request=requests())
def test_any_signed_request_is_carried_out_or_refused(running: Running, request: Request) -> None:
    operation, given_ = request
    venue = running.venue
    private = venue.rest.private
    stamped = {"timestamp": str(venue.now_ms())} | given_
    payload = str(stamped).encode(errors="replace")
    credentials = Credentials(
        api_key=BINANCE_KEYS.access, payload=payload, signature=signature(payload), address="127.0.0.1"
    )

    answer = running.do(private.serve(operation, stamped, credentials))

    assert answer.status in (200, 400)
    assert answer.status == 200 or is_refusal(answer.body)
    assert msgspec.json.encode(answer.body)
    assert venue.floor.core.account.discrepancy() == {}


def safe(raw: bytes) -> bytes:
    """Escape what HTTP itself forbids in a request line, and what would end the query; half of it in small letters."""
    fits = range(0x21, 0x7F)
    return b"".join(
        bytes([byte]) if byte in fits and byte != ord("#") else (b"%%%02x" if byte % 2 else b"%%%02X") % byte
        for byte in raw
    )


raw_forms = st.one_of(
    st.binary(max_size=120),
    st.lists(
        st.tuples(st.sampled_from(NAMES), values).map(lambda pair: f"{pair[0]}={pair[1]}".encode(errors="replace")),
        max_size=8,
    ).map(b"&".join),
)


@settings(max_examples=400, deadline=None)
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    query=raw_forms.map(safe),
    body=raw_forms,
    signed=st.booleans(),
    key=st.sampled_from([BINANCE_KEYS.access.encode(), b"", b"\xff\xfe", b"x" * 300]),
)
def test_any_bytes_over_http_get_the_venues_shape(
    running: Running, endpoint: str, query: bytes, body: bytes, signed: bool, key: bytes
) -> None:
    if signed:
        query = b"&".join([*filter(None, [query]), b"timestamp=%d" % running.venue.now_ms()])
        body = b"&".join([*filter(None, [body]), b"signature=" + signature(query + body).encode()])

    status, reply = running.request(endpoint, query, body, key)

    assert status in (200, 400, 401), reply
    assert status == 200 or is_refusal(reply)
    assert running.troubles == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "method": st.sampled_from(
            ["order.place", "order.cancel", "order.status", "ping", "userDataStream.unsubscribe", "myTrades"]
        )
        | json_values,
        "params": json_values,
        "extra": json_values,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | messages.map(lambda message: json.dumps(message).encode()))
def test_any_message_is_a_request_or_refused(data: bytes) -> None:
    with contextlib.suppress(WsRefused):
        request = parse_ws_request(data)

        assert all(isinstance(value, str) for value in request.params.values())
        assert isinstance(request.payload, bytes)
        msgspec.json.encode(request.request_id)


@settings(max_examples=100, deadline=None)
@given(data=st.text(max_size=100) | messages.map(json.dumps))
def test_any_text_on_the_socket_gets_a_reply(running: Running, data: str) -> None:
    async def ask() -> Any:
        async with running.venue.session.ws_connect(running.venue.ws_url) as socket:
            await socket.send_bytes(data.encode(errors="replace"))
            return json.loads((await socket.receive(5)).data)

    reply = running.do(ask())

    assert {"id", "status"} <= reply.keys()
    assert ("result" in reply) != ("error" in reply)
    assert running.troubles == []
