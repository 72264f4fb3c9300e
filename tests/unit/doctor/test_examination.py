"""The examination itself: all at once, each with an end, and whatever fails is a finding."""

import asyncio
import time
from collections.abc import Sequence
from io import StringIO

import pytest

from arbitrage.doctor.finding import Check, Finding, Verdict, examine
from arbitrage.doctor.text import show, worst
from arbitrage.domain.errors import VenueUnreachable

FINE = Finding("clock", Verdict.OK, "right")


async def fine() -> list[Finding]:
    return [FINE]


async def away() -> list[Finding]:
    raise VenueUnreachable("upbit: no route")


async def broken() -> list[Finding]:
    raise KeyError("of ours")


async def hanging() -> list[Finding]:
    await asyncio.Event().wait()
    return []


@pytest.mark.parametrize(
    ("made", "verdict", "seen"),
    [
        (fine, Verdict.OK, "right"),
        (away, Verdict.BAD, "upbit: no route"),
        (hanging, Verdict.BAD, "no answer within 0.05 s"),
        (broken, Verdict.BAD, "could not be looked at (KeyError); this is an error of the program"),
    ],
)
async def test_whatever_a_check_does_is_a_finding(made, verdict, seen):
    (found,) = await examine([Check("it", made, "mend it")], lambda waiting: None, 0.05)

    assert (found.verdict, found.seen) == (verdict, seen)
    assert found.fix == ("" if verdict is Verdict.OK else "mend it")


async def test_all_checks_are_made_at_once_and_told_in_their_order():
    told: list[Sequence[str]] = []
    checks = [Check("a", hanging), Check("b", fine), Check("c", hanging)]
    began = time.perf_counter()
    found = await examine(checks, told.append, 0.2)

    assert time.perf_counter() - began < 0.4
    assert [finding.name for finding in found] == ["a", "clock", "c"]
    assert (told[0], told[1], told[-1]) == (("a", "b", "c"), ("a", "c"), ())


def test_findings_are_printed_with_what_to_do():
    out = StringIO()
    bad = Finding("upbit", Verdict.BAD, "no route\x1b[2J", "look at the cable")
    show([FINE, bad], out)

    assert worst([FINE, bad]) is Verdict.BAD
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines == [
        "ok   clock  right",
        "bad  upbit  no route\\x1b[2J",
        "            → look at the cable",
        "1 bad, 0 to look at, 1 ok",
    ]
