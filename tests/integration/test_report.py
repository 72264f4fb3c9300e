"""`arbitrage report` on a real Redis: what the daemon's own rows come to, over midnight, cut off, and damaged."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from arbitrage.commands.report import main
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.intents import Intent, ReportGuard, ReportPlanEnd
from arbitrage.domain.plans import Outcome, PlanEnd
from arbitrage.report.facts import DayFacts, day_facts
from arbitrage.report.reading import read_day
from arbitrage.settings import Settings, load_settings
from arbitrage.state.keys import RedisAddress, RunFacts, StateKeys
from arbitrage.state.rows import CLOSED_PLANS, RowWriter
from tests.day_builders import DAY, NEXT_MORNING, a_trip, at, ended, the_day
from tests.plan_builders import a_refusal, a_submission


class Left:
    """What a daemon left in Redis, row by row, as Redis would have taken it at that time."""

    def __init__(self, address: RedisAddress, app_env: str) -> None:
        facts = RunFacts(mode="shadow", app_env=app_env, version="1.2.3", started_at=at("08:00"), pid=7)
        facts = replace(facts, limits={"max_daily_loss": "50000"})
        self.address = address
        self.keys = StateKeys(facts.namespace)
        self.redis = Redis(address.host, address.port)
        self._rows = RowWriter(self.keys, facts)
        self._written = 0
        self.write(self._rows.facts(), at("08:00"))
        self.write([self._rows.boot()], at("08:00"))
        self.write(self._rows.heartbeat(at("08:00")), at("08:00"))

    def tell(self, intent: Intent, when: Instant) -> None:
        self.write(self._rows.rows(intent), when)

    def end(self, *ends: PlanEnd, later_s: float = 0.0) -> None:
        for end in ends:
            self.tell(ReportPlanEnd(end), Instant(end.at + round(later_s * NS_PER_S)))

    def write(self, commands: list[Any], when: Instant) -> None:
        for command in commands:
            self._written += 1
            row_id = f"{when // NS_PER_MS}-{self._written}"
            words = [row_id if word == "*" and command[0] == "XADD" else word for word in command]
            self.redis.execute_command(*words)

    def read(self, day: str = DAY, now: Instant = NEXT_MORNING) -> DayFacts:
        return day_facts(read_day(self.address, self.keys.namespace, day, now))


@pytest.fixture
def left(redis_address: RedisAddress, app_env: str):
    state = Left(redis_address, app_env)
    yield state
    state.redis.close()


@pytest.fixture
def settings(redis_address: RedisAddress, app_env: str) -> Settings:
    given = {"REDIS_HOST": redis_address.host, "REDIS_PORT": str(redis_address.port), "APP_ENV": app_env}
    return load_settings(given, env_file=None)


def test_a_day_is_read_back_as_it_was_written(left: Left) -> None:
    left.tell(a_submission("p-1", at("09:00")), at("09:00"))
    left.end(ended("09:01", 1_500, neutral_ms=40))
    left.tell(a_refusal(at("10:00"), times=7), at("10:00"))
    left.tell(ReportGuard(at("11:00"), 1, DAY, (a_trip("11:00"),), ()), at("11:00"))
    left.end(ended("14:00", -4_000, outcome=Outcome.ONE_LEG))
    facts = left.read()

    assert (facts.day, facts.mode, facts.is_over, facts.starts) == (DAY, "shadow", True, 1)
    assert (facts.total.plans, facts.total.result_krw) == (2, Decimal(-2_500))
    assert facts.orders == {"binance open": 1, "upbit open": 1}
    assert facts.refusals == {"edge_too_small": 7, "fx_too_old": 7}
    assert [stop.name for stop in facts.stops] == ["venue_errors"]
    assert facts.daily_limit_krw == 50_000
    assert facts.notes == ()


def test_a_plan_belongs_to_the_day_on_which_it_ended_however_late_redis_heard_of_it(left: Left) -> None:
    day = the_day()
    last, first = (replace(ended("12:00"), at=Instant(instant)) for instant in (day.end - 1, day.end))
    left.end(first)
    left.end(replace(last, plan=replace(last.plan, plan_id="last")), later_s=1_800)
    facts = left.read()

    assert [plan.plan_id for plan in facts.plans] == ["last"]
    assert facts.notes == ()


def test_more_plans_than_a_page_are_all_read(left: Left) -> None:
    pipe = left.redis.pipeline()
    row = msgspec.json.encode(ended("09:00", 1))
    for number in range(1_234):
        pipe.xadd(left.keys.plans_closed, {"row": row}, id=f"{at('09:00') // NS_PER_MS}-{number + 10}")
    pipe.execute()

    assert left.read().total.plans == 1_234


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b'{"plan": null}',
        msgspec.json.encode(ended("09:00", base="<script>")),
        msgspec.json.encode(replace(ended("09:00"), plan=replace(ended("09:00").plan, expected_krw=Decimal("NaN")))),
        *(
            msgspec.json.encode(replace(ended("09:00"), binance_fill=replace(ended("09:00").binance_fill, fee=fee)))
            for fee in (Decimal("1e999999"), Decimal("-1e400"))
        ),
        msgspec.json.encode(replace(ended("09:00"), plan=replace(ended("09:00").plan, decided_at=Instant(-(10**25))))),
    ],
)
def test_a_row_that_cannot_be_understood_does_not_hide_the_others(left: Left, row: bytes) -> None:
    left.end(ended("08:30"))
    left.redis.xadd(left.keys.plans_closed, {"row": row}, id=f"{at('09:00') // NS_PER_MS}-99")
    facts = left.read()

    assert facts.total.plans == 1
    assert facts.notes == ("1 rows could not be understood and are left out; another version's?",)


def test_what_redis_no_longer_holds_is_said(left: Left) -> None:
    left.end(ended("09:00"), ended("10:00"))
    left.redis.xtrim(left.keys.plans_closed, maxlen=1, approximate=False)

    assert left.read().notes == ("the daemon counted 2 plans, 1 are still in Redis: these are told of here",)


def test_a_full_stream_that_begins_within_the_day_is_said(left: Left) -> None:
    pipe = left.redis.pipeline(transaction=False)
    for number in range(CLOSED_PLANS):
        pipe.xadd(left.keys.plans_closed, {"row": "x"}, id=f"{at('15:30') // NS_PER_MS}-{number + 1}")
    pipe.execute()

    assert "plans before 15:30 KST are gone: Redis keeps the newest 20,000" in left.read().notes


def test_the_command_prints_a_table_json_and_a_page(left: Left, settings: Settings, tmp_path: Path, capsys) -> None:
    left.end(ended("09:00", neutral_ms=3))
    page = tmp_path / "deep" / "day.html"

    assert main(settings, "", None, as_json=False) == 0
    assert "SHADOW" in capsys.readouterr().out
    assert main(settings, DAY, page, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["total"]["result_krw"], facts["plans"][0]["neutral_ms"]) == (1_500, 3.0)
    assert re.search("SHADOW 2024-03-05: .*1,500 KRW", page.read_text())


def test_without_a_daemon_there_is_nothing_to_tell(settings: Settings, capsys) -> None:
    assert main(settings, "", None, as_json=False) == 1
    assert "no daemon has run with this Redis" in capsys.readouterr().err


def test_what_is_no_day_is_a_wrong_usage(left: Left, settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="must be a day"):
        main(settings, "today or so", None, as_json=False)
