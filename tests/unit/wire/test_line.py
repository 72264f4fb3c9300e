"""One line in virtual time: how long it waits for a reply, whatever was asked on it before."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_S, Nanos, after
from arbitrage.virtual_loop import VirtualClock, run
from arbitrage.wire.http_reply import HttpReply, LineFailure, LineFault, ReplyLimits, ReplyReader
from arbitrage.wire.line import TIMER_S, Line
from arbitrage.wire.quiet_log import Tally
from tests.http_peer import GOOD


class Wire(asyncio.Transport):
    """A transport that remembers what was written to it."""

    def __init__(self):
        super().__init__()
        self.written = []
        self.is_aborted = False

    def write(self, data):
        self.written.append(data)

    def is_closing(self):
        return self.is_aborted

    def abort(self):
        self.is_aborted = True


class SetClock:
    """A clock that somebody sets while the loop's time goes on as it does."""

    def __init__(self, loop):
        self._clock = VirtualClock(loop)
        self.ahead = Nanos(0)

    def now(self):
        return after(self._clock.now(), self.ahead)


class Desk:
    """A line that is connected, and what was told of its requests: (seconds since the start, what)."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.told = []
        self.clock = SetClock(self.loop)
        reader = ReplyReader(frozenset(), ReplyLimits())
        self.line = Line(reader, self.clock, Tally("failed"), lambda line: None, lambda line, why: None)
        self.line.connection_made(Wire())

    def ask(self, timeout_s):
        self.line.write(b"?", lambda what: self.told.append((self.loop.time(), what)), timeout_s)

    async def answered(self, timeout_s, after_s):
        """Ask, and answer after a while."""
        self.ask(timeout_s)
        await asyncio.sleep(after_s)
        self.line.data_received(GOOD)


def play(story):
    async def told():
        desk = Desk()
        await story(desk)
        return desk.told

    return run(told(), seed=1)


@pytest.mark.parametrize(
    ("case", "first_s", "then_s", "ends_s"),
    [
        ("as patient as the one before", 3.0, 3.0, 5.0),
        ("more patient", 3.0, 30.0, 32.0),
        ("less patient, due before the other's end", 30.0, 3.0, 5.0),
        ("asked when the other would have ended long ago", 1.5, 3.0, 5.0),
    ],
)
def test_a_request_is_waited_for_as_long_as_it_says_whatever_was_asked_before(case, first_s, then_s, ends_s):
    async def story(desk):
        await desk.answered(first_s, 1.0)
        await asyncio.sleep(1.0)
        desk.ask(then_s)
        await asyncio.sleep(100.0)

    (_, good), (ended_s, failure) = play(story)

    assert good == HttpReply(200, {}, b"good")
    assert failure == LineFailure(LineFault.TIMEOUT, f"no whole reply within {then_s:g} s"), case
    assert ended_s == pytest.approx(ends_s, abs=TIMER_S)


@given(
    st.lists(st.tuples(st.floats(0.1, 9.0), st.floats(0.0, 0.99)), max_size=5), st.floats(0.1, 9.0), st.floats(0.0, 9.0)
)
def test_only_what_is_late_is_late(answered, last_s, idle_s):
    async def story(desk):
        for timeout_s, share in answered:
            await desk.answered(timeout_s, timeout_s * share)
        await asyncio.sleep(idle_s)
        desk.asked_s = desk.loop.time()
        desk.ask(last_s)
        await asyncio.sleep(100.0)
        desk.told.append((desk.asked_s, None))

    *good, (ended_s, failure), (asked_s, _) = play(story)

    assert [what.body for _, what in good] == [b"good"] * len(answered)
    assert failure.kind is LineFault.TIMEOUT
    assert ended_s - asked_s == pytest.approx(last_s, abs=TIMER_S)


@pytest.mark.parametrize("set_by_s", [6, -6])
def test_a_clock_that_somebody_sets_ends_no_request_and_keeps_none_waiting(set_by_s):
    async def story(desk):
        await desk.answered(5.0, after_s=1.0)
        await asyncio.sleep(3.9)
        desk.ask(5.0)
        desk.clock.ahead = Nanos(set_by_s * NS_PER_S)
        await asyncio.sleep(10)

    (_, first), (ended_s, second) = play(story)

    assert isinstance(first, HttpReply)
    assert second == LineFailure(LineFault.TIMEOUT, "no whole reply within 5 s")
    assert ended_s == pytest.approx(9.9, abs=2 * TIMER_S)


def test_a_line_on_which_nothing_is_asked_is_not_ended():
    async def story(desk):
        await desk.answered(1.0, 0.5)
        await asyncio.sleep(100.0)
        await desk.answered(1.0, 0.5)

        assert not desk.line.is_over

    assert [what.body for _, what in play(story)] == [b"good", b"good"]


def test_one_timer_serves_many_requests():
    async def story(desk):
        timers = []
        call_later = desk.loop.call_later
        desk.loop.call_later = lambda *arguments: timers.append(call_later(*arguments)) or timers[-1]
        for _ in range(100):
            desk.ask(3.0)
            desk.line.data_received(GOOD)
        desk.line.end(LineFault.RESET, "let go")

        assert len(timers) == 1
        assert timers[0].cancelled()

    assert len(play(story)) == 100


def test_words_of_one_reply_are_not_found_in_the_next():
    async def story(desk):
        desk.ask(1.0)
        desk.line.data_received(GOOD)
        desk.ask(1.0)
        desk.line.data_received(GOOD[:-4] + b"ba")
        desk.line.connection_lost(None)

    (_, good), (_, failure) = play(story)

    assert good.body == b"good"
    assert failure.kind is LineFault.TRUNCATED


def test_a_connection_that_is_lost_before_a_word_of_the_next_reply_is_a_reset():
    async def story(desk):
        await desk.answered(1.0, 0.5)
        desk.ask(1.0)
        desk.line.connection_lost(None)

    assert play(story)[1][1].kind is LineFault.RESET
