"""A thousand failures around our keys, and none of the keys in anything that we write, keep, send or print."""

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from redis import Redis

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.events import Event, OrderReply
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.keys import ApiKeys
from arbitrage.live_shell.binance_link import BinanceLink
from arbitrage.live_shell.boot_checks import BootChecks
from arbitrage.live_shell.links import VenueLink
from arbitrage.live_shell.readiness import balances_check, key_check
from arbitrage.live_shell.upbit_link import UpbitLink
from arbitrage.redaction import REDACTED, conceal_settings
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress
from arbitrage.status import read_status
from arbitrage.telemetry.crash_text import crash_text
from arbitrage.telemetry.log import configure
from arbitrage.wire.http import VenueFailed
from tests.background import beside
from tests.echoing_venue import EchoingVenue, an_echoing_venue
from tests.flight_builders import an_order
from tests.live_daemon import LiveDaemon, until
from tests.redis_server import RedisServer
from tests.webhook import Webhook, a_webhook

FAILURES: Final = 1_000
WORD: Final = "c4n4ry"
CANARIES: Final = {
    "UPBIT_API_KEY": f"7Qm2Wx9Zr4Tb{WORD}UpbitAccess6Ny8Kd1Hs5",
    "UPBIT_SECRET_KEY": f"3Vf5Hj7Lp9Sg{WORD}UpbitSecret2Ra4Ec6Wm8",
    "BINANCE_API_KEY": f"0123456789abcdefghijkl{WORD}BinanceAccessmnopqrstuvwxyzABCDEFG",
    "BINANCE_SECRET_KEY": f"9876543210zyxwvutsrqpo{WORD}BinanceSecretnmlkjihgfedcbaGFEDCBA",
}
"""Keys as the venues make them. The word that is looked for lies in their middle: no cut can leave it there alone."""


class HurriedClock:
    """A second passes whenever somebody looks: no limit on requests holds a failure back."""

    def __init__(self) -> None:
        self._at = SystemClock().now()

    def now(self) -> Instant:
        self._at = Instant(self._at + NS_PER_S)
        return self._at


class Outside:
    """Everything that others can see of a daemon: log, Redis, files, alerts, status, what is printed."""

    def __init__(self, settings: Settings, lines: StringIO, redis: Redis, hook: Webhook) -> None:
        self.settings = settings
        self.lines = lines
        self.hook = hook
        self.told: list[str] = []
        self.failures = 0
        self._redis = redis

    def tell(self, what: object) -> None:
        """Take what a person or a program was told of one failure."""
        self.failures += 1
        self.told.append(str(what))

    async def everything(self) -> dict[str, str]:
        status = await asyncio.to_thread(read_status, self.settings)
        files = [path for path in self.settings.state_dir.rglob("*") if path.is_file()]
        return {
            "log": self.lines.getvalue(),
            "redis": "\n".join(self._dumped()),
            "files": "\n".join(f"{path} {path.read_bytes()!r}" for path in files),
            "status": str(status),
            "alerts": json.dumps(self.hook.posted),
            "told": "\n".join(self.told),
        }

    def _dumped(self) -> Iterator[str]:
        names: Any = self._redis.keys("*")
        for name in names:
            kind: Any = self._redis.type(name)
            read: dict[bytes, Callable[[bytes], Any]] = {
                b"string": self._redis.get,
                b"hash": self._redis.hgetall,
                b"stream": self._redis.xrange,
                b"set": self._redis.smembers,
                b"list": lambda key: self._redis.lrange(key, 0, -1),
                b"zset": lambda key: self._redis.zrange(key, 0, -1),
            }
            yield f"{name} {read[kind](name)!r}"


@pytest.fixture
def lines() -> StringIO:
    stream = StringIO()
    configure("DEBUG", "json", stream)
    return stream


def the_environment(venue: EchoingVenue, hook: Webhook, redis: RedisAddress, folder: Path) -> dict[str, str]:
    return {
        **CANARIES,
        "LIVE_MODE": "true",
        "DRY_RUN": "false",
        "RISK_MAX_POSITION_SIZE": "300000",
        "RISK_MAX_DAILY_LOSS": "100000",
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "STATE_DIR": str(folder),
        "PAIRS": "BTC",
        "UPBIT_REST_URL": venue.rest_url,
        "UPBIT_WS_URL": venue.ws_url,
        "BINANCE_REST_URL": venue.rest_url,
        "BINANCE_WS_URL": venue.ws_url,
        "BINANCE_WS_API_URL": venue.ws_url,
        "REFERENCE_RATE_URL": venue.rest_url,
        "METRICS_PORT": "0",
        "ALERT_URLS": f"{hook.address} json://desk-1-{WORD}-user:Passw0rd-{WORD}-42@127.0.0.1:1/hook-{WORD}-0a1b2c3d",
    }


@asynccontextmanager
async def links_to(venue: EchoingVenue, hear: Callable[[Event], None]) -> AsyncIterator[tuple[VenueLink, ...]]:
    """Both accounts with the canaries as keys, each with its connections and its private stream."""
    clock = HurriedClock()
    upbit = ApiKeys(CANARIES["UPBIT_API_KEY"], CANARIES["UPBIT_SECRET_KEY"])
    binance = ApiKeys(CANARIES["BINANCE_API_KEY"], CANARIES["BINANCE_SECRET_KEY"])
    links: tuple[VenueLink, ...] = (
        UpbitLink(venue.rest_url, venue.ws_url, upbit, clock, hear),
        BinanceLink(venue.rest_url, venue.ws_url, binance, clock, hear),
    )
    async with beside(*(work for link in links for _, work in link.work())):
        yield links


async def fail_to_trade(venue: EchoingVenue, outside: Outside, times: int) -> None:
    """Send, ask and cancel orders until so many replies have come, each with what we had sent in it."""
    heard: list[Event] = []
    async with links_to(venue, heard.append) as links:
        binance = an_order("arb-abc123-7-1-b-1", venue=Venue.BINANCE, symbol="BTCUSDT", limit_price=Decimal(85_000))
        orders = {Venue.UPBIT: an_order(), Venue.BINANCE: binance}
        asked_until = venue.asked + times
        while venue.asked < asked_until:
            for link in links:
                order = orders[link.venue]
                link.orders.send(order)
                link.orders.ask(order)
                link.orders.cancel(order)
            await asyncio.sleep(0.002)
    for event in heard:
        structlog.get_logger().warning("told", venue_said=event)
        outside.tell(event)
    assert any(isinstance(event, OrderReply) for event in heard)


async def fail_to_ask(venue: EchoingVenue, outside: Outside) -> None:
    """Ask both venues everything that is asked of an account, and make the checks before the first order."""
    async with links_to(venue, lambda event: None) as links:
        for link in links:
            questions: tuple[Callable[[], Awaitable[object]], ...] = (
                link.balances,
                link.open_orders,
                link.key_problems,
                lambda link=link: link.terms("KRW-BTC"),  # type: ignore[misc]
                lambda link=link: link.orders_since(["KRW-BTC"], Instant(SystemClock().now() - NS_PER_S)),  # type: ignore[misc]
            )
            for question in questions:
                try:
                    outside.tell(await question())
                except VenueFailed as failure:
                    structlog.get_logger().error("not_asked", exc_info=failure)
                    outside.tell(failure)
        checks = BootChecks(
            [each(link) for link in links for each in (key_check, balances_check)], SystemClock(), lambda event: None
        )
        outside.tell(await checks.problems())


def fail_to_start(outside: Outside, environment: dict[str, str], times: int) -> None:
    """Give settings that are wrong in every variable, with a key where it does not belong."""
    names = [name.upper() for name in Settings.model_fields if name.upper() not in CANARIES]
    for number in range(times):
        wrong = {names[number % len(names)]: f"{CANARIES['UPBIT_SECRET_KEY']}\n{CANARIES['BINANCE_SECRET_KEY']}"}
        try:
            load_settings({**environment, **wrong}, None)
        except ConfigurationError as refused:
            outside.tell(refused)


def fail_in_code(outside: Outside, settings: Settings, times: int) -> None:
    """Let something break with a key in its hands: exceptions, arguments, warnings, objects that are logged."""
    log = structlog.get_logger()
    for number in range(times):
        name, canary = list(CANARIES.items())[number % len(CANARIES)]
        try:
            raise RuntimeError(f"{number}: GET /order?apiKey={canary}&x=1 with {canary!r}", {name: canary}, canary[4:])
        except RuntimeError as failure:
            log.error("broke", exc_info=failure, keys=ApiKeys(canary, canary), settings=settings, part=canary[:20])
            logging.getLogger("library").warning("failed with %s", failure, exc_info=failure)
            outside.tell(crash_text(failure))


def fail_in_libraries(outside: Outside, signed: set[str]) -> None:
    """Let a library warn of a request as it was sent, signature, token and all."""
    library = logging.getLogger("library")
    for one in sorted(signed)[:60]:
        sent = f"https://api.example.com/order?symbol=BTCUSDT&signature={one}", {"Authorization": f"Bearer {one}"}
        library.warning("retrying %s with %s", *sent)
        outside.tell("warned")


CRASH: Final = """
import asyncio, logging, os, sys, threading, warnings
from arbitrage.redaction import conceal_environment
from arbitrage.telemetry.crash_text import clean_crashes
from arbitrage.telemetry.log import configure
conceal_environment(os.environ)
clean_crashes()
if sys.argv[1] == "daemon":
    configure("DEBUG", "json")
canary = os.environ["BINANCE_SECRET_KEY"]
class Dying:
    def __del__(self):
        raise ValueError(canary)
def broken():
    raise KeyError(canary)
async def forgotten():
    async def fails():
        raise OSError(canary)
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
if sys.argv[1] == "daemon":
    thread = threading.Thread(target=broken); thread.start(); thread.join()
    Dying()
    warnings.warn(canary)
    asyncio.run(forgotten())
broken()
"""


def crash(environment: dict[str, str], *what: str) -> str:
    """Let a process of ours die with a key in its hands, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *what], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


async def test_a_thousand_failures_show_no_secret(
    shared_redis: RedisServer, tmp_path: Path, app_env: str, lines: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    redis: Redis = Redis(host=shared_redis.address.host, port=shared_redis.address.port, socket_timeout=2, protocol=2)
    async with an_echoing_venue() as venue, a_webhook() as hook:
        environment = the_environment(venue, hook, shared_redis.address, tmp_path) | {"APP_ENV": app_env}
        settings = load_settings(environment, None)
        conceal_settings(settings)  # as `arbitrage run` does first
        outside = Outside(settings, lines, redis, hook)
        daemon = LiveDaemon(settings)
        daemon.start()
        await fail_to_trade(venue, outside, 300)
        await fail_to_ask(venue, outside)
        fail_to_start(outside, environment, 100)
        fail_in_code(outside, settings, 120)
        fail_in_libraries(outside, venue.signed)
        for printed in await asyncio.gather(
            asyncio.to_thread(crash, environment, "-c", CRASH, "command"),  # before there is a log
            asyncio.to_thread(crash, environment, "-c", CRASH, "daemon"),
            asyncio.to_thread(crash, environment | {"REDIS_PORT": "x"}, "-m", "arbitrage.cli", "run"),
        ):
            outside.tell(printed)
        await until(lambda: hook.posted, 10, "an alert")
        seen = await outside.everything()
        await daemon.stop()
        gc.collect()
        seen |= await outside.everything()
        seen["printed"] = "".join(capfd.readouterr())
    redis.close()

    assert outside.failures >= FAILURES
    assert len(venue.signed) > 50
    assert sum(text.count(REDACTED) for text in seen.values()) > FAILURES
    for place, text in seen.items():
        assert WORD not in text.lower(), f"{place}: …{_around(text, WORD)}…"
        for signed in venue.signed:
            assert signed not in text, f"{place}: …{_around(text, signed)}…"


def _around(text: str, what: str) -> str:
    at = text.lower().find(what.lower())
    return text[max(0, at - 300) : at + 100]
