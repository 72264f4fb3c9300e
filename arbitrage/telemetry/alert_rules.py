"""What a person must know of, out of what the engine tells: intents in, findings out. It calls nobody.

What happens by itself again and again, such as a book that is late for a second, is told once it has lasted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.alerts import Severity
from arbitrage.domain.guarding import KEY_EXPIRY, GuardAct, GuardEntry, LatchKind, TradingState, Trip
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.views import EngineView, VenueLine

VENUE_LOST: Final = Nanos(60 * NS_PER_S)
"""So long a venue may be away before somebody is called."""

STREAM_LOST: Final = Nanos(15 * NS_PER_S)
STATE_STANDS: Final = Nanos(3 * NS_PER_S)
"""So long a trading state has to last: it changes for a moment whenever a book is late."""

START_TAKES: Final = Nanos(60 * NS_PER_S)
MISMATCH: Final = "reconcile_mismatch"

_CRITICAL: Final = frozenset(
    {
        Trip.LOSS_RATIO,
        Trip.INTENT_LOG,
        Trip.NAKED_LEG,
        Trip.UNKNOWN_ORDER,
        Trip.NO_WAY_OUT,
        *(kind for kind in LatchKind if kind not in {LatchKind.OPERATOR, LatchKind.IMPLAUSIBLE_EDGE}),
    }
)
"""Trips and latches that somebody has to answer; the others pause, or a person set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to tell: its kind, what of that kind, and one line. `is_over` is good news."""

    at: Instant
    severity: Severity
    kind: str
    text: str
    subject: str = ""
    is_over: bool = False


def of_entry(entry: GuardEntry) -> Iterator[Finding]:
    """Yield what to tell of a piece of evidence."""
    match entry.act:
        case GuardAct.TRIPPED | GuardAct.LATCHED:
            kind, _, scope = entry.name.partition(":")
            severity = Severity.CRITICAL if kind in _CRITICAL else Severity.WARNING
            what = "paused" if entry.act is GuardAct.TRIPPED else f"stopped by {entry.who}"
            text = f"{entry.name}, {what}: {entry.why}"
            yield Finding(at=entry.at, severity=severity, kind=kind, subject=scope, text=text)
        case GuardAct.CLEARED | GuardAct.UNLATCHED:
            text = f"{entry.name} is over: {entry.why} ({entry.who})"
            yield _over(entry.at, "cleared", text, entry.name)
        case GuardAct.SEEN if entry.name == KEY_EXPIRY:
            yield Finding(at=entry.at, severity=Severity.WARNING, kind=KEY_EXPIRY, subject=entry.why, text=entry.why)
        case _:
            pass


class ViewRules:
    """Looks at each view for what is so, or is not so any more, for long enough."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._since: dict[tuple[str, str], Instant] = {}
        self._told_state = self._seen_state = ""
        self._state_since = Instant(0)

    def look(self, view: EngineView) -> Iterator[Finding]:
        """Yield what is new since the last view."""
        yield from self._trading_state(view)
        for name, line in view.venues.items():
            yield from self._lasting("venue_lost", name, view.at, VENUE_LOST, _away(name, line))
        for name, why in view.private_streams.items():
            yield from self._lasting("private_stream", name, view.at, STREAM_LOST, why)
        odd = {
            f"{venue} {currency}": f"{venue} shows {change:+f} {currency} that nothing explains"
            for venue, currency, change in view.unexplained
        }
        gone = [subject for kind, subject in self._told if kind == MISMATCH and subject not in odd]
        for subject in (*odd, *gone):
            yield from self._lasting(MISMATCH, subject, view.at, Nanos(0), odd.get(subject, ""))

    def _trading_state(self, view: EngineView) -> Iterator[Finding]:
        state, was = view.trading_state, self._told_state
        if state != self._seen_state:
            self._seen_state, self._state_since = state, view.at
        patience = STATE_STANDS if was else START_TAKES
        lasts = state == TradingState.HALTED or view.at - self._state_since >= patience
        if state == was or not (lasts or state == TradingState.ACTIVE):
            return
        self._told_state = state
        text = f"{state}, was {was or 'starting'}: {view.why_not or 'new plans are made'}"
        if state == TradingState.ACTIVE:
            yield _over(view.at, "trading_state", text)
        else:
            severity = Severity.CRITICAL if state == TradingState.HALTED else Severity.WARNING
            yield Finding(at=view.at, severity=severity, kind="trading_state", text=text)

    def _lasting(self, kind: str, subject: str, at: Instant, patience: Nanos, why: str) -> Iterator[Finding]:
        """Yield that something is so, once it was for long enough, and that it is not any more, if it was told."""
        key = (kind, subject)
        if not why:
            self._since.pop(key, None)
            if key in self._told:
                self._told.remove(key)
                yield _over(at, kind, f"{subject}: all is well again", subject)
        elif at - self._since.setdefault(key, at) >= patience and key not in self._told:
            self._told.add(key)
            lasted = f", for {(at - self._since[key]) / NS_PER_S:.0f} s now" if patience else ""
            yield Finding(at=at, severity=Severity.WARNING, kind=kind, subject=subject, text=f"{why}{lasted}")


def _away(name: str, line: VenueLine) -> str:
    return "" if line.connected else f"{name} is away: {line.reason or 'it never came'}"


def _over(at: Instant, kind: str, text: str, subject: str = "") -> Finding:
    return Finding(at=at, severity=Severity.INFO, kind=kind, subject=subject, text=text, is_over=True)
