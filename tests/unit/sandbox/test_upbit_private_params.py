"""Parameters of Upbit's private side: what is signed is what was sent, without its encoding and in its order."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_params import Params, of_body, of_query


@pytest.mark.parametrize(
    ("raw", "signed"),
    [
        ("", ""),
        ("market=KRW-BTC&page=2", "market=KRW-BTC&page=2"),
        ("states[]=wait&states[]=watch", "states[]=wait&states[]=watch"),
        ("uuids%5B%5D=a&uuids%5B%5D=b", "uuids[]=a&uuids[]=b"),
        ("start_time=2026-11-22T12%3A00%3A00%2B09%3A00", "start_time=2026-11-22T12:00:00+09:00"),
        ("b=2&a=1", "b=2&a=1"),
        ("identifier=%ED%95%9C", "identifier=한"),
    ],
)
def test_a_query_is_signed_without_its_encoding(raw, signed):
    assert of_query(raw).signed == signed


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b"", ""),
        (b'{"market":"KRW-BTC","volume":"0.10"}', "market=KRW-BTC&volume=0.10"),
        (b'{"volume": 0.10, "b": true, "n": null}', "volume=0.10&b=true&n=null"),
        (b'{"uuids": ["a", "b"], "c": 1}', "uuids[]=a&uuids[]=b&c=1"),
        (b'{"identifier":"\\ud55c"}', "identifier=한"),
    ],
)
def test_a_body_is_signed_by_its_fields_in_order_and_numbers_as_they_are_written(body, signed):
    assert of_body(body).signed == signed


@pytest.mark.parametrize(
    "body", [b"market=KRW-BTC", b"[1]", b'"a"', b'{"a":', b'{"a":"\xff"}', b"[" * 9_000, b'{"a":"\\ud800"}']
)
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(Refused, match="invalid_parameter"):
        of_body(body)


@pytest.mark.parametrize(
    ("raw", "well_formed"), [("t=12%3A00", True), ("t=12:00", False), ("t=a+b", False), ("a[]=b", True)]
)
def test_values_must_be_percent_encoded(raw, well_formed):
    assert of_query(raw).well_formed is well_formed


def test_a_query_of_broken_bytes_can_still_be_written_down():
    assert of_query("a=\udcff").signed == "a=?"


def test_lists_are_read_by_their_brackets_and_by_commas():
    params = of_query("states[]=wait&states[]=watch&pairs=KRW-BTC%2CKRW-ETH&market=")

    assert params.many("states") == ["wait", "watch"]
    assert params.split("pairs") == ["KRW-BTC", "KRW-ETH"]
    assert params.get("market") is None


@pytest.mark.parametrize(("text", "count"), [("", 100), ("7", 7), ("100", 100), ("5000", 100)])
def test_a_count_is_kept_within_bounds(text, count):
    assert Params("", (("limit", text),)).count("limit", 100, 100) == count


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "９", "9999999999"])
def test_a_count_that_is_none_is_refused(text):
    with pytest.raises(Refused, match="validation_error"):
        Params("", (("limit", text),)).count("limit", 100, 100)


@pytest.mark.parametrize("text", ["0", "-1", "1e9", "NaN", "Infinity", "1_000", " 1", "0x1", "1" * 40])
def test_an_amount_that_is_none_is_refused(text):
    with pytest.raises(Refused, match="validation_error"):
        Params("", (("price", text),)).amount("price")


def test_an_amount_is_exact():
    assert Params("", (("price", "0.10000001"),)).amount("price") == Decimal("0.10000001")


@settings(deadline=None)
@given(raw=st.text())
def test_any_query_can_be_read_and_written_in_utf_8(raw):
    params = of_query(raw)
    written = params.signed.encode()

    assert isinstance(written, bytes)
    assert all(key.encode() is not None and value.encode() is not None for key, value in params.pairs)


@settings(deadline=None)
@given(body=st.binary())
def test_any_body_is_read_or_refused(body):
    with suppress(Refused):
        assert of_body(body).signed.encode() is not None
