"""The last lines of the log, on their way to Redis, where pages show them. It keeps what was cleaned already."""

from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import msgspec

from arbitrage.state.keys import Command, StateKeys

LINES: Final = 500
"""So many lines are kept here, and about as many in Redis."""

LINES_AT_ONCE: Final = 100
"""How many lines one look takes along: a flood must not hold up what matters more."""


class LogTail:
    """Keeps the last 500 events; those that Redis has not got yet wait, and of a flood only the newest do."""

    def __init__(self) -> None:
        self._last: deque[Mapping[str, Any]] = deque(maxlen=LINES)
        self._new: deque[Mapping[str, Any]] = deque(maxlen=LINES_AT_ONCE)

    def keep(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep an event that was cleaned; a structlog processor."""
        line = dict(event)
        self._last.append(line)
        self._new.append(line)
        return event

    def rows(self, keys: StateKeys, *, anew: bool) -> list[Command]:
        """Return what writes the lines down that came since the last time (RowSource)."""
        lines = [self._new.popleft() for _ in range(len(self._new))]
        if anew:
            lines = list(self._last)
        return [("XADD", keys.log, "MAXLEN", "~", LINES, "*", "line", as_json(line)) for line in lines]


TAIL: Final = LogTail()
"""The process's own: there is one log."""


def as_json(event: Mapping[str, object]) -> bytes:
    """Return an event as a line of JSON that begins with time, level and name."""
    head = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return msgspec.json.encode({**head, **event})
