"""What Upbit's websocket makes of a client's message."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.sandbox.upbit_numbers import Format
from arbitrage.sandbox.upbit_requests import Channel, Rejected, Wanted, channels, parse_request

LISTED = frozenset({"KRW-BTC", "KRW-ETH"})


def message(*items: object) -> str:
    return json.dumps(items)


TICKET = {"ticket": "t"}
BOOKS = {"type": "orderbook", "codes": ["KRW-BTC"]}


@pytest.mark.parametrize(
    ("case", "text", "name"),
    [
        ("not JSON", "hello", "WRONG_FORMAT"),
        ("not a list", '{"ticket":"t"}', "WRONG_FORMAT"),
        ("an empty list", "[]", "WRONG_FORMAT"),
        ("a list of texts", '["a"]', "WRONG_FORMAT"),
        ("nested beyond reason", "[" * 60_000, "WRONG_FORMAT"),
        ("no ticket", message(BOOKS), "NO_TICKET"),
        ("an empty ticket", message({"ticket": ""}, BOOKS), "NO_TICKET"),
        ("nothing wanted", message(TICKET), "NO_TYPE"),
        ("an item without a type", message(TICKET, {"codes": ["KRW-BTC"]}), "NO_TYPE"),
        ("an unknown type", message(TICKET, {"type": "fills", "codes": ["KRW-BTC"]}), "INVALID_PARAM"),
        ("no codes", message(TICKET, {"type": "trade"}), "NO_CODES"),
        ("empty codes", message(TICKET, {"type": "trade", "codes": []}), "NO_CODES"),
        ("codes that are numbers", message(TICKET, {"type": "trade", "codes": [1]}), "WRONG_FORMAT"),
        ("an unknown format", message(TICKET, BOOKS, {"format": "XML"}), "WRONG_FORMAT"),
    ],
)
def test_a_broken_rule_has_a_name(case: str, text: str, name: str) -> None:
    with pytest.raises(Rejected) as rejected:
        parse_request(text)

    assert rejected.value.name == name, case


@pytest.mark.parametrize(
    ("flags", "snapshot", "realtime"),
    [
        ({}, True, True),
        ({"is_only_realtime": True}, False, True),
        ({"isOnlyRealtime": True}, False, True),
        ({"is_only_snapshot": True}, True, False),
        ({"is_only_snapshot": "yes"}, True, True),
    ],
)
def test_a_client_may_want_only_the_first_or_only_the_rest(
    flags: dict[str, object], snapshot: bool, realtime: bool
) -> None:
    (wanted,) = parse_request(message(TICKET, {**BOOKS, **flags})).wanted

    assert (wanted.snapshot, wanted.realtime) == (snapshot, realtime)


@pytest.mark.parametrize(
    ("code", "depth"),
    [("KRW-BTC", 30), ("KRW-BTC.1", 1), ("KRW-BTC.15", 15), ("KRW-BTC.7", 30), ("KRW-BTC.", 30)],
)
def test_a_suffix_sets_the_depth_if_the_venue_knows_it(code: str, depth: int) -> None:
    wanted = Wanted("orderbook", (code,), snapshot=True, realtime=True)

    assert channels(wanted, Format.SIMPLE, LISTED) == [Channel("orderbook", "KRW-BTC", depth, Format.SIMPLE)]


def test_unknown_and_lower_case_codes_are_passed_over() -> None:
    wanted = Wanted("trade", ("krw-btc", "KRW-NOPE", "KRW-ETH"), snapshot=True, realtime=True)

    assert [channel.code for channel in channels(wanted, Format.DEFAULT, LISTED)] == ["KRW-ETH"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["ticket", "type", "codes", "format", "method", "level"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_message_is_understood_or_rejected(data: bytes) -> None:
    with suppress(Rejected):
        assert parse_request(data).ticket
