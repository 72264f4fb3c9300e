import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.http_reply import HttpReply, LineFailure, LineFault, ReplyLimits
from arbitrage.wire.order_line import LineHooks, LineLimits, OrderLines
from tests.http_peer import GOOD, a_peer, answer_nothing
from tests.venue_fakes import eventually

REQUEST = b"GET /thing HTTP/1.1\r\nHost: x\r\n\r\n"
BRISK = LineLimits(
    connections=1,
    connect_s=1.0,
    first_backoff_s=0.01,
    longest_backoff_s=0.05,
    ping_after_s=60.0,
    reply=ReplyLimits(max_head_bytes=1_000, max_reply_bytes=5_000),
)


def brisk(**changes):
    return LineLimits(**{**{name: getattr(BRISK, name) for name in BRISK.__slots__}, **changes})


@asynccontextmanager
async def lines_to(url, limits=BRISK, **hooks):
    lines = OrderLines("upbit", url, SystemClock(), Random(1), LineHooks(**hooks), limits)
    task = asyncio.create_task(lines.run())
    try:
        yield lines
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def standing_lines(limits=BRISK, **hooks):
    async with a_peer() as peer, lines_to(peer.url, limits, **hooks) as lines:
        await eventually(lambda: lines.idle == limits.connections)
        yield peer, lines


async def answer_to(lines, timeout_s=1.0):
    """Send one request and return what was told of it, which must be one thing."""
    told = []
    assert lines.send(REQUEST, told.append, timeout_s)
    await eventually(lambda: told)
    await asyncio.sleep(0.02)  # a second word would come at once
    (what,) = told
    return what


async def test_a_reply_comes_with_the_headers_that_were_asked_for():
    async with standing_lines(wanted=frozenset({"x-left"})) as (peer, lines):
        first, second = await answer_to(lines), await answer_to(lines)

    assert first == second == HttpReply(200, {"x-left": "9"}, b"good")
    assert (peer.requests, len(peer.connections)) == ([REQUEST, REQUEST], 1)


async def test_each_request_has_a_connection_of_its_own_and_without_one_nothing_is_written():
    async with standing_lines(brisk(connections=2)) as (peer, lines):
        peer.habit = answer_nothing
        told = []
        sent = [lines.send(REQUEST, told.append, 1.0) for _ in range(3)]
        await eventually(lambda: len(peer.requests) == 2)
        in_flight, idle = lines.in_flight, lines.idle
        peer.connections[0].write(GOOD)
        await eventually(lambda: lines.idle == 1)

    assert (sent, in_flight, idle) == ([True, True, False], 2, 0)
    assert told[0] == HttpReply(200, {}, b"good")
    assert told[1].kind is LineFault.RESET  # cancelled with the lines, and told so


def reset(writer):
    """Cut a connection so that the other side sees a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(
    ("case", "pieces", "then_close", "kind"),
    [
        ("closed at once", [], True, LineFault.RESET),
        ("cut in the head", [GOOD[:20]], True, LineFault.TRUNCATED),
        ("cut in the body", [GOOD[:-2]], True, LineFault.TRUNCATED),
        ("a body without an end", [b"HTTP/1.1 200 OK\r\n\r\ngood"], True, LineFault.TRUNCATED),
        ("nothing", [], False, LineFault.TIMEOUT),
        ("a trickle", [bytes([byte]) for byte in GOOD], False, LineFault.TIMEOUT),
        ("no HTTP", [b"SSH-2.0-OpenSSH_9.6\r\n"], False, LineFault.MALFORMED),
        ("two replies", [GOOD + GOOD], False, LineFault.MALFORMED),
        (
            "another protocol",
            [b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"],
            False,
            LineFault.MALFORMED,
        ),
        ("two lengths", [GOOD.replace(b"X-Left: 9", b"Content-Length: 5")], False, LineFault.MALFORMED),
        ("a length below zero", [GOOD.replace(b"Length: 4", b"Length: -4")], False, LineFault.MALFORMED),
        ("a long head", [GOOD.replace(b"9", b"9" * 2_000)[:1_500]], False, LineFault.TOO_LARGE),
        ("a long body", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x" * 9_999], False, LineFault.TOO_LARGE),
        ("only announcements", [b"HTTP/1.1 100 Continue\r\n\r\n" * 300], False, LineFault.TOO_LARGE),
    ],
)
async def test_what_is_no_whole_reply_is_a_failure_and_its_connection_is_not_used_again(case, pieces, then_close, kind):
    async with standing_lines() as (peer, lines):
        peer.will(*pieces, then_close=then_close)
        what = await answer_to(lines, timeout_s=0.1)
        await eventually(lambda: lines.idle)
        after = await answer_to(lines)

    assert isinstance(what, LineFailure), case
    assert (what.kind, what.was_written) == (kind, True)
    assert isinstance(after, HttpReply)
    assert (peer.requests, len(peer.connections)) == ([REQUEST, REQUEST], 2)  # each once: nothing is sent again


async def test_a_reset_is_a_failure():
    async def cut(peer, writer):
        reset(writer)

    async with standing_lines() as (peer, lines):
        peer.script.append(cut)
        what = await answer_to(lines)

    assert what.kind is LineFault.RESET
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        [GOOD[:1], GOOD[1:30], GOOD[30:]],
        [b"HTTP/1.1 100 Continue\r\n\r\n", GOOD],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n", b"2\r\nod\r\n0\r\n\r\n"],
    ],
)
async def test_a_reply_may_come_in_pieces(pieces):
    async with standing_lines() as (peer, lines):
        peer.will(*pieces)
        what = await answer_to(lines)

    assert what == HttpReply(200, {}, b"good")


async def test_a_server_that_ends_the_connection_after_its_reply_is_believed_and_connected_to_again():
    async with standing_lines() as (peer, lines):
        peer.will(GOOD.replace(b"X-Other: no", b"Connection: close"))
        what = await answer_to(lines)
        await eventually(lambda: lines.idle)

    assert what == HttpReply(200, {}, b"good")
    assert len(peer.connections) == 2


async def test_an_idle_connection_that_was_closed_is_seen_before_the_next_request():
    async with standing_lines(brisk(first_backoff_s=5.0)) as (peer, lines):
        peer.connections[0].close()
        await eventually(lambda: not lines.idle)
        sent = lines.send(REQUEST, pytest.fail, 1.0)

    assert not sent
    assert peer.requests == []


async def test_a_connection_that_is_closing_is_not_one_that_an_order_could_leave_on():
    async with standing_lines() as (_, lines):
        (line,) = lines._idle
        line._transport.abort()  # its end is told in the loop's next turn

        assert (lines.idle, lines.send(REQUEST, print, 1.0)) == (0, False)


async def test_words_that_nobody_asked_for_end_a_connection():
    async with standing_lines() as (peer, lines):
        peer.connections[0].write(GOOD)
        await eventually(lambda: len(peer.connections) == 2 and lines.idle)
        peer.habit = answer_nothing
        what = await answer_to(lines, timeout_s=0.05)

    assert what.kind is LineFault.TIMEOUT  # and not the words of before


async def test_up_is_the_first_connection_and_down_the_last():
    diary = []
    hooks = {"on_up": lambda: diary.append("up"), "on_down": diary.append}
    async with standing_lines(brisk(connections=2, first_backoff_s=5.0), **hooks) as (peer, lines):
        peer.connections[0].close()
        await eventually(lambda: lines.idle == 1)
        before = list(diary)
        peer.connections[1].close()
        await eventually(lambda: len(diary) == 2)

    assert before == ["up"]
    assert diary[1] == "the server closed the connection"


async def test_a_question_waits_for_a_connection_that_orders_do_not_need():
    async with standing_lines(brisk(connections=2)) as (peer, lines):
        peer.habit = answer_nothing
        lines.send(REQUEST, lambda what: None, 1.0)
        question = asyncio.create_task(lines.ask(REQUEST, 1.0))
        await eventually(lambda: len(peer.requests) == 1)
        left_for_orders = lines.idle
        peer.connections[1].write(GOOD)
        peer.connections[0].write(GOOD)
        await eventually(lambda: len(peer.requests) == 2)
        for writer in peer.live:
            writer.write(GOOD)
        answer = await question

    assert left_for_orders == 1
    assert answer.body == b"good"


@pytest.mark.parametrize(
    ("case", "pieces", "words"),
    [("never answered", [], "no .*reply within 0.05 s"), ("answered badly", [b"rubbish\r\n"], "not an HTTP reply")],
)
async def test_a_question_without_an_answer_says_why(case, pieces, words):
    async with standing_lines() as (peer, lines):
        peer.will(*pieces)
        with pytest.raises(VenueFailed, match=f"^upbit: {words}"):
            await lines.ask(REQUEST, 0.05)


async def test_who_stops_asking_does_not_free_the_connection_before_the_reply():
    async with standing_lines() as (peer, lines):
        peer.habit = answer_nothing
        question = asyncio.create_task(lines.ask(REQUEST, 1.0))
        await eventually(lambda: peer.requests)
        question.cancel()
        with suppress(asyncio.CancelledError):
            await question
        busy = not lines.send(REQUEST, pytest.fail, 1.0)
        peer.connections[0].write(GOOD)
        await eventually(lambda: lines.idle)

    assert busy
    assert len(peer.connections) == 1


async def test_who_fails_at_hearing_a_reply_does_not_take_the_connection_along():
    def fail(what):
        raise ZeroDivisionError("the caller's own mistake")

    with capture_logs() as logs:
        async with standing_lines(brisk(ping_after_s=0.02)) as (peer, lines):
            lines.send(REQUEST, fail, 1.0)
            await eventually(lambda: any(row["event"] == "order_line_handler_failed" for row in logs))
            after = await answer_to(lines)

    assert after.body == b"good"
    assert len(peer.connections) == 1


async def test_a_quiet_connection_is_kept_awake():
    heard = []
    async with standing_lines(
        brisk(connections=2, ping_after_s=0.05), ping=lambda: REQUEST, on_ping_reply=heard.append
    ) as (peer, _):
        await eventually(lambda: len(heard) >= 4)

    assert all(reply.body == b"good" for reply in heard)
    assert len(peer.connections) == 2


async def test_nothing_of_a_request_is_ever_logged():
    secret = b"GET /?signature=hush HTTP/1.1\r\nAuthorization: Bearer hush\r\n\r\n"
    with capture_logs() as logs:
        async with standing_lines() as (peer, lines):
            for pieces in ([b"hush rubbish\r\n"], []):
                peer.will(*pieces)
                told = []
                lines.send(secret, told.append, 0.05)
                await eventually(lambda told=told: told)
                await eventually(lambda: lines.idle)

                assert "hush" not in told[0].reason
    assert "hush" not in repr(logs)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://user:hush@x", "x", "http://x?y=1"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="an address is") as refused:
        OrderLines("upbit", url, SystemClock(), Random(1))

    assert "hush" not in str(refused.value)


async def test_the_patience_with_one_request_does_not_end_the_next():
    async with standing_lines() as (peer, lines):
        await answer_to(lines, timeout_s=0.05)
        peer.will(GOOD[:10], *[b""] * 12, GOOD[10:])  # longer than the patience with the first
        what = await answer_to(lines)

    assert what == HttpReply(200, {}, b"good")
