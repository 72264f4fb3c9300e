"""The private streams against a venue that says nothing, nonsense, or something else than was asked for."""

import json

import pytest
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.domain.events import FundsMoved, PrivateDown, PrivateUp
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.binance_stream import binance_stream
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.private_stream import CONFIRMED_WITHIN
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.exchange.upbit_stream import upbit_stream
from tests.stream_diary import BRISK, Told, running
from tests.venue_fakes import FakeVenue, eventually

KEYS = ApiKeys("some-key", "some-secret")
CONFIRMATIONS = {
    Venue.UPBIT: b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"myOrder"},{"type":"myAsset"}]}',
    Venue.BINANCE: b'{"id":"subscribe","status":200,"result":{"subscriptionId":0}}',
}
MOVED = b'{"subscriptionId":0,"event":{"e":"balanceUpdate","a":"BTC","d":"1","T":1}}'

BOTH = pytest.mark.parametrize("venue", list(Venue))


def stream_to(venue, url, told):
    if venue is Venue.UPBIT:
        return upbit_stream(url, UpbitSigner(KEYS), told.append, SystemClock(), BRISK)
    return binance_stream(url, KEYS, told.append, SystemClock(), lambda: Nanos(0), BRISK)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
async def peer():
    """A venue that takes everybody in and says nothing by itself."""
    async with FakeVenue() as venue:
        yield venue


@BOTH
async def test_a_stream_is_not_up_before_the_venue_has_confirmed_it(peer, told, venue):
    async with running(stream_to(venue, peer.url, told)) as stream:
        await eventually(lambda: peer.live and peer.live[0].texts)
        was_up = stream.is_up
        peer.live[0].send(CONFIRMATIONS[venue])
        await eventually(lambda: stream.is_up)

    assert not was_up
    assert [type(event) for event in told] == [PrivateUp]


@BOTH
async def test_a_subscription_that_is_never_confirmed_is_tried_again(peer, told, venue):
    async with running(stream_to(venue, peer.url, told)) as stream:
        await eventually(lambda: peer.live and peer.live[0].texts)
        now = SystemClock().now()
        stream.look_after(now)
        was_kept = not told
        stream.look_after(Instant(now + CONFIRMED_WITHIN + 1))
        await eventually(lambda: len(peer.peers) == 2 and peer.peers[1].texts)

    assert was_kept
    assert told.reasons() == ["subscription not confirmed within 5 s"]


@BOTH
@pytest.mark.parametrize("nonsense", [b"", b"\xff\xfe", b"[" * 60_000, b"[]", b'{"event":{"e":"executionReport"}}'])
async def test_nonsense_ends_the_connection_and_another_one_is_made(peer, told, venue, nonsense):
    if venue is Venue.UPBIT and b"event" in nonsense:
        nonsense = b'{"type":"myOrder"}'
    peer.on_text = lambda client, text: client.send(CONFIRMATIONS[venue])
    with capture_logs() as logs:
        async with running(stream_to(venue, peer.url, told)) as stream:
            await eventually(lambda: stream.is_up)
            peer.live[0].send(nonsense)
            await eventually(lambda: told.ups_and_downs() == ["up", "down", "up"])

    assert "cannot be read" in told.reasons()[0]
    assert not [line for line in logs if line["event"] == "socket_handler_failed"]


async def test_nothing_is_believed_that_comes_behind_nonsense_on_the_same_connection(peer, told):
    peer.on_text = lambda client, text: [
        client.send(frame) for frame in (b"nonsense", CONFIRMATIONS[Venue.BINANCE], MOVED)
    ]
    async with running(stream_to(Venue.BINANCE, peer.url, told)):
        await eventually(lambda: told.ups_and_downs().count("down") > 2)

    assert {type(event) for event in told} == {PrivateDown}


async def test_what_comes_before_the_confirmation_is_told_already(peer, told):
    peer.on_text = lambda client, text: [client.send(frame) for frame in (MOVED, CONFIRMATIONS[Venue.BINANCE])]
    async with running(stream_to(Venue.BINANCE, peer.url, told)) as stream:
        await eventually(lambda: stream.is_up)

    assert [type(event) for event in told] == [FundsMoved, PrivateUp]


@BOTH
async def test_a_frame_of_tomorrow_changes_nothing_and_is_counted_without_its_text(peer, told, venue):
    peer.on_text = lambda client, text: client.send(CONFIRMATIONS[venue])
    with capture_logs() as logs:
        async with running(stream_to(venue, peer.url, told)) as stream:
            await eventually(lambda: stream.is_up)
            peer.live[0].send(json.dumps({"type": "news", "event": {"e": "news", "of": "an account"}}).encode())
            peer.live[0].send(CONFIRMATIONS[venue])
            stream.look_after(SystemClock().now())
            await eventually(lambda: stream.look_after(SystemClock().now()) or _counted(logs))

    assert told.ups_and_downs() == ["up"]
    assert _counted(logs)[0]["counts"] == {"strange": 1}
    assert "an account" not in str(logs)


@BOTH
async def test_a_venue_that_takes_nobody_in_is_told_as_down(peer, told, venue):
    peer.accepts = False
    async with running(stream_to(venue, peer.url, told)):
        await eventually(lambda: told.ups_and_downs().count("down") > 1)

    assert told.reasons()[0].startswith("cannot connect")
    assert "some-" not in str(told)


@BOTH
async def test_a_venue_that_falls_silent_is_told_as_down(peer, told, venue):
    peer.on_text = lambda client, text: client.send(CONFIRMATIONS[venue])
    peer.answers_pings = False
    async with running(stream_to(venue, peer.url, told)):
        await eventually(lambda: "down" in told.ups_and_downs())

    assert told.reasons()[0] == "nothing heard for 0.5 s"


def _counted(logs):
    return [line for line in logs if line["event"] == "private_frames_unread"]
