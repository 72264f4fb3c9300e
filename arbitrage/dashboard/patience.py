"""How long the dashboard waits for a request: who connects and says nothing, or speaks slowly, makes room for others.

The server itself only bounds the time between two requests. It knows nothing of what is asked.
"""

import asyncio
from typing import Final

from starlette.types import Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0
"""How long a connection may take until the head of its next request is there."""

BODY_S: Final = 5.0
"""How long a body of at most some kilobytes may take."""


class TooSlow(Exception):
    """A body has not come to its end in time."""


async def body_of(receive: Receive, limit: int, wait_s: float = BODY_S) -> bytes | None:
    """Read a whole body; None if it is longer than `limit` bytes. Raises TooSlow."""
    body = b""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                message = await receive()
                body += bytes(message.get("body", b""))
                if len(body) > limit:
                    return None
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise TooSlow from None


class ImpatientProtocol(H11Protocol):
    """HTTP, with an end to waiting for a request. `head_s` is how long it waits."""

    head_s = HEAD_S
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the library has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        self._wait_no_more()
        self._waiting = self.loop.call_later(self.head_s, self._waited)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _waited(self) -> None:
        is_asked = self.cycle is not None and not self.cycle.response_complete
        is_ours = self in self.connections  # what became a websocket is another protocol's
        if is_ours and not is_asked and not self.transport.is_closing():
            self.transport.close()
