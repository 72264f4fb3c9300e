"""The page in a real browser, on a real daemon that trades on the sandbox: it loads, it moves, and a halt halts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from redis import Redis

from arbitrage.domain.intents import Publish, ReportPlanEnd
from arbitrage.state.rows import to_json
from tests.daemon_rows import a_living_daemon, ago, rows_of_a_run
from tests.daemon_views import guarded
from tests.dashboard_process import CONTROL_TOKEN, READ_TOKEN, Dashboard, a_dashboard
from tests.live_daemon import LiveDaemon, PlayMarket, a_diary, a_play_market, play_settings
from tests.plan_builders import a_submission, an_end
from tests.redis_server import RedisServer

CHROMIUM = Path("/usr/bin/chromium")
WAIT_MS = 15_000

WATCH_THE_HALT = """() => {
  document.querySelector(".ask .act.is-halt").addEventListener("click", () => {
    const began = performance.now();
    const seen = new MutationObserver(() => {
      const isHalted = document.querySelector(".headline.is-reducing");
      if (isHalted && !window.haltedAfter) window.haltedAfter = performance.now() - began;
    });
    seen.observe(document.body, {childList: true, subtree: true});
  });
}"""
"""From the click to the state on the screen, by the browser's own clock."""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt-get install chromium")


@dataclass
class Watched:
    """A page, what its browser asked of whom, and what it complained of."""

    page: Page
    dashboard: Dashboard
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ours = (f"{self.dashboard.url}/", f"ws://127.0.0.1:{self.dashboard.port}/", "data:", "blob:")
        self.page.on("request", lambda asked: None if asked.url.startswith(ours) else self.elsewhere.append(asked.url))
        self.page.on("websocket", lambda made: None if made.url.startswith(ours) else self.elsewhere.append(made.url))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def log_in(self, token: str = CONTROL_TOKEN) -> None:
        """Show a token on the login page, and wait for the state."""
        await self.page.goto(f"{self.dashboard.url}/login")
        await self.page.fill("input[name=token]", token)
        await self.page.fill("input[name=person]", "mina")
        await self.page.click("button")
        await self.page.wait_for_selector(".headline", timeout=WAIT_MS)

    async def halt(self, reason: str) -> float:
        """Halt as a person does; return how many ms later the page shows it."""
        await self.page.click(".act.is-halt")
        await self.page.get_by_label("Type HALT to confirm").fill("HALT")
        await self.page.get_by_label("Reason, for the journal").fill(reason)
        await self.page.evaluate(WATCH_THE_HALT)
        await self.page.click(".ask .act.is-halt")
        await self.page.wait_for_selector(".headline.is-reducing", timeout=WAIT_MS)
        return float(await self.page.evaluate("window.haltedAfter"))

    async def text(self, selector: str) -> str:
        """Return what can be read there."""
        return " ".join((await self.page.inner_text(selector)).split())


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def a_watched_page(browser: Browser, dashboard: Dashboard, **context: object) -> AsyncIterator[Watched]:
    made = await browser.new_context(**{"locale": "en-US", **context})  # type: ignore[arg-type]
    try:
        yield Watched(await made.new_page(), dashboard)
    finally:
        await made.close()


@asynccontextmanager
async def a_shadow(market: PlayMarket, redis: RedisServer, folder: Path, app_env: str) -> AsyncIterator[LiveDaemon]:
    """Run a daemon whose orders are only followed."""
    given = {"LIVE_MODE": "false", "DRY_RUN": "true", "APP_ENV": app_env, "METRICS_PORT": "0"}
    daemon = LiveDaemon(play_settings(market.sandbox, redis, folder / "state", **given))
    with a_diary() as diary:
        daemon.start()
        try:
            await diary.until("market", 1)
            yield daemon
        finally:
            await daemon.stop()


async def test_the_page_loads_moves_and_halts_within_a_second(
    shared_redis: RedisServer, app_env: str, tmp_path: Path
) -> None:
    with a_dashboard(shared_redis.address, app_env, tmp_path) as dashboard:
        async with (
            a_play_market() as market,
            a_shadow(market, shared_redis, tmp_path, app_env),
            a_browser() as browser,
            a_watched_page(browser, dashboard, viewport={"width": 1280, "height": 800}) as watched,
        ):
            page = watched.page
            await watched.log_in()
            await page.reload()
            await expect(page.locator(".headline.is-active")).to_be_visible(timeout=WAIT_MS)
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            first_paint_ms = float(await page.evaluate(paint))
            plans_before = await page.locator(".plans tbody tr").count()
            market.premium()
            await expect(page.locator(".plans tbody tr").first).to_be_visible(timeout=WAIT_MS)
            market.premium(None)
            clock_before = await watched.text(".at-clock time")
            await page.wait_for_function(
                "was => document.querySelector('.at-clock time').innerText !== was", arg=clock_before
            )

            halted_ms = await watched.halt("a drill <b>with a tag</b>")
            why = await watched.text(".at-guard")

    assert plans_before == 0
    assert first_paint_ms < 2_000
    assert halted_ms < 1_000
    assert "mina@dashboard (127.0.0.1)" in why
    assert "a drill <b>with a tag</b>" in why
    assert (watched.elsewhere, watched.complaints) == ([], [])


HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>`${alert(1)}`</script>{{7*7}}'


async def test_what_others_wrote_is_shown_and_never_run(
    shared_redis: RedisServer, app_env: str, tmp_path: Path
) -> None:
    view = replace(guarded(ago(0.1)), left_out=((HOSTILE, HOSTILE),), why_not=HOSTILE)
    with (
        a_living_daemon(shared_redis.address, app_env) as keys,
        a_dashboard(shared_redis.address, app_env, tmp_path) as dashboard,
    ):
        await rows_of_a_run(shared_redis.address, app_env, Publish(view))
        with Redis(host=shared_redis.address.host, port=shared_redis.address.port) as redis:
            redis.xadd(keys.log, {"line": to_json({"level": "info", "event": HOSTILE, "x": HOSTILE})})
        async with a_browser() as browser, a_watched_page(browser, dashboard) as watched:
            await watched.log_in(READ_TOKEN)
            await watched.page.wait_for_selector(".log .line", timeout=WAIT_MS)
            shown = await watched.text(".page")
            title = await watched.page.title()

    assert shown.count(HOSTILE) >= 4
    assert title == "arbitrage"
    assert (watched.elsewhere, watched.complaints) == ([], [])


async def test_a_reader_sees_no_buttons_and_a_phone_needs_no_sideways_scrolling(
    shared_redis: RedisServer, app_env: str, tmp_path: Path
) -> None:
    end = ReportPlanEnd(an_end())
    with (
        a_living_daemon(shared_redis.address, app_env),
        a_dashboard(shared_redis.address, app_env, tmp_path) as dashboard,
    ):
        await rows_of_a_run(shared_redis.address, app_env, a_submission(), end, Publish(guarded(ago(0.1))))
        phone = {"viewport": {"width": 390, "height": 844}, "locale": "ko-KR", "color_scheme": "dark"}
        async with a_browser() as browser, a_watched_page(browser, dashboard, **phone) as watched:
            await watched.log_in(READ_TOKEN)
            await watched.page.wait_for_selector(".plans tbody tr", timeout=WAIT_MS)
            state = await watched.text(".headline .state")
            buttons = await watched.page.locator(".act, [data-alert]").count()
            width = await watched.page.evaluate("document.documentElement.scrollWidth")
            utc = await watched.page.locator(".at-plans time").first.get_attribute("title")

    assert state == "축소만"
    assert buttons == 0
    assert width <= 390
    assert utc == "2026-11-22 03:00:00 UTC"
    assert (watched.elsewhere, watched.complaints) == ([], [])


async def test_a_redis_that_goes_away_is_said_in_red_with_the_age_of_the_picture(
    private_redis: RedisServer, app_env: str, tmp_path: Path
) -> None:
    await rows_of_a_run(private_redis.address, app_env, Publish(guarded(ago(0.1))))
    with a_dashboard(private_redis.address, app_env, tmp_path) as dashboard:
        async with a_browser() as browser, a_watched_page(browser, dashboard) as watched:
            await watched.log_in(READ_TOKEN)
            private_redis.stop()
            await watched.page.wait_for_selector(".headline.is-unknown", timeout=WAIT_MS)
            banner = await watched.text(".banner")
            private_redis.start()
            await watched.page.wait_for_selector(
                ".headline:not(.is-unknown), .banner:not(:has-text('Redis'))", timeout=WAIT_MS
            )

    assert "Redis does not answer" in banner
    assert "what you see is old: " in banner


async def test_a_session_that_ends_elsewhere_ends_on_the_open_page_too(
    shared_redis: RedisServer, app_env: str, tmp_path: Path
) -> None:
    with a_dashboard(shared_redis.address, app_env, tmp_path) as dashboard:
        async with a_browser() as browser, a_watched_page(browser, dashboard) as watched:
            await watched.log_in(READ_TOKEN)
            await watched.page.evaluate(
                "fetch('/api/logout', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
            )
            await watched.page.wait_for_url("**/login", timeout=WAIT_MS)
