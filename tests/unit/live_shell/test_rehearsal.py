"""Rehearsals: the way of a plan up to the last gate, again and again, and nothing comes of it."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from arbitrage.domain.guarding import GuardMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Order, TwoLegPlan
from arbitrage.exchange.live import LiveGateway
from arbitrage.intents import IntentLog
from arbitrage.live_shell.rehearsal import APART, Rehearsal
from tests import builders as make
from tests.safety_builders import LiveStory, Sent, premium


class Signing(Sent):
    """A sender that notes what it signs."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[str] = []

    def sign(self, order: Order) -> bytes:
        self.signed.append(order.client_id)
        return b"signed"


class BrokenLog(IntentLog):
    """An intent log that cannot be rehearsed with."""

    def rehearse(self, plan: TwoLegPlan, orders: tuple[Order, ...]) -> None:
        raise ZeroDivisionError("a mistake")


class Stage:
    """A Live daemon without venues, its log on a disk, and rehearsals in it."""

    def __init__(self, folder: Path, log: type[IntentLog] = IntentLog) -> None:
        self.soon: deque[Callable[[], None]] = deque()
        self.story = LiveStory()
        self.log = log.open(folder / "intents.log")
        self.log.rebase("arbitrage:live:test", "abc123", GuardMemory())
        self.senders = {venue: Signing() for venue in Venue}
        gateway = LiveGateway(self.story.safety, self.senders, self.story, self.story.runner.on_event)
        self.rehearsal = Rehearsal(self.story.engine, self.log, gateway, self.story, self.soon.append)

    def frames(self, at: Instant = make.NOON, bps: float = 0) -> None:
        for frame in premium(bps, at):
            self.story.tell(frame)
            self.rehearsal.hear(frame)

    def play(self) -> int:
        """Do what is due soon; return how much that was."""
        count = len(self.soon)
        while self.soon:
            self.soon.popleft()()
        return count


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_rehearsal_goes_as_far_as_both_signatures_and_no_further(stage: Stage, tmp_path: Path) -> None:
    stage.frames()
    written = (tmp_path / "intents.log").read_bytes()
    told = list(stage.story.intents)
    stage.play()
    stage.frames(make.after_ms(6))
    stage.play()

    assert [sender.signed for sender in stage.senders.values()] == [
        ["arb-rehearsed-u-1"] * 2,
        ["arb-rehearsed-b-1"] * 2,
    ]
    assert [sender.orders for sender in stage.senders.values()] == [[], []]
    assert (tmp_path / "intents.log").read_bytes() == written
    assert stage.story.intents == told
    assert stage.story.view().plans_open == 0


def test_the_next_plan_is_numbered_and_sent_as_if_nobody_had_rehearsed(stage: Stage) -> None:
    stage.frames()
    stage.play()
    stage.frames(make.after_ms(6), bps=80)
    stage.play()

    assert [plan.plan_id for plan in stage.story.plans()] == ["abc123-7-1"]
    assert len(stage.story.sent) == len(Venue)


def test_frames_that_come_together_bring_one_rehearsal_and_the_next_only_after_a_while(stage: Stage) -> None:
    stage.frames()
    together = stage.play()
    stage.frames(Instant(make.NOON + APART - 1))
    too_soon = stage.play()
    stage.frames(Instant(make.NOON + APART))
    later = stage.play()

    assert (together, too_soon, later) == (1, 0, 1)


def test_a_rehearsal_that_breaks_is_the_last_one_and_harms_nobody(tmp_path: Path) -> None:
    stage = Stage(tmp_path, BrokenLog)
    stage.frames()
    stage.frames(make.after_ms(6))
    with capture_logs() as lines:
        stage.play()
    stage.frames(make.after_ms(60), bps=80)

    assert [line["event"] for line in lines] == ["rehearsal_failed"]
    assert stage.play() == 0
    assert len(stage.story.sent) == len(Venue)
