"""Lines to a stream from a thread of their own: a reader that stalls must not stall the loop. It formats nothing."""

import atexit
import queue
import threading
from contextlib import suppress
from typing import Final, TextIO

QUEUE_LINES: Final = 10_000
"""About 4 MB of log. What comes while it is full is dropped, and counted."""

LAST_WORDS_S: Final = 1.0
"""How long the end of the process may wait for a reader."""


class LineWriter:
    """A logger for structlog that never waits. A stream that went away silences the log and nothing else."""

    def __init__(self, stream: TextIO, limit: int = QUEUE_LINES) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(limit)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def msg(self, line: str) -> None:
        """Take one line over."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    log = debug = info = warning = error = critical = exception = fatal = msg

    def close(self) -> None:
        """Write what is left, if the reader lets us, and end."""
        atexit.unregister(self.close)
        with suppress(queue.Full):
            self._lines.put(None, timeout=LAST_WORDS_S)
            self._thread.join(LAST_WORDS_S)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                line = f'{{"level":"error","event":"log_lines_dropped","lines":{dropped}}}\n{line}'
            with suppress(OSError, ValueError):  # the reader of a pipe is gone, or the stream is closed
                self._stream.write(line + "\n")
                if self._lines.empty():
                    self._stream.flush()
