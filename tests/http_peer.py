"""An HTTP server that answers with bytes that a test writes out, and remembers every request that came."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Left: 9\r\nX-Other: no\r\n\r\ngood"


def reply(body: bytes, status: int = 200, headers: bytes = b"") -> bytes:
    """Write a reply out."""
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


async def answer_good(peer: "Peer", writer: asyncio.StreamWriter) -> None:
    """Answer as one should."""
    writer.write(GOOD)


async def answer_nothing(peer: "Peer", writer: asyncio.StreamWriter) -> None:
    """Take a request and say nothing."""


@dataclass
class Peer:
    """What the server was sent, and how it answers next: `script` first, then `habit`."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    script: list[Answer] = field(default_factory=list)
    habit: Answer = answer_good
    on_connect: Callable[[asyncio.StreamWriter], None] = lambda writer: None

    @property
    def live(self) -> list[asyncio.StreamWriter]:
        return [writer for writer in self.connections if not writer.is_closing()]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will(self, *answers: bytes, then_close: bool = False) -> None:
        """Answer the next request with these bytes, in pieces."""

        async def answer(peer: Peer, writer: asyncio.StreamWriter) -> None:
            for piece in answers:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)
            if then_close:
                writer.close()

        self.script.append(answer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        self.on_connect(writer)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(request)
                await (self.script.pop(0) if self.script else self.habit)(self, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_peer(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve on a free port while the context lasts."""
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.connections:
            writer.close()
        await server.wait_closed()
