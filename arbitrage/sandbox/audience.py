"""Who listens to what: channels and their listeners. No sockets here; whoever can be a set member can listen."""

from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
L = TypeVar("L", bound=Hashable)


class Audience(Generic[K, L]):
    """The listeners of each channel. Channels without one take no room."""

    def __init__(self) -> None:
        self._listeners: dict[K, set[L]] = {}

    @property
    def channels(self) -> Collection[K]:
        """Return the channels that someone listens to."""
        return self._listeners.keys()

    def of(self, channel: K) -> Collection[L]:
        """Return who listens to a channel."""
        return self._listeners.get(channel, ())

    def join(self, channels: Iterable[K], listener: L) -> None:
        """Let someone listen to channels."""
        for channel in channels:
            self._listeners.setdefault(channel, set()).add(listener)

    def leave(self, channels: Iterable[K], listener: L) -> None:
        """Let someone stop listening to channels."""
        for channel in channels:
            listeners = self._listeners.get(channel)
            if listeners is not None:
                listeners.discard(listener)
                if not listeners:
                    del self._listeners[channel]

    def __bool__(self) -> bool:
        return bool(self._listeners)
