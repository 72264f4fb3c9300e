import asyncio

import pytest
from msgspec import Struct

from arbitrage.domain.errors import VenueUnreachable
from arbitrage.wire.http import JsonHttp, VenueFailed
from tests.venue_fakes import FakeRest


class Thing(Struct):
    name: str


@pytest.fixture
async def rest():
    async with FakeRest() as server:
        yield server


async def failure_of(rest, path="/thing", **limits):
    async with JsonHttp("upbit", rest.url, **limits) as http:
        with pytest.raises(VenueUnreachable) as caught:
            await http.get(path, Thing)
    return caught.value


async def test_an_answer_is_decoded_into_the_shape_that_was_asked_for(rest):
    rest.answers["/thing"] = (200, b'{"name":"KRW-BTC","more":1}')

    async with JsonHttp("upbit", rest.url + "/") as http:
        thing = await http.get("/thing", Thing, {"symbols": '["A","B"]'})

    assert thing == Thing("KRW-BTC")
    assert rest.asked == [("/thing", {"symbols": '["A","B"]'})]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, b'{"error":{"name":404}}'), 'upbit: GET /thing answered 404: {"error":{"name":404}}'),
        ((503, b"<html>\n"), "upbit: GET /thing answered 503: <html>\\n"),
        ((200, b""), "upbit: GET /thing answered what cannot be read"),
        ((200, b'{"name":'), "upbit: GET /thing answered what cannot be read"),
        ((200, b'{"name":5}'), "upbit: GET /thing answered what cannot be read"),
        ((200, b'{"name":"\xff"}'), "upbit: GET /thing answered what cannot be read"),
        ((302, b"{}"), "upbit: GET /thing answered 302"),
    ],
)
async def test_a_useless_answer_is_one_line_that_names_venue_path_and_body(rest, answer, said):
    rest.answers["/thing"] = answer
    rest.answers["/elsewhere"] = (200, b'{"name":"a redirect was followed"}')

    failure = await failure_of(rest)

    assert str(failure).startswith(said)
    assert "\n" not in str(failure)


async def test_an_answer_that_is_too_large_is_not_taken(rest):
    rest.answers["/thing"] = (200, b'{"name":"' + b"x" * 300_000 + b'"}')

    failure = await failure_of(rest, max_body_bytes=100_000)

    assert str(failure) == "upbit: GET /thing answered more than 100000 bytes"


async def test_a_venue_that_does_not_answer_in_time_is_unreachable():
    hung_up = asyncio.Event()

    async def never_answer(reader, writer):
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    async with server:
        async with JsonHttp("binance", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", total_s=0.1) as http:
            with pytest.raises(VenueFailed, match=r"binance: GET /x failed: .*Timeout"):
                await http.get("/x", Thing)
        await hung_up.wait()


async def test_a_venue_that_is_not_there_is_unreachable(rest):
    async with JsonHttp("binance", "http://127.0.0.1:1") as http:
        with pytest.raises(VenueFailed, match="binance: GET /x failed"):
            await http.get("/x", Thing)
