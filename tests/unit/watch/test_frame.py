"""A frame of the watch at every width: what is on it, and that an old picture is never taken for the present."""

from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.views import EngineView, GuardView, LimitUse
from arbitrage.state.keys import RunFacts
from arbitrage.status.cleaned import cleaned
from arbitrage.status.shape import shape
from arbitrage.watch.frame import Frame, Seen
from arbitrage.watch.loop import Lookout
from arbitrage.watch.reading import Picture
from tests.clocks import NOON
from tests.plan_builders import a_view, an_end

WIDTHS = (20, 80, 100, 150, 250)


def a_picture(view: EngineView | None = None, **more: Any) -> Picture:
    view = view or a_view(NOON)
    facts = RunFacts(mode="shadow", app_env="local", version="1.2.3", started_at=NOON, pid=7)
    status = {
        **shape(facts, {b"at": str(NOON).encode()}, view, NOON),
        "orders": {"shadow": 2},
        "lease": None,
        "state": {"reachable": True, "address": "here", "namespace": "n"},
    }
    edges = {("BTC", "sell_upbit"): tuple((float(age), 10.0 - age) for age in range(300, -1, -1))}
    given: dict[str, Any] = {"edges": edges, "ends": (an_end(),), "alerts": ()}
    return Picture(at=NOON, status=cleaned(status), **given | more)


def an_alert(text: str, severity: Severity = Severity.CRITICAL, at: int = NOON) -> Alert:
    moment = Instant(at)
    return Alert(id="a-1", at=moment, severity=severity, kind="venue", text=text, runbook="", last_at=moment)


def drawn(seen: Seen, width: int = 80, later_s: float = 0.0, **console: Any) -> str:
    out = StringIO()
    at = Instant(NOON + round(later_s * NS_PER_S))
    Console(file=out, width=width, height=50, highlight=False, markup=False, **console).print(Frame(seen, at))
    return out.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    latch = Latch(kind=LatchKind.OPERATOR, at=NOON, why="word " * 80, who="w" * 80, day="2026-11-22")
    alert = an_alert("한국어 " * 60)
    picture = a_picture(replace(a_view(), guard=GuardView(latches=(latch,))), alerts=(alert,))

    lines = drawn(Seen(picture, "Redis is gone"), width).splitlines()

    assert max(Console(width=width).measure(line).maximum for line in lines) <= width


def test_everything_that_matters_is_on_it_in_80_columns() -> None:
    use = LimitUse(name="max_daily_loss", used=Decimal(60_000), limit=Decimal(100_000), share=0.6)
    view = replace(a_view(), guard=GuardView(lost_today=600_000_000, uses=(use,)))
    text = " ".join(drawn(Seen(a_picture(view))).split())

    for told in (
        "SHADOW LIVE ACTIVE",
        "result +2,123 KRW",
        "lost today 60,000 of 100,000 KRW",
        "██████████████·········· 60% of the daily loss limit",
        "sell upbit last 5 min",
        "+4.2",
        "▁▁▂▂▃▃▃▄▄▅",
        "USDT 1,399 / 1,400 KRW",
        "52 ms",
        "BTC sell_upbit both",
        "9,000,000.50 KRW",
        "refused: edge_too_small 12",
    ):
        assert told in text


def test_on_a_wide_terminal_halves_stand_side_by_side() -> None:
    narrow, wide = (drawn(Seen(a_picture()), width) for width in (100, 200))

    assert len(wide.splitlines()) < len(narrow.splitlines())
    assert any("last 5 min" in line and "expected" in line for line in wide.splitlines())


def test_alerts_stand_above_the_market_and_too_many_are_counted() -> None:
    alerts = tuple(an_alert(f"story {number}") for number in range(7))
    text = drawn(Seen(a_picture(alerts=alerts)))

    assert "critical since 12:00:00 KST: story 0" in text
    assert "2 more; acknowledge with `arbitrage ack`" in text
    assert text.index("story 0") < text.index("sell upbit")
    assert "story 6" not in text


@pytest.mark.parametrize(
    ("problem", "later_s", "says"),
    [
        ("", 0.5, ""),
        ("", 4.0, "NO NEWS: this is how it was 4 s ago"),
        ("Redis at localhost:6380/0: Connection refused", 12.0, "NO NEWS: this is how it was 12 s ago"),
    ],
)
def test_an_old_picture_says_how_old_it_is(problem: str, later_s: float, says: str) -> None:
    first = drawn(Seen(a_picture(), problem), later_s=later_s).splitlines()

    assert first[0].startswith(says or "SHADOW LIVE  ACTIVE")
    assert problem in first[1]


def test_before_the_first_picture_it_says_why_there_is_none() -> None:
    assert "start one with `arbitrage run`" in drawn(Seen(), 100)
    assert drawn(Seen(problem="Redis is away")).strip() == "Redis is away"


def test_without_colour_only_text_is_written() -> None:
    assert "\x1b[3" in drawn(Seen(a_picture()), force_terminal=True, color_system="standard")
    assert "\x1b[3" not in drawn(Seen(a_picture()), force_terminal=True, no_color=True)


@pytest.mark.parametrize("evil", ["\x1b[2J\x1b]0;owned\x07", "\u202edesrever", "a\nb\rc"])
def test_what_others_wrote_cannot_command_a_terminal(evil: str) -> None:
    view = replace(a_view(), left_out=((evil, evil),), notices=((evil, evil),), why_not=evil, trading_state="REDUCING")
    text = drawn(Seen(a_picture(view, alerts=(an_alert(evil, at=10**30),)), cleaned(evil)))

    assert not any(bad in text for bad in ("\x1b", "\x07", "\u202e", "\r"))


def test_a_lookout_keeps_what_it_saw_when_it_is_blind() -> None:
    answers: list[Picture | Exception] = [a_picture(), StateUnavailable("Redis is away"), KeyError("odd"), a_picture()]

    def look() -> Picture | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    lookout = Lookout(look)
    seen = []
    while answers:
        lookout.seen = lookout.once()
        seen.append((lookout.seen.picture is not None, lookout.seen.problem))

    assert seen == [
        (True, ""),
        (True, "Redis is away"),
        (True, "what is in Redis cannot be shown (KeyError)"),
        (True, ""),
    ]
