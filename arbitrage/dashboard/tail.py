"""The newest rows of a Redis stream, kept up to date by asking for what is new only. It decodes nothing."""

from collections import deque
from typing import Any, Final

from redis.asyncio.client import Pipeline

Row = tuple[str, dict[bytes, bytes]]
"""A row's id and its fields."""

_AT_ONCE: Final = 1_000


class Tail:
    """The last `most` rows of one stream, oldest first."""

    def __init__(self, key: str, most: int) -> None:
        self._key = key
        self._most = most
        self._last = ""
        self.rows: deque[Row] = deque(maxlen=most)

    def ask(self, pipe: Pipeline) -> None:
        """Add the question for what is new to a pipeline."""
        if self._last:
            pipe.xrange(self._key, min=f"({self._last}", count=_AT_ONCE)
        else:
            pipe.xrevrange(self._key, count=self._most)

    def take(self, reply: Any) -> list[Row]:
        """Take the answer over; return the new rows, oldest first. An error is taken as nothing new."""
        if not isinstance(reply, list):
            return []
        new = [(row_id.decode("ascii", "replace"), fields) for row_id, fields in reply]
        if not self._last:
            new.reverse()
        if new:
            self._last = new[-1][0]
            self.rows.extend(new)
        return new
