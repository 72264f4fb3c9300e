"""A day on a page and on a terminal: what is told, and that what others wrote stays text."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.plans import Outcome
from arbitrage.report.facts import day_facts
from arbitrage.report.page import page, write_page
from arbitrage.report.reading import DayRows, RefusedReason, RefusedRow
from arbitrage.report.text import show
from tests.day_builders import a_trip, at, ended, rows_of

EVIL = "<script>alert(1)</script>\x1b[2J"


def text_of(rows: DayRows) -> str:
    out = StringIO()
    show(day_facts(rows), out)
    return out.getvalue()


def page_of(rows: DayRows) -> str:
    return "".join(page(rows, day_facts(rows)))


def a_full_day() -> DayRows:
    seen = (
        ended("09:00", 1_500, neutral_ms=12),
        ended("09:30", -4_000, outcome=Outcome.ONE_LEG, neutral_ms=900),
        ended("21:00", 2_000, base="ETH", neutral_ms=30),
    )
    told = RefusedRow(at=at("10:00"), base="BTC", direction="sell_upbit", reasons=[(RefusedReason("fx_too_old"), 12)])
    return rows_of(*seen, refused=(told,), guard=(a_trip("11:00"),), notes=("something is missing",))


class Balance(HTMLParser):
    """Reads a page as a browser would; complains where an end is missing."""

    void = frozenset({"meta", "path", "circle", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag


def test_a_terminal_is_told_everything():
    text = text_of(a_full_day())

    assert "SHADOW  2024-03-05\n" in text
    assert "result      -500 KRW of +5,112 expected, -10% of it" in text
    assert "1% of the daily loss limit of 50,000 KRW used" in text
    assert "3: both 2, one_leg 1" in text
    assert "worst       BTC sell_upbit at 09:30:00 KST: one_leg, -4,000 KRW of +1,704 expected" in text
    assert "median 30 ms, p99 900 ms, at most 900 ms" in text
    assert "tripped     venue_errors ×1, first at 11:00:00 KST: binance: 20 troubles within a minute" in text
    assert "note: something is missing" in text


def test_a_page_has_the_same_and_its_pictures():
    text = page_of(a_full_day())
    read = Balance(text)

    assert read.open == []
    assert read.tags.count("svg") == 4
    assert read.tags.count("circle") == 3
    assert "-500 KRW of +5,112 expected" in text
    assert "something is missing" in text


def test_a_page_of_an_empty_day_has_no_pictures():
    text = page_of(rows_of())

    assert Balance(text).tags.count("svg") == 0
    assert "none ended" in text


def test_a_page_needs_nothing_from_elsewhere():
    text = page_of(a_full_day())

    assert not re.search(r"https?://|src=|<link|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_what_others_wrote_stays_text():
    odd = RefusedRow(at=at("10:00"), base=EVIL, direction=EVIL, reasons=[(RefusedReason(EVIL), 1)])
    rows = rows_of(ended("09:00", base=EVIL), refused=(odd,), guard=(a_trip("11:00", EVIL, EVIL),), notes=(EVIL,))

    assert "script" not in Balance(page_of(rows)).tags
    assert "\x1b" not in text_of(rows)


def test_absurd_figures_do_not_spoil_a_drawing():
    odd = ended("09:00", 10**12)
    text = page_of(rows_of(replace(odd, plan=replace(odd.plan, net_edge_bps=float("nan"))), ended("09:01")))

    assert not re.search(r'd="[^"]*(nan|inf)', text)


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "taken").touch()

    with pytest.raises(ConfigurationError, match=r"--html: cannot write .*day.html \("):
        write_page(tmp_path / "taken" / "day.html", rows_of(), day_facts(rows_of()))
