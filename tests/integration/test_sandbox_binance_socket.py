"""Binance's stream server in the sandbox, over a real socket: streams, live subscribing, pings, limits, the end."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from arbitrage.sandbox.server import Manners, Sandbox, SandboxOptions, serve_sandbox
from tests.recordings import recordings, websocket_frames

PATIENCE_S = 5.0

Socket = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def a_sandbox(tape: Path | None = None, **manners: Any) -> AsyncIterator[tuple[Sandbox, aiohttp.ClientSession]]:
    options = SandboxOptions(port=0, speed=10, tape=tape, manners=Manners(**manners))
    async with serve_sandbox(options) as sandbox, aiohttp.ClientSession() as client:
        yield sandbox, client


@asynccontextmanager
async def connected(path: str, **manners: Any) -> AsyncIterator[Socket]:
    async with (
        a_sandbox(**manners) as (sandbox, client),
        client.ws_connect(f"{sandbox.binance_ws_url}{path}", autoping=False) as socket,
    ):
        yield socket


async def frame(socket: Socket) -> Any:
    message = await socket.receive(PATIENCE_S)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


async def reply_to(socket: Socket, request: object) -> Any:
    """Send a request and pass over market data until something without a symbol or stream answers."""
    await socket.send_str(request if isinstance(request, str) else json.dumps(request))
    async with asyncio.timeout(PATIENCE_S):
        while not {"result", "error"} & (reply := await frame(socket)).keys():
            pass
    return reply


async def test_raw_frames_come_as_they_are() -> None:
    async with connected("/ws/btcusdt@depth20@100ms") as socket:
        book = await frame(socket)

    assert list(book) == ["lastUpdateId", "bids", "asks"]
    assert len(book["bids"]) == len(book["asks"]) == 20


async def test_combined_frames_name_their_stream() -> None:
    streams = {"btcusdt@bookTicker", "ethusdt@depth20@100ms", "xrpusdt@depth@100ms", "solusdt@trade"}
    seen: dict[str, Any] = {}
    async with connected(f"/stream?streams={'/'.join(streams)}") as socket, asyncio.timeout(PATIENCE_S):
        while set(seen) < streams:
            found = await frame(socket)
            seen[found["stream"]] = found["data"]

    assert list(seen["btcusdt@bookTicker"]) == ["u", "s", "b", "B", "a", "A"]
    assert seen["solusdt@trade"]["s"] == "SOLUSDT"


async def test_frames_have_the_keys_and_kinds_of_the_recorded_ones() -> None:
    recorded: dict[str, Any] = {}
    for _, data in websocket_frames(recordings() / "binance" / "ws" / "btcusdt_2024-08-08.txt.gz"):
        envelope = json.loads(data)
        recorded.setdefault(envelope["stream"], envelope["data"])
        if len(recorded) == 3:
            break
    seen: dict[str, Any] = {}
    async with connected(f"/stream?streams={'/'.join(recorded)}") as socket, asyncio.timeout(PATIENCE_S):
        while set(seen) < set(recorded):
            found = await frame(socket)
            seen[found["stream"]] = found["data"]

    for stream, real in recorded.items():
        assert list(seen[stream]) == list(real)
        assert {k: type(v) for k, v in seen[stream].items()} == {k: type(v) for k, v in real.items()}


async def test_streams_can_be_added_listed_and_left_on_a_live_connection() -> None:
    async with connected("/ws") as socket:
        subscribed = await reply_to(
            socket, {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "no@such"], "id": 1}
        )
        ticker = await frame(socket)
        listed = await reply_to(socket, {"method": "LIST_SUBSCRIPTIONS", "id": "two"})
        left = await reply_to(socket, {"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 3})
        with pytest.raises(TimeoutError):
            await socket.receive(0.2)

    assert subscribed == {"result": None, "id": 1}
    assert ticker["s"] == "BTCUSDT"
    assert listed == {"result": ["btcusdt@bookTicker", "no@such"], "id": "two"}
    assert left == {"result": None, "id": 3}


async def test_a_connection_can_turn_the_envelope_on() -> None:
    async with connected("/ws/btcusdt@bookTicker") as socket:
        before = await reply_to(socket, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1})
        await reply_to(socket, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
        ticker = await frame(socket)

    assert before == {"result": False, "id": 1}
    assert ticker["stream"] == "btcusdt@bookTicker"


async def test_a_broken_request_is_answered_and_the_connection_goes_on() -> None:
    async with connected("/ws/btcusdt@bookTicker") as socket:
        not_json = await reply_to(socket, "nonsense")
        unknown = await reply_to(socket, {"method": "LISTEN", "id": 7})
        ticker = await frame(socket)

    assert not_json["error"]["code"] == 3
    assert (unknown["error"]["code"], unknown["id"]) == (2, 7)
    assert ticker["s"] == "BTCUSDT"


async def test_more_than_five_messages_a_second_end_the_connection() -> None:
    async with connected("/ws") as socket:
        for _ in range(12):
            await socket.ping(b"")
        async with asyncio.timeout(PATIENCE_S):
            while (end := await socket.receive()).type is aiohttp.WSMsgType.PONG:
                pass

    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_more_than_1024_streams_end_the_connection() -> None:
    async with connected("/ws") as socket:
        names = [f"s{n}@trade" for n in range(1_025)]
        await socket.send_str(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        end = await socket.receive(PATIENCE_S)

    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_the_server_pings_and_keeps_who_answers_with_its_payload() -> None:
    async with connected("/ws", binance_ping_s=0.25, binance_pong_s=0.6) as socket:
        for _ in range(4):
            ping = await socket.receive(PATIENCE_S)
            assert ping.type is aiohttp.WSMsgType.PING
            await socket.pong(ping.data)

        assert bytes(ping.data).isdigit()


async def test_a_pong_without_the_payload_keeps_nobody() -> None:
    async with connected("/ws", binance_ping_s=0.25, binance_pong_s=0.6) as socket, asyncio.timeout(PATIENCE_S):
        while (end := await socket.receive()).type is aiohttp.WSMsgType.PING:
            await socket.pong(b"")

    assert (end.type, end.data, end.extra) == (aiohttp.WSMsgType.CLOSE, 1008, "Pong timeout")


@pytest.mark.parametrize(
    ("path", "notice"),
    [("/ws", {"e": "serverShutdown"}), ("/stream", {"stream": "!serverShutdown"})],
)
async def test_the_end_of_a_connections_life_is_announced(path: str, notice: dict[str, str]) -> None:
    async with connected(path, binance_lifetime_s=0.2, binance_notice_s=0.1) as socket:
        shutdown = await frame(socket)
        end = await socket.receive(PATIENCE_S)

    assert notice.items() <= shutdown.items()
    assert end.type is aiohttp.WSMsgType.CLOSE


async def test_a_local_book_can_be_built_from_rest_and_the_stream() -> None:
    async with (
        a_sandbox() as (sandbox, client),
        client.ws_connect(f"{sandbox.binance_ws_url}/ws/btcusdt@depth@100ms") as socket,
    ):
        buffered = [await frame(socket)]
        async with client.get(f"{sandbox.binance_rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000") as reply:
            known = (await reply.json())["lastUpdateId"]
        async with asyncio.timeout(PATIENCE_S):
            while buffered[-1]["u"] <= known:
                buffered.append(await frame(socket))
    first = next(event for event in buffered if event["u"] > known)

    assert buffered[0]["U"] <= known
    assert first["U"] <= known + 1 <= first["u"]


async def test_a_tape_is_replayed_in_the_envelope_or_without(tmp_path: Path) -> None:
    data = b'{"u":1,"s":"BTCUSDT","b":"1.00000000","B":"2.00000000","a":"3.00000000","A":"4.00000000"}'
    envelope = b'{"stream":"btcusdt@bookTicker","data":' + data + b"}"
    lines = [b'1\tbinance\tt\t{"result":null,"id":1}', b"2\tbinance\tt\t" + envelope]
    (tmp_path / "binance-2026-11-22.tape.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    heard = []
    for path in ("/ws/btcusdt@bookTicker", "/stream?streams=btcusdt@bookTicker"):
        async with connected(path, tape=tmp_path) as socket:
            heard.append((await socket.receive(PATIENCE_S)).data.encode())

    assert heard == [data, envelope]
