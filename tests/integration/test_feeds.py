"""The feeds against venues that behave, and misbehave, on this machine."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.domain.events import BookRejected, BookSnapshot, TouchUpdate, UniverseChanged, VenueDown, VenueUp
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.binance_feed import MOST, BinanceFeed, streams_url
from arbitrage.market_data.instruments import Fees
from arbitrage.market_data.supervisor import MarketData, MarketDataConfig
from arbitrage.market_data.tape import TapeWriter, read_tape
from arbitrage.market_data.upbit_feed import UpbitFeed
from arbitrage.wire.sockets import SocketLimits
from tests.unit.market_data import venue_rest
from tests.unit.market_data.frames_of import binance_book, binance_touch, upbit_book
from tests.venue_fakes import FakeRest, FakeVenue, eventually

BRISK = SocketLimits(ping_every_s=0.1, silence_s=0.3, first_backoff_s=0.01, longest_backoff_s=0.05)
SHUTDOWN = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'


class LeapingClock:
    """The machine's clock, that a test can send ahead."""

    def __init__(self):
        self._clock = SystemClock()
        self._ahead_ns = 0

    def now(self):
        return Instant(self._clock.now() + self._ahead_ns)

    def leap(self, seconds):
        self._ahead_ns += seconds * NS_PER_S
        return self.now()


class Events(list):
    """What was emitted."""

    def of(self, *kinds):
        return [event for event in self if isinstance(event, kinds)]

    def ups_and_downs(self):
        return ["up" if isinstance(event, VenueUp) else "down" for event in self.of(VenueUp, VenueDown)]


@asynccontextmanager
async def running(feed):
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def codes_of(text):
    return [code.partition(".")[0] for code in json.loads(text)[1]["codes"]]


def serve_books(peer, text):
    """Answer a subscription as Upbit does: a book for every code that it knows, and not a word about the others."""
    for code in codes_of(text):
        if code != "KRW-NONE":
            peer.send(upbit_book(code))


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def clock():
    return LeapingClock()


@pytest.fixture
async def upbit():
    async with FakeVenue(on_text=serve_books) as venue:
        yield venue


@pytest.fixture
async def binance():
    async with FakeVenue() as venue:
        venue.on_connect = lambda peer: (peer.send(binance_book(sequence=1)), peer.send(binance_touch(sequence=2)))
        yield venue


async def test_upbit_is_asked_for_fifteen_levels_of_every_code_in_one_subscription(upbit, events, clock):
    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC", "KRW-USDT"])
        await eventually(lambda: len(events.of(BookSnapshot)) == 2)

    ticket, request, form = json.loads(upbit.peers[0].texts[0])
    assert ticket["ticket"]
    assert request == {"type": "orderbook", "codes": ["KRW-BTC.15", "KRW-USDT.15"]}
    assert form == {"format": "SIMPLE"}
    assert isinstance(events[0], VenueUp)


async def test_upbit_is_sent_the_whole_set_when_it_changes_because_it_replaces(upbit, events, clock):
    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC", "KRW-USDT"])
        await eventually(lambda: upbit.peers and upbit.peers[0].texts)
        feed.watch(["KRW-BTC", "KRW-USDT"])
        feed.watch(["KRW-BTC", "KRW-ETH", "KRW-USDT"])
        await eventually(lambda: len(upbit.peers[0].texts) == 2)

    assert codes_of(upbit.peers[0].texts[1]) == ["KRW-BTC", "KRW-ETH", "KRW-USDT"]
    assert len(upbit.peers) == 1


async def test_a_dropped_upbit_socket_is_down_then_up_and_subscribed_again(upbit, events, clock):
    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC"])
        await eventually(lambda: events.of(BookSnapshot))
        upbit.peers[0].cut()
        await eventually(lambda: len(events.of(BookSnapshot)) == 2)

    assert [type(event) for event in events] == [VenueUp, BookSnapshot, VenueDown, VenueUp, BookSnapshot]


async def test_a_stalled_upbit_socket_is_rebuilt_within_its_limit(upbit, events, clock):
    upbit.answers_pings = False

    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC"])
        await eventually(lambda: len(events.of(VenueUp)) == 2, within_s=1.0)

    assert events.of(VenueDown)[0].reason == "nothing heard for 0.3 s"


async def test_an_error_frame_starts_the_upbit_socket_over(upbit, events, clock):
    upbit.on_text = lambda peer, text: peer.send(b'{"error":{"name":"WRONG_FORMAT","message":"m"}}')

    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC"])
        await eventually(lambda: len(events.of(VenueUp)) == 3)

    assert events.of(VenueDown)[0].reason == "error frame: WRONG_FORMAT m"


async def test_a_code_that_upbit_ignores_is_asked_for_once_more_and_named(upbit, events, clock):
    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC", "KRW-NONE"])
        await eventually(lambda: events.of(BookSnapshot))
        with capture_logs() as logs:
            feed.look_after(clock.now())
            feed.look_after(clock.leap(6))
            await eventually(lambda: len(events.of(BookSnapshot)) == 2)
            for _ in range(3):
                feed.look_after(clock.leap(6))

    assert len(upbit.peers[0].texts) == 2
    assert [(entry["event"], entry["symbols"]) for entry in logs] == [("symbols_silent", ("KRW-NONE",))]
    assert [event.symbol for event in events.of(BookRejected)] == ["KRW-NONE", "KRW-NONE"]


async def test_bad_frames_are_rejected_and_counted_and_the_socket_stays(upbit, events, clock):
    upbit.on_text = lambda peer, text: [peer.send(frame) for frame in (b"{", upbit_book()[:-9], b'{"status":"UP"}')]

    async with running(UpbitFeed(upbit.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["KRW-BTC"])
        await eventually(lambda: feed.intake.frames == 3)

    assert [event.symbol for event in events.of(BookRejected)] == ["", "KRW-BTC"]
    assert feed.intake.bad.counts == {"malformed": 2}
    assert events.of(VenueDown) == []


async def test_what_would_make_binances_address_too_long_is_asked_for_once_it_is_open(binance, events, clock):
    symbols = [f"C{number:03d}USDT" for number in range(MOST + 1)]
    async with running(BinanceFeed(binance.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(symbols)
        await eventually(lambda: binance.peers and len(binance.peers[0].texts) == 3)
    named = [name.partition("@")[0] for name in binance.peers[0].path.partition("=")[2].split("/")[::2]]
    asked = [json.loads(text) for text in binance.peers[0].texts]

    assert {request["method"] for request in asked} == {"SUBSCRIBE"}
    assert len({request["id"] for request in asked}) == len(asked)
    streams = [name for request in asked for name in request["params"]]
    assert named + [name.partition("@")[0] for name in streams[::2]] == [name.lower() for name in symbols[:MOST]]
    assert {name.partition("@")[2] for name in streams} == {"depth20@100ms", "bookTicker"}
    assert len(binance.peers[0].path) < 4_096


async def test_binance_streams_are_named_in_the_address(binance, events, clock):
    async with running(BinanceFeed(binance.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["BTCUSDT", "ETHUSDT"])
        await eventually(lambda: events.of(TouchUpdate))

    assert binance.peers[0].path == (
        "/stream?streams=btcusdt@depth20@100ms/btcusdt@bookTicker/ethusdt@depth20@100ms/ethusdt@bookTicker"
    )
    assert streams_url("wss://x", ["BTCUSDT"]) == "wss://x/stream?streams=btcusdt@depth20@100ms/btcusdt@bookTicker"
    assert [type(event) for event in events] == [VenueUp, BookSnapshot, TouchUpdate]


@pytest.mark.parametrize(
    "cause",
    [
        lambda feed, clock, binance: feed.watch(["BTCUSDT", "ETHUSDT"]),
        lambda feed, clock, binance: feed.look_after(clock.leap(23 * 3600 + 1)),
        lambda feed, clock, binance: (clock.leap(11), binance.peers[0].send(SHUTDOWN)),
    ],
    ids=["other symbols", "too old", "shutdown announced"],
)
async def test_a_binance_line_is_replaced_without_a_moment_of_being_down(binance, events, clock, cause):
    async with running(BinanceFeed(binance.url, events.append, clock, limits=SocketLimits())) as feed:
        feed.watch(["BTCUSDT"])
        await eventually(lambda: len(events.of(TouchUpdate)) == 1)
        cause(feed, clock, binance)
        await eventually(lambda: len(events.of(TouchUpdate)) == 2)
        await eventually(lambda: binance.live == [binance.peers[1]])
        await asyncio.sleep(0)

    assert events.ups_and_downs() == ["up"]


async def test_a_venue_that_announces_shutdown_at_once_is_not_hammered(binance, events, clock):
    binance.on_connect = lambda peer: peer.send(SHUTDOWN)

    async with running(BinanceFeed(binance.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["BTCUSDT"])
        await eventually(lambda: feed.intake.frames == 1)
        await eventually(lambda: binance.peers[0].pings >= 3)

    assert len(binance.peers) == 1


async def test_a_cut_binance_socket_is_down_then_up(binance, events, clock):
    async with running(BinanceFeed(binance.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["BTCUSDT"])
        await eventually(lambda: events.of(TouchUpdate))
        binance.peers[0].cut()
        await eventually(lambda: len(events.of(TouchUpdate)) == 2)

    assert events.ups_and_downs() == ["up", "down", "up"]


async def test_watching_nothing_closes_the_binance_socket(binance, events, clock):
    async with running(BinanceFeed(binance.url, events.append, clock, limits=BRISK)) as feed:
        feed.watch(["BTCUSDT"])
        await eventually(lambda: events.of(TouchUpdate))
        feed.watch([])
        await eventually(lambda: binance.peers and not binance.live)

    assert events.of(VenueDown)[-1].reason == "nothing to watch"


async def test_what_came_is_on_the_tape_whether_it_made_sense_or_not(upbit, events, clock, tmp_path):
    upbit.on_text = lambda peer, text: [peer.send(frame) for frame in (upbit_book(), b"\xff\n")]
    tape = TapeWriter(tmp_path)

    async with running(UpbitFeed(upbit.url, events.append, clock, tape, BRISK)) as feed:
        feed.watch(["KRW-BTC"])
        await eventually(lambda: feed.intake.frames == 2)
    tape.flush()

    (path,) = tmp_path.iterdir()
    frames = list(read_tape(path))
    assert [(frame.opcode, frame.payload) for frame in frames] == [("b", upbit_book()), ("x", b"\xff\n")]
    assert frames[0].at == events.of(BookSnapshot)[0].at


async def test_market_data_waits_for_a_venue_and_then_watches_what_both_have(upbit, binance, events, clock):
    async with FakeRest() as upbit_rest, FakeRest() as binance_rest:
        venue_rest.upbit(upbit_rest)
        config = MarketDataConfig(
            wanted=("BTC", "BNB"),
            fees=Fees(0, 0),
            upbit_rest_url=upbit_rest.url,
            upbit_ws_url=upbit.url,
            binance_rest_url=binance_rest.url,
            binance_ws_url=binance.url,
        )
        async with running(MarketData(config, events.append, clock)):
            await eventually(lambda: events.of(VenueDown))
            venue_rest.binance(binance_rest, venue_rest.symbol("BTC"))
            await eventually(lambda: events.of(TouchUpdate))
            await eventually(lambda: len(events.of(BookSnapshot)) == 3)

    reasons = {event.venue: event.reason for event in events.of(VenueDown)[:2]}
    assert reasons[Venue.UPBIT] == "waits for the instruments of binance"
    assert reasons[Venue.BINANCE].startswith("GET /api/v3/")
    assert events.of(UniverseChanged)[0].universe.left_out == (("BNB", "not listed on upbit"),)
    assert {event.symbol for event in events.of(BookSnapshot)} == {"KRW-BTC", "KRW-USDT", "BTCUSDT"}
