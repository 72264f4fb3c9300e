"""Upbit's private websocket in the sandbox: what it tells of orders and assets, in what order, and to whom."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from arbitrage.domain.instruments import Side
from arbitrage.domain.money import plain
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.options import Manners
from tests.recordings import recordings
from tests.upbit_venue import PATIENCE_S, UpbitVenue, an_upbit, until

Socket = aiohttp.ClientWebSocketResponse

TICKET = {"ticket": "t"}
MY_ORDERS, MY_ASSETS = {"type": "myOrder"}, {"type": "myAsset"}


@asynccontextmanager
async def listening(
    venue: UpbitVenue, *wanted: dict[str, Any], form: str = "DEFAULT", token: str | None = None
) -> AsyncIterator[Socket]:
    """A client that has been heard: what happens from now on it will be told."""
    headers = {"Authorization": token or venue.signer.token(None)}
    async with venue.client.ws_connect(f"{venue.ws_url}/private", headers=headers) as socket:
        await socket.send_json([TICKET, *wanted, {"format": form}])
        if wanted:
            await socket.send_json([{"ticket": "q"}, {"method": "LIST_SUBSCRIPTIONS"}, {"format": form}])
            await frame(socket)
        yield socket


async def frame(socket: Socket) -> Any:
    message = await socket.receive(PATIENCE_S)
    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
    return json.loads(message.data)


async def frames(socket: Socket, count: int) -> list[Any]:
    return [await frame(socket) for _ in range(count)]


async def test_an_order_that_is_filled_is_told_as_wait_then_trades_then_done() -> None:
    async with an_upbit() as venue, listening(venue, MY_ORDERS) as socket:
        two_levels = venue.there() * 2
        _, created, _ = await venue.buy(ord_type="limit", price="200000000", volume=plain(two_levels), identifier="m")
        seen = [await frame(socket)]
        while seen[-1]["state"] != "done":
            seen.append(await frame(socket))
        _, found, _ = await venue.get("/v1/order", ("uuid", created["uuid"]))
    fills = [f for f in seen if f["state"] == "trade"]

    assert [f["state"] for f in seen] == ["wait", *["trade"] * len(fills), "done"]
    assert len(fills) >= 2
    assert {f["uuid"] for f in seen} == {created["uuid"]}
    assert {f["identifier"] for f in seen} == {"m"}
    assert [f["trade_uuid"] for f in fills] == [trade["uuid"] for trade in found["trades"]]
    assert [f["price"] for f in fills] == [float(trade["price"]) for trade in found["trades"]]
    assert [f["volume"] for f in fills] == [float(trade["volume"]) for trade in found["trades"]]
    assert all(a["executed_volume"] < b["executed_volume"] for a, b in pairwise(fills))
    assert all(a["paid_fee"] < b["paid_fee"] for a, b in pairwise(fills))
    assert [f["trades_count"] for f in fills] == list(range(1, len(fills) + 1))
    assert seen[0]["executed_volume"] == 0
    assert (seen[-1]["executed_volume"], seen[-1]["remaining_volume"]) == (float(two_levels), 0)
    assert (seen[-1]["price"], seen[-1]["trade_uuid"], seen[-1]["is_maker"]) == (200_000_000, None, None)


async def test_frames_have_the_keys_of_the_known_ones_and_are_binary() -> None:
    known = json.loads((recordings() / "ccxt" / "upbit_ws_messages.json").read_text("utf-8"))
    synthetic = known["watchOrders_myOrder_SYNTHETIC_SHAPE"]["messages"]
    async with an_upbit() as venue, listening(venue, MY_ORDERS) as socket:
        await venue.buy(price=plain(venue.touch(Side.SELL)), volume="0.001")
        messages = [await socket.receive(PATIENCE_S) for _ in range(3)]
    seen = {json.loads(message.data)["state"]: json.loads(message.data) for message in messages}

    assert {message.type for message in messages} == {aiohttp.WSMsgType.BINARY}
    for wanted in synthetic:
        ours = seen[wanted["state"]]
        assert ours.keys() == wanted.keys()
        # null there is null here, but for the self-trade rule, which has had a value since November 2026
        assert {k for k in ours if ours[k] is None} == {k for k in wanted if wanted[k] is None} - {"smp_type"}


async def test_simple_frames_abbreviate_their_keys() -> None:
    async with an_upbit() as venue, listening(venue, MY_ORDERS, MY_ASSETS, form="SIMPLE") as socket:
        await venue.buy()
        order, assets = await frames(socket, 2)

    assert (order["ty"], order["cd"], order["s"], order["ab"], order["p"]) == (
        "myOrder",
        "KRW-BTC",
        "wait",
        "BID",
        10_000_000,
    )
    assert len(order) == 29
    assert assets["ty"] == "myAsset"
    assert assets["ast"] == [{"cu": "KRW", "b": 99_994_997.5, "l": 5_002.5}]
    assert assets.keys() == {"ty", "astuid", "ast", "asttms", "tms", "st"}


async def test_assets_follow_the_orders_that_move_them() -> None:
    async with an_upbit() as venue, listening(venue, MY_ASSETS) as socket:
        _, created, _ = await venue.buy()
        await venue.delete("/v1/order", ("uuid", created["uuid"]))
        held, freed = await frames(socket, 2)
        venue.floor.core.account.deposit("ETH", Decimal(1))
        venue.private.sockets.assets_moved()
        deposited = await frame(socket)

    assert [asset["assets"] for asset in (held, freed, deposited)] == [
        [{"currency": "KRW", "balance": 99_994_997.5, "locked": 5_002.5}],
        [{"currency": "KRW", "balance": 100_000_000, "locked": 0}],
        [{"currency": "ETH", "balance": 1, "locked": 0}],
    ]


async def test_there_is_no_snapshot_of_what_was_before() -> None:
    async with an_upbit() as venue:
        await venue.buy(identifier="before")
        async with listening(venue, MY_ORDERS, MY_ASSETS) as socket:
            await venue.buy(identifier="after")
            first = await frame(socket)

    assert first["identifier"] == "after"


@pytest.mark.parametrize(
    ("wanted", "identifiers"),
    [
        ([MY_ORDERS], ["b", "e"]),
        ([{"type": "myOrder", "codes": []}], ["b", "e"]),
        ([{"type": "myOrder", "codes": ["KRW-ETH"]}], ["e"]),
        ([MY_ORDERS, {"type": "myOrder", "codes": ["KRW-BTC"]}], ["b", "e"]),
        ([{"type": "myOrder", "codes": ["KRW-NOPE", "KRW-BTC", "krw-eth"]}], ["b"]),
    ],
)
async def test_orders_are_told_once_and_of_the_wanted_markets(
    wanted: list[dict[str, Any]], identifiers: list[str]
) -> None:
    async with an_upbit() as venue, listening(venue, *wanted) as socket:
        await venue.buy(identifier="b")
        await venue.buy(identifier="e", market="KRW-ETH", price="1000000", volume="0.01")
        seen = await frames(socket, len(identifiers))
        await socket.send_str("PING")
        last = await frame(socket)

    assert [f["identifier"] for f in seen] == identifiers
    assert last == {"status": "UP"}


@pytest.mark.parametrize(
    ("order", "knobs", "states"),
    [
        ({"time_in_force": "ioc"}, {}, ["wait", "cancel"]),
        ({"ord_type": "price", "price": "100000", "volume": None}, {}, ["wait", "trade", "cancel"]),
        ({"side": "ask", "ord_type": "market", "price": None, "volume": "0.001"}, {}, ["wait", "trade", "done"]),
        (
            {"price": "200000000", "volume": "0.002", "time_in_force": "fok"},
            {"fill_share": Decimal(0)},
            ["wait", "cancel"],
        ),
    ],
)
async def test_an_order_is_told_to_its_end(order: dict[str, Any], knobs: dict[str, Any], states: list[str]) -> None:
    async with an_upbit(**knobs) as venue, listening(venue, MY_ORDERS) as socket:
        await venue.buy(**order)
        seen = await frames(socket, len(states))

    assert [f["state"] for f in seen] == states


async def test_an_order_that_stood_in_ones_own_way_is_told_as_prevented() -> None:
    async with an_upbit(match_after_s=0.01) as venue, listening(venue, MY_ORDERS) as socket:
        inside = plain(venue.touch(Side.BUY) + 1_000)
        await venue.buy(price=inside, volume="0.001", identifier="maker")
        await venue.buy(side="ask", price=inside, volume="0.001", identifier="taker")
        seen = await frames(socket, 3)

    assert [(f["identifier"], f["state"]) for f in seen] == [
        ("maker", "wait"),
        ("taker", "wait"),
        ("maker", "prevented"),
    ]
    assert seen[2]["prevented_volume"] == 0.001


async def test_an_event_may_come_before_the_answer_to_its_order() -> None:
    async with an_upbit() as venue, listening(venue, MY_ORDERS) as socket:
        asking = asyncio.create_task(venue.buy())
        first = await frame(socket)
        _, created, _ = await asking

    assert first["uuid"] == created["uuid"]


@pytest.mark.parametrize("wrong", ["nothing", "a wrong secret", "a used nonce"])
async def test_a_stranger_is_told_so_and_sent_away(wrong: str) -> None:
    async with an_upbit() as venue:
        token = venue.signer.token(None)
        if wrong == "a used nonce":
            await venue.send("GET", "/v1/accounts", None, token)
        headers = {"Authorization": token if wrong == "a used nonce" else f"{token}x"} if wrong != "nothing" else {}
        async with venue.client.ws_connect(f"{venue.ws_url}/private", headers=headers) as socket:
            error = await frame(socket)
            end = await socket.receive(PATIENCE_S)
        await until(_nobody_left(venue), bool)

    assert error["error"]["name"] == "INVALID_AUTH"
    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1000)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        (json.dumps([MY_ORDERS]), "NO_TICKET"),
        (json.dumps([TICKET]), "NO_TYPE"),
        (json.dumps([TICKET, {"type": "orderbook", "codes": ["KRW-BTC"]}]), "INVALID_PARAM"),
        (json.dumps([TICKET, {"type": ["myOrder"]}]), "INVALID_PARAM"),
        (json.dumps([TICKET, {"type": "myAsset", "codes": ["KRW-BTC"]}]), "WRONG_FORMAT"),
        (json.dumps([TICKET, {"type": "myOrder", "codes": "KRW-BTC"}]), "WRONG_FORMAT"),
    ],
)
async def test_a_broken_rule_is_named_and_the_socket_closed(text: str, name: str) -> None:
    headers: dict[str, str] = {}
    async with an_upbit() as venue:
        headers["Authorization"] = venue.signer.token(None)
        async with venue.client.ws_connect(f"{venue.ws_url}/private", headers=headers) as socket:
            await socket.send_str(text)
            error = await frame(socket)
            end = await socket.receive(PATIENCE_S)

    assert error["error"]["name"] == name
    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1000)


async def test_a_silent_client_is_cut_off() -> None:
    async with (
        an_upbit(manners=Manners(limits=False, upbit_idle_s=0.05)) as venue,
        listening(venue, MY_ORDERS) as socket,
    ):
        await socket.receive(PATIENCE_S)

    assert socket.close_code == 1006


async def test_events_go_out_through_a_hook_that_faults_can_replace() -> None:
    def twice(connection: Connection, event: bytes | str) -> None:
        connection.send(event)
        connection.send(event)

    async with an_upbit() as venue, listening(venue, MY_ORDERS) as socket:
        venue.private.sockets.send_event = twice
        await venue.buy()
        first, second = await frames(socket, 2)

    assert first == second


def _nobody_left(venue: UpbitVenue) -> Any:
    async def look() -> bool:
        return not venue.private.sockets.connections

    return look
