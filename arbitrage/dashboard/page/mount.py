"""The page put into its application, and NiceGUI told what it may not do. It draws nothing itself."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI, Request
from nicegui import app as nicegui_app
from nicegui import ui

from arbitrage.dashboard.page.pieces import THEMES
from arbitrage.dashboard.page.view import View
from arbitrage.dashboard.page.words import Words, chosen
from arbitrage.dashboard.parts import Parts
from arbitrage.dashboard.sessions import Visitor

FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#4c8dff"/>'
    '<path d="M3 10h8M8 7l3 3-3 3M13 5H5m3-3L5 5l3 3" stroke="#fff" stroke-width="1.5" fill="none"/></svg>'
)
_RECONNECT_S: Final = 10.0
_MESSAGES_KEPT: Final = 50


def mount(host: FastAPI, parts: Parts) -> None:
    """Serve the page from `host`. NiceGUI has one application a process, so this is done once."""
    look = files("arbitrage.dashboard.page").joinpath("look.css").read_text(encoding="utf-8")

    @ui.page("/")
    def page(request: Request) -> None:
        visitor = request.scope["visitor"]
        assert isinstance(visitor, Visitor)
        theme = request.cookies.get("theme", "auto")
        theme = theme if theme in THEMES else "auto"
        ui.dark_mode(THEMES[theme])
        ui.add_head_html(f"<style>{look}</style>")
        words = Words(chosen(request.cookies.get("lang", ""), request.headers.get("accept-language", "")))
        client = ui.context.client
        view = View(client, parts, visitor, words)
        view.build(parts.reader.picture, theme)
        parts.reader.changed.append(view.show)
        client.on_delete(lambda: parts.reader.forget(view.show))

    nicegui_app.config.socket_io_js_transports = ["websocket"]  # its polling says nothing of where it comes from
    ui.run_with(
        host,
        title="arbitrage",
        favicon=FAVICON,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        message_history_length=_MESSAGES_KEPT,
        gzip_middleware_factory=None,  # pages are given their nonce before they are compressed
        show_welcome_message=False,
    )
