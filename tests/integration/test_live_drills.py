"""Live in a process of its own, under load: what a halt, a kill and bad requests leave on the venues.

A few of each in the suite; `ARBITRAGE_DRILLS=50` does so many of each, which takes a while.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest
import structlog

from arbitrage.commands import halt, resume
from tests.live_daemon import until
from tests.live_process import Drill, a_drill, now_ms

log = structlog.get_logger()

DRILLS: Final = int(os.environ.get("ARBITRAGE_DRILLS", "0"))
"""How many drills of a kind to do; 0: as few as the suite has time for."""

HALTS_WITHIN_MS: Final = 100


class Trouble(StrEnum):
    """What goes on while a person halts."""

    NOTHING = "nothing"
    BINANCE_HANGS = "binance hangs"
    UPBIT_HANGS = "upbit hangs"
    REDIS_FROZEN = "redis is frozen"
    REDIS_GONE = "redis is gone"


async def a_leg_alone(drill: Drill) -> None:
    """Let a plan's Upbit leg fill while Binance has not seen the other one, and let the price run away meanwhile."""
    drill.market.fault(kind="delay_before", venue="binance", endpoint="POST /api/v3/order", s=0.4, count=0)
    seen = now_ms()
    await until(lambda: any(row.venue == "upbit" for row in drill.placed(seen)), 10, "an order on Upbit")
    drill.price("1.02", "binance")


async def a_venue_hangs(drill: Drill) -> None:
    drill.market.fault(kind="hang_after_execution", venue="upbit", endpoint="POST /v1/orders", s=2, count=0)
    seen = now_ms()
    await until(lambda: any(row.venue == "upbit" for row in drill.placed(seen)), 10, "an order on Upbit")


async def halted(drill: Drill, trouble: Trouble) -> float:
    """Halt in the middle of it; return how long after that the last order to open a plan came to a venue, in ms."""
    match trouble:
        case Trouble.UPBIT_HANGS:
            await a_venue_hangs(drill)
        case Trouble.NOTHING:
            pass
        case _:
            await a_leg_alone(drill)
    if trouble is Trouble.REDIS_FROZEN:
        drill.redis.freeze()
    if trouble is Trouble.REDIS_GONE:
        drill.redis.kill()
    at = now_ms()
    await asyncio.to_thread(halt.main, drill.settings, "a drill")
    await asyncio.sleep(1.0)
    opening = drill.daemon.opening()
    return max((row.at_ms - at for row in drill.placed(at) if row.client_id in opening), default=0.0)


async def resumed(drill: Drill, trouble: Trouble) -> None:
    """Let everything be as before, and see what was in flight to its end."""
    drill.market.heal()
    drill.price(None, "binance")
    drill.price(None)
    if trouble is Trouble.REDIS_FROZEN:
        drill.redis.thaw()
    if trouble is Trouble.REDIS_GONE:
        drill.redis.start()
    await drill.settle()


async def test_a_halt_under_load_blocks_new_plans_at_once_and_no_way_out(redis_binary: str, tmp_path: Path) -> None:
    troubles = list(Trouble) * (DRILLS // len(Trouble)) or [Trouble.NOTHING, Trouble.REDIS_FROZEN]
    async with a_drill(redis_binary, tmp_path) as drill:
        await drill.daemon.start()
        for trouble in troubles:
            hedges = len(drill.daemon.logged("[LIVE] order", purpose="reduce"))
            await under_load(drill)
            late_ms = await halted(drill, trouble)
            await resumed(drill, trouble)
            hedged = len(drill.daemon.logged("[LIVE] order", purpose="reduce")) - hedges
            log.info("drilled", trouble=trouble.value, late_ms=late_ms, hedges=hedged)

            assert late_ms <= HALTS_WITHIN_MS
            assert hedged or trouble in {Trouble.NOTHING, Trouble.UPBIT_HANGS}
            assert drill.is_neutral(), drill.daemon.last()
            assert await asyncio.to_thread(resume.main, drill.settings, "the drill is over") == 0
        await drill.quiet()
        await nothing_is_left(drill)
        assert await drill.daemon.stop() == 0


async def nothing_is_left(drill: Drill) -> None:
    """Hold what the venues know against what the daemon says, once nothing is in flight."""
    assert drill.is_neutral(), drill.daemon.last()
    assert await drill.unexplained() == {}
    assert drill.unended() == set()
    assert (drill.resent(), drill.market.doubled()) == (set(), 0)


async def under_load(drill: Drill) -> None:
    """Let there be a premium, and wait until orders come."""
    before = len(drill.placed())
    drill.price("1.01")
    await until(lambda: len(drill.placed()) > before + 3, 15, f"load; {drill.daemon.last(3)}")


# --- killed, at each moment between decision and settlement, and in the recovery


@dataclass(frozen=True)
class Moment:
    """When a daemon is killed: with these faults in force, once it has logged an event so often since the faults."""

    what: str
    faults: tuple[dict[str, object], ...]
    event: str = "[LIVE] order"
    times: int = 2
    pause_s: float = 0.1


def fault(kind: str, order: str, **more: object) -> dict[str, object]:
    """What goes wrong with the next order on a venue, or with each one if `count` is 0."""
    return {"kind": kind, "venue": order, "endpoint": PLACES[order], **more}


PLACES: Final = {"upbit": "POST /v1/orders", "binance": "POST /api/v3/order"}
ASKS: Final = {"upbit": "GET /v1/order", "binance": "GET /api/v3/order"}
DEAF: Final = tuple({"kind": "event_lost", "venue": venue, "count": 0} for venue in PLACES)
"""Nothing that happens to an order is told by itself."""

MUTE: Final = tuple({"kind": "delay_before", "venue": v, "endpoint": ASKS[v], "s": 30, "count": 0} for v in ASKS)
"""No question is answered."""

ONE_LEG: Final = (fault("too_many", "upbit"), fault("delay_before", "binance", s=0))
"""Upbit refuses the opening order and Binance takes it; what is listed behind these strikes the way out."""

KILLED: Final = (
    Moment("both executed, no reply", (*(fault("hang_after_execution", v) for v in PLACES), *DEAF, *MUTE)),
    Moment("nothing has left", tuple(fault("drop_before", venue) for venue in PLACES)),
    Moment("only upbit's has left", (fault("drop_before", "binance"),)),
    Moment("only binance's has left", (fault("drop_before", "upbit"),)),
    Moment("upbit's reply is under way", (fault("hang_after_execution", "upbit"), *DEAF, *MUTE)),
    Moment("binance's reply is under way", (fault("hang_after_execution", "binance"), *DEAF, *MUTE)),
    Moment("upbit's is late", (fault("late_execution", "upbit", s=6), *DEAF)),
    Moment("binance's is late", (fault("late_execution", "binance", s=1.5), *DEAF)),
    Moment("both over and nothing settled", (*DEAF, *(fault("delay_after", v, s=30) for v in PLACES)), pause_s=0.4),
    Moment("a way out has not left", (*ONE_LEG, *(fault("drop_before", v) for v in PLACES)), times=3),
    Moment(
        "a way out is executed, no reply",
        (*ONE_LEG, *(fault("hang_after_execution", v) for v in PLACES), *DEAF),
        times=3,
    ),
)

KILLED_AGAIN: Final = (
    None,
    Moment("as it finds what was left", MUTE, "plan_recovered", 1, 0.0),
    Moment("as it asks", MUTE, "boot_checks", 1, 0.3),
    Moment("as it searches", (), "order_not_found", 1, 0.0),
    Moment("as it finds a way out", (*DEAF, *(fault("hang_after_execution", v) for v in PLACES)), times=1),
)


async def killed(drill: Drill, moment: Moment, go: Callable[[], Awaitable[None]]) -> bool:
    """Let something begin, and kill the daemon at a moment; False if it had no such moment, and was killed after."""
    drill.market.heal()
    for each in moment.faults:
        drill.market.fault(**each)
    daemon = drill.daemon
    events, ends = len(daemon.logged(moment.event)) + moment.times, len(daemon.logged("plan_ended"))

    def has_come() -> bool:
        return len(daemon.logged(moment.event)) >= events

    await go()
    await until(lambda: has_come() or len(daemon.logged("plan_ended")) > ends, 30, f"{moment.what}: {daemon.last()}")
    await asyncio.sleep(moment.pause_s)
    await daemon.kill()
    drill.price(None)
    return has_come()


async def test_killed_at_any_moment_and_again_in_the_recovery_it_ends_neutral(
    redis_binary: str, tmp_path: Path
) -> None:
    cases = [(first, again) for first in KILLED for again in KILLED_AGAIN]
    async with a_drill(redis_binary, tmp_path, PAIRS="BTC") as drill:

        async def premium() -> None:
            drill.price("1.01")

        for first, again in cases if DRILLS else [(KILLED[0], KILLED_AGAIN[1])]:
            await drill.start_again()
            if (await drill.status())["latches"]:  # too many crashes in a row hold the next start
                await asyncio.to_thread(resume.main, drill.settings, "the crashes were ours")
            had = [await killed(drill, first, premium)]
            if again is not None:
                had.append(await killed(drill, again, drill.spawn_again))
            drill.market.heal()
            await drill.start_again()
            await drill.quiet()
            log.info("drilled", killed=first.what, again=again.what if again else "", had=had, net=drill.net())

            await nothing_is_left(drill)
            assert await drill.daemon.stop() == 0


# --- bad requests


REQUESTS: Final = {"upbit": "* /v1/order*", "binance": "* /api/v3/*rder*"}
EVERY_WAY: Final[tuple[dict[str, object], ...]] = (
    {"kind": "delay_before", "s": 1.0},
    {"kind": "delay_after", "s": 1.0},
    {"kind": "hang_after_execution", "s": 8.0},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "late_execution", "s": 1.5},
    {"kind": "error_5xx", "executed": False},
    {"kind": "error_5xx", "executed": True},
    {"kind": "html_502", "executed": True},
    {"kind": "empty_200"},
    {"kind": "truncated_body"},
    {"kind": "too_many"},
)
"""Together they strike three requests in ten."""

OF_EACH: Final = 0.0293


@pytest.mark.skipif(not DRILLS, reason="a hundred plans take minutes: ARBITRAGE_DRILLS=1")
async def test_a_hundred_plans_with_three_requests_in_ten_gone_wrong_leave_nothing(
    redis_binary: str, tmp_path: Path
) -> None:
    async with a_drill(redis_binary, tmp_path) as drill:
        await drill.daemon.start()
        for venue, endpoint in REQUESTS.items():
            for way in EVERY_WAY:
                drill.market.fault(venue=venue, endpoint=endpoint, probability=OF_EACH, **way)
            for kind in ("event_lost", "event_delayed", "event_duplicated", "event_reordered"):
                drill.market.fault(venue=venue, kind=kind, probability=0.08)
        with drill.load():
            while len(drill.begun()) < 100:
                await asyncio.sleep(2)
                if (await drill.status())["latches"]:
                    await asyncio.to_thread(resume.main, drill.settings, "looked at it")
        drill.market.heal()
        await drill.quiet(120)
        log.info("drilled", struck=drill.struck(), outcomes=drill.outcomes(), net=drill.net())

        await nothing_is_left(drill)
        assert await drill.daemon.stop() == 0
