"""Upbit's private REST in the sandbox: who is let in, how often, and in what words others are refused."""

from decimal import Decimal
from typing import Any

import pytest

from arbitrage.domain.instruments import Side
from arbitrage.domain.money import plain
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.options import Manners
from tests.clocks import ManualClock
from tests.upbit_venue import Signer, an_upbit

ORDER = "/v1/orders"


@pytest.mark.parametrize(
    ("case", "order", "knobs", "status", "name"),
    [
        ("no funds", {"price": "90000000", "volume": "2"}, {}, 400, "insufficient_funds_bid"),
        ("no coins", {"side": "ask", "volume": "3"}, {}, 400, "insufficient_funds_ask"),
        ("too little", {"volume": "0.0004"}, {}, 400, "under_min_total_bid"),
        ("too little to sell", {"side": "ask", "volume": "0.0004"}, {}, 400, "under_min_total_ask"),
        ("off the tick", {"price": "10000001"}, {}, 400, "invalid_price_bid"),
        ("off the tick to sell", {"side": "ask", "price": "10000001"}, {}, 400, "invalid_price_ask"),
        (
            "off a tick that changed",
            {"price": "10001000"},
            {"tick": {"KRW-BTC": Decimal(5_000)}},
            400,
            "invalid_price_bid",
        ),
        ("off the lot", {"volume": "0.000500001"}, {}, 400, "invalid_volume_bid"),
        ("too much", {"volume": "101"}, {}, 400, "over_krw_funds_bid"),
        ("no such market", {"market": "KRW-BTCs"}, {}, 400, "notfoundmarket"),
        ("no market", {"market": None}, {}, 400, "validation_error"),
        ("no side", {"side": None}, {}, 400, "validation_error"),
        ("no kind", {"ord_type": None}, {}, 400, "validation_error"),
        ("another kind", {"ord_type": "stop"}, {}, 400, "validation_error"),
        ("no price", {"price": None}, {}, 400, "validation_error"),
        ("a price that is none", {"price": "1e9"}, {}, 400, "validation_error"),
        ("another self-trade rule", {"smp_type": "hope"}, {}, 400, "validation_error"),
        ("a long identifier", {"identifier": "x" * 65}, {}, 400, "validation_error"),
        ("a market buy by volume", {"ord_type": "price"}, {}, 400, "create_bid_error"),
        ("a market buy that sells", {"ord_type": "price", "side": "ask", "volume": None}, {}, 400, "create_ask_error"),
        ("a market sale at a price", {"ord_type": "market", "side": "ask"}, {}, 400, "create_ask_error"),
        ("another time in force", {"time_in_force": "gtd"}, {}, 400, "invalid_time_in_force"),
        (
            "a market buy for now",
            {"ord_type": "price", "volume": None, "time_in_force": "ioc"},
            {},
            400,
            "invalid_time_in_force",
        ),
        ("best without", {"ord_type": "best", "volume": None}, {}, 400, "invalid_time_in_force"),
        ("post only and a rule", {"time_in_force": "post_only", "smp_type": "reduce"}, {}, 400, "invalid_post_only"),
        ("post only that takes", {"time_in_force": "post_only", "price": "200000000"}, {}, 400, "invalid_post_only"),
        ("a halted market", {}, {"halted": {"KRW-BTC": "paused"}}, 403, "market_offline"),
        ("maintenance", {}, {"maintenance": True}, 403, "market_offline"),
        ("a key that only looks", {}, {"permissions": {"view_orders"}}, 403, "out_of_scope"),
        ("a key of others", {}, {"allowed_ips": {"10.0.0.1"}}, 401, "no_authorization_ip"),
        ("an old key", {}, {"key_expires_in_s": 0.0}, 401, "expired_access_key"),
    ],
)
async def test_orders_are_refused_in_the_venues_words(
    case: str, order: dict[str, Any], knobs: dict[str, Any], status: int, name: str
) -> None:
    async with an_upbit(**knobs) as venue:
        seen, body, _ = await venue.buy(**order)
        held = {currency: balance.locked for currency, balance in venue.floor.core.account.balances().items()}

    assert (seen, body["error"]["name"]) == (status, name)
    assert body["error"].keys() == {"name", "message"}
    assert body["error"]["message"]
    assert not any(held.values())


@pytest.mark.parametrize(
    ("method", "path", "pairs", "status", "name"),
    [
        ("GET", "/v1/order", [], 400, "validation_error"),
        ("GET", "/v1/order", [("uuid", "None")], 404, "order_not_found"),
        ("GET", "/v1/order", [("identifier", "한글")], 404, "order_not_found"),
        ("DELETE", "/v1/order", [("uuid", "None")], 404, "order_not_found"),
        ("GET", "/v1/orders/uuids", [], 400, "validation_error"),
        ("GET", "/v1/orders/uuids", [("uuids[]", str(n)) for n in range(101)], 400, "validation_error"),
        ("DELETE", "/v1/orders/uuids", [("uuids[]", str(n)) for n in range(21)], 400, "validation_error"),
        ("GET", "/v1/orders/open", [("state", "done")], 400, "validation_error"),
        ("GET", "/v1/orders/open", [("order_by", "best")], 400, "validation_error"),
        ("GET", "/v1/orders/closed", [("start_time", "yesterday")], 400, "validation_error"),
        ("GET", "/v1/orders/closed", [("start_time", "2026-11-22T12:00:00")], 400, "validation_error"),
        ("DELETE", "/v1/orders/open", [("pairs", "KRW-A," * 21)], 400, "validation_error"),
        ("GET", "/v1/orders/chance", [], 400, "validation_error"),
        ("GET", "/v1/orders/chance", [("market", "KRW-NOPE")], 400, "notfoundmarket"),
    ],
)
async def test_questions_are_refused_in_the_venues_words(
    method: str, path: str, pairs: list[tuple[str, str]], status: int, name: str
) -> None:
    async with an_upbit() as venue:
        seen, body, _ = await venue.ask(method, path, pairs)

    assert (seen, body["error"]["name"]) == (status, name)


async def test_a_copy_of_a_request_is_refused() -> None:
    async with an_upbit() as venue:
        _, created, _ = await venue.buy()
        path = f"/v1/order?uuid={created['uuid']}"
        token = venue.signer.token(path.partition("?")[2])
        first, _, _ = await venue.send("DELETE", path, None, token)
        second, error, _ = await venue.send("DELETE", path, None, token)

    assert (first, second, error["error"]["name"]) == (200, 401, "nonce_used")


@pytest.mark.parametrize("brackets", ["[]", "%5B%5D"])
async def test_lists_are_signed_by_their_names_with_brackets(brackets: str) -> None:
    async with an_upbit() as venue:
        path = f"/v1/orders/closed?states{brackets}=done&states{brackets}=cancel&market=KRW-BTC"
        right = venue.signer.token("states[]=done&states[]=cancel&market=KRW-BTC")
        wrong = venue.signer.token("states=done,cancel&market=KRW-BTC")
        taken, _, _ = await venue.send("GET", path, None, right)
        refused, error, _ = await venue.send("GET", path, None, wrong)

    assert (taken, refused, error["error"]["name"]) == (200, 401, "invalid_query_payload")


async def test_times_must_be_percent_encoded() -> None:
    async with an_upbit() as venue:
        path = "/v1/orders/closed?end_time=2026-11-22T12:00:00%2B09:00"
        token = venue.signer.token("end_time=2026-11-22T12:00:00+09:00")
        status, error, _ = await venue.send("GET", path, None, token)

    assert (status, error["error"]["name"]) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("body", "kind", "status", "name"),
    [
        (b"market=KRW-BTC&side=bid", "application/x-www-form-urlencoded", 400, "invalid_parameter"),
        (b'{"market":"KRW-BTC"}', "application/x-www-form-urlencoded", 400, "invalid_parameter"),
        (b"[1, 2]", "application/json", 400, "invalid_parameter"),
        (b"", "application/json", 400, "validation_error"),
        (b" " * 100_000, "application/json", 413, "payload_too_large"),
    ],
)
async def test_a_new_order_comes_as_a_json_object(body: bytes, kind: str, status: int, name: str) -> None:
    async with an_upbit() as venue:
        token = venue.signer.token("market=KRW-BTC" if b"market" in body else None)
        seen, error, _ = await venue.send("POST", ORDER, body, token, **{"Content-Type": kind})

    assert (seen, error["error"]["name"]) == (status, name)


async def test_numbers_are_signed_as_they_are_written() -> None:
    body = b'{"market":"KRW-BTC","side":"bid","ord_type":"limit","price":10000000,"volume":0.00050}'
    async with an_upbit() as venue:
        token = venue.signer.token("market=KRW-BTC&side=bid&ord_type=limit&price=10000000&volume=0.00050")
        status, created, _ = await venue.send("POST", ORDER, body, token)

    assert (status, created["volume"]) == (201, "0.0005")


@pytest.mark.parametrize(
    ("permission", "method", "path", "pairs"),
    [
        ("view_account", "GET", "/v1/accounts", []),
        ("view_orders", "GET", "/v1/orders/chance", [("market", "KRW-BTC")]),
        ("view_orders", "GET", "/v1/orders/open", []),
        ("make_orders", "DELETE", "/v1/orders/open", []),
        ("manage_pockets", "GET", "/v1/pockets/api_keys", []),
    ],
)
async def test_each_question_needs_its_permission(
    permission: str, method: str, path: str, pairs: list[tuple[str, str]]
) -> None:
    async with an_upbit(permissions={permission}) as venue:
        allowed, _, _ = await venue.ask(method, path, pairs)
        venue.floor.knobs.permissions = {"deposit"}
        refused, error, _ = await venue.ask(method, path, pairs)

    assert (allowed, refused, error["error"]["name"]) == (200, 403, "out_of_scope")


async def test_during_maintenance_one_can_look_and_not_trade() -> None:
    async with an_upbit(maintenance=True) as venue:
        looked, _, _ = await venue.get("/v1/orders/open")
        cancelled, error, _ = await venue.delete("/v1/orders/open")

    assert (looked, cancelled, error["error"]["name"]) == (200, 403, "market_offline")


@pytest.mark.parametrize(
    ("group", "minute", "limit", "method", "path"),
    [
        ("default", 1_800, 30, "GET", "/v1/accounts"),
        ("order", 720, 12, "POST", "/v1/orders"),
        ("order-test", 480, 8, "POST", "/v1/orders/test"),
        ("order-cancel-all", 30, 1, "DELETE", "/v1/orders/open"),
    ],
)
async def test_each_group_counts_its_own_requests(group: str, minute: int, limit: int, method: str, path: str) -> None:
    async with an_upbit(manners=Manners()) as venue:
        body = b"{}" if method == "POST" else None
        replies = [await venue.send(method, path, body, venue.signer.token(None)) for _ in range(limit + 1)]
    headers = [reply[2]["Remaining-Req"] for reply in replies]

    assert headers == [f"group={group}; min={minute}; sec={left}" for left in [*range(limit - 1, -1, -1), 0]]
    assert [reply[0] for reply in replies].count(429) == 1
    assert replies[-1][1]["error"]["name"] == "too_many_requests"


async def test_one_may_ask_again_in_the_next_window() -> None:
    clock = ManualClock()
    async with an_upbit(clock=clock, manners=Manners()) as venue:
        seen = []
        for _ in range(3):
            seen.append((await venue.delete("/v1/orders/open"))[0])
            clock.advance(1)

    assert seen == [200, 429, 200]


async def test_who_goes_on_after_429_is_blocked() -> None:
    async with an_upbit(manners=Manners()) as venue:
        seen = [(await venue.delete("/v1/orders/open"))[0] for _ in range(14)]

    assert seen == [200, *[429] * 10, *[418] * 3]


async def test_a_key_tells_when_it_ends_and_what_it_may_do() -> None:
    async with an_upbit(permissions={"view_account", "manage_pockets", "withdraw"}, allowed_ips={"127.0.0.1"}) as venue:
        _, keys, _ = await venue.get("/v1/api_keys")
        _, (pocket,), _ = await venue.get("/v1/pockets/api_keys")

    assert keys == [{"access_key": "sandbox-upbit-access-key", "expire_at": "2027-11-22T12:00:00+09:00"}]
    assert pocket["keys"] == [
        {
            "access_key": "sandbox-upbit-access-key",
            "permissions": ["manage_pockets", "view_account", "withdraw"],
            "allowed_ips": ["127.0.0.1"],
            "created_at": "2026-11-22T12:00:00+09:00",
            "expired_at": "2027-11-22T12:00:00+09:00",
        }
    ]


async def test_a_wallet_that_is_paused_says_so() -> None:
    async with an_upbit(wallets={"XRP": "withdraw_only"}) as venue:
        _, wallets, _ = await venue.get("/v1/status/wallet")

    assert {wallet["currency"]: wallet["wallet_state"] for wallet in wallets} == {
        "BTC": "working",
        "ETH": "working",
        "USDT": "working",
        "XRP": "withdraw_only",
    }
    assert wallets[0].keys() == {
        "currency",
        "wallet_state",
        "block_state",
        "block_height",
        "block_updated_at",
        "block_elapsed_minutes",
        "net_type",
        "network_name",
    }


async def test_a_halted_market_says_so() -> None:
    async with an_upbit(halted={"KRW-BTC": "paused"}) as venue:
        _, chance, _ = await venue.get("/v1/orders/chance", ("market", "KRW-BTC"))

    assert chance["market"]["state"] == "paused"


async def test_a_stranger_learns_nothing() -> None:
    async with an_upbit() as venue:
        venue.signer = Signer(Keys("sandbox-upbit-access-key", "guessed"))
        seen = [await venue.get(path) for path in ("/v1/accounts", "/v1/api_keys", "/v1/orders/open")]
        order = await venue.buy(price=plain(venue.touch(Side.SELL)))

    assert {(status, body["error"]["name"]) for status, body, _ in [*seen, order]} == {(401, "jwt_verification")}
    assert not venue.floor.core.orders
