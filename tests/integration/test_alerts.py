"""A running daemon calls somebody, and is answered: through a real webhook, a real Redis and the mailbox."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from arbitrage.commands import ack
from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.views import EngineView
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress, StateKeys, namespace_of
from arbitrage.status import read_status
from tests.clocks import NOON
from tests.live_daemon import LiveDaemon, a_play_market, play_settings, until
from tests.operated_daemon import OperatedDaemon
from tests.redis_server import RedisServer
from tests.webhook import PATH, Webhook, a_webhook

SENT_WITHIN_S = 5.0


class Watched:
    """A daemon in Shadow on the sandbox, its webhook, and a look at its Redis."""

    def __init__(self, settings: Settings, hook: Webhook, redis: RedisServer) -> None:
        self.settings = settings
        self.hook = hook
        self.daemon = LiveDaemon(settings)
        self.keys = StateKeys(namespace_of("shadow", settings.app_env))
        self.redis: Redis = Redis(host=redis.address.host, port=redis.address.port, socket_timeout=2, protocol=2)

    def ask(self, command: str, **fields: str) -> None:
        self.redis.xadd(self.keys.commands, {"do": command, "who": "page", "why": "a test", **fields})

    def alerts(self) -> list[Alert]:
        held: Any = self.redis.hvals(self.keys.alerts)
        return [msgspec.json.decode(row, type=Alert) for row in held]

    def alert(self, kind: str) -> Alert | None:
        return next((alert for alert in self.alerts() if alert.kind == kind), None)

    def view(self) -> EngineView | None:
        raw: Any = self.redis.get(self.keys.view)
        return msgspec.json.decode(raw, type=EngineView) if raw else None

    async def until_sent(self, kind: str) -> None:
        await until(lambda: any(kind in title for title in self.hook.titles), 20, f"a message of {kind}")


@pytest.fixture
async def watched(shared_redis: RedisServer, tmp_path: Path, app_env: str) -> AsyncIterator[Watched]:
    async with a_webhook() as hook, a_play_market() as market:
        given = {"LIVE_MODE": "false", "APP_ENV": app_env, "ALERT_URLS": hook.address, "ALERT_ACK_REQUIRED": "true"}
        watched = Watched(play_settings(market.sandbox, shared_redis, tmp_path, **given), hook, shared_redis)
        watched.daemon.start()
        await watched.until_sent("started")
        yield watched
        if watched.daemon.task and not watched.daemon.task.done():
            await watched.daemon.stop()
        watched.redis.close()


async def test_a_halt_by_the_page_reaches_a_phone_and_its_answer_comes_back(watched: Watched) -> None:
    began = time.perf_counter()
    watched.ask("halt")
    await watched.until_sent("operator")
    sent_after_s = watched.hook.arrived_at[-1] - began
    await until(lambda: (found := watched.alert("operator")) and found.sent, 5, "the alert in Redis, sent")
    watched.ask("ack")
    await until(lambda: not any(alert.is_open for alert in watched.alerts()), 5, "the answer in Redis")

    seen = watched.alert("operator")
    message = next(message for message in watched.hook.posted if "operator" in message["title"])
    acts: Any = watched.redis.xrange(watched.keys.alert_log)
    assert sent_after_s < SENT_WITHIN_S
    assert seen is not None
    assert seen.acked_by == "page"
    assert seen.text.endswith("operator, stopped by page: a test")
    assert "docs/runbook.md#operator" in message["message"]
    assert [row[b"act"] for _, row in acts if b"operator" in row[b"row"]] == [b"raised", b"sent", b"acked"]


async def test_the_command_line_answers_through_the_mailbox(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.ask("halt")
    await until(lambda: watched.alert("operator"), 5, "the alert")
    alert = watched.alert("operator")
    assert alert is not None
    wrong = asyncio.to_thread(ack.main, watched.settings, "0-99", "looking at it")
    with pytest.raises(ConfigurationError, match="is not open; what is open: .*" + alert.id):
        await wrong
    code = await asyncio.to_thread(ack.main, watched.settings, alert.id, "looking at it")
    status = await asyncio.to_thread(read_status, watched.settings)
    journal: Any = watched.redis.xrange(watched.keys.journal)

    assert code == 0
    assert f"acknowledged: {alert.id} operator:" in capsys.readouterr().out
    assert alert.id not in {row["id"] for row in status["alerts"]}
    assert status["alert_targets"]["1:json"]["problem"] == ""
    assert any(b'"acknowledged"' in row[b"row"] and b"looking at it" in row[b"row"] for _, row in journal)


def test_what_somebody_wrote_into_an_alert_cannot_take_the_terminal_over(
    redis_address: RedisAddress, app_env: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = StateKeys(namespace_of("shadow", app_env))
    given = {"REDIS_HOST": redis_address.host, "REDIS_PORT": str(redis_address.port), "APP_ENV": app_env}
    settings = load_settings({**given, "STATE_DIR": str(tmp_path)}, None)
    evil = Alert(
        id="1-1", at=NOON, severity=Severity.INFO, kind="x", text="\x1b[2J\n\u202e" * 999, runbook="", last_at=NOON
    )
    seen = replace(evil, acked_at=NOON)
    with (
        Redis(host=redis_address.host, port=redis_address.port) as redis,
        OperatedDaemon(
            tmp_path, when_told=lambda _: redis.hset(keys.alerts, "1-1", msgspec.json.encode(seen))
        ).running(),
    ):
        redis.hset(keys.heartbeat, "at", int(NOON))
        redis.hset(keys.alerts, "1-1", msgspec.json.encode(evil))
        code = ack.main(settings, "", "looking at it")
    (said,) = capsys.readouterr().out.splitlines()

    assert code == 0
    assert said.isprintable()
    assert len(said) < 2_000


async def test_a_target_that_hangs_holds_no_tick_up_and_an_end_is_told_on_purpose(watched: Watched) -> None:
    watched.hook.hangs = True
    watched.ask("halt")
    await until(lambda: watched.hook.tried > 1, 5, "a try that hangs")
    await until(watched.view, 5, "a view")
    first = watched.view()
    await until(lambda: (now := watched.view()) and first and now.at - first.at >= 2 * NS_PER_S, 10, "two more views")
    watched.hook.hangs = False
    await watched.until_sent("operator")
    await watched.daemon.stop()
    await watched.until_sent("stopped")

    stopped = watched.alert("stopped")
    assert stopped is not None
    assert stopped.severity.value == "info"


async def test_a_target_that_refuses_is_seen_in_status_and_nothing_shows_its_address(watched: Watched) -> None:
    watched.hook.status = 500
    watched.ask("halt")
    await until(lambda: _problem(watched), 10, "the problem in the status")
    watched.hook.status = 200
    await watched.until_sent("operator")
    await until(lambda: not _problem(watched), 15, "the end of the problem")
    log: Any = watched.redis.xrange(watched.keys.log)
    everything = str([log, watched.alerts(), watched.redis.hgetall(watched.keys.alert_targets)])

    assert PATH not in everything


def _problem(watched: Watched) -> str:
    targets = read_status(watched.settings)["alert_targets"]
    return str(targets["1:json"]["problem"]) if targets else ""


async def test_the_last_lines_of_the_log_are_in_redis(watched: Watched, lines: Any) -> None:
    watched.ask("halt")
    await until(lambda: _logged(watched, "halt_asked"), 5, "the line in Redis")

    line = _logged(watched, "halt_asked")[0]
    assert (line["who"], line["level"]) == ("page", "warning")


def _logged(watched: Watched, event: str) -> list[dict[str, Any]]:
    rows: Any = watched.redis.xrange(watched.keys.log)
    told = [msgspec.json.decode(row[b"line"]) for _, row in rows]
    return [line for line in told if line["event"] == event]
