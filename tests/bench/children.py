"""Child processes of the bench: started, heard out, and ended by whoever started them. It measures nothing.

All but the venues are what is measured, and get the core for that.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bench import cores

CHECKOUT: Final = Path(__file__).parents[2]
TETHER: Final = CHECKOUT / "arbitrage" / "local_stack" / "tether.py"
END_S: Final = 5.0


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process: first by asking, then by force."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def tethered(*command: str) -> tuple[str, ...]:
    """Return a command that ends when this process does, however that ends."""
    return (sys.executable, "-S", str(TETHER), str(os.getpid()), *command)


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: ours, where it finds the checkout, and what is given."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), **(given or {})}


async def eventually(holds: Callable[[], object], within_s: float) -> None:
    """Wait until something holds; nothing that is measured waits like this. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - it is another process's doing, of which we hear nothing
            await asyncio.sleep(0.01)


@asynccontextmanager
async def module(
    name: str, *arguments: str, output: Path, given: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module as a process of its own while the context lasts; what it prints goes to a file."""
    with output.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *tethered(sys.executable, "-m", name, *arguments), env=environment(given), stdout=file, stderr=file
        )
    cores.place(process.pid)
    try:
        yield process
    finally:
        await end(process)


@asynccontextmanager
async def program(path: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program while the context lasts."""
    process = await asyncio.create_subprocess_exec(*tethered(str(path), *arguments))
    cores.place(process.pid)
    try:
        yield process
    finally:
        await end(process)


@asynccontextmanager
async def play_venues(pairs: int) -> AsyncIterator[int]:
    """Serve a sandbox in a process of its own; yields its port."""
    process = await asyncio.create_subprocess_exec(
        *tethered(sys.executable, "-m", "tests.bench.play_venues", str(pairs)),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        while not (line := (await process.stdout.readline()).strip()).isdigit():
            if process.returncode is not None or not line:
                raise RuntimeError("the sandbox did not start")
        yield int(line)
    finally:
        await end(process)


@asynccontextmanager
async def conversing(name: str, *arguments: str, output: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module whose input and output are pipes to us while the context lasts; its errors go to a file."""
    with output.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *tethered(sys.executable, "-m", name, *arguments),
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
        )
    cores.place(process.pid)
    try:
        yield process
    finally:
        await end(process)
