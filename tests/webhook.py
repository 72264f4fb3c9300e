"""A place on this machine where messages are posted to: it keeps each with its arrival, refuses, or never answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PATH = "/hook-5f3a9c1e7b"
"""Looks as the addresses of real ones do: who knows it may write there."""


@dataclass
class Webhook:
    """What was posted. `status` is what it answers; `hangs` means that it does not."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    posted: list[dict[str, Any]] = field(default_factory=list)
    arrived_at: list[float] = field(default_factory=list)
    tried: int = 0

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.port}{PATH}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.posted]

    async def take(self, request: web.Request) -> web.Response:
        self.tried += 1
        if self.hangs:
            await asyncio.sleep(60)
        if self.status == 200:
            self.posted.append(await request.json())
            self.arrived_at.append(time.perf_counter())
        # it echoes what it was asked, as some do with their errors
        return web.Response(status=self.status, text=f"{request.method} {request.url}: {await request.text()}")


@asynccontextmanager
async def a_webhook() -> AsyncIterator[Webhook]:
    """Serve one on a free port."""
    hook = Webhook()
    app = web.Application()
    app.router.add_post(PATH, hook.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()
