import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.market_data.tape import TapedFrame, TapeWriter, read_tape
from tests.clocks import NOON

LATE = Instant(1_795_391_999 * NS_PER_S)
"""2026-11-22 23:59:59 UTC."""


def taped(tmp_path, *frames, writer=None):
    """Write frames (payload, opcode) a second apart, and return the one file that they went to."""
    writer = writer or TapeWriter(tmp_path)
    for place, (payload, opcode) in enumerate(frames):
        writer.write(Venue.UPBIT, opcode, payload, Instant(NOON + place * NS_PER_S))
    writer.flush()
    return tmp_path / "upbit-2026-11-22.tape.gz"


def payloads(path):
    return [frame.payload for frame in read_tape(path)]


def test_a_line_is_arrival_venue_opcode_and_frame(tmp_path):
    path = taped(tmp_path, (b'{"ty":"trade"}', "b"))

    assert gzip.decompress(path.read_bytes()) == b'%d\tupbit\tb\t{"ty":"trade"}\n' % NOON


def test_days_are_of_the_frames_arrival_in_utc_and_venues_have_their_own_files(tmp_path):
    writer = TapeWriter(tmp_path / "new" / "folder")
    writer.write(Venue.BINANCE, "t", b"{}", LATE)
    writer.write(Venue.BINANCE, "t", b"{}", Instant(LATE + NS_PER_S))
    writer.write(Venue.UPBIT, "b", b"{}", LATE)
    writer.flush()

    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "binance-2026-11-22.tape.gz",
        "binance-2026-11-23.tape.gz",
        "upbit-2026-11-22.tape.gz",
    ]


@pytest.mark.parametrize("payload", [b"two\nlines", b"\r", b"\xff\xfe", b"\x00\n"])
def test_a_frame_that_is_not_one_line_of_text_is_kept_byte_for_byte(tmp_path, payload):
    path = taped(tmp_path, (payload, "b"))

    assert list(read_tape(path)) == [TapedFrame(NOON, Venue.UPBIT, "x", payload)]


@given(payloads=st.lists(st.binary(max_size=60), max_size=5))
def test_whatever_was_written_is_read_back(tmp_path_factory, payloads):
    folder = tmp_path_factory.mktemp("tape")
    path = taped(folder, (b"", "t"), *((payload, "b") for payload in payloads))

    assert [frame.payload for frame in read_tape(path)] == [b"", *payloads]


def test_another_writer_goes_on_where_the_first_one_ended(tmp_path):
    taped(tmp_path, (b"one", "t"), (b"two", "t"))

    path = taped(tmp_path, (b"three", "t"))

    assert payloads(path) == [b"one", b"two", b"three"]


@pytest.mark.parametrize("cut", [1, 5, 9, 20])
def test_after_a_crash_only_the_last_member_is_lost_and_writing_goes_on(tmp_path, cut):
    writer = TapeWriter(tmp_path)
    taped(tmp_path, (b"one", "t"), writer=writer)
    path = taped(tmp_path, (b"two", "t"), writer=writer)
    path.write_bytes(path.read_bytes()[:-cut])

    assert payloads(path)[:1] == [b"one"]

    taped(tmp_path, (b"three", "t"))

    assert payloads(path) == [b"one", b"three"]


def test_rubbish_behind_the_last_member_is_cut_off(tmp_path):
    path = taped(tmp_path, (b"one", "t"))
    path.write_bytes(path.read_bytes() + b"\x00rubbish")

    taped(tmp_path, (b"two", "t"))

    assert payloads(path) == [b"one", b"two"]


@pytest.mark.parametrize("line", [b"hello\n", b"1\tupbit\tq\t{}\n", b"1\tmtgox\tt\t{}\n", b"x\tupbit\tt\t{}\n"])
def test_a_line_of_no_tape_is_named(tmp_path, line):
    path = tmp_path / "x.tape.gz"
    path.write_bytes(gzip.compress(b"1\tupbit\tt\t{}\n" + line))

    with pytest.raises(ValueError, match=r"x\.tape\.gz line 2 is not of a tape"):
        list(read_tape(path))
