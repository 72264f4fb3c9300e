"""The least that Python can do: `python -m tests.bench.picows_echo PORT`. Two orders for each marked frame.

No decoding, no decision, no guard: picows and uvloop, two warm connections, bytes that were made before.
"""

import asyncio
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

UPBIT = b"POST /upbit/v1/orders HTTP/1.1\r\nHost: bench\r\nContent-Length: 120\r\n\r\n" + b'{"market":"echo"}'.ljust(
    120
)
BINANCE = b"POST /binance/api/v3/order HTTP/1.1\r\nHost: bench\r\nContent-Length: 120\r\n\r\n" + b"symbol=echo".ljust(
    120
)


class Echo(WSListener):
    """Writes both orders inside the frame's callback."""

    def __init__(self, upbit: asyncio.Transport, binance: asyncio.Transport) -> None:
        super().__init__()
        self._upbit = upbit
        self._binance = binance

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Subscribe (picows)."""
        transport.send(WSMsgType.TEXT, b'[{"format":"SIMPLE"}]')

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer (picows)."""
        if frame.get_payload_as_memoryview()[-2] == 32:
            self._upbit.write(UPBIT)
            self._binance.write(BINANCE)


class Sink(asyncio.Protocol):
    """An order connection; replies are read and forgotten."""


async def connection(port: int) -> asyncio.Transport:
    """Open a connection that writes at once."""
    transport, _ = await asyncio.get_running_loop().create_connection(Sink, "127.0.0.1", port)
    transport.set_write_buffer_limits(high=0)
    return transport


async def main(port: int) -> None:
    """Echo until the socket ends."""
    orders = [await connection(port) for _ in range(2)]
    transport, _ = await ws_connect(lambda: Echo(*orders), f"ws://127.0.0.1:{port}/upbit/websocket/v1")
    await transport.wait_disconnected()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
