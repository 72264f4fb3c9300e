"""A request is on the wire before `send` returns: the peer here is read without giving the event loop a turn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from random import Random
from threading import Thread

import pytest
import uvloop
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.wire.order_line import LineLimits, OrderLines
from tests.certificates import for_localhost
from tests.http_peer import GOOD, a_peer
from tests.venue_fakes import eventually

REQUEST = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
ONE = LineLimits(connections=1, connect_s=2.0, first_backoff_s=0.01, longest_backoff_s=0.02)


@contextmanager
def a_blocking_peer(tls) -> Iterator[tuple[int, SimpleQueue]]:
    """Accept one connection, TLS handshake included, on a thread; then leave it to whoever takes it from the queue."""
    taken, listening = SimpleQueue(), socket.create_server(("127.0.0.1", 0))

    def accept():
        peer, _ = listening.accept()
        peer.settimeout(2.0)
        taken.put(peer if tls is None else tls.wrap_socket(peer, server_side=True))

    thread = Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1], taken
    finally:
        thread.join()
        listening.close()


@contextmanager
def running(lines):
    task = asyncio.create_task(lines.run())
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_a_request_has_left_when_send_returns(new_loop, is_tls, tmp_path, monkeypatch):
    context, trusted = for_localhost(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    async def story(port, taken):
        scheme = "https" if is_tls else "http"
        lines = OrderLines("upbit", f"{scheme}://localhost:{port}", SystemClock(), Random(1), limits=ONE)
        told, seen = [], []
        with running(lines):
            await eventually(lambda: lines.idle)
            with taken.get() as peer:
                for _ in range(2):
                    lines.send(REQUEST, told.append, 2.0)
                    seen.append(peer.recv(4_096))  # blocks: the loop has no turn
                    peer.sendall(GOOD)
                    await eventually(lambda: lines.idle)
        return seen, [reply.body for reply in told]

    with a_blocking_peer(context if is_tls else None) as (port, taken), asyncio.Runner(loop_factory=new_loop) as runner:
        seen, bodies = runner.run(story(port, taken))

    assert seen == [REQUEST, REQUEST]
    assert bodies == [b"good", b"good"]


async def test_a_server_that_cannot_prove_who_it_is_hears_nothing(tmp_path):
    context, _ = for_localhost(tmp_path)
    async with a_peer(context) as peer:
        lines = OrderLines("upbit", f"https://localhost:{peer.port}", SystemClock(), Random(1), limits=ONE)
        with capture_logs() as logs, running(lines):
            await eventually(lambda: logs)
            sent = lines.send(REQUEST, pytest.fail, 1.0)

    assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["reason"]
    assert (sent, peer.requests) == (False, [])
