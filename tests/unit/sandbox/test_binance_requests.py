"""What Binance's stream server makes of a client's message."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.sandbox.binance_requests import Refused, StreamRequest, parse_stream_request


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (
            '{"method":"SUBSCRIBE","params":["btcusdt@depth20@100ms"],"id":1}',
            StreamRequest("SUBSCRIBE", 1, streams=("btcusdt@depth20@100ms",)),
        ),
        ('{"method":"UNSUBSCRIBE","params":["a"],"id":"x-1"}', StreamRequest("UNSUBSCRIBE", "x-1", streams=("a",))),
        ('{"method":"LIST_SUBSCRIPTIONS"}', StreamRequest("LIST_SUBSCRIPTIONS", None)),
        (
            '{"method":"SET_PROPERTY","params":["combined",true],"id":5}',
            StreamRequest("SET_PROPERTY", 5, combined=True),
        ),
        ('{"method":"GET_PROPERTY","params":["combined"],"id":2}', StreamRequest("GET_PROPERTY", 2)),
    ],
)
def test_a_method_call_is_understood(text: str, request_: StreamRequest) -> None:
    assert parse_stream_request(text) == request_


@pytest.mark.parametrize(
    ("case", "text", "code", "request_id"),
    [
        ("not JSON", "hello", 3, None),
        ("nested beyond reason", "[" * 60_000, 3, None),
        ("a list", "[]", 2, None),
        ("no method", '{"id":1}', 2, 1),
        ("an unknown method", '{"method":"subscribe","id":1}', 2, 1),
        ("params that are no list", '{"method":"SUBSCRIBE","params":"a","id":1}', 2, 1),
        ("no streams", '{"method":"SUBSCRIBE","params":[],"id":1}', 2, 1),
        ("a stream that is a number", '{"method":"SUBSCRIBE","params":[1],"id":1}', 2, 1),
        ("an id that is an object", '{"method":"LIST_SUBSCRIPTIONS","id":{}}', 2, None),
        ("an id beyond 64 bits", '{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775808}', 2, None),
        ("an unknown property", '{"method":"GET_PROPERTY","params":["speed"],"id":1}', 0, 1),
        ("a property that is no text", '{"method":"GET_PROPERTY","params":[1],"id":1}', 2, 1),
        ("a value that is no boolean", '{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, 1),
    ],
)
def test_a_broken_rule_has_a_code(case: str, text: str, code: int, request_id: int | None) -> None:
    with pytest.raises(Refused) as refused:
        parse_stream_request(text)

    assert (refused.value.code, refused.value.request_id) == (code, request_id), case


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["method", "params", "id"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_message_is_understood_or_refused(data: bytes) -> None:
    with suppress(Refused):
        parse_stream_request(data)
