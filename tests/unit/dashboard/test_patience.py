"""Who connects and says nothing, or speaks slowly, is not waited for without end; who waits for an answer is."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from arbitrage.dashboard.patience import ImpatientProtocol, TooSlow, body_of
from tests.live_daemon import until

HEAD_S = 0.1
ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Impatient(ImpatientProtocol):
    """The same, for people with less time."""

    head_s = HEAD_S


async def slow_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after three times as long as a head may take."""
    await asyncio.sleep(3 * HEAD_S)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(slow_app, port=0, http=Impatient, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started, 5, "the server")
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_who_connects_and_does_not_ask_is_let_go(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)

    async with asyncio.timeout(5):
        assert await reader.read() == b""

    writer.close()


async def test_who_waits_for_an_answer_gets_it_and_may_ask_again_but_not_dawdle(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(ASKED)
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(2) == b"ok"
    writer.write(ASKED[:-2])

    async with asyncio.timeout(5):
        assert await reader.read() == b""

    writer.close()


async def test_a_body_that_drips_is_not_waited_for() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(TooSlow):
        await body_of(drip, 4_096, wait_s=0.05)
    assert await body_of(drip, 3) is None
