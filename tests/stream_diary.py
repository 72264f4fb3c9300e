"""What a private stream says, written down, and limits under which a test does not wait."""

import asyncio
from contextlib import asynccontextmanager, suppress

from arbitrage.domain.events import OrderReply, PrivateDown, PrivateUp, ReplyKind
from arbitrage.wire.sockets import SocketLimits

BRISK = SocketLimits(ping_every_s=0.1, silence_s=0.5, first_backoff_s=0.01, longest_backoff_s=0.05)


class Told(list):
    """What a stream has emitted."""

    def of(self, *kinds):
        return [event for event in self if isinstance(event, kinds)]

    def replies(self, client_id):
        return [reply for reply in self.of(OrderReply) if reply.client_id == client_id]

    def ended(self, client_id):
        return [reply for reply in self.replies(client_id) if reply.kind is ReplyKind.ENDED]

    def ups_and_downs(self):
        return ["up" if isinstance(event, PrivateUp) else "down" for event in self.of(PrivateUp, PrivateDown)]

    def reasons(self):
        return [down.reason for down in self.of(PrivateDown)]


@asynccontextmanager
async def running(stream):
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
