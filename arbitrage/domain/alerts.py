"""An alert: something that a person must know of, and whether one has said so. Facts; nobody is called here."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from arbitrage.domain.instants import Instant


class Severity(StrEnum):
    """How soon a person has to look: now, today, or when there is time. Only CRITICAL asks for an answer."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
"""Severities in order, the least first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; while nobody has acknowledged it, the same happening again is the same alert once more.

    at          when it happened first; `last_at` when it did last, and `count` how often
    kind        what it is about, one word; subject tells two of a kind apart, such as two venues
    text        one line for people, of the last time; where another program wrote it, it was cleaned here
    runbook     where the documentation says what to do
    acked_by    who acknowledged it, at `acked_at`; None: it is open
    sent        whether at least one target has taken it
    """

    id: str
    at: Instant
    severity: Severity
    kind: str
    text: str
    runbook: str
    last_at: Instant
    subject: str = ""
    count: int = 1
    acked_by: str = ""
    acked_at: Instant | None = None
    sent: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has acknowledged it yet."""
        return self.acked_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """How a target does: why it cannot be reached ("" if it can) and since when, and how many messages wait."""

    name: str
    problem: str = ""
    since: Instant | None = None
    waiting: int = 0
    sent: int = 0
    lost: int = 0
