"""The bank's rate is shown beside the executable one, and its absence hurts nobody."""

import asyncio
from contextlib import suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from arbitrage.domain.events import Event, ReferenceRate, Tick
from arbitrage.domain.intents import Publish
from arbitrage.market_data.reference_rate import ReferenceRateFeed
from arbitrage.sandbox.server import SandboxOptions, serve_sandbox
from tests import builders as make
from tests.clocks import ManualClock
from tests.venue_fakes import eventually


async def told_by(url: str, until: int = 1) -> list[Event]:
    events: list[Event] = []
    feed = asyncio.create_task(ReferenceRateFeed(url, events.append, ManualClock(), every_s=0.01).run())
    with suppress(AssertionError):
        await eventually(lambda: len(events) >= until, within_s=0.5)
    feed.cancel()
    await asyncio.wait([feed])
    return events


async def test_the_rate_is_read_as_the_sandbox_serves_it() -> None:
    async with serve_sandbox(SandboxOptions(port=0), ManualClock()) as sandbox:
        events = await told_by(f"http://{sandbox.host}:{sandbox.port}/bank")

    assert isinstance(events[0], ReferenceRate)
    assert (events[0].krw_per_usd, len(events[0].day)) == (1391.6, 10)


@pytest.mark.parametrize(
    ("case", "status", "body"),
    [
        ("not there", 404, "{}"),
        ("no JSON", 200, "<html>"),
        ("no won", 200, '{"base":"USD","date":"2026-11-20","rates":{}}'),
        ("another base", 200, '{"base":"EUR","date":"2026-11-20","rates":{"KRW":1600}}'),
        ("no rate", 200, '{"base":"USD","date":"2026-11-20","rates":{"KRW":1e300}}'),
        ("zero", 200, '{"base":"USD","date":"2026-11-20","rates":{"KRW":0}}'),
    ],
)
async def test_what_is_no_rate_is_not_shown(case: str, status: int, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_get("/v1/latest", answer)
    async with TestServer(app) as server:
        events = await told_by(str(server.make_url("")).rstrip("/"))

    assert events == []


def test_the_view_shows_it_with_its_day() -> None:
    story = make.Story()
    story.tell(ReferenceRate(make.NOON, 1_391.6, "2026-11-25"))
    (published,) = (told for told in story.tell(Tick(make.NOON)) if isinstance(told, Publish))
    assert isinstance(published, Publish)

    assert (published.view.fx.reference, published.view.fx.reference_day) == (1_391.6, "2026-11-25")
