"""The sandbox as a server: both venues on one port, the control API on another, until it is told to stop."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from arbitrage.clock import SystemClock
from arbitrage.domain.errors import ConfigurationError
from arbitrage.ports import Clock
from arbitrage.sandbox.control import Director
from arbitrage.sandbox.options import Manners, SandboxOptions
from arbitrage.sandbox.wiring import assemble

__all__ = ["Manners", "Sandbox", "SandboxOptions", "run_sandbox", "serve_sandbox"]

log = structlog.get_logger()

_SHUTDOWN_S: Final = 3.0

_CONTROL_HOST: Final = "127.0.0.1"
"""Whoever can reach the control API can do anything to the sandbox: nobody from outside this machine."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: where it listens, the URLs to give to clients, and its director for tests beside it."""

    host: str
    port: int
    control_port: int
    market: asyncio.Task[None]
    director: Director

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

    @property
    def binance_ws_api_url(self) -> str:
        """Return the value for BINANCE_WS_API_URL."""
        return f"ws://{self.host}:{self.port}/binance/ws-api/v3"

    @property
    def control_url(self) -> str:
        """Return where the control API is."""
        return f"http://{_CONTROL_HOST}:{self.control_port}"


def run_sandbox(options: SandboxOptions) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code: 0, or 1 with one line if it cannot listen.

    Raises ConfigurationError for coins that it does not list, and for a file that is not there or wrong.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signalled(options))
    except OSError as e:
        sys.stderr.write(f"sandbox: {e.strerror or e}\n")
        return 1
    return 0


@contextlib.asynccontextmanager
async def serve_sandbox(options: SandboxOptions, clock: Clock | None = None) -> AsyncIterator[Sandbox]:
    """Serve while the context lasts. Raises what `run_sandbox` raises, and OSError for a busy port."""
    assembly = assemble(options, clock or SystemClock())
    async with AsyncExitStack() as stack:
        stack.callback(assembly.market.close)
        port = await _listen(stack, assembly.app, options.host, options.port)
        control_port = await _listen_beside(stack, assembly.control, options.control_port, port)
        try:
            assembly.director.follow(assembly.script)
        except ValueError as e:
            raise ConfigurationError(f"{options.faults}: {e}") from e
        assembly.purse.write()
        tasks = (
            asyncio.create_task(assembly.market, name="sandbox market"),
            asyncio.create_task(assembly.purse.run(), name="sandbox purse"),
        )
        try:
            yield Sandbox(options.host, port, control_port, tasks[0], assembly.director)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _serve_until_signalled(options: SandboxOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve_sandbox(options) as sandbox:
        log.info(
            "sandbox_listening",
            host=sandbox.host,
            port=sandbox.port,
            control_port=sandbox.control_port,
            seed=options.seed,
            speed=options.speed,
        )
        # a tape may end and be silent; a market that fails ends the sandbox
        sandbox.market.add_done_callback(lambda market: stop.set() if _failed(market) else None)
        await stop.wait()


def _failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int, option: str = "--port") -> int:
    """Serve an application until the stack is left; return the port. Raises OSError saying what to do."""
    http_log = logging.getLogger("arbitrage.sandbox.http")
    http_log.addFilter(_is_our_fault)
    runner = web.AppRunner(app, access_log=None, logger=http_log, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as e:
        raise OSError(e.errno, _why(e, f"port {port} on {host}", option)) from e
    bound: int = runner.addresses[0][1]
    return bound


async def _listen_beside(stack: AsyncExitStack, app: web.Application, wanted: int | None, port: int) -> int:
    """Serve the control API: on the wanted port, or else on the next one after `port` if nobody is there."""
    if wanted is not None:
        return await _listen(stack, app, _CONTROL_HOST, wanted, "--control-port")
    next_one = (port + 1) % 65_536
    return await _listen(stack, app, _CONTROL_HOST, 0 if _is_taken(next_one) else next_one, "--control-port")


def _is_taken(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server((_CONTROL_HOST, port)):
        return False
    return True


def _is_our_fault(record: logging.LogRecord) -> bool:
    # no HTTP, a body that is not what it says, a client that went in the middle of it: none needs a traceback
    theirs = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
    return not (record.exc_info and isinstance(record.exc_info[1], theirs))


def _why(error: OSError, place: str, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{place} is taken; stop what listens there or choose another {option}"
    return f"cannot listen on {place}: {error}"
