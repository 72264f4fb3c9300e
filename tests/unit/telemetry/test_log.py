"""What a person who only watches the log gets to see."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import structlog

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.domain.views import EdgeLine, EngineView
from arbitrage.telemetry.log import MOST_PAIRS, LineLogger, LogSink, processors
from tests.clocks import NOON
from tests.plan_builders import a_refusal, a_submission, a_view, an_end

SPEAK = """
import logging, structlog
from arbitrage.telemetry.log import configure
configure({level!r}, {fmt!r})
log = structlog.get_logger()
log.debug("whispered")
log.info("[SHADOW_LIVE] order", venue="upbit")
logging.getLogger("ccxt").warning("slow %s", "down\\nnow")
logging.getLogger("ccxt").info("not told")
"""


def spoken(level: str, fmt: str | None) -> list[str]:
    done = subprocess.run([sys.executable, "-c", SPEAK.format(level=level, fmt=fmt)], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


class Heard:
    """A log sink, and the events that it told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sink = LogSink(structlog.wrap_logger(self, processors=processors("json")))

    def info(self, line: str) -> None:
        self.lines.append(line)

    warning = info

    def events(self) -> list[dict[str, Any]]:
        return [{k: v for k, v in json.loads(line).items() if k not in ("timestamp", "level")} for line in self.lines]


def test_json_lines_begin_with_time_level_and_event() -> None:
    first, library = (json.loads(line) for line in spoken("INFO", "json"))

    assert list(first) == ["timestamp", "level", "event", "venue"]
    assert first["timestamp"].endswith("Z")
    assert first["event"] == "[SHADOW_LIVE] order"
    assert (library["library"], library["level"], library["text"]) == ("ccxt", "warning", "slow down\\x0anow")


def test_a_pipe_gets_json_and_console_has_no_colours_in_it() -> None:
    assert all(line.startswith("{") for line in spoken("INFO", None))
    assert not any("\x1b" in line or line.startswith("{") for line in spoken("INFO", "console"))


def test_the_level_decides_what_is_told() -> None:
    assert len(spoken("DEBUG", "json")) == 3
    assert len(spoken("WARNING", "json")) == 1


def test_a_closed_stream_silences_the_log_and_nothing_else(tmp_path: Any) -> None:
    stream = (tmp_path / "log").open("w")
    stream.close()

    LineLogger(stream).msg("into the void")


def test_a_refusal_is_told_with_every_reason() -> None:
    heard = Heard()
    heard.sink.publish(a_refusal(times=7))

    assert heard.events() == [
        {
            "event": "opportunity_refused",
            "base": "BTC",
            "direction": "sell_upbit",
            "net_edge_bps": 4.2,
            "reasons": ["edge_too_small: 4.2 bps (limit 10 bps)", "fx_too_old: 40,000 ms (limit 30,000 ms)"],
            "times": [7, 7],
        }
    ]


def test_frames_that_could_not_be_believed_are_told_once_a_minute() -> None:
    heard = Heard()
    for second, rejected in ((0, 0), (30, 40), (60, 50), (90, 70), (120, 70)):
        view = a_view(Instant(NOON + second * NS_PER_S))
        venues = {name: replace(line, rejected=rejected) for name, line in view.venues.items() if name == "upbit"}
        heard.sink.publish(Publish(replace(view, venues=venues)))

    told = [event for event in heard.events() if event["event"] == "books_not_believed"]
    assert [(event["venue"], event["frames"]) for event in told] == [("upbit", 50), ("upbit", 20)]


def test_the_end_of_a_plan_is_told_with_its_result() -> None:
    heard = Heard()
    heard.sink.publish(a_submission())
    heard.sink.publish(ReportPlanEnd(an_end("p-1", result=-12_345_600)))

    (told,) = heard.events()
    assert (told["event"], told["plan_id"], told["outcome"]) == ("plan_ended", "p-1", "both")
    assert (told["result_krw"], told["expected_krw"]) == ("-1234.56", "1704.0071")


def test_of_hundreds_of_pairs_the_log_shows_those_that_are_nearest_to_trading() -> None:
    heard = Heard()
    edges = tuple(
        EdgeLine(base=f"C{n}", direction="sell_upbit", bps=None if n == 7 else float(n), best_today_bps=None)
        for n in range(MOST_PAIRS * 25)
    )

    heard.sink.publish(Publish(replace(a_view(), edges=edges)))

    told = [event["base"] for event in heard.events() if event["event"] == "market"]
    assert told == [edge.base for edge in reversed(edges)][:MOST_PAIRS]


def test_prices_and_edges_are_told_every_five_seconds_of_event_time() -> None:
    heard = Heard()
    for tenth in range(0, 120, 3):
        heard.sink.publish(Publish(a_view(Instant(NOON + tenth * 100 * NS_PER_MS))))

    told = [event for event in heard.events() if event["event"] == "market"]
    first = told[0]
    assert len(told) == 3
    assert first == {
        "event": "market",
        "base": "BTC",
        "upbit_bid_krw": 120_000_000.0,
        "upbit_ask_krw": 120_010_000.0,
        "binance_bid_usdt": 84_999.99,
        "binance_ask_usdt": 85_000.01,
        "fx_bid_krw": 1_399.0,
        "fx_ask_krw": 1_400.0,
        "edge_sell_upbit_bps": 4.2,
        "edge_buy_upbit_bps": None,
        "upbit": "good",
        "binance": "good",
        "accepting": True,
    }


def test_a_pair_without_books_is_told_too() -> None:
    heard = Heard()
    view = a_view(Instant(NOON + NS_PER_S))
    bare = {name: getattr(view, name) for name in EngineView.__dataclass_fields__} | {"venues": {}}
    heard.sink.publish(Publish(EngineView(**bare)))

    assert heard.events()[0]["upbit_bid_krw"] is None
    assert heard.events()[0]["upbit"] == "none"
