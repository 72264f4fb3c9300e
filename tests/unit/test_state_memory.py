"""The state that is none: it says so, and remembers nothing."""

import asyncio

from structlog.testing import capture_logs

from arbitrage.domain.events import Event, StateUp
from arbitrage.domain.intents import Publish
from arbitrage.domain.remembered import Remembered
from arbitrage.state.memory import MemoryState
from tests.clocks import NOON, ManualClock
from tests.plan_builders import a_submission, a_view


async def test_it_says_so_and_has_no_past() -> None:
    with capture_logs() as logs:
        past = await MemoryState(ManualClock(), lambda event: None).open()

    assert past == Remembered(epoch=past.epoch, fence=1)
    assert [line["event"] for line in logs] == ["state_in_memory"]


async def test_it_is_up_at_once_and_keeps_the_newest_view() -> None:
    told: list[Event] = []
    state = MemoryState(ManualClock(), told.append)
    task = asyncio.create_task(state.run())
    await asyncio.sleep(0)
    state.publish(a_submission())
    state.publish(Publish(a_view()))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await state.close()

    assert told == [StateUp(NOON)]
    assert state.view == a_view()
