"""The door for Prometheus, on real sockets: it answers one question, and no way of asking harms the daemon."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from arbitrage.domain.intents import Publish
from arbitrage.domain.views import EngineView
from arbitrage.telemetry.metrics import Metrics
from arbitrage.telemetry.metrics_family import Picture
from arbitrage.telemetry.metrics_server import MOST_AT_ONCE, MetricsServer
from tests.clocks import NOON
from tests.live_daemon import until
from tests.plan_builders import a_view
from tests.state_desk import facts

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Peer:
    """A raw connection to the server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the status, 0 where the reply has none, and the whole reply."""
        with self.socket:
            self.socket.sendall(request)
            reply = b""
            try:
                while more := self.socket.recv(65_536):
                    reply += more
            except ConnectionResetError:  # it closed before it had read everything, which ends the reply as well
                pass
        return int(reply.split(b" ", 2)[1]) if reply.startswith(b"HTTP/") else 0, reply


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    registry = CollectorRegistry()
    Counter("frames", "Frames.", registry=registry).inc(3)
    served = MetricsServer(registry, "127.0.0.1", 0)
    yield served
    served.close()


def metrics() -> Metrics:
    def picture(view: EngineView | None) -> Picture:
        return Picture(at=NOON, facts=facts("test"), view=view)

    return Metrics(picture)


def test_a_scrape_is_answered_as_plain_text(server: MetricsServer) -> None:
    status, reply = Peer(server.port).ask(SCRAPE)

    assert status == 200
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in reply
    assert b"\nframes_total 3.0\n" in reply


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("localhost:9108", 200), ("127.0.0.1:9108", 200), ("127.8.8.8", 200), ("[::1]:9108", 200),
        ("evil.example:9108", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421), ("[", 421),
        ("", 421), ("10.0.0.1", 421), ("localhost@evil.example", 421),
    ],
)  # fmt: skip
def test_a_name_that_somebody_points_at_this_machine_is_not_ours(server: MetricsServer, name: str, status: int) -> None:
    request = f"GET /metrics HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()

    assert Peer(server.port).ask(request)[0] == status


def test_beyond_loopback_every_name_is_answered_to() -> None:
    served = MetricsServer(CollectorRegistry(), "0.0.0.0", 0)
    status, _ = Peer(served.port).ask(b"GET /metrics HTTP/1.1\r\nHost: arbitrage:9108\r\n\r\n")
    served.close()

    assert status == 200


def test_a_query_changes_nothing(server: MetricsServer) -> None:
    assert Peer(server.port).ask(b"GET /metrics?name[]=x HTTP/1.1\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", 404),
        (b"GET /metrics/../etc/passwd HTTP/1.1", 404),
        (b"GET http://[ HTTP/1.1", 404),
        (b"POST /metrics HTTP/1.1", 501),
        (b"DELETE /metrics HTTP/1.1", 501),
        (b"GET /metrics HTTP/9.9", 0),
        (b"\x16\x03\x01\x02\x00\x01", 0),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", 414),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 200, 431),
        (b"GET /metrics HTTP/1.1\r\nAccept: text/plain; version=abc", 200),
        (b"GET /metrics HTTP/1.1\r\nAccept: \xff\xfe\x00", 200),
    ],
    ids=lambda given: given[:24] if isinstance(given, bytes) else given,
)
def test_a_bad_request_is_refused_and_the_next_one_answered(
    server: MetricsServer, request_line: bytes, status: int
) -> None:
    with capture_logs() as told:
        found, _ = Peer(server.port).ask(request_line + b"\r\n\r\n")
        after, _ = Peer(server.port).ask(SCRAPE)

    assert found == status
    assert after == 200
    assert told == []


def test_nobody_learns_what_we_run_on(server: MetricsServer) -> None:
    assert b"Python" not in Peer(server.port).ask(b"GET / HTTP/1.1\r\n\r\n")[1]


def test_connections_that_say_nothing_do_not_add_up(server: MetricsServer) -> None:
    silent = [Peer(server.port) for _ in range(MOST_AT_ONCE)]
    time.sleep(0.2)  # until each has a thread of its own; nothing outside tells of it
    turned_away, _ = Peer(server.port).ask(SCRAPE)
    for peer in silent:
        peer.socket.close()
    deadline = time.perf_counter() + 5
    while Peer(server.port).ask(SCRAPE)[0] != 200:
        assert time.perf_counter() < deadline, "there was never room again"

    assert turned_away == 0


async def test_a_running_daemon_serves_its_newest_view_until_it_ends() -> None:
    told = metrics()
    told.publish(Publish(a_view()))
    with capture_logs() as diary:
        serving = asyncio.create_task(told.serve("127.0.0.1", 0))
        await until(lambda: diary, 5, "a word in the log")
        port = diary[0]["port"]
        status, reply = await asyncio.to_thread(lambda: Peer(port).ask(SCRAPE))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    assert status == 200
    assert b'arbitrage_mode{mode="shadow"} 1.0' in reply
    assert b"arbitrage_result_today_krw 2123.4567" in reply
    assert b"process_cpu_seconds_total" in reply
    with pytest.raises(ConnectionRefusedError):
        Peer(port)


async def test_a_port_that_is_taken_is_a_warning_and_not_the_end(server: MetricsServer) -> None:
    with capture_logs() as diary:
        serving = asyncio.create_task(metrics().serve("127.0.0.1", server.port))
        await until(lambda: diary, 5, "a word in the log")
        going_on = not serving.done()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    assert [(row["event"], row["log_level"]) for row in diary] == [("metrics_not_served", "warning")]
    assert going_on
    assert Peer(server.port).ask(SCRAPE)[0] == 200


async def test_an_address_that_is_not_ours_is_a_warning_too() -> None:
    with capture_logs() as diary:
        serving = asyncio.create_task(metrics().serve("192.0.2.1", 0))
        await until(lambda: diary, 5, "a word in the log")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    assert diary[0]["event"] == "metrics_not_served"
