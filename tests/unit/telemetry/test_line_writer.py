"""A reader of the log that stalls costs lines, and never time."""

import json
import threading
from io import StringIO

from arbitrage.telemetry.line_writer import LineWriter


class StalledReader(StringIO):
    """A stream whose first write waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stalled = threading.Event()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.stalled.set()
        self.go_on.wait(5)
        return super().write(text)


def test_lines_come_out_in_order() -> None:
    stream = StringIO()
    writer = LineWriter(stream)
    for number in range(100):
        writer.info(str(number))
    writer.close()

    assert stream.getvalue().split() == [str(number) for number in range(100)]


def test_a_stalled_reader_loses_lines_and_is_told_how_many() -> None:
    stream = StalledReader()
    writer = LineWriter(stream, limit=3)
    writer.info('"first"')
    stream.stalled.wait(5)
    for number in range(10):  # three fit, seven are dropped, and nobody waits
        writer.info(str(number))
    stream.go_on.set()
    writer.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert told == ["first", {"level": "error", "event": "log_lines_dropped", "lines": 7}, 0, 1, 2]


def test_a_stream_that_went_away_silences_the_log_and_nothing_else() -> None:
    stream = StringIO()
    stream.close()
    writer = LineWriter(stream)
    writer.info("into the void")
    writer.close()
