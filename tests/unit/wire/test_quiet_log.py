import pytest
from structlog.testing import capture_logs

from arbitrage.redaction import conceal
from arbitrage.wire.quiet_log import Outage, Tally, one_line
from tests.clocks import ManualClock


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (b"plain", "plain"),
        (b"two\nlines\x1b[31m", "two\\nlines\\x1b[31m"),
        ("한글", "\\ud55c\\uae00"),
        (b"\xff\x00", "\\xff\\x00"),
        ("x" * 500, "x" * 200),
    ],
)
def test_one_line_is_printable_ascii_and_short(given, shown):
    assert one_line(given) == shown


def test_a_tally_tells_at_once_and_then_once_a_minute_with_what_was_counted():
    clock, tally = ManualClock(), Tally("bad_frames", venue="upbit")

    with capture_logs() as logs:
        tally.add("malformed", b"{")
        tally.report(clock.now())
        for _ in range(3):
            tally.add("malformed", b"[")
        tally.add("unknown_type", b"\n")
        tally.report(clock.advance(59))
        told_early = len(logs)
        tally.report(clock.advance(1))
        tally.report(clock.advance(600))

    assert told_early == 1
    assert [entry["counts"] for entry in logs] == [{"malformed": 1}, {"malformed": 3, "unknown_type": 1}]
    assert logs[-1]["newest"] == "\\n"
    assert logs[-1]["venue"] == "upbit"


def test_an_outage_is_told_at_once_then_each_minute_with_its_length_then_its_end():
    clock = ManualClock()
    outage = Outage(clock, "venue_unreachable", "venue_reachable", venue="binance")

    with capture_logs() as logs:
        outage.failed("refused")
        for _ in range(5):
            clock.advance(20)
            outage.failed("refused")
        outage.recovered()
        outage.recovered()

    assert [(entry["event"], entry.get("for_s", entry.get("after_s"))) for entry in logs] == [
        ("venue_unreachable", 0),
        ("venue_unreachable", 60),
        ("venue_reachable", 100),
    ]


def test_what_a_peer_says_back_is_written_without_our_secrets() -> None:
    conceal(["Qx71-venue-key-of-ours-Zp93"])
    said = f"bad request: {'.' * 170} key=Qx71-venue-key-of-ours-Zp93 signature=0123abcd"

    assert "Qx71" not in one_line(said)
    assert "0123abcd" not in one_line(said.replace(".", "").encode())
