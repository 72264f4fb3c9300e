import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from picows import WSMsgType, ws_create_server
from structlog.testing import capture_logs

from arbitrage.clock import SystemClock
from arbitrage.wire.sockets import Opcode, Socket, SocketLimits
from tests.venue_fakes import FakeVenue, eventually

BRISK = SocketLimits(
    ping_every_s=0.05,
    silence_s=0.2,
    connect_s=1.0,
    first_backoff_s=0.01,
    longest_backoff_s=0.05,
    max_message_bytes=4096,
)


class Diary:
    """A handler that writes everything down."""

    def __init__(self):
        self.opened = 0
        self.frames = []
        self.downs = []
        self.fails_on = None

    def on_open(self, socket):
        self.opened += 1

    def on_frame(self, socket, payload, opcode, at):
        if payload == self.fails_on:
            raise ZeroDivisionError("the handler's own mistake")
        self.frames.append((payload, opcode))

    def on_down(self, socket, reason):
        self.downs.append(reason)


@asynccontextmanager
async def socket_to(url, diary, limits=BRISK):
    socket = Socket(url, diary, SystemClock(), Random(1), limits)
    task = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def venue():
    async with FakeVenue() as server:
        yield server


@pytest.fixture
def diary():
    return Diary()


async def test_frames_are_handed_on_in_order_with_their_opcode(venue, diary):
    venue.on_connect = lambda peer: (peer.send(b"one"), peer.send(b"two", WSMsgType.TEXT))

    async with socket_to(venue.url, diary):
        await eventually(lambda: len(diary.frames) == 2)

    assert diary.frames == [(b"one", Opcode.BINARY), (b"two", Opcode.TEXT)]
    assert diary.opened == 1


class Steps(Diary):
    """A handler that notes of each frame whether more were read with it, and when that was all."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_frame(self, socket, payload, opcode, at):
        super().on_frame(socket, payload, opcode, at)
        self.steps.append("more" if socket.has_more else "last")


async def test_who_was_told_that_more_was_read_is_told_when_that_was_all(venue):
    steps = Steps()
    venue.on_connect = lambda peer: ([peer.send(b"%d" % i) for i in range(20)], peer.send(b"", WSMsgType.PING))

    async with socket_to(venue.url, steps) as socket:
        socket.when_read = lambda: steps.steps.append("all")
        await eventually(lambda: len(steps.frames) == 20 and steps.steps[-1] != "more")

    assert [payload for payload, _ in steps.frames] == [b"%d" % i for i in range(20)]
    assert not [pair for pair in pairwise(["all", *steps.steps]) if pair[1] == "all" and pair[0] == "all"]


@pytest.mark.parametrize(
    "ending", [lambda peer: peer.close(), lambda peer: (peer.close(), peer.send(b"too late"), peer.send(b""))]
)
async def test_the_end_of_a_connection_in_the_middle_of_a_read_is_the_end_of_the_read(venue, ending):
    steps = Steps()
    venue.on_connect = lambda peer: ([peer.send(b"%d" % i) for i in range(20)], ending(peer))

    async with socket_to(venue.url, steps) as socket:
        socket.when_read = lambda: steps.steps.append("all")
        await eventually(lambda: steps.downs)

    assert "more" in steps.steps
    assert steps.steps[-1] == "all"


async def test_fragments_become_one_message(venue, diary):
    def in_parts(peer):
        peer.send(b'{"a"', WSMsgType.TEXT, fin=False)
        peer.send(b":1", WSMsgType.CONTINUATION, fin=False)
        peer.send(b"}", WSMsgType.CONTINUATION)

    venue.on_connect = in_parts

    async with socket_to(venue.url, diary):
        await eventually(lambda: diary.frames)

    assert diary.frames == [(b'{"a":1}', Opcode.TEXT)]


async def test_a_quiet_market_is_not_a_dead_socket(venue, diary):
    async with socket_to(venue.url, diary) as socket:
        await eventually(lambda: venue.peers and venue.peers[0].pings >= 10)

        assert socket.is_open
    assert len(venue.peers) == 1
    assert diary.downs == []


async def test_a_stalled_socket_is_rebuilt_within_its_limit(venue, diary):
    venue.answers_pings = False
    loop = asyncio.get_running_loop()

    async with socket_to(venue.url, diary):
        await eventually(lambda: diary.opened == 1)
        began_s = loop.time()
        await eventually(lambda: diary.opened == 2)

        assert 0.15 < loop.time() - began_s < 5.0
    assert diary.downs[0] == "nothing heard for 0.2 s"


@pytest.mark.parametrize("sign_of_life", [WSMsgType.TEXT, WSMsgType.PING])
async def test_frames_and_pings_are_signs_of_life_without_any_pong(venue, diary, sign_of_life):
    venue.answers_pings = False

    async with socket_to(venue.url, diary):
        await eventually(lambda: venue.peers)
        for _ in range(20):
            venue.peers[0].send(b"{}", sign_of_life)
            await asyncio.sleep(0.02)

        assert diary.downs == []
    assert venue.peers[0].pongs == (20 if sign_of_life == WSMsgType.PING else 0)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (lambda peer: peer.cut(), "connection lost"),
        (lambda peer: peer.close(b"bye\n"), "closed by the peer: 1000 bye\\n"),
        (lambda peer: peer.send(b"x" * 10_000), "connection lost"),
        (lambda peer: [peer.send(b"x" * 3000, fin=False), peer.send(b"x" * 3000, WSMsgType.CONTINUATION)], "more than"),
    ],
)
async def test_however_it_ends_it_is_opened_again(venue, diary, ending, reason):
    async with socket_to(venue.url, diary):
        await eventually(lambda: venue.peers)
        ending(venue.peers[0])
        await eventually(lambda: diary.opened == 2)

    assert reason in diary.downs[0]


async def test_a_venue_that_refuses_is_tried_until_it_accepts(venue, diary):
    venue.accepts = False

    async with socket_to(venue.url, diary):
        await eventually(lambda: len(diary.downs) >= 3)
        assert diary.opened == 0
        venue.accepts = True
        await eventually(lambda: diary.opened == 1)

    assert all(reason.startswith("cannot connect: ") for reason in diary.downs)


async def answering(answer):
    """Start a server that answers anything with these bytes and hangs up."""

    async def something_else(reader, writer):
        writer.write(answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    return await asyncio.start_server(something_else, "127.0.0.1", 0)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 503 Busy\r\n\r\n"])
async def test_a_peer_that_speaks_something_else_is_a_failed_attempt(diary, answer):
    server = await answering(answer)
    async with server, socket_to(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", diary):
        await eventually(lambda: len(diary.downs) >= 2)

    assert diary.opened == 0


async def test_a_redirect_is_not_followed(venue, diary):
    server = await answering(f"HTTP/1.1 301 Moved\r\nLocation: {venue.url}/\r\nContent-Length: 0\r\n\r\n".encode())
    async with server, socket_to(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", diary):
        await eventually(lambda: len(diary.downs) >= 2)

    assert venue.peers == []


async def test_a_connection_that_lived_a_while_is_made_again_without_a_long_wait(venue, diary):
    patient = replace(BRISK, first_backoff_s=0.01, longest_backoff_s=60.0, settled_s=0.001)

    async with socket_to(venue.url, diary, patient):
        for times in range(1, 13):  # without starting over, the twelfth wait would be at least 10 s
            await eventually(lambda times=times: diary.opened == times and venue.peers[-1].pings >= 1)
            await asyncio.sleep(0.01)
            venue.peers[-1].send(b"alive")
            await eventually(lambda times=times: len(diary.frames) == times)
            venue.peers[-1].cut()

    assert len(diary.downs) >= 11


async def test_a_mistake_in_the_handler_is_counted_and_the_socket_stays(venue, diary):
    diary.fails_on = b"poison"

    with capture_logs() as logs:
        async with socket_to(venue.url, diary):
            await eventually(lambda: venue.peers)
            for payload in (b"poison", b"poison", b"good"):
                venue.peers[0].send(payload)
            await eventually(lambda: diary.frames)
            await eventually(lambda: logs)

            assert diary.downs == []
    assert [(entry["event"], entry["counts"]) for entry in logs] == [
        ("socket_handler_failed", {"ZeroDivisionError": 2})
    ]


async def test_nothing_of_a_connection_that_was_given_up_is_handed_on(venue, diary):
    async with socket_to(venue.url, diary) as socket:
        await eventually(lambda: venue.peers)
        socket.rebuild("error frame")
        venue.peers[0].send(b"late")
        await eventually(lambda: diary.opened == 2)

    assert diary.frames == []
    assert diary.downs == ["error frame"]


async def test_what_is_sent_while_closed_is_dropped(venue, diary):
    venue.accepts = False

    async with socket_to(venue.url, diary) as socket:
        socket.send_text("too early")
        venue.accepts = True
        await eventually(lambda: diary.opened)
        socket.send_text("in time")
        await eventually(lambda: venue.peers[-1].texts)

    assert venue.peers[-1].texts == ["in time"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(diary, tmp_path):
    server = await ws_create_server(lambda request: None, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server, socket_to(f"wss://localhost:{server.sockets[0].getsockname()[1]}", diary):
        await eventually(lambda: diary.downs)

    assert "CERTIFICATE_VERIFY_FAILED" in diary.downs[0]


def self_signed(folder):
    """Make a TLS context with a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    valid_from = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_from + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
