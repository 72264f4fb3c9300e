"""Log lines that a bad peer cannot turn into a flood. Nothing here decides; it counts, waits a minute, and says."""

from collections import Counter
from typing import Final

import structlog

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.ports import Clock
from arbitrage.redaction import redact

A_MINUTE: Final = Nanos(60 * NS_PER_S)
SAMPLE_LENGTH: Final = 200

log = structlog.get_logger()


def one_line(text: object) -> str:
    """Write anything as printable ASCII on one line, at most 200 characters of it, and without the secrets in it."""
    shown = text.decode("latin-1") if isinstance(text, bytes) else str(text)
    shown = redact(shown[: SAMPLE_LENGTH * 4])  # before the cut: half a secret is one too
    return ascii(shown[:SAMPLE_LENGTH])[1:-1][:SAMPLE_LENGTH]


def describe(failure: BaseException) -> str:
    """Name an exception and its text on one line."""
    text = one_line(failure)
    return f"{type(failure).__name__}: {text}" if text else type(failure).__name__


class Tally:
    """Counts by reason, with the newest sample, told once a minute. `add` is cheap enough for a frame callback."""

    def __init__(self, event: str, **fields: str) -> None:
        self.counts: Counter[str] = Counter()
        self._event = event
        self._fields = fields
        self._untold: Counter[str] = Counter()
        self._sample: bytes = b""
        self._failure: BaseException | None = None
        self._told_at: Instant | None = None

    def add(self, reason: str, sample: bytes = b"", failure: BaseException | None = None) -> None:
        """Count one; keeps the first 200 bytes of the sample, and the exception for its traceback."""
        self.counts[reason] += 1
        self._untold[reason] += 1
        self._sample = sample[:SAMPLE_LENGTH]
        self._failure = failure

    def report(self, now: Instant) -> None:
        """Log what was counted since the last line, if there is anything and a minute has passed."""
        if not self._untold or (self._told_at is not None and now - self._told_at < A_MINUTE):
            return
        counts, sample, failure = dict(self._untold), one_line(self._sample), self._failure
        self._untold.clear()
        self._failure = None
        self._told_at = now
        log.warning(self._event, counts=counts, newest=sample, exc_info=failure, **self._fields)


class Outage:
    """One thing that should work: its failure is told at once, then once a minute with its beginning, then its end."""

    def __init__(self, clock: Clock, down_event: str, up_event: str, **fields: str) -> None:
        self._clock = clock
        self._down_event = down_event
        self._up_event = up_event
        self._fields = fields
        self._since: Instant | None = None
        self._told_at: Instant | None = None

    def failed(self, reason: str) -> None:
        """Take note of a failure; logs the first one, and then one a minute."""
        now = self._clock.now()
        self._since = now if self._since is None else self._since
        if self._told_at is not None and now - self._told_at < A_MINUTE:
            return
        self._told_at = now
        log.warning(self._down_event, reason=reason, for_s=(now - self._since) // NS_PER_S, **self._fields)

    def works(self, **facts: object) -> None:
        """Log that it works. The minute's silence stays, so that flapping cannot flood the log with failures."""
        down_s = None if self._since is None else (self._clock.now() - self._since) // NS_PER_S
        self._since = None
        log.info(self._up_event, after_s=down_s, **facts, **self._fields)

    def recovered(self) -> None:
        """Log that it works again, if it did not."""
        if self._since is not None:
            self.works()
