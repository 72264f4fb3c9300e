"""Upbit's websocket in the sandbox, over a real socket: subscriptions, formats, keep-alive, errors."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.sandbox.server import Manners, SandboxOptions, serve_sandbox
from tests.recordings import recordings, websocket_frames

TICKET = {"ticket": "t"}
BOOKS = {"type": "orderbook", "codes": ["KRW-BTC"]}
SIMPLE = {"format": "SIMPLE"}
PATIENCE_S = 5.0

Socket = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def connected(
    tape: Path | None = None, symbols: tuple[str, ...] = ("BTC", "ETH", "XRP"), **manners: Any
) -> AsyncIterator[Socket]:
    """A client of a sandbox that runs ten times as fast."""
    options = SandboxOptions(port=0, speed=10, tape=tape, symbols=symbols, manners=Manners(**manners))
    async with (
        serve_sandbox(options) as sandbox,
        aiohttp.ClientSession() as client,
        client.ws_connect(sandbox.upbit_ws_url) as socket,
    ):
        yield socket


async def say(socket: Socket, *items: object) -> None:
    await socket.send_str(json.dumps(items))


async def frame(socket: Socket) -> Any:
    message = await socket.receive(PATIENCE_S)
    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
    return json.loads(message.data)


async def frames_until(socket: Socket, key: str, *wanted: str) -> dict[str, Any]:
    """Read until each wanted value of a key has been seen; return the first frame of each."""
    seen: dict[str, Any] = {}
    async with asyncio.timeout(PATIENCE_S):
        while set(seen) < set(wanted):
            found = await frame(socket)
            seen.setdefault(found[key], found)
    return seen


async def test_a_subscriber_gets_binary_frames_first_a_snapshot_then_what_happens() -> None:
    async with connected() as socket:
        await say(socket, TICKET, BOOKS)
        first = await socket.receive(PATIENCE_S)
        second = await frame(socket)

    assert first.type is aiohttp.WSMsgType.BINARY
    assert json.loads(first.data)["stream_type"] == "SNAPSHOT"
    assert second["stream_type"] == "REALTIME"
    assert second["timestamp"] >= json.loads(first.data)["timestamp"]


async def test_default_frames_write_prices_with_exponents_and_all_decimals_of_quantities() -> None:
    async with connected() as socket:
        await say(socket, TICKET, BOOKS)
        text = (await socket.receive(PATIENCE_S)).data.decode()
    start = '{"type":"orderbook","code":"KRW-BTC","timestamp":'
    first_level = text.partition('"orderbook_units":[{')[2].partition("}")[0]
    ask_price, bid_price, ask_size, _ = (part.partition(":")[2] for part in first_level.split(","))

    assert text.startswith(start)
    assert ask_price.endswith("E8")
    assert bid_price.endswith("E8")
    assert len(ask_size.partition(".")[2]) == 8


@pytest.mark.parametrize(("code", "levels"), [("KRW-BTC", 30), ("KRW-BTC.15", 15), ("KRW-BTC.1", 1), ("KRW-BTC.4", 30)])
async def test_the_suffix_cuts_the_book(code: str, levels: int) -> None:
    async with connected() as socket:
        await say(socket, TICKET, {"type": "orderbook", "codes": [code]}, SIMPLE)
        book = await frame(socket)

    assert len(book["obu"]) == levels
    assert all(0 < unit["bp"] < unit["ap"] for unit in book["obu"])


async def test_a_thin_book_is_padded_with_zero_levels() -> None:
    async with connected(symbols=("LINK",)) as socket:
        await say(socket, TICKET, {"type": "orderbook", "codes": ["KRW-LINK.15"]}, SIMPLE)
        units = (await frame(socket))["obu"]

    assert len(units) == 15
    assert units[9]["bp"] > 0
    assert units[10:] == [{"ap": 0, "bp": 0, "as": 0.0, "bs": 0.0}] * 5


async def test_simple_frames_have_the_keys_of_the_recorded_ones() -> None:
    session = recordings() / "upbit" / "ws" / "orderbook_trade_simple_2021-04-17.txt.gz"
    recorded: dict[str, Any] = {}
    for _, data in islice(websocket_frames(session), 50):
        recorded.setdefault(json.loads(data)["ty"], json.loads(data))
    async with connected() as socket:
        await say(socket, TICKET, BOOKS, {"type": "trade", "codes": ["KRW-BTC"]}, SIMPLE)
        seen = await frames_until(socket, "ty", "orderbook", "trade")

    # the level (2024) and the best prices of a trade came after the recording
    assert list(seen["orderbook"]) == [*recorded["orderbook"], "lv"]
    assert seen["orderbook"]["obu"][0].keys() == recorded["orderbook"]["obu"][0].keys()
    assert set(seen["trade"]) == set(recorded["trade"]) | {"bap", "bas", "bbp", "bbs"}


async def test_each_subscription_replaces_the_one_before() -> None:
    async with connected() as socket:
        await say(socket, TICKET, {"type": "orderbook", "codes": ["KRW-BTC"], "is_only_realtime": True})
        await frame(socket)
        await say(socket, TICKET, {"type": "orderbook", "codes": ["KRW-ETH"]})
        async with asyncio.timeout(PATIENCE_S):
            while (await frame(socket))["code"] != "KRW-ETH":
                pass
        later = {(await frame(socket))["code"] for _ in range(10)}

    assert later == {"KRW-ETH"}


async def test_only_a_snapshot_and_only_what_happens() -> None:
    async with connected() as socket:
        await say(
            socket,
            TICKET,
            {"type": "orderbook", "codes": ["KRW-BTC"], "is_only_snapshot": True},
            {"type": "orderbook", "codes": ["KRW-ETH"], "isOnlyRealtime": True},
        )
        seen = [await frame(socket) for _ in range(8)]

    assert [(f["code"], f["stream_type"]) for f in seen] == [("KRW-BTC", "SNAPSHOT")] + [("KRW-ETH", "REALTIME")] * 7


async def test_unknown_codes_are_ignored_and_the_others_served() -> None:
    async with connected() as socket:
        await say(socket, TICKET, {"type": "ticker", "codes": ["krw-btc", "KRW-NOPE", "KRW-XRP"]})
        ticker = await frame(socket)

    assert (ticker["type"], ticker["code"], ticker["market_state"]) == ("ticker", "KRW-XRP", "ACTIVE")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        (json.dumps([BOOKS]), "NO_TICKET"),
        (json.dumps([TICKET]), "NO_TYPE"),
        (json.dumps([TICKET, {"type": "orderbook"}]), "NO_CODES"),
        (json.dumps([TICKET, {"type": "fills", "codes": ["KRW-BTC"]}]), "INVALID_PARAM"),
    ],
)
async def test_a_broken_rule_is_named_and_the_socket_closed(text: str, name: str) -> None:
    async with connected() as socket:
        await socket.send_str(text)
        error = await frame(socket)
        end = await socket.receive(PATIENCE_S)

    assert error["error"]["name"] == name
    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1000)


async def test_a_client_can_list_what_it_subscribed() -> None:
    async with connected() as socket:
        await say(socket, TICKET, BOOKS, {"type": "trade", "codes": ["KRW-ETH"]}, SIMPLE)
        await say(socket, {"ticket": "q"}, {"method": "LIST_SUBSCRIPTIONS"}, SIMPLE)
        async with asyncio.timeout(PATIENCE_S):
            while "mthd" not in (reply := await frame(socket)):
                pass

    assert reply == {
        "mthd": "LIST_SUBSCRIPTIONS",
        "rslt": [{"ty": "orderbook", "cds": ["KRW-BTC"], "lv": 0}, {"ty": "trade", "cds": ["KRW-ETH"]}],
        "tckt": "q",
    }


async def test_list_formats_wrap_each_frame() -> None:
    async with connected() as socket:
        await say(socket, TICKET, BOOKS, {"format": "SIMPLE_LIST"})
        (book,) = await frame(socket)

    assert book["ty"] == "orderbook"


async def test_ping_as_text_is_answered_again_and_again() -> None:
    async with connected(upbit_status_s=0.05) as socket:
        await socket.send_str("PING")
        replies = [await frame(socket) for _ in range(3)]

    assert replies == [{"status": "UP"}] * 3


async def test_a_protocol_ping_is_answered_with_its_payload() -> None:
    options = SandboxOptions(port=0)
    async with (
        serve_sandbox(options) as sandbox,
        aiohttp.ClientSession() as client,
        client.ws_connect(sandbox.upbit_ws_url, autoping=False) as socket,
    ):
        await socket.ping(b"are you there")
        pong = await socket.receive(PATIENCE_S)

    assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"are you there")


async def test_a_silent_client_is_cut_off_without_a_close_frame() -> None:
    async with connected(upbit_idle_s=0.1) as socket:
        await say(socket, TICKET, {**BOOKS, "is_only_snapshot": True})
        await frame(socket)
        end = await socket.receive(PATIENCE_S)

    assert end.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert socket.close_code == 1006


async def test_too_many_messages_end_the_connection() -> None:
    async with connected() as socket:
        for _ in range(6):
            await say(socket, TICKET, {**BOOKS, "is_only_snapshot": True})
        async with asyncio.timeout(PATIENCE_S):
            while "error" not in (last := await frame(socket)):
                pass

    assert last["error"]["name"] == "TOO_MANY_REQUEST"


async def test_clients_are_told_when_the_sandbox_ends() -> None:
    async with aiohttp.ClientSession() as client:
        async with serve_sandbox(SandboxOptions(port=0)) as sandbox:
            upbit = await client.ws_connect(sandbox.upbit_ws_url)
            binance = await client.ws_connect(f"{sandbox.binance_ws_url}/ws")
            reads = [asyncio.create_task(socket.receive(PATIENCE_S)) for socket in (upbit, binance)]
        ends = await asyncio.gather(*reads)

    assert [(end.type, end.data) for end in ends] == [(aiohttp.WSMsgType.CLOSE, 1001)] * 2


async def test_the_handshake_tells_the_limits() -> None:
    async with (
        serve_sandbox(SandboxOptions(port=0)) as sandbox,
        aiohttp.ClientSession() as client,
        client.get(
            sandbox.upbit_ws_url.replace("ws:", "http:"),
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        ) as reply,
    ):
        headers = reply.headers
        reply.close()

    assert reply.status == 101
    assert headers["remaining-req"] == "group=websocket; min=300; sec=4"
    assert headers["limit-by-ip"] == "Yes"


async def test_a_tape_is_replayed_byte_for_byte_to_who_subscribed(tmp_path: Path) -> None:
    book = b'{"ty":"orderbook","cd":"KRW-BTC","tms":1,"obu":[{"ap":2,"bp":1,"as":5.0E-4,"bs":1.0}],"st":"REALTIME"}'
    other = book.replace(b"BTC", b"ETH")
    lines = [b"1\tupbit\tb\t" + other, b'2\tupbit\tb\t{"status":"UP"}', b"3\tupbit\tb\t" + book]
    (tmp_path / "upbit-2026-11-22.tape.gz").write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    async with connected(tape=tmp_path) as socket:
        await say(socket, TICKET, BOOKS)
        message = await socket.receive(PATIENCE_S)

    assert message.data == book


async def test_a_tape_keeps_its_pace_and_its_last_frame_is_the_next_clients_snapshot(tmp_path: Path) -> None:
    frames = [b'{"ty":"orderbook","cd":"KRW-BTC","tms":%d}' % n for n in (1, 2)]
    lines = b"0\tupbit\tb\t%b\n2000000000\tupbit\tb\t%b\n" % tuple(frames)
    (tmp_path / "upbit-2026-11-22.tape.gz").write_bytes(gzip.compress(lines))
    options = SandboxOptions(port=0, speed=10, tape=tmp_path)
    loop = asyncio.get_running_loop()
    async with serve_sandbox(options) as sandbox, aiohttp.ClientSession() as client:
        async with client.ws_connect(sandbox.upbit_ws_url) as socket:
            await say(socket, TICKET, BOOKS)
            first, at_s = (await socket.receive(PATIENCE_S)).data, loop.time()
            second, later_s = (await socket.receive(PATIENCE_S)).data, loop.time()
        async with client.ws_connect(sandbox.upbit_ws_url) as socket:
            await say(socket, TICKET, BOOKS)
            snapshot = (await socket.receive(PATIENCE_S)).data

    assert [first, second, snapshot] == [*frames, frames[1]]
    assert later_s - at_s == pytest.approx(0.2, abs=0.1)


async def test_a_tape_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no tape at"):
        async with serve_sandbox(SandboxOptions(port=0, tape=tmp_path)):
            pass
