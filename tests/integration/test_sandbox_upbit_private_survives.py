"""Hostile requests to Upbit's private side: whatever comes, the venue answers in its own shape and its books are right.

`ARBITRAGE_HOSTILE_REQUESTS` sets how many are tried; a few hundred by default.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.upbit_venue import UpbitVenue, an_upbit

REQUESTS = int(os.environ.get("ARBITRAGE_HOSTILE_REQUESTS", "300"))

ENDPOINTS = [
    ("GET", "/v1/accounts"),
    ("GET", "/v1/orders/chance"),
    *[("POST", "/v1/orders")] * 6,
    ("POST", "/v1/orders/test"),
    ("GET", "/v1/order"),
    ("GET", "/v1/orders/uuids"),
    ("GET", "/v1/orders/open"),
    ("GET", "/v1/orders/closed"),
    ("DELETE", "/v1/order"),
    ("DELETE", "/v1/orders/uuids"),
    ("DELETE", "/v1/orders/open"),
    ("GET", "/v1/api_keys"),
    ("GET", "/v1/pockets/api_keys"),
    ("GET", "/v1/status/wallet"),
]
NAMES = [
    "market", "side", "ord_type", "price", "volume", "time_in_force", "identifier", "smp_type", "uuid", "uuids[]",
    "identifiers[]", "states[]", "state", "page", "limit", "order_by", "start_time", "end_time", "count", "pairs",
    "cancel_side", "excluded_pairs", "quote_currencies",
]  # fmt: skip
VALUES = [
    "KRW-BTC", "KRW-ETH", "bid", "ask", "limit", "price", "market", "best", "ioc", "fok", "post_only", "cancel_maker",
    "reduce", "wait", "done", "asc", "all", "10000000", "120000000", "0.0005", "5000", "0.00000001", "1e400", "NaN",
    "-1", "0", "999999999999999999.999999999999999999", "2026-11-22T12:00:00+09:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "253402300800000", "%", "a", "b", "ab", "\x00", "한글", "", "None", "[]", "{}",
]  # fmt: skip

values = st.one_of(st.sampled_from(VALUES), st.text(max_size=20))
pairs = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), values), max_size=8)
json_values = st.recursive(
    st.one_of(values, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda v: st.lists(v, max_size=3),
    max_leaves=4,
)
spices = {
    "time_in_force": st.sampled_from(["ioc", "fok", "post_only", "gtc"]),
    "smp_type": st.sampled_from(["cancel_maker", "cancel_taker", "reduce", "none"]),
    "identifier": st.text(st.sampled_from("abc한\x00"), max_size=4),
}
prices = st.sampled_from(["10000000", "119000000", "119500000", "200000000", "50000", "10000001"])
volumes = st.sampled_from(["0.0005", "0.001", "0.1", "0.000500001"])


def orders(side: str, kind: str, **fields: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    """Orders that the venue may well take on."""
    fixed = {"market": st.just("KRW-BTC"), "side": st.just(side), "ord_type": st.just(kind), **fields}
    return st.fixed_dictionaries(fixed, optional=spices)


plausible = st.one_of(
    orders("bid", "limit", price=prices, volume=volumes),
    orders("ask", "limit", price=prices, volume=volumes),
    orders("bid", "price", price=prices),
    orders("ask", "market", volume=volumes),
    orders("bid", "best", price=prices),
)
bodies = st.one_of(
    plausible,
    plausible,
    st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), json_values, max_size=8),
    st.binary(max_size=40),
)
tokens = st.one_of(
    st.just("right"),
    st.just("right"),
    st.just("right"),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
)


@dataclass
class Bench:
    """A venue and the loop that it runs in, for as many requests as there come."""

    runner: asyncio.Runner
    venue: UpbitVenue
    seen: Counter[int]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        serving = an_upbit(fill_share=Decimal("0.7"))
        venue = runner.run(serving.__aenter__())
        yield Bench(runner, venue, Counter())
        runner.run(serving.__aexit__(None, None, None))


@settings(max_examples=REQUESTS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(endpoint=st.sampled_from(ENDPOINTS), query=pairs, body=bodies, token=tokens)
def test_every_request_is_answered_in_the_venues_shape(
    bench: Bench, endpoint: tuple[str, str], query: list[tuple[str, str]], body: object, token: str
) -> None:
    status, answer = bench.runner.run(_send(bench.venue, endpoint, query, body, token))
    bench.seen[status] += 1

    assert status < 500
    if status >= 400:
        assert answer.keys() == {"error"}
        assert all(isinstance(answer["error"][key], str) and answer["error"][key] for key in ("name", "message"))
    assert bench.venue.floor.core.account.discrepancy() == {}


async def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    async with an_upbit() as venue:
        token = venue.signer.token(None)
        status, answer, _ = await venue.send("POST", "/v1/orders", b"no gzip", token, **{"Content-Encoding": "gzip"})

    assert (status, answer["error"]["name"]) == (400, "invalid_parameter")


async def test_a_client_that_goes_away_in_the_middle_of_a_body_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    async with an_upbit() as venue:
        _, writer = await asyncio.open_connection("127.0.0.1", venue.port)
        head = (
            "POST /upbit/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        writer.write(head.encode())
        await writer.drain()
        await venue.get("/v1/accounts")  # by now the venue is reading
        writer.close()
        await writer.wait_closed()
        status, _, _ = await venue.get("/v1/accounts")

    assert status == 200
    assert not caplog.records


async def _send(
    venue: UpbitVenue, endpoint: tuple[str, str], query: list[tuple[str, str]], body: object, token: str
) -> tuple[int, dict[str, dict[str, str]]]:
    method, path = endpoint
    if method == "POST":
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = _signed(body)
        status, answer, _ = await venue.send(
            method, path, raw, venue.signer.token(signed) if token == "right" else token
        )
        return status, answer
    if token == "right":
        status, answer, _ = await venue.ask(method, path, query)
        return status, answer
    raw_query = "&".join(f"{key}={value}" for key, value in query).encode("ascii", "ignore").decode()
    safe = "".join(letter for letter in raw_query if letter.isprintable() and letter not in " #")
    status, answer, _ = await venue.send(method, f"{path}?{safe}", None, venue.signer.token(unquote(safe)))
    return status, answer


def _signed(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    return "&".join(f"{key}={value}" for key, value in body.items())
