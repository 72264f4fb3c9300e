"""The sandbox: both venues' public side on one port, told apart by path. Wiring only; nothing about a frame is here."""

import asyncio
import contextlib
import errno
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass

import structlog
import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from arbitrage.clock import SystemClock
from arbitrage.domain.instants import NS_PER_MS
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.bank import Bank
from arbitrage.sandbox.binance_rest import BinanceRest, no_page
from arbitrage.sandbox.binance_socket import BinanceSockets
from arbitrage.sandbox.binance_streams import BinanceStreams
from arbitrage.sandbox.listing import coins_of
from arbitrage.sandbox.model import MarketModel
from arbitrage.sandbox.options import Manners, SandboxOptions
from arbitrage.sandbox.pulse import Pulse
from arbitrage.sandbox.tape import Replay
from arbitrage.sandbox.upbit_rest import UpbitRest, no_route
from arbitrage.sandbox.upbit_socket import UpbitSockets
from arbitrage.sandbox.upbit_streams import UpbitStreams

__all__ = ["Manners", "Sandbox", "SandboxOptions", "run_sandbox", "serve_sandbox"]

log = structlog.get_logger()

_SHUTDOWN_S = 3.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: where it listens, and the URLs to give to clients."""

    host: str
    port: int
    market: asyncio.Task[None]

    @property
    def upbit_rest_url(self) -> str:
        """Return the value for UPBIT_REST_URL."""
        return f"http://{self.host}:{self.port}/upbit"

    @property
    def upbit_ws_url(self) -> str:
        """Return the value for UPBIT_WS_URL."""
        return f"ws://{self.host}:{self.port}/upbit/websocket/v1"

    @property
    def binance_rest_url(self) -> str:
        """Return the value for BINANCE_REST_URL."""
        return f"http://{self.host}:{self.port}/binance"

    @property
    def binance_ws_url(self) -> str:
        """Return the value for BINANCE_WS_URL."""
        return f"ws://{self.host}:{self.port}/binance"


def run_sandbox(options: SandboxOptions) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code: 0, or 1 with one line if it cannot listen.

    Raises ConfigurationError for coins that it does not list and for a tape that is not there.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signalled(options))
    except OSError as e:
        sys.stderr.write(f"sandbox: {_why(e, options)}\n")
        return 1
    return 0


@contextlib.asynccontextmanager
async def serve_sandbox(options: SandboxOptions, clock: Clock | None = None) -> AsyncIterator[Sandbox]:
    """Serve while the context lasts. Raises what `run_sandbox` raises, and OSError for a busy port."""
    app, drive = _wire(options, clock or SystemClock())
    http_log = logging.getLogger("arbitrage.sandbox.http")
    http_log.addFilter(_is_our_fault)
    runner = web.AppRunner(app, access_log=None, logger=http_log, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
    except OSError:
        drive.close()
        await runner.cleanup()
        raise
    market = asyncio.create_task(drive, name="sandbox market")
    try:
        yield Sandbox(options.host, runner.addresses[0][1], market)
    finally:
        market.cancel()
        (end,) = await asyncio.gather(market, return_exceptions=True)
        await runner.cleanup()
    if isinstance(end, Exception):
        raise end


async def _serve_until_signalled(options: SandboxOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve_sandbox(options) as sandbox:
        log.info("sandbox_listening", host=sandbox.host, port=sandbox.port, seed=options.seed, speed=options.speed)
        # a tape may end and be silent; a market that fails ends the sandbox
        sandbox.market.add_done_callback(lambda market: stop.set() if _failed(market) else None)
        await stop.wait()


def _failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


def _wire(options: SandboxOptions, clock: Clock) -> tuple[web.Application, Coroutine[None, None, None]]:
    model = MarketModel(coins_of(options.symbols), options.seed)
    upbit_books, binance_books = model.books(Venue.UPBIT), model.books(Venue.BINANCE)
    streams = UpbitStreams(upbit_books, clock.now() // NS_PER_MS)
    replay = Replay(options.tape, options.speed) if options.tape is not None else None
    snapshot = replay.snapshot if replay is not None else streams.snapshot
    upbit = UpbitSockets(upbit_books, snapshot, clock, options.manners)
    binance = BinanceSockets(clock, options.manners)
    upbit_rest = UpbitRest(upbit_books, streams.changed_ms, clock, options.manners)
    binance_rest = BinanceRest(binance_books, clock, options.manners)
    app = web.Application(middlewares=[_in_the_venues_shape])
    for prefix in ("/upbit", ""):
        app.router.add_routes([*upbit_rest.routes(prefix), web.get(f"{prefix}/websocket/v1", upbit.handle)])
    for prefix in ("/binance", ""):
        app.router.add_routes([*binance_rest.routes(prefix), *_stream_routes(prefix, binance)])
    app.router.add_get("/bank/v1/latest", Bank(clock).latest)
    app.on_shutdown.append(_closer(upbit, binance))
    if replay is not None:
        return app, replay.run(upbit, binance)
    pulse = Pulse(model, streams, upbit.publish, BinanceStreams(binance_books.values(), binance.publish))
    return app, pulse.run(clock, options.speed)


def _stream_routes(prefix: str, binance: BinanceSockets) -> list[web.RouteDef]:
    return [
        web.get(f"{prefix}/ws", binance.raw),
        web.get(f"{prefix}/ws/{{streams:.*}}", binance.raw),
        web.get(f"{prefix}/stream", binance.combined),
        # ccxt takes an address for the spot market only if it holds "/stream", and adds a number to it
        web.get(f"{prefix}/stream/ws/{{streams:.*}}", binance.raw),
    ]


def _closer(upbit: UpbitSockets, binance: BinanceSockets) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_: web.Application) -> None:
        for connection in (*upbit.connections, *binance.connections):
            connection.close(1001, "going away")

    return close


@web.middleware
async def _in_the_venues_shape(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        of_upbit = request.path.startswith(("/upbit", "/v1"))
        return no_route() if of_upbit else no_page()


def _is_our_fault(record: logging.LogRecord) -> bool:
    # a request that is no HTTP gets its 400 and needs no traceback
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _why(error: OSError, options: SandboxOptions) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {options.port} on {options.host} is taken; stop what listens there or choose another --port"
    return f"cannot listen on {options.host} port {options.port}: {error}"
