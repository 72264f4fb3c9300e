"""Recorded conversations with the real Upbit, held again with the sandbox: the same shape comes back each time."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.recordings import recordings
from tests.upbit_venue import Answer, UpbitVenue, a_lively_upbit

CONVERSATIONS = [
    "accounts/list",
    "orders/create_test",
    "orders/get_chance",
    "orders/list_open",
    "orders/list_closed",
    "orders/lifecycle_create_get_cancel",
    "orders/lifecycle_list_by_ids",
    "orders/lifecycle_bulk_cancel_by_ids",
    "orders/lifecycle_cancel_open",
]
BALANCE = {"KRW": Decimal("50000.47088291")}
NEWER_KEYS = {"smp_type"}
"""Always there since 2026-11-09; the recordings are of March."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def interactions(name: str) -> list[dict[str, Any]]:
    file = recordings() / "upbit" / "rest" / f"{name}.yaml"
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    return found


def shape(value: object) -> object:
    """The keys in their order and the kinds of a JSON value, without what is newer than the recordings."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items() if key not in NEWER_KEYS]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "uuid" if isinstance(value, str) and _UUID.fullmatch(value) else type(value).__name__


def words(value: object) -> Iterator[tuple[str, object]]:
    """The values that are the same at any time: states, kinds, prices, fees. Not balances, times and names."""
    if isinstance(value, dict):
        same = value.keys() - {"uuid", "created_at", "order_types"}
        yield from ((key, value[key]) for key in sorted(same) if not isinstance(value[key], dict | list))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from words(inner)


async def replay(venue: UpbitVenue, request: dict[str, Any], names: dict[str, str]) -> Answer:
    """Send a recorded request, with our names of the orders in place of the recorded ones."""
    parts = urlsplit(request["uri"])
    query = _UUID.sub(lambda found: names[found[0]], parts.query)
    path = f"{parts.path}?{query}" if query else parts.path
    if request["method"] != "POST":
        return await venue.send(request["method"], path, None, venue.signer.token(unquote(query)))
    signed = "&".join(f"{key}={value}" for key, value in json.loads(request["body"]).items())
    return await venue.send("POST", path, request["body"].encode(), venue.signer.token(signed))


async def prepare(venue: UpbitVenue, name: str) -> None:
    """Bring the venue to where it was when the conversation began."""
    if name == "orders/list_closed":
        for recorded in reversed(json.loads(interactions(name)[0]["response"]["body"]["string"])):
            _, created, _ = await venue.buy(price=recorded["price"])
            await venue.delete("/v1/order", ("uuid", created["uuid"]))
            await venue.order_when("cancel", uuid=created["uuid"])


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_recorded_conversation_goes_the_same_way_again(name: str) -> None:
    names: dict[str, str] = {}
    async with a_lively_upbit(balances=BALANCE) as venue:
        await prepare(venue, name)
        for interaction in interactions(name):
            recorded = interaction["response"]
            wanted = json.loads(recorded["body"]["string"])
            status, body, headers = await replay(venue, interaction["request"], names)
            if isinstance(wanted, dict) and "uuid" in wanted:
                names[wanted["uuid"]] = body["uuid"]

            assert status == recorded["status"]["code"]
            assert shape(body) == shape(wanted)
            assert [pair for pair in words(body) if pair[0] not in NEWER_KEYS] == list(words(wanted))
            assert headers["Content-Type"] == recorded["headers"]["Content-Type"][0]
            group = recorded["headers"]["Remaining-Req"][0].partition(";")[0]
            assert headers["Remaining-Req"].startswith(f"{group}; min=")


def test_no_recorded_conversation_is_left_out() -> None:
    folder = recordings() / "upbit" / "rest"
    found = {f"{sub}/{file.stem}" for sub in ("orders", "accounts") for file in (folder / sub).glob("*.yaml")}

    assert found == set(CONVERSATIONS)
