"""The page and its drawings: what people see of a run, and that what they typed stays text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.plans import Outcome as PlanOutcome
from arbitrage.kst import at_kst
from arbitrage.paper.batch import Job, broken
from arbitrage.paper.outcome import Outcome
from arbitrage.paper.report import make_folder, page, write_report
from arbitrage.paper.scenario_time import start_of
from tests.outcome_builders import a_check, a_job, a_scenario, an_outcome
from tests.plan_builders import an_end

START = start_of(a_scenario())
VOID = {"meta", "path", "circle"}
"""Elements that end by themselves; in SVG those that we close at once."""


class Reader(HTMLParser):
    """Reads a page as a browser would; complains where an end is missing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def paths(self, kind: str) -> list[str]:
        """Return the drawn paths of a class."""
        return [
            attrs["d"] or ""
            for tag, attrs in self.elements
            if tag == "path" and kind in (attrs.get("class") or "").split()
        ]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def read(*outcomes: Outcome, **scenario: object) -> Reader:
    reader = Reader("".join(page({outcome.file: a_scenario(**scenario) for outcome in outcomes}, outcomes)))
    assert reader.open == []
    return reader


def at(second: float) -> Instant:
    return Instant(START + round(second * NS_PER_S))


def test_a_page_tells_each_scenario_with_its_checks() -> None:
    good = an_outcome(a_check(), name="one")
    bad = an_outcome(a_check(passed=False), name="two", pnl_krw=-1_234_567, refusals={"STALE_BOOK": 4_321})

    told = read(good, bad)

    assert told.count("article") == 2
    assert "1 of 2 passed" in told.text
    assert "trades: wanted at least 1, saw 2" in told.text
    assert "trades: wanted at least 1, saw 0" in told.text
    assert "-1,234,567 KRW" in told.text
    assert "STALE_BOOK ×4,321" in told.text


def test_what_an_author_typed_stays_text() -> None:
    evil = "<script>alert('&amp;')</script>\"><img src=x>"
    check = a_check(name=evil, wanted=evil, seen=evil)
    edges = ((0.0, evil, evil, 1.0), (1.0, evil, evil, 2.0))

    told = read(an_outcome(check, name=evil, edges=edges, refusals={evil: 1}), name=evil, description=evil)

    assert told.count("script") == told.count("img") == 0
    assert told.text.count(evil) == 8  # name, description, check ×3, key ×2, refusal; the file has no blanks


def test_a_page_needs_nothing_from_elsewhere() -> None:
    text = "".join(page({"quiet.yaml": a_scenario()}, [an_outcome(a_check(), name="quiet")]))

    assert not re.search(r"https?://|src=|<link|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_a_drawing_marks_each_plan_in_korean_time() -> None:
    missed = an_end("p-2", at(30.5), PlanOutcome.MISSED, result=0)
    edges = ((0.0, "BTC", "sell_upbit", 5.0), (60.0, "BTC", "sell_upbit", 25.0))

    told = read(an_outcome(a_check(), edges=edges, ends=(an_end(at=at(10)), missed)))

    marks = [attrs["class"] for tag, attrs in told.elements if tag == "circle"]
    assert marks == ["plan both", "plan other"]
    assert "BTC sell_upbit at 12:00:10 KST: both, +1,500 KRW" in told.text
    assert "BTC sell_upbit at 12:00:30 KST: missed, +0 KRW" in told.text
    assert {"12:00:00", "12:00:30", "12:01:00 KST"} <= set(told.texts)


def test_a_scenario_may_begin_whenever_it_says() -> None:
    start = start_of(a_scenario(starts_at="2026-11-22T14:59:50Z"))

    assert f"{at_kst(start):%H:%M:%S}" == "23:59:50"


def test_a_line_climbs_where_the_edge_does_and_the_result_steps() -> None:
    edges = ((0.0, "BTC", "sell_upbit", 0.0), (60.0, "BTC", "sell_upbit", 50.0))

    told = read(an_outcome(a_check(), edges=edges, results=((30.0, 1_000.0),)))
    (edge,), (result,) = told.paths("c0"), told.paths("result")

    assert edge == "M70.0 168.0L432.0 14.0"
    assert result == "M70 258.0H251.0V190.0H432"


def test_a_long_run_is_drawn_with_few_points_and_keeps_its_spikes() -> None:
    edges = tuple((second / 1_440, "BTC", "buy_upbit", 40.0 if second == 50_000 else 1.0) for second in range(86_400))

    (line,) = read(an_outcome(a_check(), edges=edges, ends=(an_end(at=at(1)),))).paths("c0")
    heights = [float(point.split()[1]) for point in re.split("[ML]", line) if point]

    assert len(heights) < 800
    assert min(heights) < min(sorted(heights)[1:])


def test_numbers_that_are_none_and_absurd_ones_do_not_spoil_a_drawing() -> None:
    values = [float("nan"), float("inf"), 5e7, *[10.0] * 500]
    edges = tuple((number / 10, "BTC", "buy_upbit", bps) for number, bps in enumerate(values))

    told = read(an_outcome(a_check(), edges=edges, results=((1.0, float("nan")),)))

    assert not re.search("nan|inf", "".join([*told.paths("c0"), *told.paths("result")]))
    assert "+10" in told.texts


def test_what_did_not_come_to_its_end_shows_why_and_no_picture() -> None:
    told = read(broken(a_job(), "its process was ended by SIGKILL"))

    assert told.count("svg") == 0
    assert "comes to its end: wanted no failure of the program, saw its process was ended by SIGKILL" in told.text


def test_many_seeds_are_one_card_with_the_seeds_that_failed() -> None:
    same = [an_outcome(a_check(passed=seed not in {7, 8}), seed=seed) for seed in range(1, 101)]

    told = read(*same)

    assert told.count("article") == 1
    assert "98 of 100 seeds passed" in told.text
    assert "seed 7: trades: wanted at least 1, saw 0" in told.text


def test_a_report_is_a_page_and_its_facts(tmp_path: Path) -> None:
    job = Job(scenario=a_scenario(), file="quiet.yaml", seed=1)
    folder = tmp_path / "deep" / "down"
    make_folder(folder)
    write_report(folder, [job], [an_outcome(a_check(), name="quiet", ends=(an_end(),))])
    facts = json.loads((folder / "results.json").read_text())

    assert (folder / "index.html").read_text().startswith("<!doctype html>")
    assert facts["passed"] is True
    assert facts["scenarios"][0]["plans"][0]["result_krw"] == 1_500
    assert facts["scenarios"][0]["checks"] == [{"name": "trades", "wanted": "at least 1", "seen": "2", "passed": True}]


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    with pytest.raises(ConfigurationError, match=r"--report: cannot write to .*taken/deep \(Not a directory\)"):
        make_folder(tmp_path / "taken" / "deep")
