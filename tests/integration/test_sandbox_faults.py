"""Each fault as a plain client meets it, and beside it the truth: what the venue did."""

import asyncio
import json

import aiohttp
import pytest

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from tests.binance_venue import signed_params
from tests.rehearsal import ENDPOINTS, PLACED, Rehearsal, a_rehearsal
from tests.upbit_venue import Signer, until

BOTH = pytest.mark.parametrize("venue", list(Venue))


async def outcome(rehearsal: Rehearsal, venue: Venue, client_id: str = "one") -> int | str:
    """Place an order; return its status, or how the connection failed."""
    try:
        async with asyncio.timeout(0.4):
            seen = await rehearsal.order(venue, client_id)
    except (TimeoutError, aiohttp.ClientError) as e:
        return type(e).__name__
    return seen.status


@BOTH
@pytest.mark.parametrize(
    ("kind", "more", "seen", "executed"),
    [
        ("delay_before", {"s": 0.05}, "placed", True),
        ("delay_after", {"s": 0.05}, "placed", True),
        ("hang_after_execution", {}, "TimeoutError", True),
        ("hang_after_execution", {"s": 0.05}, "ServerDisconnectedError", True),
        ("drop_before", {}, "ServerDisconnectedError", False),
        ("drop_after", {}, "ServerDisconnectedError", True),
        ("error_5xx", {}, 500, False),
        ("error_5xx", {"status": 504, "executed": True}, 504, True),
        ("html_502", {}, 502, False),
        ("html_502", {"executed": True}, 502, True),
        ("empty_200", {}, 200, True),
        ("empty_200", {"executed": False}, 200, False),
        ("truncated_body", {}, "ClientPayloadError", True),
        ("too_many", {}, 429, False),
        ("banned", {}, 418, False),
        ("maintenance", {}, {Venue.UPBIT: 403, Venue.BINANCE: 503}, False),
    ],
)
async def test_a_fault_is_what_the_client_sees_and_the_truth_is_what_happened(venue, kind, more, seen, executed):
    async with a_rehearsal() as rehearsal:
        await rehearsal.fault(kind, venue, endpoint=ENDPOINTS[venue], **more)
        struck = await outcome(rehearsal, venue)
        taken_on = await rehearsal.client_ids()
        (row,) = (await rehearsal.truth("requests"))["rows"]
        after = await outcome(rehearsal, venue, "two")

    expected = PLACED[venue] if seen == "placed" else seen[venue] if isinstance(seen, dict) else seen
    assert struck == expected
    assert taken_on == (["one"] if executed else [])
    assert (row["endpoint"], row["client_id"], row["fault"]) == (ENDPOINTS[venue], "one", kind)
    assert row["verdict"] == (PLACED[venue] if executed else None)
    assert row["sent"] == {"truncated_body": PLACED[venue]}.get(kind, struck if isinstance(struck, int) else None)
    assert after == PLACED[venue]


@BOTH
async def test_an_order_can_execute_after_its_caller_has_given_up(venue):
    async with a_rehearsal() as rehearsal:
        await rehearsal.fault("late_execution", venue, endpoint=ENDPOINTS[venue], s=0.1)
        struck = await outcome(rehearsal, venue)
        at_first = await rehearsal.client_ids()
        rows = (await until(lambda: rehearsal.truth("requests"), lambda truth: truth["rows"]))["rows"]
        later = await rehearsal.client_ids()

    assert struck == "ServerDisconnectedError"
    assert (at_first, later) == ([], ["one"])
    assert (rows[0]["verdict"], rows[0]["sent"], rows[0]["took_ms"] >= 100) == (PLACED[venue], None, True)


@pytest.mark.parametrize(
    ("venue", "kind", "more", "body"),
    [
        (Venue.UPBIT, "error_5xx", {"status": 503}, '"name":"service_unavailable"'),
        (Venue.UPBIT, "maintenance", {}, '"name":"market_offline"'),
        (Venue.BINANCE, "error_5xx", {}, '"code":-1000'),
        (Venue.BINANCE, "error_5xx", {"status": 504}, '"code":-1007'),
        (Venue.BINANCE, "maintenance", {}, '"code":1,'),
        (Venue.BINANCE, "too_many", {"s": 7}, '"code":-1003'),
        (Venue.BINANCE, "html_502", {}, "<h1>502 Bad Gateway</h1>"),
    ],
)
async def test_a_venue_fails_in_its_own_words(venue, kind, more, body):
    async with a_rehearsal() as rehearsal:
        await rehearsal.fault(kind, venue, **more)
        seen = await rehearsal.order(venue, "one")

    assert body in seen.body.decode()
    if kind == "too_many":
        assert seen.headers["Retry-After"] == "7"


async def test_one_venue_fails_and_the_other_goes_on():
    async with a_rehearsal() as rehearsal:
        await rehearsal.fault("error_5xx", Venue.UPBIT, count=0)
        statuses = [await outcome(rehearsal, venue, f"{n}") for n in range(3) for venue in Venue]

    assert statuses == [500, 200] * 3


async def test_the_market_of_a_shock_moves_for_all_to_see_and_comes_back():
    async with a_rehearsal() as rehearsal:
        url = f"{rehearsal.sandbox.binance_rest_url}/api/v3/ticker/bookTicker?symbol=BTCUSDT"

        async def bid() -> float:
            return float((await rehearsal.send("GET", url)).json["bidPrice"])

        before = await bid()
        change = {"venue": "binance", "set": {"price_shock": {"BTCUSDT": "0.68"}}, "for_s": 0.5}
        turned = await rehearsal.control("POST", "/knobs", change)
        low = await until(bid, lambda now: now < before * 0.7)
        after = await until(bid, lambda now: now > before * 0.9)

    assert turned.json == {"turned": 1}
    assert low == pytest.approx(before * 0.68, rel=0.01)
    assert after == pytest.approx(before, rel=0.01)


async def test_ticks_warnings_halts_and_the_venues_clock_show_in_public():
    async with a_rehearsal() as rehearsal:
        upbit = {"tick": {"KRW-BTC": "500"}, "warned": ["KRW-XRP"]}
        binance = {"tick": {"BTCUSDT": "0.05"}, "halted": {"ETHUSDT": "BREAK"}, "clock_ahead_ms": 5_000}
        await rehearsal.control(
            "POST", "/knobs", [{"venue": "upbit", "set": upbit}, {"venue": "binance", "set": binance}]
        )
        rest, b_rest = rehearsal.sandbox.upbit_rest_url, rehearsal.sandbox.binance_rest_url
        steps = (await rehearsal.send("GET", f"{rest}/v1/orderbook/instruments?markets=KRW-BTC")).json
        markets = (await rehearsal.send("GET", f"{rest}/v1/market/all?is_details=true")).json
        info = (await rehearsal.send("GET", f"{b_rest}/api/v3/exchangeInfo")).json
        told_ms = (await rehearsal.send("GET", f"{b_rest}/api/v3/time")).json["serverTime"]
        ahead_ms = told_ms - SystemClock().now() // NS_PER_MS

    statuses = {symbol["symbol"]: symbol["status"] for symbol in info["symbols"]}
    (btc,) = (symbol for symbol in info["symbols"] if symbol["symbol"] == "BTCUSDT")
    assert steps[0]["tick_size"] == "500"
    assert [m["market"] for m in markets if m["market_event"]["warning"]] == ["KRW-XRP"]
    assert (statuses["ETHUSDT"], statuses["BTCUSDT"]) == ("BREAK", "TRADING")
    assert btc["filters"][0]["tickSize"] == "0.05000000"
    assert 4_500 < ahead_ms <= 5_000


class Listener:
    """A client of Upbit's private websocket who has subscribed to its orders, and waits for each event."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def hear(self, count: int) -> list[str]:
        """Wait for so many events; return whose they are."""
        async with asyncio.timeout(3):
            return [json.loads((await self._socket.receive()).data)["identifier"] for _ in range(count)]

    async def is_silent(self, seconds: float = 0.15) -> bool:
        try:
            await asyncio.wait_for(self._socket.receive(), seconds)
        except TimeoutError:
            return True
        return False


async def listening(rehearsal: Rehearsal) -> Listener:
    url = f"{rehearsal.sandbox.upbit_ws_url}/private"
    socket = await rehearsal.connect(url, Authorization=Signer().token(None))
    await socket.send_str(json.dumps([{"ticket": "t"}, {"type": "myOrder"}]))
    await socket.send_str("PING")
    assert (await socket.receive()).data == '{"status":"UP"}'
    return Listener(socket)


@pytest.mark.parametrize(
    ("kind", "more", "heard"),
    [
        ("event_lost", {}, ["two"]),
        ("event_duplicated", {}, ["one", "one", "two"]),
        ("event_delayed", {"s": 0.1}, ["two", "one"]),
        ("event_reordered", {"s": 60}, ["two", "one"]),
        ("event_reordered", {"s": 0.0}, ["one", "two"]),
    ],
)
async def test_private_events_are_lost_doubled_delayed_and_swapped(kind, more, heard):
    async with a_rehearsal() as rehearsal:
        listener = await listening(rehearsal)
        await rehearsal.fault(kind, Venue.UPBIT, contains='"one"', **more)
        await rehearsal.order(Venue.UPBIT, "one")
        await rehearsal.order(Venue.UPBIT, "two")
        seen = await listener.hear(len(heard))

        assert seen == heard
        assert await listener.is_silent()


async def test_a_deposit_is_told_on_both_venues():
    async with a_rehearsal() as rehearsal:
        asset = await rehearsal.connect(f"{rehearsal.sandbox.upbit_ws_url}/private", Authorization=Signer().token(None))
        await asset.send_str(json.dumps([{"ticket": "t"}, {"type": "myAsset"}]))
        api = await rehearsal.connect(rehearsal.sandbox.binance_ws_api_url)
        await api.send_str(ws_request("userDataStream.subscribe.signature"))
        await api.receive()
        for venue, currency in (("upbit", "KRW"), ("binance", "BTC")):
            await rehearsal.control("POST", "/deposit", {"venue": venue, "currency": currency, "amount": "1.5"})
        async with asyncio.timeout(3):
            told = json.loads((await asset.receive()).data), json.loads((await api.receive()).data)

    assert [row["currency"] for row in told[0]["assets"]] == ["KRW"]
    assert (told[1]["event"]["e"], told[1]["event"]["d"]) == ("balanceUpdate", "1.50000000")


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("kind", ["socket_stall", "socket_half_open"])
async def test_a_socket_falls_silent_without_closing_and_comes_back(venue, kind):
    async with a_rehearsal(speed=10) as rehearsal:
        socket = await streaming(rehearsal, venue)
        before = await arrivals(socket, 0.2)
        await rehearsal.fault(kind, venue, endpoint="/w*", s=0.5)
        # what was on its way still comes
        await arrivals(socket, 0.1)
        silence = await arrivals(socket, 0.2)
        after = await arrivals(socket, 0.5)

    assert isinstance(before, int)
    assert before > 0
    assert silence == 0
    assert isinstance(after, int)
    assert after > 0


async def test_what_is_said_into_a_half_open_socket_is_lost():
    async with a_rehearsal() as rehearsal:
        socket = await rehearsal.connect(rehearsal.sandbox.upbit_ws_url)
        await rehearsal.fault("socket_half_open", Venue.UPBIT, s=0.2)
        await socket.send_str(json.dumps([{"ticket": "t"}, {"type": "orderbook", "codes": ["KRW-BTC"]}]))
        meanwhile = await arrivals(socket, 0.5)
        await socket.send_str("PING")
        answer = await asyncio.wait_for(socket.receive(), 1)

    assert meanwhile == 0
    assert answer.data == '{"status":"UP"}'


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize(("more", "end"), [({"code": 1012}, "closed 1012"), ({}, "closed 1006")])
async def test_a_socket_is_closed_or_cut_and_the_next_one_is_not(venue, more, end):
    async with a_rehearsal() as rehearsal:
        socket = await streaming(rehearsal, venue)
        await rehearsal.fault("socket_close", venue, count=0, after_s=0.05, **more)
        seen = await arrivals(socket, 3)
        again = await streaming(rehearsal, venue)
        came = await arrivals(again, 0.2)

    assert seen == end
    assert isinstance(came, int)


@pytest.mark.parametrize(
    ("kind", "more", "seen", "executed"),
    [
        ("delay_before", {"s": 0.02}, 200, True),
        ("delay_after", {"s": 0.02}, 200, True),
        ("hang_after_execution", {}, "silence", True),
        ("drop_before", {}, "closed 1006", False),
        ("drop_after", {}, "closed 1006", True),
        ("late_execution", {"s": 0.05}, "silence", True),
        ("error_5xx", {"status": 504, "executed": True}, 504, True),
        ("too_many", {}, 429, False),
        ("maintenance", {}, 503, False),
    ],
)
async def test_orders_on_binances_websocket_api_fail_likewise(kind, more, seen, executed):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    order |= {"price": "50000", "newClientOrderId": "one"}
    async with a_rehearsal() as rehearsal:
        api = await rehearsal.connect(rehearsal.sandbox.binance_ws_api_url)
        await rehearsal.fault(kind, Venue.BINANCE, endpoint="WS order.place", **more)
        await api.send_str(ws_request("order.place", **order))
        struck = await reply(api)
        taken_on = await rehearsal.client_ids()
        (row,) = (await rehearsal.truth("requests"))["rows"]

    assert struck == seen
    assert taken_on == (["one"] if executed else [])
    assert (row["endpoint"], row["client_id"], row["fault"]) == ("WS order.place", "one", kind)
    assert row["verdict"] == (200 if executed else None)


async def test_a_handshake_is_refused_but_never_executed_and_lost():
    async with a_rehearsal() as rehearsal:
        await rehearsal.fault("hang_after_execution", endpoint="GET /ws*", count=0)
        await rehearsal.fault("too_many", endpoint="GET /ws*")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await streaming(rehearsal, Venue.BINANCE)
        socket = await streaming(rehearsal, Venue.BINANCE)
        came = await arrivals(socket, 0.2)

    assert refused.value.status == 429
    assert isinstance(came, int)


@pytest.mark.parametrize("path", ["/v1/orders", "/api/v3/order"])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Encoding: gzip\r\nContent-Length: 3", b"abc", 400),
        ("Transfer-Encoding: chunked", b"ZZZ\r\nabc", 400),
        ("Content-Length: 2000000", b"a" * 2_000_000, 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_without_a_traceback(caplog, path, headers, body, status):
    async with a_rehearsal() as rehearsal:
        reader, writer = await asyncio.open_connection("127.0.0.1", rehearsal.sandbox.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode() + body)
        line = await asyncio.wait_for(reader.readline(), 3)
        writer.close()

    assert int(line.split()[1]) == status
    assert caplog.records == []


async def test_a_client_that_goes_in_the_middle_of_a_request_leaves_no_traceback(caplog):
    async with a_rehearsal() as rehearsal:
        _, writer = await asyncio.open_connection("127.0.0.1", rehearsal.sandbox.port)
        writer.write(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        # served after the other has gone
        assert (await rehearsal.accounts()).status == 200

    assert caplog.records == []


async def streaming(rehearsal: Rehearsal, venue: Venue) -> aiohttp.ClientWebSocketResponse:
    """Listen to a market."""
    if venue is Venue.BINANCE:
        return await rehearsal.connect(f"{rehearsal.sandbox.binance_ws_url}/ws/btcusdt@bookTicker")
    socket = await rehearsal.connect(rehearsal.sandbox.upbit_ws_url)
    await socket.send_str(json.dumps([{"ticket": "t"}, {"type": "orderbook", "codes": ["KRW-BTC"]}]))
    return socket


async def arrivals(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> int | str:
    """Count the frames of a while, or say how the connection ended."""
    count = 0
    try:
        async with asyncio.timeout(seconds):
            while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                count += 1
    except TimeoutError:
        return count
    return f"closed {socket.close_code}"


async def reply(api: aiohttp.ClientWebSocketResponse) -> int | str:
    """Return the status of the next reply, or how there was none."""
    try:
        message = await asyncio.wait_for(api.receive(), 0.3)
    except TimeoutError:
        return "silence"
    return json.loads(message.data)["status"] if message.data else f"closed {api.close_code}"


def ws_request(method: str, **params: str) -> str:
    now_ms = SystemClock().now() // NS_PER_MS
    return json.dumps({"id": 1, "method": method, "params": signed_params(now_ms, **params)})
