"""The connection from a variant's port on to the sandbox behind it. It looks at nothing that it passes on."""

import asyncio
from typing import cast


class Behind(asyncio.Protocol):
    """The connection to the sandbox that belongs to one of the variant's; what comes back goes straight on."""

    def __init__(self, front: asyncio.Transport) -> None:
        self._front = front
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._opening: asyncio.Task[object] | None = None

    def connect(self, port: int) -> None:
        """Begin to connect; what is written meanwhile waits."""
        loop = asyncio.get_running_loop()
        self._opening = asyncio.ensure_future(loop.create_connection(lambda: self, "127.0.0.1", port))

    def write(self, data: bytes) -> None:
        """Pass on."""
        if self._transport is None:
            self._waiting.append(data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()
        elif self._opening is not None:
            self._opening.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has waited (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)
        for data in self._waiting:
            self._transport.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Pass back (asyncio)."""
        self._front.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other half too (asyncio)."""
        self._front.close()
