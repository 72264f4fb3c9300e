"""The dashboard put together: front door, compression, nonces, then the API or the page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from arbitrage.dashboard.api import build_api
from arbitrage.dashboard.front_door import FrontDoor
from arbitrage.dashboard.headers import PageNonce
from arbitrage.dashboard.parts import Parts
from arbitrage.dashboard.requests import Hosts
from arbitrage.event_loop import cancel_until_ended

log = structlog.get_logger()

_OF_THE_API: Final = ("/api", "/login", "/look", "/healthz")

Job = Callable[[], Awaitable[None]]
"""Something that runs as long as the dashboard does."""


def build(parts: Parts, hosts: Hosts, page: ASGIApp) -> ASGIApp:
    """Return the whole, behind its front door."""
    api = build_api(parts)
    inside = GZipMiddleware(PageNonce(_Split(api, page)), minimum_size=1_000)
    return FrontDoor(inside, parts.entrance, hosts)


def page_host(jobs: Sequence[Job], failed: Callable[[], None]) -> FastAPI:
    """Return an empty application that does `jobs` while it lives; `failed` is called if one of them ends."""

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(job()) for job in jobs]
        for task in tasks:
            task.add_done_callback(lambda done: _ended(done, failed))
        yield
        await cancel_until_ended(tasks)

    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=living)


def _ended(task: "asyncio.Future[None]", failed: Callable[[], None]) -> None:
    if not task.cancelled():
        log.error("dashboard_failed", reason=repr(task.exception()))
        failed()


class _Split:
    """Sends what is the API's to the API, everything else to the page; both know their own 404."""

    def __init__(self, api: ASGIApp, page: ASGIApp) -> None:
        self._api = api
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on."""
        is_of_api = scope["type"] == "http" and f"{scope['path']}/".startswith(tuple(f"{p}/" for p in _OF_THE_API))
        await (self._api if is_of_api else self._page)(scope, receive, send)
