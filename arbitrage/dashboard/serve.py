"""`arbitrage dashboard`: starts the server on its own. It reads Redis, and has neither keys nor an engine."""

import sys

import structlog
import uvicorn

from arbitrage.clock import SystemClock
from arbitrage.dashboard.actions import Actions
from arbitrage.dashboard.app import build, page_host
from arbitrage.dashboard.connection import Connection
from arbitrage.dashboard.page.mount import mount
from arbitrage.dashboard.parts import Parts
from arbitrage.dashboard.patience import ImpatientProtocol
from arbitrage.dashboard.reader import Reader
from arbitrage.dashboard.requests import Hosts
from arbitrage.dashboard.sessions import Entrance
from arbitrage.dashboard.tokens import Tokens
from arbitrage.domain.errors import ConfigurationError
from arbitrage.redaction import conceal_settings
from arbitrage.settings import Settings, is_loopback
from arbitrage.state.keys import RedisAddress
from arbitrage.telemetry.alert_targets import make_sender
from arbitrage.telemetry.log import configure
from arbitrage.telemetry.silence import SilenceWatch

log = structlog.get_logger()

_SOCKET_MESSAGE_LIMIT = 65_536  # bytes; what a page sends is a click or a line of text
_MOST_CONNECTIONS = 200


def main(settings: Settings, host: str, port: int) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns 0, or 1 if the server could not start or a part of it failed.

    Raises ConfigurationError if a token is missing or weak, or if there is no Redis to look at.
    """
    if settings.state == "memory":
        raise ConfigurationError("STATE: memory keeps the daemon's state to itself; there is nothing to show")
    tokens = Tokens.of(settings)
    conceal_settings(settings)
    configure(settings.log_level, settings.log_format)
    if not is_loopback(host):
        log.warning("dashboard_not_on_loopback", host=host, meaning="tokens travel unencrypted unless a proxy adds TLS")
    server = _server(settings.without_keys(), tokens, host, port)
    log.info("dashboard_starts", host=host, port=port, redis=str(RedisAddress.of(settings)))
    sys.stderr.flush()
    server.run()
    return 0 if server.started and not server.part_failed else 1


class _Server(uvicorn.Server):
    """A server that ends when a part of the dashboard does: what is started anew is better than half a page."""

    part_failed = False

    def give_up(self) -> None:
        self.part_failed = self.should_exit = True


def _server(settings: Settings, tokens: Tokens, host: str, port: int) -> _Server:
    clock = SystemClock()
    connection = Connection(RedisAddress.of(settings))
    reader = Reader(connection, settings.app_env, clock)
    parts = Parts(reader, Actions(connection, reader, clock), Entrance(tokens, clock), clock)
    sender = make_sender(settings.alert_urls, clock)
    watches = [SilenceWatch(RedisAddress.of(settings), settings.app_env, sender, clock).run] if sender else []

    def give_up() -> None:
        server.give_up()

    page = page_host([reader.run, *watches], give_up)
    mount(page, parts)
    config = uvicorn.Config(
        build(parts, Hosts(port, settings.dashboard_hosts), page),
        host=host,
        port=port,
        http=ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=_SOCKET_MESSAGE_LIMIT,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=2,
        access_log=False,  # addresses of sockets name their page, which is half of what it takes to speak for it
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    server = _Server(config)
    return server
