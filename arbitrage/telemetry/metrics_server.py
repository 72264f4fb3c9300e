"""The door through which Prometheus reads: GET /metrics, and nothing else. It runs in threads beside the event loop.

On loopback it answers to loopback's names only: a page from elsewhere whose own name somebody points at this machine
could read along otherwise (DNS rebinding).
"""

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, socket
from socketserver import TCPServer
from time import sleep
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

log = structlog.get_logger()

MOST_AT_ONCE: Final = 8
"""Connections that are served at the same time; who comes then is turned away."""

PATIENCE_S: Final = 5.0
"""How long a connection may say nothing."""

_POLL_S: Final = 0.1

_BREATH_S: Final = 0.0002
"""Long enough for a thread that waits to wake up; with 0 the lock is taken again before it does (measured)."""


class MetricsServer:
    """Serves a registry on an address, in threads of its own. Raises OSError if the address cannot be had."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._server = _Server(_Polite(registry), host, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that it listens at."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Listen no more. Takes a tenth of a second."""
        self._server.shutdown()
        self._server.server_close()


class _Polite(Collector):
    """A registry that lets other threads go first between two metrics: a scrape must not hold back a frame."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics (Collector)."""
        for metric in self._registry.collect():
            yield metric
            sleep(_BREATH_S)  # otherwise the event loop waits up to 5 ms for the interpreter's lock


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, registry: _Polite, host: str, port: int) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), partial(_Handler, registry, _is_this_machine(host)))

    def server_bind(self) -> None:
        """Bind, without asking a name server for our own name as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Serve a connection in a thread of its own, while there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system has no room for another thread
            self._room.release()
            raise

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Tell of what went wrong with a request; a connection that went away is no news."""
        if not isinstance(sys.exception(), OSError):
            log.error("metrics_request_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout: ClassVar[float | None] = PATIENCE_S
    server_version, sys_version = "arbitrage", ""

    def __init__(self, registry: _Polite, is_private: bool, *connection: Any) -> None:
        self._registry = registry
        self._is_private = is_private
        super().__init__(*connection)  # which answers the request

    def do_GET(self) -> None:
        """Answer with every metric, in one format for all: nothing of the request has to be understood for it."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, explain="the metrics are at /metrics")
            return
        if self._is_private and not _is_this_machine(_name_of(self.headers.get("Host", "localhost"))):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain="ask for localhost, or set METRICS_HOST")
            return
        body = generate_latest(self._registry)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(authority: str) -> str:
    """Return the host of a Host header, without its port; "" if it is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""
